"""Pellucid: neural networks you can see through, quick enough to use."""

from pellucid._version import __version__
from pellucid.errors import MissingExtraError, ModelFileError, PellucidError, TableError

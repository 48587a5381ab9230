"""The optional packages, each imported at the moment it is needed."""

import importlib
from types import ModuleType

from pellucid.errors import MissingExtraError


def require(module: str, extra: str, *, purpose: str) -> ModuleType:
    """Import an optional package, or say in one line what to install.

    Parameters
    ----------
    module : str
        The module to import, such as ``"polars"``.
    extra : str
        The extra of Pellucid that brings it, such as ``"tables"``.
    purpose : str
        What needs it, as the beginning of the message: ``"reading tables"``.

    Returns
    -------
    module : ModuleType
        The imported module.

    Raises
    ------
    MissingExtraError
        If the package is not installed. A package that is there but fails to import raises its own error.

    Examples
    --------
    >>> require("json", "tables", purpose="reading tables").dumps([1, 2])
    '[1, 2]'
    >>> require("no_such_package", "tables", purpose="reading tables")
    Traceback (most recent call last):
    pellucid.errors.MissingExtraError: reading tables needs no_such_package: pip install 'pellucid[tables]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Another name means that the package is there and misses something of its own: its message says more.
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        message = f"{purpose} needs {module}: pip install 'pellucid[{extra}]'"
        raise MissingExtraError(message, name=error.name) from error

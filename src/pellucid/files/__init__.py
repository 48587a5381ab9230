"""Files: the model file, in a strict safetensors container; nothing in it ever runs."""

from pellucid.files.model import load, save

__all__ = ["load", "save"]

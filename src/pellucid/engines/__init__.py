"""The engines: how the steps of an epoch are executed."""

from pellucid.engines.numpy import NumpyEngine

__all__ = ["ENGINES", "NumpyEngine", "find"]

ENGINES: dict[str, type[NumpyEngine]] = {"numpy": NumpyEngine}
"""Every engine by its name."""


def find(name: str) -> type[NumpyEngine]:
    """Return the engine of this name, or say which there are.

    Examples
    --------
    >>> find("numpy").__name__
    'NumpyEngine'
    """
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; the engines are {', '.join(ENGINES)}")
    return ENGINES[name]

"""The engines: how the steps of an epoch are executed."""

from pellucid.engines.engine import Engine, Figures, Work
from pellucid.engines.numpy import NumpyEngine
from pellucid.extras import require

__all__ = ["ENGINES", "Engine", "Figures", "NumpyEngine", "Work", "find"]

ENGINES = ("numpy", "jax")
"""Every engine by its name."""


def find(name: str) -> type[Engine]:
    """Return the engine of this name, or say which there are.

    Raises
    ------
    ValueError
        If there is no engine of this name.
    MissingExtraError
        If the engine needs a package that is not installed.

    Examples
    --------
    >>> find("numpy").__name__
    'NumpyEngine'
    """
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; the engines are {', '.join(ENGINES)}")
    if name == "numpy":
        return NumpyEngine
    require("jax", "jax", purpose='engine="jax"')
    require("platformdirs", "jax", purpose='engine="jax"')
    require("filelock", "jax", purpose='engine="jax"')
    from pellucid.engines.jax import JaxEngine

    return JaxEngine

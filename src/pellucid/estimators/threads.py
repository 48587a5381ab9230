"""How many threads a training's matrix products are worth."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

from pellucid.layers import Dense
from pellucid.network import Network

WORTH_SHARING = 2**22
"""From so many multiplications on, a product is worth sharing out among threads.

Below, one thread needs 0.1 ms or less. Two save a third of that at best; on a machine whose processors have other work,
each waits for the other at every product, and training was measured to take up to 25 times as long.
"""

_limiting = Lock()


def suited_threads(network: Network, records: int) -> AbstractContextManager[None]:
    """Return a context in which NumPy's products use one thread, if those of this network are small.

    Outside of it nothing is changed, and a limit that is set already (as in the workers of joblib) is never raised.

    Parameters
    ----------
    network : Network
    records : int
        How many go through it at a time.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> with suited_threads(Network(64, [Dense(100)]), 200):
    ...     set(module["num_threads"] for module in controller().select(user_api="blas").info())
    {1}
    """
    widths = [
        before[0] * layer.units
        for layer, before in zip(network.layers, network.shapes, strict=False)
        if isinstance(layer, Dense)
    ]
    if records * max(widths) >= WORTH_SHARING:
        return nullcontext()
    return one_thread()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit NumPy's products to one thread, unless another training under way does: the limit is the whole process's.

    Of two that overlap, the second would else take the limit of the first for what was there before, and leave it.
    """
    if not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()


@cache
def controller() -> ThreadpoolController:
    """Return what controls the threads of the libraries that are loaded; to look for them takes milliseconds."""
    return ThreadpoolController()

"""What JAX is told while this engine works: the caller's own settings come back afterwards."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute in 64 bits where arrays are of 64 bits, compile, and let values that are not finite and copies pass.

    What is not finite is found and told by the engine itself.
    """
    with ExitStack() as stack:
        stack.enter_context(jax.enable_x64(True))
        stack.enter_context(jax.disable_jit(False))
        stack.enter_context(jax.debug_nans(False))
        stack.enter_context(jax.debug_infs(False))
        stack.enter_context(jax.transfer_guard("allow"))
        yield

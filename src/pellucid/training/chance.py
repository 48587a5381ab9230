"""Random numbers that depend on the seed and on the place in a run, and on nothing else."""

import numpy as np


class Chance:
    """A generator that is put to a place before it is asked, in place of being carried along.

    The order of epoch 7 is then the same whatever was drawn before it: a run can be gone through again from any
    place, on any engine, without keeping what a generator had come to.

    Parameters
    ----------
    seed : numpy.random.SeedSequence

    Examples
    --------
    >>> chance = Chance(np.random.SeedSequence(0))
    >>> seventh = chance.at(7).permutation(5)
    >>> eighth = chance.at(8).permutation(5)
    >>> bool((chance.at(7).permutation(5) == seventh).all())
    True

    Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011, section 3 (Philox).
    """

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._bits = np.random.Philox(key=seed.generate_state(2, np.uint64))
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def at(self, place: int, part: int = 0) -> np.random.Generator:
        """Return the generator, at the beginning of a place's own 2**128 numbers."""
        self._start["state"]["counter"][:] = (0, 0, place, part)
        self._bits.state = self._start
        return self._generator

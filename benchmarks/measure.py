"""Timing in turns, and the table that every benchmark prints."""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np


def rounds_wanted(description: str, default: int) -> int:
    """Read ``--rounds`` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=default, help="how often each side is timed (%(default)s)")
    return parser.parse_args().rounds


def in_turns(
    sides: dict[str, Callable[[], object]], rounds: int, uncounted: dict[str, float] | None = None
) -> dict[str, list[float]]:
    """Time every side once a round, in turns, so that a drift of the machine's speed meets all alike.

    One round before them is not counted; its seconds, in which some sides compile, go to ``uncounted``.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            took = time.perf_counter() - began
            if number:
                seconds[name].append(took)
            elif uncounted is not None:
                uncounted[name] = took
        if sys.stderr.isatty():
            print(f"\r  round {number} of {rounds}", end="" if number < rounds else "\n", file=sys.stderr, flush=True)
    return seconds


def ratio(seconds: dict[str, list[float]], one: str, other: str) -> float:
    """Return the median, over the rounds, of the time of ``one`` divided by that of ``other``."""
    return statistics.median(a / b for a, b in zip(seconds[one], seconds[other], strict=True))


def table(
    title: str, seconds: dict[str, list[float]], reference: str, per: int = 1, unit: str = "s", scale: float = 1.0
) -> None:
    """Print each side's median time, and its ratio to the reference's, with the spread over the rounds."""
    print(f"\n{title}; ratios to {reference}")
    print(f"  {'side':28} {'median ' + unit:>12} {'ratio':>8}   min to max")
    for name, times in seconds.items():
        pairs = [a / b for a, b in zip(times, seconds[reference], strict=True)]
        median = statistics.median(times) / per * scale
        print(f"  {name:28} {median:12.4g} {statistics.median(pairs):8.2f}   {min(pairs):.2f} to {max(pairs):.2f}")


def machine() -> None:
    """Print what the figures were measured on."""
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.system()} {platform.machine()}")

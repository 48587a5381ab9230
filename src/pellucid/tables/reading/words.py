"""Words that the messages about tables share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

# What float() takes beyond a table's numbers, such as 1_000 and digits of other scripts, is text here.
NUMBER = re.compile(r"\s*[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf(inity)?)\s*", re.IGNORECASE | re.ASCII)


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Choose up to three names that differ little from this one, case and outer spaces aside."""
    alike: dict[str, list[str]] = {}
    for candidate in names:
        alike.setdefault(candidate.strip().casefold(), []).append(candidate)
    found = difflib.get_close_matches(name.strip().casefold(), alike, n=3, cutoff=0.7)
    if found and found[0] == name.strip().casefold():
        found = found[:1]
    return [candidate for key in found for candidate in alike[key]][:3]


def some(items: Iterable[str], limit: int) -> str:
    """List the first of these, and count the rest."""
    items = list(items)
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def counted(number: int, noun: str) -> str:
    """Put a number before its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def part(number: int, total: int, predicate: str) -> str:
    """Say how many of the values are as the predicate says."""
    return f"{number} of {counted(total, 'value')} {'is' if number == 1 else 'are'} {predicate}"


def shortened(value: object) -> str:
    """Show a value, of a long one its beginning."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"


def reason(error: BaseException) -> str:
    """Say in one line what another library or the system found wrong."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip().partition("\n")[0] or type(error).__name__

"""Numbers as people write them in tables: decimal commas, thousands separators, currencies, percent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

SIGNS = "$€£¥₹₩₽₺₴₪฿"
# fmt: off
CODES = (
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "JPY",
    "KRW", "MXN", "NOK", "NZD", "PLN", "RON", "RUB", "SEK", "SGD", "TRY", "UAH", "USD", "ZAR",
)
# fmt: on
CODE = r"\s*0[0-9]{2,}\s*"
"""Digits with zeros before them, such as 01234, are a code and no number; a month 01 is as good as 1."""
CURRENCIES = (*SIGNS, *CODES, "kr")

# In the order of preference: a style is chosen only where those before it do not fit.
STYLES: tuple[tuple[str, str], ...] = (
    (".", ""),
    (".", ","),
    (",", ""),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)
_NAMES = {",": "", ".": " (points)", " ": " (spaces)", "'": " (apostrophes)"}

# What looks like a space, an apostrophe or a minus in a table counts as one.
_PLAIN = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\u2019": "'", "\u2212": "-"})
_CURRENCY = "|".join(map(re.escape, CURRENCIES))
_WRITTEN = re.compile(
    rf"(?P<open>\( ?)?(?P<sign>[-+])? ?(?P<before>{_CURRENCY})? ?(?P<inner>[-+])?"
    r"(?P<digits>[0-9.,](?:[0-9.,' ]*[0-9.,])?)(?P<exponent>e[-+]?[0-9]+)?"
    rf" ?(?P<after>{_CURRENCY}|%)?(?P<close> ?\))?",
    re.IGNORECASE,
)
_LONGEST = 60  # characters: anything longer is no number

Option = TypeVar("Option")


class ContradictionError(Exception):
    """No reading fits all texts: those at these two places do not go together."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(first, second)
        self.first, self.second = first, second


def agreed(
    texts: Sequence[Any], options: Sequence[Option], fits: Callable[[Any, Option], object]
) -> tuple[Option, ...]:
    """Return the options that fit every text.

    Raises
    ------
    ContradictionError
        If there are none.

    Examples
    --------
    >>> agreed(["ab", "b"], ["a", "b"], lambda text, letter: letter in text)
    ('b',)
    """
    left = tuple(options)
    for place, text in enumerate(texts):
        still = tuple(option for option in left if fits(text, option))
        if not still:
            own = [option for option in options if fits(text, option)]
            apart = (other for other in range(place) if not any(fits(texts[other], option) for option in own))
            raise ContradictionError(next(apart, 0), place)
        left = still
    return left


@dataclass(frozen=True)
class WrittenNumber:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : "." or ","
    thousands : "", ",", ".", " " or "'"
        What may stand between groups of three digits.
    unit : str
        A currency, which may stand before or after a number, or ``"%"``, which must stand after it; a percentage stays
        as written: 12 % is 12.

    Examples
    --------
    >>> style = WrittenNumber(decimal=",", thousands=".", unit="€")
    >>> style.read("1.234,50 €"), style.read("(7)"), style.read("1.5")
    (1234.5, -7.0, None)
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def read(self, text: str) -> float | None:
        """Return the number, or None for what is none in this style."""
        found = _take_apart(text)
        if found is None or not _fits(found, (self.decimal, self.thousands)):
            return None
        if found.unit != self.unit and (found.unit or self.unit == "%"):
            return None
        digits = found.digits.replace(self.thousands, "") if self.thousands else found.digits
        number = float(digits.replace(self.decimal, ".") + found.exponent)
        return -number if found.negative else number

    @property
    def notes(self) -> tuple[str, ...]:
        """What is out of the ordinary, in words."""
        notes = []
        if self.decimal == ",":
            notes.append("decimal comma")
        if self.thousands:
            notes.append(f"thousands separators{_NAMES[self.thousands]}")
        if self.unit:
            notes.append("percent" if self.unit == "%" else f"currency {self.unit}")
        return tuple(notes)

    def to_config(self) -> dict[str, Any]:
        """Return plain values that ``from_config`` takes."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Any) -> WrittenNumber:
        """Return the style that ``to_config`` described.

        Raises
        ------
        ValueError
            If anything is not as ``to_config`` writes it.

        Examples
        --------
        >>> WrittenNumber.from_config({"decimal": ",", "thousands": "", "unit": "%"})
        WrittenNumber(decimal=',', thousands='', unit='%')
        """
        if not isinstance(config, Mapping) or set(config) != {"decimal", "thousands", "unit"}:
            raise ValueError(f"a written number has decimal, thousands and unit, found {config!r}")
        if not all(isinstance(value, str) for value in config.values()):
            raise ValueError(f"how numbers are written is told in texts, found {config!r}")
        if (config["decimal"], config["thousands"]) not in STYLES:
            raise ValueError(f"no number is written with {config['decimal']!r} and {config['thousands']!r}")
        if config["unit"] not in ("", "%", *CURRENCIES):
            raise ValueError(f"{config['unit']!r} is no unit of written numbers")
        return cls(**config)


class _Parts(NamedTuple):
    negative: bool
    digits: str  # with their separators
    exponent: str
    unit: str


def _take_apart(text: str) -> _Parts | None:
    return _parts(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=2**16)  # each distinct text of a column is looked at several times
def _parts(text: str) -> _Parts | None:
    found = _WRITTEN.fullmatch(text.translate(_PLAIN).strip())
    if found is None or (found["open"] is None) != (found["close"] is None):
        return None
    signs = [sign for sign in (found["sign"], found["inner"]) if sign]
    units = [unit for unit in (found["before"], found["after"]) if unit]
    if len(signs) + (found["open"] is not None) > 1 or len(units) > 1:
        return None
    unit = units[0] if units else ""
    unit = unit.lower() if unit.lower() == "kr" else unit.upper()
    return _Parts(found["open"] is not None or signs == ["-"], found["digits"], found["exponent"] or "", unit)


def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    after = f"(?:{re.escape(decimal)}[0-9]*)?"
    whole = "[0-9]+"
    if thousands:
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    return re.compile(f"{whole}{after}|{re.escape(decimal)}[0-9]+")


_PATTERNS = {style: _pattern(*style) for style in STYLES}


def _fits(parts: _Parts, style: tuple[str, str]) -> bool:
    return _PATTERNS[style].fullmatch(parts.digits) is not None


def is_number(text: str) -> bool:
    """Tell whether a text is a number in one of the styles.

    Examples
    --------
    >>> [is_number(text) for text in ("1'000", "CHF 5.-", "(1,200)", "12 %", "31.05.2024")]
    [True, False, True, True, False]
    """
    parts = _take_apart(text)
    return parts is not None and any(_fits(parts, style) for style in STYLES)


def find_style(texts: Sequence[str]) -> tuple[WrittenNumber, tuple[str, ...]]:
    """Decide how the numbers of a column are written, and return that and what a person should know of it.

    Parameters
    ----------
    texts : sequence of str
        The distinct values, each of them a number in some style.

    Raises
    ------
    ContradictionError
        If they are not all written in one style, or not in one unit.

    Examples
    --------
    >>> find_style(["1.234,5", "12"])
    (WrittenNumber(decimal=',', thousands='.', unit=''), ('decimal comma', 'thousands separators (points)'))
    """
    parts = [found for found in map(_take_apart, texts) if found is not None]
    fitting = agreed(parts, STYLES, _fits)
    units = agreed(
        [found.unit for found in parts],
        list(dict.fromkeys(("", *(found.unit for found in parts)))),
        lambda own, unit: own == unit or (not own and unit != "%"),
    )
    style = WrittenNumber(*fitting[0], unit=units[0])
    pointed = ["." in found.digits for found in parts]
    if fitting[0] == (".", "") and (",", ".") in fitting and any(pointed) and not all(pointed):
        example = texts[pointed.index(True)].strip()
        doubt = f"points read as decimal points: {example!r} is {style.read(example):g} (if they separate thousands, "
        return style, (f"{doubt}leave them out)", *style.notes)
    if fitting[0] != (".", ",") or (",", "") not in fitting:
        return style, style.notes
    example = next(text for text, found in zip(texts, parts, strict=True) if "," in found.digits).strip()
    doubt = f"commas read as thousands separators: {example!r} is {style.read(example):,.0f}"
    others = tuple(note for note in style.notes if "thousands" not in note)
    return style, (f"{doubt} (if they are decimal commas, write points)", *others)

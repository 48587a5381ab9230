"""Dates: reading them as seconds, and what a network is told of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.tables.written_numbers import agreed

Numbers = NDArray[np.float64]

DAY = 86_400.0  # seconds
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DATES = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d. %b %Y",
    "%b %d, %Y",
    "%b %d %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_ISO_TIMES = tuple(
    f"{between}{time}{zone}" for between in "T " for time in ("%H:%M", "%H:%M:%S") for zone in ("", "%z")
)
ISO_FORMATS: tuple[str, ...] = ("%Y-%m-%d", *(f"%Y-%m-%d{time}" for time in _ISO_TIMES))
FORMATS: tuple[str, ...] = tuple(dict.fromkeys((*ISO_FORMATS, *(day + time for time in _TIMES for day in _DATES))))

_MONTH_NAMES = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
_DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "b": _MONTH_NAMES,
    "B": _MONTH_NAMES,
    "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}",
    "M": "[0-9]{2}",
    "S": r"[0-9]{2}(?:[.,][0-9]{1,9})?",
    "f": "[0-9]{1,9}",
    "p": "[AP]M",
    "z": " ?(?:Z|UTC|[-+][0-9]{2}(?::?[0-9]{2})?)",
}
# What every format above begins with; it spares other texts the trial of all of them.
_BEGINNING = re.compile(
    rf"[0-9]{{1,4}}[-./][0-9]{{1,2}}[-./][0-9]|[0-9]{{1,2}}[.]?[- ][a-z]|(?:{_MONTH_NAMES}) [0-9]", re.I
)
_EPOCH = datetime(1970, 1, 1)


def parts(seconds: Numbers, times: bool) -> dict[str, Numbers]:
    """Return what a network is told of dates, part by part; NaN stays NaN.

    Parameters
    ----------
    seconds : array [N]
        Since the beginning of 1970.
    times : bool
        Whether they have a time of day.

    Returns
    -------
    parts : dict of str to array [N]
        The day since the beginning of 1970 with its fraction, the month from 1 to 12, the day of the month, the weekday
        from 1 (Monday) to 7, and with `times` the hour with its fraction.

    Examples
    --------
    >>> for name, numbers in parts(np.array([1.5 * 86_400, np.nan]), times=True).items():
    ...     print(name, numbers)
    day [1.5 nan]
    month [ 1. nan]
    day of month [ 2. nan]
    weekday [ 5. nan]
    hour [12. nan]
    """
    missing = np.isnan(seconds)  # [N]
    filled = np.where(missing, 0.0, seconds)
    whole = np.floor(filled / DAY)
    days = whole.astype(np.int64).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    found = {
        "day": filled / DAY,
        "month": months.astype(np.int64) % 12 + 1.0,
        "day of month": (days - months).astype(np.int64) + 1.0,
        "weekday": (whole + 3) % 7 + 1,  # the first day of 1970 was a Thursday
    }
    if times:
        found["hour"] = (filled - whole * DAY) / 3600
    return {name: np.where(missing, np.nan, numbers) for name, numbers in found.items()}


def seconds_of(values: NDArray[Any]) -> Numbers:
    """Return NumPy's dates, or its spans of time, in seconds (of dates, since the beginning of 1970).

    Examples
    --------
    >>> seconds_of(np.array(["1970-01-02", "NaT"], dtype="datetime64[D]"))
    array([86400.,    nan])
    """
    fine = values.astype("datetime64[us]" if values.dtype.kind == "M" else "timedelta64[us]")
    return np.where(np.isnat(fine), np.nan, fine.astype(np.int64) / 1e6)


def second_of(value: date) -> float:
    """Return one of Python's own dates in seconds since the beginning of 1970; if it has a time zone, in UTC.

    Examples
    --------
    >>> from datetime import timezone
    >>> second_of(date(1970, 1, 2)), second_of(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=1))))
    (86400.0, 3600.0)
    """
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if value.tzinfo is not None:
        return (value.replace(tzinfo=None) - (value.utcoffset() or timedelta()) - _EPOCH).total_seconds()
    return (value - _EPOCH).total_seconds()


def check_format(form: str) -> None:
    """Raise ValueError if no date can be read with this format.

    Examples
    --------
    >>> check_format("%d/%m/%y")
    >>> check_format("%d/%m")
    Traceback (most recent call last):
    ValueError: the date format '%d/%m' must name the year (%Y or %y), the month (%m or %b) and the day (%d) once each
    """
    directives = re.findall("%(.?)", form.replace("%%", ""), re.DOTALL)
    unknown = [f"%{one}" for one in directives if one not in _DIRECTIVES]
    if unknown:
        listed = " ".join(f"%{one}" for one in _DIRECTIVES)
        raise ValueError(f"the date format {form!r} has {unknown[0]!r}; expected some of {listed}")
    once = [sum(one in same for one in directives) for same in ("Yy", "mbB", "d")]
    if once != [1, 1, 1]:
        raise ValueError(
            f"the date format {form!r} must name the year (%Y or %y), the month (%m or %b) and the day (%d) once each"
        )
    if len(set(directives)) < len(directives) or {"H", "I"} <= set(directives) or ("I" in form) != ("p" in directives):
        raise ValueError(f"the date format {form!r} must name each part of the time once: %H, or %I with %p")


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    pieces = re.split("(%.)", form)
    found = [
        f"(?P<{piece[1]}>{_DIRECTIVES[piece[1]]})"
        if place % 2 and piece != "%%"
        else re.escape(piece.replace("%%", "%"))
        for place, piece in enumerate(pieces)
    ]
    return re.compile("".join(found), re.IGNORECASE)


def read_date(text: str, form: str) -> float | None:
    """Return the seconds since the beginning of 1970, or None for what is no date of this format.

    Parameters
    ----------
    text : str
    form : str
        As ``strptime`` knows it, with English names of months; "" is any of ISO 8601.

    Examples
    --------
    >>> read_date("2 Jan 1970", "%d %b %Y"), read_date("30 Feb 1970", "%d %b %Y"), read_date("1970-01-01T00:01Z", "")
    (86400.0, None, 60.0)
    """
    text = text.strip()
    if not form:
        return next((second for one in ISO_FORMATS if (second := read_date(text, one)) is not None), None)
    match = _pattern(form).fullmatch(text)
    if match is None:
        return None
    found = match.groupdict()
    name = found.get("b") or found.get("B")
    month = MONTHS.index(name[:3].lower()) + 1 if name else int(found["m"])
    # Two digits are a year from 1969 to 2068, as in strptime.
    year = int(found["Y"]) if "Y" in found else (int(found["y"]) - 69) % 100 + 1969
    hour = int(found.get("H") or 0)
    if "I" in found:
        if not 1 <= int(found["I"]) <= 12:
            return None
        hour = int(found["I"]) % 12 + (12 if found["p"].lower() == "pm" else 0)
    second = float(found.get("S", "0").replace(",", ".")) + float(f"0.{found.get('f', '0')}")
    try:
        minute = datetime(year, month, int(found["d"]), hour, int(found.get("M", 0)))
    except ValueError:
        return None
    if second >= 60:
        return None
    return (minute - _EPOCH).total_seconds() + second - _offset(found.get("z"))


def _offset(zone: str | None) -> float:
    """Return how many seconds a zone is ahead of UTC."""
    digits = re.sub("[^0-9]", "", zone or "")
    if zone is None or not digits:
        return 0.0
    ahead = 3600.0 * int(digits[:2]) + 60.0 * int(digits[2:] or 0)
    return -ahead if "-" in zone else ahead


def is_date(text: str) -> bool:
    """Tell whether a text is a date in one of the usual formats.

    Examples
    --------
    >>> [is_date(text) for text in ("31.05.2024", "May 31, 2024", "2024-05-31 12:30:00.5+02:00", "2024", "31.06.2024")]
    [True, True, True, False, False]
    """
    if _BEGINNING.match(text.strip()) is None:
        return False
    return any(read_date(text, form) is not None for form in FORMATS)


def find_format(texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the format in which all of these dates are written, and what a person should know of it.

    Raises
    ------
    ContradictionError
        If there is none.

    Examples
    --------
    >>> find_format(["31/05/2024", "01/02/2024"])
    ('%d/%m/%Y', ())
    >>> find_format(["01/02/2024"])[1]
    ("days read before months ('%d/%m/%Y'; if months come first, choose the kind date:%m/%d/%Y)",)
    """
    fitting = agreed(texts, FORMATS, lambda text, form: read_date(text, form) is not None)
    if len(fitting) == 1:
        return fitting[0], ()
    return fitting[0], (
        f"days read before months ({fitting[0]!r}; if months come first, choose the kind date:{fitting[1]})",
    )

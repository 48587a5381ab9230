"""JSON as a model file may hold it: no key twice, no NaN, no endless numbers, no half surrogate pairs."""

import json
import math
from typing import Any, NoReturn

from pellucid.files.refusal import encodable, refuse, shown


def parse(text: str, what: str, source: str, *, digits: int, fractions: bool) -> dict[str, Any]:
    """Read a JSON object, and refuse what JSON allows but a file of ours never holds.

    Parameters
    ----------
    text : str
    what, source : str
        What the text is ("the header") and the file's name, for error messages.
    digits : int
        The most that a whole number may have: a longer one is refused before it costs time to convert.
    fractions : bool
        Whether numbers with a point or an exponent are allowed; they must be finite.

    Raises
    ------
    ModelFileError
        If the text is anything else; one line says what.

    Examples
    --------
    >>> parse('{"a": [1, 0.5]}', "the header", "file", digits=19, fractions=True)
    {'a': [1, 0.5]}
    >>> parse('{"a": 1, "a": 2}', "the header", "file", digits=19, fractions=True)
    Traceback (most recent call last):
        ...
    pellucid.errors.ModelFileError: file: the header holds the key 'a' twice; expected it once
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for name, value in pairs:
            if name in parsed:
                refuse(source, f"{what} holds the key {shown(name)} twice; expected it once")
            if not encodable(name):
                refuse(source, f"{what} holds the key {shown(name)}, half a surrogate pair; expected whole text")
            parsed[name] = value
        return parsed

    def integer(number: str) -> int:
        length = len(number.lstrip("-"))
        if length > digits:
            refuse(source, f"{what} holds a number of {length} digits; expected at most {digits}")
        return int(number)

    def fraction(number: str) -> float:
        if not fractions:
            not_a_number(number)
        if not math.isfinite(float(number)):
            refuse(source, f"{what} holds the number {shown(number)}; expected finite numbers only")
        return float(number)

    def not_a_number(number: str) -> NoReturn:
        expected = "finite numbers only" if fractions else "whole numbers only"
        refuse(source, f"{what} holds the number {shown(number)}; expected {expected}")

    try:
        parsed = json.loads(
            text, object_pairs_hook=unique, parse_int=integer, parse_float=fraction, parse_constant=not_a_number
        )
    except json.JSONDecodeError as failure:
        refuse(source, f"{what} is not JSON at character {failure.pos} ({failure.msg}); expected a JSON object")
    except RecursionError:
        refuse(source, f"{what} is nested too deeply; expected a few levels of lists and objects")
    if not isinstance(parsed, dict):
        refuse(source, f"{what} is {shown(parsed)}; expected a JSON object")
    return parsed

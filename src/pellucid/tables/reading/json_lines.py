"""Tables in JSON Lines: one object a line, its keys the columns."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pellucid.errors import TableError
from pellucid.tables.reading.names import check_names
from pellucid.tables.reading.source import Source
from pellucid.tables.reading.words import shortened

if TYPE_CHECKING:
    import polars as pl

_KINDS = {bool: "true or false", int: "number", float: "number", str: "text"}


def read_json_lines(source: Source) -> pl.DataFrame:
    """Read a table in JSON Lines; a value that a line does not have is missing."""
    columns: dict[str, list[Any]] = {}
    kinds: dict[str, tuple[str, int]] = {}  # what a key holds, and the first line that says so
    rows = 0
    with closing(_objects(source)) as objects:
        for line, values in objects:
            for key, value in values.items():
                if key not in columns:
                    columns[key] = []
                column = columns[key]
                column.extend([None] * (rows - len(column)))
                column.append(value)
                if value is None:
                    continue
                kind = _KINDS.get(type(value))
                if kind is None:
                    what = "an object" if isinstance(value, tuple) else "a list"
                    raise TableError(
                        f"{source.name}, line {line}, key {key!r}: {what}, where a table holds one value; "
                        "write each value under a key of its own, or leave the key out"
                    )
                first, known = kinds.setdefault(key, (kind, line))
                if kind != first:
                    raise TableError(
                        f"{source.name}, key {key!r}: {first} in line {known}, {kind} in line {line} "
                        f"({shortened(value)}); give the key values of one kind, or null where there is none"
                    )
            rows += 1
    if not rows:
        raise TableError(f"{source.name} has no rows; expected one JSON object a line")
    check_names(source.name, list(columns))
    return _frame(columns, {key: kind for key, (kind, _) in kinds.items()}, rows)


def _frame(columns: dict[str, list[Any]], kinds: dict[str, str], rows: int) -> pl.DataFrame:
    import polars as pl

    series = []
    for key, column in columns.items():
        column.extend([None] * (rows - len(column)))
        kind = kinds.get(key, "text")
        if kind == "number" and any(isinstance(value, float) for value in column):
            column = [None if value is None else float(value) for value in column]
            series.append(pl.Series(key, column, pl.Float64))
        else:
            dtype = {"number": pl.Int64, "text": pl.String}.get(kind, pl.Boolean)
            series.append(pl.Series(key, column, dtype))
    return pl.DataFrame(series)


def _objects(source: Source) -> Generator[tuple[int, dict[str, Any]], None, None]:
    # An object becomes the tuple of its pairs: that tells it from a list, and keys that come twice can still be seen.
    decoder = json.JSONDecoder(object_pairs_hook=tuple, parse_int=_whole)
    with closing(source.lines()) as lines:  # or the file stays open behind an error
        for line, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            try:
                found = decoder.decode(text)
            except (ValueError, RecursionError) as error:
                where = f" from character {error.colno} on" if isinstance(error, json.JSONDecodeError) else ""
                raise TableError(
                    f"{source.name}, line {line} cannot be read as JSON{where}; "
                    'expected one whole object in each line, such as {"area": 51.5, "city": "Graz"}'
                ) from error
            if not isinstance(found, tuple):
                what = "a list" if isinstance(found, list) else shortened(found)
                raise TableError(
                    f"{source.name}, line {line}: {what}, not an object; write each row as an object in a line of its "
                    'own, such as {"area": 51.5, "city": "Graz"}'
                )
            values = dict(found)
            if len(values) < len(found):
                keys = [key for key, _ in found]
                repeated = next(key for key in keys if keys.count(key) > 1)
                raise TableError(f"{source.name}, line {line}: the key {repeated!r} comes twice; leave one out")
            if "\\u" in text:
                _check_characters(source, line, values)
            yield line, values


def _check_characters(source: Source, line: int, values: dict[str, Any]) -> None:
    for key, value in values.items():
        try:
            f"{key}{value}".encode()
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])[1:-1]
            raise TableError(
                f"{source.name}, line {line}: {half} is half a character, without its other half; correct the text"
            ) from error


def _whole(digits: str) -> int | float:
    """Read an integer, one beyond 64 bits as a float."""
    if len(digits) > 20:  # Python refuses to make an integer of thousands of digits
        return float(digits)
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else float(number)

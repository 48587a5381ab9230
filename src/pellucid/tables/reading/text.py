"""Tables in text: CSV, with commas, semicolons or tabs.

Polars reads a short row of a CSV file as one with missing values at its end, and gives repeated names new ones;
so every CSV file is first walked through with Python's own ``csv``, which knows each line by its number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Generator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.errors import TableError
from pellucid.tables.reading.names import check_names
from pellucid.tables.reading.source import Source
from pellucid.tables.reading.words import counted
from pellucid.tables.written_numbers import CODE

if TYPE_CHECKING:
    import polars as pl

# What Excel writes above the column names to tell itself the separator.
_SEPARATOR_LINE = re.compile(r'("?)sep=([,;|:\t ])\1', re.IGNORECASE)


class _Layout(NamedTuple):
    separator: str
    above: int  # lines above the column names


def read_text(source: Source, texts: Collection[str] = ()) -> pl.DataFrame:
    """Read a table in CSV; columns of numbers become numeric, but for those of codes and those of `texts`."""
    layout = _layout(source)
    with closing(_records(source, layout)) as records:
        header = next(records, [])
        nameless = 0  # columns at the end without name or value
        while nameless < len(header) - 1 and not header[-1 - nameless].strip():
            nameless += 1
        check_names(source.name, header[: len(header) - nameless])
        rows = blank_lines = 0
        for fields in records:
            if fields:
                rows += 1
            else:
                blank_lines += 1
            while nameless and "".join(fields[-nameless:]).strip():
                nameless -= 1
    names = header[: len(header) - nameless]
    check_names(source.name, names)
    if not rows:
        raise TableError(f"{source.name} has column names in line {layout.above + 1} but no rows")
    frame = None
    if not blank_lines and not layout.above:
        frame = _parse(source.content, layout.separator, texts)
    # Polars makes rows of blank lines and stumbles over some stray quotation marks, which csv takes as they stand.
    if frame is None or frame.shape != (rows, len(header)):
        frame = _parse(_tidy_copy(source, layout), layout.separator, texts)
    if frame is None:
        raise TableError(
            f"{source.name} cannot be parsed; save it again as CSV (UTF-8), with quotation marks around all text"
        )
    frame = frame[:, : len(names)]
    frame.columns = names
    return frame.with_columns([_settle(column, column.name in texts) for column in frame.get_columns()])


def _parse(content: Path | bytes, separator: str, texts: Collection[str]) -> pl.DataFrame | None:
    """Return what polars reads, or None if it stumbles; columns of codes and those of `texts` stay as written."""
    import polars as pl

    options: dict[str, Any] = {"separator": separator, "glob": False}
    try:
        frame = pl.read_csv(content, infer_schema_length=None, **options)
        whole = [place for place, dtype in enumerate(frame.dtypes) if dtype.is_integer()]
        as_text = [place for place, name in enumerate(frame.columns) if name in texts]
        if whole or as_text:
            written = pl.read_csv(content, columns=sorted({*whole, *as_text}), infer_schema_length=0, **options)
            codes = written.select(pl.all().str.contains(f"^{CODE}$").any()).row(0)
            columns = zip(written.get_columns(), codes, strict=True)
            frame = frame.with_columns(column for column, code in columns if code or column.name in texts)
        return frame
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        pass
    try:  # a whole number of forty digits, say: what are numbers is found out afterwards
        return pl.read_csv(content, infer_schema_length=0, **options)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


def _settle(column: pl.Series, as_text: bool) -> pl.Series:
    """Make numbers of a column of text if all of it is numbers; empty text is missing either way."""
    import polars as pl

    if str(column.dtype) in ("Int128", "UInt128"):  # NumPy has no such integers
        return column.cast(pl.Float64)
    if column.dtype != pl.String:
        return column
    trimmed = column.str.strip_chars()
    missing = trimmed.null_count() + (trimmed == "").sum()
    if missing < len(column) and not as_text and not trimmed.str.contains(f"^{CODE}$").any():
        for kind in (pl.Int64(), pl.Float64()):
            numbers = trimmed.cast(kind, strict=False)
            if numbers.null_count() == missing:
                return numbers
    return column.replace("", None)


def _layout(source: Source) -> _Layout:
    with source.content.open("rb") as file:
        line = file.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n")
    told = _SEPARATOR_LINE.fullmatch(line)
    if told:
        return _Layout(told[2], 1)
    if source.suffix == ".tsv":
        return _Layout("\t", 0)
    try:
        # max keeps the first of equals: the comma
        return _Layout(max(",;\t", key=lambda separator: len(next(csv.reader([line], delimiter=separator), []))), 0)
    except csv.Error:  # the walk through the records will tell, with the line
        return _Layout(",", 0)


def _records(source: Source, layout: _Layout) -> Generator[list[str], None, None]:
    """Yield the header, then every row, all of one length; a blank line as an empty list."""
    separator, above = layout
    width = 0
    line = above + 1  # where the current record begins: one with quoted line breaks takes several lines
    with closing(source.lines()) as lines:  # or the file stays open behind an error
        reader = csv.reader(islice(lines, above, None), delimiter=separator, strict=True)
        try:
            for fields in reader:
                if len(fields) != width or not width:
                    blank = not "".join(fields).strip()
                    if not width and blank:
                        raise TableError(f"{source.name}, line {line} is blank; it must hold the column names")
                    if not width:
                        width = len(fields)
                    elif blank and len(fields) <= 1:
                        fields = []
                    else:
                        raise TableError(
                            f"{source.name}, line {line}: {counted(len(fields), 'field')}, but the header has {width} "
                            f"(separated by {separator!r}).\n"
                            f"Give every line {counted(width, 'field')}; text that holds {separator!r} needs "
                            "quotation marks around it."
                        )
                yield fields
                line = above + reader.line_num + 1
        except csv.Error as error:
            raise TableError(f"{source.name}, line {line}: {_explain(error, separator)}") from error


def _explain(error: csv.Error, separator: str) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quotation mark opens a field that is never closed; close it, or write a mark within text as two"
    if "field larger" in text:
        return (
            f"a field longer than {csv.field_size_limit()} characters, as when a quotation mark is never closed; "
            "close it, or shorten the text"
        )
    if "new-line" in text:
        return (
            "a carriage return that ends no line; save the file with ordinary line ends, "
            "or put text that holds one in quotation marks"
        )
    if "expected after" in text:
        return (
            f"a closing quotation mark is followed by something other than {separator!r} or the line's end; "
            "write a mark within text as two"
        )
    return f"{text}; correct this line"


def _tidy_copy(source: Source, layout: _Layout) -> bytes:
    """Write the same rows again, from the column names on, without blank lines and with every mark where it must be."""
    copy = io.StringIO(newline="")
    # With both characters in the line end, text that holds a lone carriage return is quoted too.
    writer = csv.writer(copy, delimiter=layout.separator, lineterminator="\r\n")
    blank_lines = width = 0
    with closing(_records(source, layout)) as records:
        for fields in records:
            if not fields:
                blank_lines += 1
                continue
            if width == 1:  # a missing value, now that another row follows
                writer.writerows([[""]] * blank_lines)
            writer.writerow(fields)
            blank_lines, width = 0, len(fields)
    return copy.getvalue().encode()

"""Reading a table of any kind."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.tables.reading.files import (
    JSON_LINES_SUFFIXES,
    PARQUET,
    TEXT_SUFFIXES,
    begins_like_json,
    is_standard_input,
)
from pellucid.tables.reading.json_lines import read_json_lines
from pellucid.tables.reading.parquet import read_parquet
from pellucid.tables.reading.source import table_source
from pellucid.tables.reading.text import read_text
from pellucid.tables.reading.words import reason

if TYPE_CHECKING:
    import polars as pl


def read_table(path: str | os.PathLike[str], texts: Collection[str] = ()) -> pl.DataFrame:
    r"""Read a table whole: CSV, JSON Lines or Parquet, as it is or packed with gzip.

    A CSV file is UTF-8 with the column names in its first line, separated by commas, semicolons or tabs; above them
    may stand the line ``sep=;`` that Excel writes. A column becomes numeric only if every value in it is a number,
    quoted or not; digits with zeros before them (``01234``) are a code and stay text, and so does a column of `texts`.
    An empty field, quoted or not, is a missing value. Blank lines are skipped; in a file of one column,
    one between two rows is a missing value. Columns at the end that have neither a name nor a value are left out:
    they are what separators at the ends of the lines make.

    JSON Lines holds one object a line. Its keys are the columns, in the order in which they first appear; a key that
    a line does not have, and ``null``, is a missing value. All values of a key are numbers, or all are texts, or all
    are true or false. Texts stay texts.

    Parameters
    ----------
    path : str or path-like
        ``.parquet`` and ``.pq`` are read as Parquet, ``.jsonl`` and ``.ndjson`` as JSON Lines, ``.csv`` and ``.tsv``
        as text, another suffix as what the file turns out to hold. A gzip archive is known by its first bytes;
        ``.gz`` at the end of its name is no suffix. ``"-"`` is standard input.
    texts : collection of str
        Columns of a CSV file that stay as they are written, even if all of their values look like numbers: a model
        knows which (:attr:`pellucid.TableModel.text_columns`). Those that the table does not have are no matter.

    Returns
    -------
    frame : polars.DataFrame
        At least one row; column names that differ by more than outer spaces and are not empty, exactly as they are
        in the file.

    Raises
    ------
    TableError
        If the file is missing, unreadable, damaged, of another kind, empty, or not rectangular.
    MissingExtraError
        If polars is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "homes.csv")
    ...     _ = path.write_text("area;city\n51.5;Graz\n80;Linz\n")
    ...     read_table(path).rows()
    [(51.5, 'Graz'), (80.0, 'Linz')]
    """
    require("polars", "tables", purpose="reading tables")
    path = Path(path)
    try:
        with table_source(path) as source:
            if source.start.startswith(PARQUET):
                return read_parquet(source)
            if source.suffix in JSON_LINES_SUFFIXES:
                return read_json_lines(source)
            if source.suffix not in TEXT_SUFFIXES and begins_like_json(source.start):
                return read_json_lines(source)
            return read_text(source, texts)
    except OSError as error:
        name = "standard input" if is_standard_input(path) else path
        raise TableError(f"cannot read {name}: {reason(error)}") from error

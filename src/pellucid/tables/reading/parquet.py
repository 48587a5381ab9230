"""Tables in Parquet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pellucid.errors import TableError
from pellucid.tables.reading.files import PARQUET
from pellucid.tables.reading.names import check_names
from pellucid.tables.reading.source import Source
from pellucid.tables.reading.words import reason

if TYPE_CHECKING:
    import polars as pl


def read_parquet(source: Source) -> pl.DataFrame:
    """Read a table in Parquet, which keeps the kinds of its columns."""
    import polars as pl

    with source.content.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        end = file.read(4)
    if end != PARQUET or source.content.stat().st_size < 12:
        raise TableError(
            f"{source.name} is cut short: a Parquet file ends with b'PAR1', this one with {end!r}; copy it again"
        )
    try:
        frame = pl.read_parquet(source.content, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"{source.name} is damaged, or not Parquet that can be read: {reason(error)}") from error
    check_names(source.name, frame.columns)
    if not frame.height:
        raise TableError(f"{source.name} has column names but no rows")
    return frame

"""Reading and writing tables, and the way from named columns to a matrix of numbers.

A table that cannot be used is refused with the file, the row and column, what was found there and what to do.
"""

from pellucid.tables.reading.files import (
    JSON_LINES_SUFFIXES,
    PARQUET_SUFFIXES,
    TABLE_SUFFIXES,
    TEXT_SUFFIXES,
    check_is_file,
    table_suffix,
)
from pellucid.tables.reading.frames import numeric_columns, to_frame
from pellucid.tables.reading.names import COLUMNS_LISTED, find_column
from pellucid.tables.reading.reader import read_table
from pellucid.tables.reading.source import check_table_file
from pellucid.tables.reading.writing import write_table

__all__ = [
    "COLUMNS_LISTED",
    "JSON_LINES_SUFFIXES",
    "PARQUET_SUFFIXES",
    "TABLE_SUFFIXES",
    "TEXT_SUFFIXES",
    "check_is_file",
    "check_table_file",
    "find_column",
    "numeric_columns",
    "read_table",
    "table_suffix",
    "to_frame",
    "write_table",
]

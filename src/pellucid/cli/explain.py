"""``pellucid explain``: why a model predicts what it predicts for one row of a table."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from pellucid.cli.app import CommandError, Screen, UsageError, whole_number
from pellucid.cli.predict import check_order, loaded, note_extra_columns
from pellucid.cli.screen import show

WIDTH = 96
"""Columns, where the result goes into a file."""


def explain(
    model: Path,
    table: Path,
    /,
    *,
    row: Annotated[int | None, Parameter(converter=whole_number, show_default=False)] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
    numbers: Annotated[bool, Parameter(negative="--no-numbers", show_default=False)] = True,
) -> None:
    """Explain the prediction of one row: every number of it, what each column pushed, and the nearest other answer.

    The pushes are integrated gradients from a row with every column at its mean: they add up to what the prediction
    differs by. They say how the model came to its answer, not what causes what in the world.

    Parameters
    ----------
    model
        The model file that `pellucid train` wrote.
    table
        A CSV or Parquet file with the columns that the model learnt from, in any order.
    row
        Which row of the table; row 1 is the first below the column names. Needed.
    as_json
        Write the explanation as JSON.
    numbers
        Whether to show every number on the way from the row to its prediction, before what pushed it.
    """
    from pellucid.tables import TableModel
    from pellucid.tables.explanation import explain_row
    from pellucid.tables.reading import read_table

    if row is None:
        raise UsageError("--row is missing: say which row to explain, as in --row 1, the first below the column names")
    check_order(model, table, "pellucid explain MODEL TABLE --row N")
    found = loaded(model)
    if not isinstance(found, TableModel):
        raise CommandError(
            f"{model} holds a {type(found).__name__}, not the model of a table: see pellucid train --help"
        )
    frame = read_table(table, found.text_columns)
    if not 1 <= row <= frame.height:
        rows = "1 row" if frame.height == 1 else f"{frame.height:,} rows"
        raise CommandError(f"{table} has {rows}, and no row {row:,}; --row takes a number from 1 to {frame.height}")
    explanation = explain_row(found, frame, row - 1, source=table)
    note_extra_columns(found, frame)
    if as_json:
        sys.stdout.write(json.dumps(explanation.to_dict(), indent=2, allow_nan=False) + "\n")
        return
    if numbers:
        screen = Screen()
        text = explanation.numbers(color=screen.is_terminal, width=screen.width if screen.is_terminal else WIDTH)
        screen.print(Text.from_ansi(text), soft_wrap=True)
        show("")
    show(str(explanation))

"""``pellucid predict``: the predictions of a model for the rows of a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from pellucid.cli.app import UsageError, say
from pellucid.cli.files import called, check_order, check_output, is_model, loaded, table_model
from pellucid.cli.screen import write_json
from pellucid.tables.reading.words import some
from pellucid.tables.wording import shown

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables import TableModel
    from pellucid.tables.read_table import ReadTable

__all__ = ["COLUMNS_NAMED", "check_order", "is_model", "loaded", "note_extra_columns", "notes", "predict"]

COLUMNS_NAMED = 8


def predict(
    model: Path,
    table: Path,
    /,
    *,
    output: Path | None = None,
    force: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    probabilities: Annotated[bool, Parameter(negative="--no-probabilities", show_default=False)] = True,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
) -> None:
    """Predict the rows of a table with a model that `pellucid train` wrote.

    The predictions are in the order of the rows, one line each: the column "prediction", for classes the probability
    of each, and the quantiles where they were learnt. What is odd about the table is said on standard error.

    Parameters
    ----------
    model
        The model file.
    table
        A CSV, JSON Lines or Parquet file with the columns that the model learnt from, in any order; - is standard
        input.
    output
        Where to write: a file ending in .csv, .tsv or .jsonl (each also with .gz), or .parquet. By default standard
        output, as CSV.
    force
        Replace the output file if it exists.
    probabilities
        Whether to give each class's probability, or each quantile, beside the prediction.
    as_json
        Write what was done, and what is odd about the table, as JSON; needs --output.
    """
    from pellucid.tables.reading import read_table, write_table

    if as_json and output is None:
        raise UsageError("--json needs --output: standard output holds the predictions otherwise")
    check_order(model, table)
    if output is not None:
        check_output(output, force, model, table)
    found = table_model(model)
    frame = read_table(table, found.text_columns)
    source = called(table)
    read = found.read(frame, source=source)
    predictions = found.predict_table(read, probabilities=probabilities, source=source)
    odd = notes(found, frame, source, read)
    write_table(predictions, output, overwrite=force)
    if as_json:
        write_json({"model": model, "table": table, "rows": frame.height, "output": output} | odd)
    elif output is not None:
        say(f"wrote {frame.height:,} predictions to {output}")


def notes(
    model: "TableModel", frame: "pl.DataFrame", table: str | Path, read: "ReadTable | None" = None
) -> dict[str, Any]:
    """Say on standard error what the person may not expect of the table, and return the same for a machine."""
    from pellucid.tables.drift import drift

    encoder, read = model.learnt.encoder, model.read(frame, source=table) if read is None else read
    note_extra_columns(model, frame)
    gaps, unseen = read.gaps, read.unseen
    new = [
        column.name
        for place, column in enumerate(encoder.columns)
        if column.name in gaps and not encoder.missing[encoder.first_input(place)]
    ]
    if gaps:
        each = some((f"{shown(name)} in {_rows(count)}" for name, count in gaps.items()), COLUMNS_NAMED)
        say(f"note: there is no value of {each}")
    if new:
        names = some(map(shown, new), COLUMNS_NAMED)
        say(f"note: every row learnt from had a value of {names}; a gap counts as a usual one")
    for name, rows in list(unseen.items())[:COLUMNS_NAMED]:
        values = some(dict.fromkeys(shown(frame[name][int(row)]) for row in rows[:1000]), 3)
        say(f"note: column {name!r}, {_rows(len(rows))}: what was not learnt: {values} (first in row {rows[0] + 1})")
    if len(unseen) > COLUMNS_NAMED:
        say(f"note: so do {len(unseen) - COLUMNS_NAMED} other columns")
    far = {name: np.setdiff1d(rows, unseen.get(name, [])) for name, rows in read.unusual.items()}
    far = {name: rows for name, rows in far.items() if len(rows)}
    if far:
        _note_far(model, frame, far)
    drifted = [found.text for found in drift(model, read)]
    for text in drifted:
        say(f"the table has drifted from the rows learnt from: {text}", start="warning: ", style="bold yellow")
    return {
        "unknown_columns": model.extra_columns(frame),
        "gaps": gaps,
        "unseen": {name: len(rows) for name, rows in unseen.items()},
        "far_away": {name: len(rows) for name, rows in far.items()},
        "drift": drifted,
    }


def _note_far(model: "TableModel", frame: "pl.DataFrame", far: dict[str, Any]) -> None:
    """Point out the first of the numbers and dates that lie far outside what was learnt from."""
    from pellucid.tables.description import described

    name = next(iter(far))
    row, count = int(far[name][0]), sum(map(len, far.values()))
    known = next(one for one in described(model.learnt.encoder) if one["name"] == name)
    low, high = (shown(known[figure]) for figure in ("low", "high"))
    others = f"; so do {count - 1:,} other values" if count > 2 else "; so does another value" if count == 2 else ""
    say(
        f"note: column {name!r}, row {row + 1}: {frame[name][row]} lies far outside what was learnt from "
        f"({low} to {high}), and its prediction is a guess{others}"
    )


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def note_extra_columns(model: "TableModel", frame: "pl.DataFrame") -> None:
    """Say on standard error which columns the model does not look at."""
    extra = model.extra_columns(frame)
    if extra:
        say(f"note: the model does not know, and did not use: {some(map(shown, extra), COLUMNS_NAMED)}")

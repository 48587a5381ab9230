"""``pellucid evaluate``: how well a model predicts a table whose target is known."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from cyclopts import Parameter

from pellucid.cli.app import CommandError
from pellucid.cli.files import called, check_order, shown_path, table_model
from pellucid.cli.predict import notes
from pellucid.cli.results import (
    confusion,
    figures_for_machines,
    show_confusion,
    show_figures,
    show_worst,
    target_for_machines,
    worst_for_machines,
)
from pellucid.cli.screen import show, write_json
from pellucid.errors import TableError
from pellucid.tables.description import describe_target

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables import TableModel
    from pellucid.tables.evaluation import Rows


def evaluate(
    model: Path,
    table: Path,
    /,
    *,
    test_part: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
) -> None:
    """Predict a table whose target is known, and say how good the predictions are.

    The figures stand beside those of a baseline that never looks at the inputs. Of the table that the model learnt
    from, only --test-part tells how new rows will be predicted.

    Parameters
    ----------
    model
        The model file.
    table
        A CSV, JSON Lines or Parquet file with the model's columns and the target; - is standard input.
    test_part
        Judge by those rows only that the training kept aside; the table must be the one that the model learnt from.
    as_json
        Write the result as JSON.
    """
    from pellucid.tables.reading import read_table

    check_order(model, table, "pellucid evaluate MODEL TABLE")
    found = table_model(model)
    frame = read_table(table, found.text_columns)
    source = called(table)
    rows = rows_kept_aside(found, frame, source) if test_part else np.arange(frame.height)
    evaluation = found.evaluate(frame, rows=rows, source=source)
    counts = confusion(found, frame, rows, source)
    odd = notes(found, frame, source)
    if as_json:
        figures, worst = figures_for_machines(evaluation), worst_for_machines(evaluation)
        write_json(
            {"model": model, "table": table, "rows": evaluation.rows, "test_part": test_part}
            | {"target": target_for_machines(found), "figures": figures, "worst": worst, "confusion": counts}
            | odd
        )
        return
    show(("model    ", "dim"), shown_path(model))
    show(("target   ", "dim"), describe_target(found))
    show("")
    what = "test rows, which training never saw" if test_part else f"row{'s' * (evaluation.rows != 1)} of {source}"
    show((f"On {evaluation.rows:,} {what}:", "bold"))
    show_figures(found, evaluation)
    show("")
    if counts is not None:
        show_confusion(found, counts)
        show("")
    show_worst(found, evaluation)


def rows_kept_aside(model: "TableModel", frame: "pl.DataFrame", source: str) -> "Rows":
    """Return the rows that the training of a model kept aside, if this is the table that it learnt from."""
    from pellucid.tables.reading import to_frame
    from pellucid.tables.split import divided, fingerprint

    split, learnt = model.split, model.learnt
    if not split.test_rows:
        raise CommandError("no rows were kept aside when the model learnt: leave out --test-part")
    wrapped = to_frame(frame)
    y = learnt.target.encode(wrapped, source)  # [N]
    try:
        rest, test = divided(split.seed, len(y), y if learnt.target.classes else None, split.test_share, source)
    except TableError:
        test = rest = np.empty(0, dtype=np.intp)
    if len(y) != split.rows or fingerprint(test) != split.sha256 or not _alike(model, frame, rest, source):
        raise CommandError(
            f"{source} is not the table that the model learnt from, as it was then (or some of its rows counted "
            "nothing, or an earlier model was gone on with), so nothing tells which rows are new to it; leave out "
            "--test-part to judge by all"
        )
    return test


def _alike(model: "TableModel", frame: "pl.DataFrame", rows: "Rows", source: str) -> bool:
    """Return whether the lowest and highest of each input in these rows are those that were learnt from."""
    from pellucid.tables.reading import to_frame

    encoder = model.learnt.encoder
    missing = [name for name in model.columns if name not in frame.columns]
    if missing:
        return False
    values = encoder.values(to_frame(frame), source)[rows]  # [N,S]
    filled = np.where(np.isnan(values), encoder.fill, values)
    low, high = filled.min(axis=0), filled.max(axis=0)
    return bool(np.array_equal(low, encoder.scaler.low) and np.array_equal(high, encoder.scaler.high))

"""``pellucid predict``: the predictions of a model for the rows of a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pellucid.cli.app import CommandError, say
from pellucid.cli.screen import shown
from pellucid.cli.train import check_output
from pellucid.errors import ModelFileError

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables import TableModel

COLUMNS_NAMED = 8


def predict(
    model: Path,
    table: Path,
    /,
    *,
    output: Path | None = None,
    force: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    probabilities: Annotated[bool, Parameter(negative="--no-probabilities", show_default=False)] = True,
) -> None:
    """Predict the rows of a table with a model that `pellucid train` wrote.

    The predictions are in the order of the rows, one line each: the column "prediction", and for classes the
    probability of each.

    Parameters
    ----------
    model
        The model file.
    table
        A CSV or Parquet file with the columns that the model learnt from, in any order.
    output
        Where to write: a file ending in .csv, .tsv or .parquet. By default standard output, as CSV.
    force
        Replace the output file if it exists.
    probabilities
        Whether to give each class's probability beside the prediction.
    """
    from pellucid.tables import TableModel
    from pellucid.tables.reading import read_table, write_table

    check_order(model, table)
    if output is not None:
        check_output(output, force, model, table)
    found = loaded(model)
    if not isinstance(found, TableModel):
        raise CommandError(
            f"{model} holds a {type(found).__name__}, not the model of a table: see pellucid train --help"
        )
    frame = read_table(table)
    predictions = found.predict_table(frame, probabilities=probabilities, source=table)
    notes(found, frame, table)
    write_table(predictions, output, overwrite=force)
    if output is not None:
        say(f"wrote {frame.height:,} predictions to {output}")


def check_order(model: Path, table: Path, usage: str = "pellucid predict MODEL TABLE") -> None:
    """Refuse a table in the model's place, and a model in the table's."""
    from pellucid.tables.reading import PARQUET_SUFFIXES, TEXT_SUFFIXES, check_is_file

    check_is_file(model, "the model file")
    if is_model(model):
        return
    if model.suffix.lower() in TEXT_SUFFIXES + PARQUET_SUFFIXES or (table.is_file() and is_model(table)):
        raise CommandError(f"{model} is not a Pellucid model; the model comes first: {usage}")


def is_model(path: Path) -> bool:
    """Return whether a file begins as a model does, whatever its name."""
    from pellucid.files.safetensors import MODEL_SNIFFED_BYTES, begins_like_model

    with path.open("rb") as file:
        return begins_like_model(file.read(MODEL_SNIFFED_BYTES))


def loaded(path: Path) -> Any:
    """Return what a model file holds."""
    from pellucid.files import load

    try:
        return load(path)
    except ModelFileError as problem:
        found = str(problem).partition("this looks like ")[2].partition("; expected")[0]
        if not found and is_model(path):
            raise  # damaged, or of another version: the reader's own words say how
        raise CommandError(
            f"{path} is not a Pellucid model ({f'it looks like {found}' if found else 'it does not begin like one'})"
        ) from None


def notes(model: "TableModel", frame: "pl.DataFrame", table: Path) -> None:
    """Say on standard error what the person may not expect of the table."""
    note_extra_columns(model, frame)
    far = model.unusual_values(frame, source=table)
    if far:
        name = next(iter(far))
        row, scaler, place = int(far[name][0]), model.learnt.scaler, model.columns.index(name)
        count = sum(map(len, far.values()))
        others = f"; so do {count - 1:,} other values" if count > 2 else "; so does another value" if count == 2 else ""
        low, high = (shown(float(figure[place])) for figure in (scaler.low, scaler.high))
        say(
            f"note: column {name!r}, row {row + 1}: {frame[name][row]} lies far outside what was learnt from "
            f"({low} to {high}), and its prediction is a guess{others}"
        )


def note_extra_columns(model: "TableModel", frame: "pl.DataFrame") -> None:
    """Say on standard error which columns the model does not look at."""
    extra = model.extra_columns(frame)
    if extra:
        more = f" and {len(extra) - COLUMNS_NAMED} more" if len(extra) > COLUMNS_NAMED else ""
        say(f"note: the model does not know, and did not use: {', '.join(map(shown, extra[:COLUMNS_NAMED]))}{more}")

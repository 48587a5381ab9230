"""``pellucid plot``: pictures of a model, and of what it predicts for the rows of a table."""

import io
import os
import secrets
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pellucid.cli.app import CommandError, UsageError, say, whole_number
from pellucid.cli.picture_request import Request
from pellucid.cli.pictures import KINDS
from pellucid.cli.predict import is_model, loaded, notes
from pellucid.cli.train import check_output
from pellucid.errors import PellucidError
from pellucid.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 150
Switch = Parameter(negative=(), show_default=False)


def plot(
    kind: Literal[
        "diagram",
        "curves",
        "weights",
        "boundary",
        "probability",
        "surface",
        "dependence",
        "confusion",
        "calibration",
        "residuals",
        "activations",
        "gradients",
        "landscape",
        "gradcheck",
    ],
    model: Path,
    table: Path | None = None,
    /,
    *,
    output: Path | None = None,
    features: str | None = None,
    hold: Annotated[list[str] | None, Parameter(negative=())] = None,
    marginalise: Annotated[bool, Switch] = False,
    column: str | None = None,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    normalise: Annotated[bool, Switch] = False,
    shape: str | None = None,
    rows: Annotated[int | None, Parameter(converter=whole_number)] = None,
    force: Annotated[bool, Switch] = False,
) -> None:
    """Draw a picture of a model, or of what it predicts for the rows of a table, and write it to a file.

    Of the model alone: diagram, curves (of its training), weights (as images). Over two columns of a table: boundary
    and probability (classes), surface (numbers). Of one column: dependence. How good it is on a table with the target:
    confusion and calibration (classes), residuals (numbers). What goes on inside, on such a table: activations,
    gradients, landscape (of the loss), gradcheck (the proof that gradients are right).

    Parameters
    ----------
    kind
        The picture.
    model
        The model file.
    table
        A CSV or Parquet file with the columns that the model learnt from; diagram, curves and weights need none.
    output
        A file ending in .png, .svg or .pdf. By default the model's name and the kind, in the current folder.
    features
        The two columns to draw, with a comma between: area,age.
    hold
        Hold another column at a value: age=30; may be given again and again. Those not named are held at their median.
    marginalise
        Average over the rows of the table in place of holding columns at their median.
    column
        The column that dependence is about.
    of_class
        The class whose probability is drawn.
    normalise
        Draw the confusion matrix in percent of each true class.
    shape
        The height and width of the images that come in, for weights: 8x8.
    rows
        How many rows to use, chosen at random. By default all, but 1,000 at most, and 32 for gradcheck.
    force
        Replace the output file if it exists.
    """
    options = {
        "features": features,
        "hold": hold,
        "marginalise": marginalise,
        "column": column,
        "class": of_class,
        "normalise": normalise,
        "shape": shape,
        "rows": rows,
    }
    check_options(kind, options)
    check_files(kind, model, table)
    output = Path(f"{model.stem}-{kind}.png") if output is None else output
    if output.suffix.lower() not in SUFFIXES:
        raise CommandError(f"cannot write {output}: its name must end in {', '.join(SUFFIXES)}")
    check_output(output, force, *(path for path in (model, table) if path is not None))
    request = requested(kind, model, table, options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            contents = rendered(KINDS[kind].draw(request), output)
        except PellucidError:
            raise
        except (ValueError, TypeError) as problem:
            raise CommandError(f"cannot draw {kind} of {model}: {problem}") from None
    if any("missing from" in str(warning.message) for warning in caught):
        say("note: the font has not all letters of these names; in the picture they are boxes")
    write(contents, output)
    say(f"wrote {output}")


def check_options(kind: str, options: dict[str, Any]) -> None:
    """Refuse an option that would do nothing for this kind."""
    for name, value in options.items():
        if value is not None and value is not False and name not in KINDS[kind].options:
            others = [other for other, about in KINDS.items() if name in about.options]
            raise UsageError(f"--{name} is for {', '.join(others)}, not for {kind}")


def check_files(kind: str, model: Path, table: Path | None) -> None:
    """Refuse a missing table, one that is not needed, and a table in the model's place."""
    from pellucid.tables.reading import PARQUET_SUFFIXES, TEXT_SUFFIXES, check_is_file

    check_is_file(model, "the model file")
    like_a_table = model.suffix.lower() in TEXT_SUFFIXES + PARQUET_SUFFIXES
    if not is_model(model) and (like_a_table or (table is not None and table.is_file() and is_model(table))):
        raise CommandError(
            f"{model} is not a Pellucid model; the model comes first: pellucid plot {kind} MODEL"
            + (" TABLE" if KINDS[kind].needs_table else "")
        )
    if table is None and KINDS[kind].needs_table:
        raise UsageError(f"{kind} needs a table: pellucid plot {kind} {model} TABLE")
    if table is not None and not KINDS[kind].needs_table:
        raise UsageError(f"{kind} shows the model alone: leave {table} out")


def requested(kind: str, path: Path, table: Path | None, options: dict[str, Any]) -> Request:
    """Read the model and the table."""
    from pellucid.tables import TableModel
    from pellucid.tables.reading import read_table

    found = loaded(path)
    if isinstance(found, Network):
        if KINDS[kind].needs_table:
            alone = ", ".join(name for name, about in KINDS.items() if not about.needs_table)
            raise CommandError(
                f"{path} holds a network, which knows no columns by name: it can be drawn as {alone}; "
                f"for {kind} train the model of a table, or call pellucid.insight.plots in Python"
            )
        return Request(kind, path, found, options=options)
    if not isinstance(found, TableModel):
        raise CommandError(f"{path} holds a {type(found).__name__}, of which there are no pictures")
    if table is None:
        return Request(kind, path, found.network, found, options=options)
    frame = read_table(table, found.text_columns)
    notes(found, frame, table)
    return Request(kind, path, found.network, found, table, frame, options)


def rendered(figure: "Figure", output: Path) -> bytes:
    """Return the picture as the contents of a file of this name."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=output.suffix[1:].lower(), dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def write(contents: bytes, output: Path) -> None:
    """Write a file whole or not at all; through a link, the file it leads to."""
    target = output.resolve()
    partial = target.with_name(f".pellucid-{secrets.token_hex(6)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except OSError as problem:
        raise CommandError(f"cannot write {output}: {problem.strerror or problem}") from None
    finally:
        partial.unlink(missing_ok=True)

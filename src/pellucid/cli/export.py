"""``pellucid export``: a model as an ONNX file, for ONNX Runtime and other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pellucid.cli.app import CommandError, say
from pellucid.cli.files import check_output, is_model, loaded, shown_path
from pellucid.cli.predict import COLUMNS_NAMED
from pellucid.cli.screen import show
from pellucid.tables.reading.words import some
from pellucid.tables.wording import shown

if TYPE_CHECKING:
    from pellucid.network import Network
    from pellucid.tables import TableModel

SUFFIX = ".onnx"


def export(
    model: Path,
    output: Path,
    /,
    *,
    force: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> None:
    """Write a model as an ONNX file, with all that happens to a row before and after the network.

    The file takes any number of rows: as one matrix of doubles where all columns of the model are numbers, and with an
    input a column for other tables. Classes come out as labels and probabilities, numbers in their own units.

    Parameters
    ----------
    model
        The model file.
    output
        The file to write, ending in .onnx.
    force
        Replace the output file if it exists.
    """
    from pellucid.exchange.onnx.export import OPSET, export_onnx
    from pellucid.network import Network
    from pellucid.tables import TableModel
    from pellucid.tables.reading import check_is_file

    check_is_file(model, "the model file")
    if output.is_file() and is_model(output) and not is_model(model):
        raise CommandError(f"{model} is not a Pellucid model; the model comes first: pellucid export MODEL OUTPUT")
    if output.suffix.lower() != SUFFIX:
        raise CommandError(f"cannot write {output}: ONNX is the format there is; choose a name that ends in {SUFFIX}")
    check_output(output, force, model)
    found = loaded(model)
    found = getattr(found, "model_", found)  # of scikit-learn's faces of a table's model
    if not isinstance(found, Network | TableModel):
        raise CommandError(f"{model} holds a {type(found).__name__}, which has no form in ONNX")
    try:
        export_onnx(found, output, overwrite=force)
    except (ValueError, TypeError) as problem:
        raise CommandError(f"cannot export {model}: {problem}") from None
    takes, gives, row = _in_and_out(found)
    written = (shown_path(output), "bold")
    show("Wrote ", written, f" (ONNX opset {OPSET}): {takes}; {gives} out. To run it in Python:")
    for line in (
        "import numpy, onnxruntime",
        f"session = onnxruntime.InferenceSession({str(output)!r})",
        f"session.run(None, {{{row}}})",
    ):
        show("  ", (line, "bold"))
    if isinstance(found, TableModel):
        _note_spellings(found)


def _note_spellings(model: "TableModel") -> None:
    """Say of which columns the table held several spellings, of which the file knows one."""
    columns = model.learnt.encoder.columns
    joined = [column.name for column in columns if any("spellings joined" in note for note in column.notes)]
    if joined:
        names = some(map(shown, joined), COLUMNS_NAMED)
        say(
            f"note: the ONNX file knows each category in one spelling, and the table had several in {names}: take off "
            "spaces at the ends and write categories as pellucid inspect shows them, or they count as never met"
        )


def _in_and_out(model: "Network | TableModel") -> tuple[str, str, str]:
    """Return what a model takes and gives in words, and what one row of it may be, as Python writes it."""
    from pellucid.exchange.onnx.graph import Graph, Place
    from pellucid.exchange.onnx.table import is_matrix, table_inputs
    from pellucid.network import Network

    if isinstance(model, Network):
        return "x of doubles in", "output", f'"x": numpy.zeros({(1, *model.inputs)})'
    gives = "label and probabilities" if model.classes_ else "prediction"
    gives += " and quantiles" if model.kind == "quantiles" else ""
    columns, unnamed = model.learnt.encoder.columns, len(model.columns) - COLUMNS_NAMED
    more = f" and {unnamed} more" if unnamed > 0 else ""
    if is_matrix(columns):
        names = ", ".join(map(shown, model.columns[:COLUMNS_NAMED]))
        return f"x of doubles in, by row {names}{more}", gives, f'"x": numpy.zeros({(1, len(columns))})'
    each, row = [], []
    inputs = table_inputs(Place(Graph()), model.learnt).items()
    for column, (name, (dtype, _)) in list(zip(columns, inputs, strict=True))[:COLUMNS_NAMED]:
        what, value = {"f": ("a double", 0.0), "i": ("seconds", 0)}.get(dtype.kind) or ("a text", column.levels[0])
        each.append(f"{shown(name)} ({what})")
        row.append(f"{name!r}: numpy.array([[{value!r}]])")
    return ", ".join(each) + more + " in", gives, ", ".join(row) + (", ..." if more else "")

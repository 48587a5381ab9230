"""``pellucid export``: a model as an ONNX file, for ONNX Runtime and other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pellucid.cli.app import CommandError
from pellucid.cli.predict import COLUMNS_NAMED, is_model, loaded
from pellucid.cli.screen import show, shown
from pellucid.cli.train import check_output, shown_path

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

    The file takes any number of rows, as one matrix of doubles; the model's columns in their order, for the model of a
    table. Classes come out as labels and probabilities, numbers in their own units.

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
    if not isinstance(found, Network | TableModel):
        raise CommandError(f"{model} holds a {type(found).__name__}, which has no form in ONNX")
    try:
        export_onnx(found, output, overwrite=force)
    except (ValueError, TypeError) as problem:
        raise CommandError(f"cannot export {model}: {problem}") from None
    show("Wrote ", (shown_path(output), "bold"), f" (ONNX opset {OPSET}): {_in_and_out(found)}. To run it in Python:")
    shape = found.inputs if isinstance(found, Network) else (len(found.columns),)
    for line in (
        "import numpy, onnxruntime",
        f"session = onnxruntime.InferenceSession({str(output)!r})",
        f'session.run(None, {{"x": numpy.zeros({(1, *shape)})}})',
    ):
        show("  ", (line, "bold"))


def _in_and_out(model: "Network | TableModel") -> str:
    from pellucid.network import Network

    if isinstance(model, Network):
        return "x of doubles in, output out"
    names = ", ".join(map(shown, model.columns[:COLUMNS_NAMED]))
    more = f" and {len(model.columns) - COLUMNS_NAMED} more" if len(model.columns) > COLUMNS_NAMED else ""
    return f"x of doubles in, by row {names}{more}; {'label and probabilities' if model.classes_ else 'prediction'} out"

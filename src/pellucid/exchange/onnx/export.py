"""From a network or a table model to an ONNX file: what goes in, what comes out, and everything between."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._version import __version__
from pellucid.checks import not_a_network
from pellucid.exchange.onnx.graph import Graph, Place, onnx_package
from pellucid.exchange.onnx.network import network_outputs
from pellucid.exchange.onnx.table import LOOKING_UP, LOOKING_UP_OPSET, table_facts, table_inputs, table_outputs
from pellucid.files.whole_file import write_whole
from pellucid.layers.layer import Shape
from pellucid.network import Network
from pellucid.tables.model import TableModel

if TYPE_CHECKING:
    import onnx

    from pellucid.tables.estimators import TabularClassifier, TabularRegressor

# Of June 2022: the first with LayerNormalization, and old enough for what runs on phones and in databases.
OPSET = 17
# The version of the file format that came out with that opset; a reader refuses newer ones than its own.
IR_VERSION = 8

INPUT = "x"


def export_onnx(
    model: "Network | TableModel | TabularClassifier | TabularRegressor", path: str | Path, *, overwrite: bool = False
) -> None:
    """Write a network or the model of a table as an ONNX file, with all that happens to a record before and after.

    A file takes any number of records at once. Inside, the network computes in float32, as most runtimes are made for
    it; ONNX's own checker looks at the file before it is written.

    - Of a *network*, the one input ``x`` of doubles is as for ``network.predict``, and ``output`` is what that returns,
      in float32. Where the network has been trained with a cross-entropy, ``probabilities`` is what ``predict_proba``
      returns; with ``Poisson``, ``mean``.
    - Of a *table model* whose columns all hold numbers or booleans, ``x`` is [batch, columns] in the order of
      ``model.columns``: doubles, booleans as 0 and 1, NaN for a gap.
    - Any other table model has one input a column, [batch, 1], by the column's name: a number is a double; a date the
      whole seconds since the beginning of 1970 in UTC, an int64, -2^63 for a gap; a category and a yes or no that are
      texts are strings, spelled just as in the column's ``levels``, and empty for a gap.
    - Both standardise and encode in float64, so a column of large values keeps its digits. Classes give ``label``
      [batch], in the target's own type, and ``probabilities`` [batch, classes]; numbers and counts ``prediction``
      [batch], doubles in the target's units; quantiles ``prediction`` and ``quantiles`` [batch, quantiles]. The file's
      metadata tells ``columns``, ``kinds``, ``inputs``, ``target``, ``kind`` and what there is of ``classes``,
      ``threshold``, ``temperature`` and ``quantiles``.

    The file trusts what it is given: where Pellucid refuses a value, it computes on.

    Parameters
    ----------
    model : Network, TableModel, TabularClassifier or TabularRegressor
    path : str or Path
        The file to write, ending in ``.onnx`` by custom.
    overwrite : bool
        Whether a file that exists may be replaced; by default it is left untouched.

    Raises
    ------
    MissingExtraError
        If the package ``onnx`` is not installed.
    FileExistsError
        If the file exists and `overwrite` is False.
    TypeError
        If there is a layer in it that is not one of Pellucid's own.
    ValueError
        If the network has several members, a table model has not been trained, or a parameter is not finite in float32.

    Examples
    --------
    >>> import pathlib, tempfile, onnxruntime
    >>> from pellucid import Dense, Network, Tanh
    >>> network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "network.onnx"
    >>> export_onnx(network, path)
    >>> session = onnxruntime.InferenceSession(path)
    >>> X = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> bool(abs(session.run(["output"], {"x": X})[0] - network.predict(X)).max() < 1e-6)
    True

    Source: ONNX, "Operator schemas", opset 17.
    """
    write_whole(path, onnx_model(model).SerializeToString(), overwrite=overwrite)


def onnx_model(model: "Network | TableModel | TabularClassifier | TabularRegressor") -> "onnx.ModelProto":
    """Return what `export_onnx` writes, checked, as the package ``onnx`` holds it.

    The argument and the errors are those of `export_onnx`.

    Examples
    --------
    >>> from pellucid import Dense
    >>> [node.op_type for node in onnx_model(Network(2, [Dense(1)], seed=0)).graph.node]
    ['Cast', 'MatMul', 'Add', 'Identity']
    """
    package, place = onnx_package(), Place(Graph())
    facts: dict[str, str] = {}
    found = getattr(model, "model_", model)  # of TabularClassifier and TabularRegressor, once they are fitted
    if isinstance(found, TableModel):
        inputs = table_inputs(place, found.learnt)
        outputs, facts = table_outputs(place, found.learnt, inputs), table_facts(found.learnt, inputs)
    elif isinstance(model, Network):
        inputs, outputs = {INPUT: (np.dtype(np.float64), model.inputs)}, network_outputs(place, model, INPUT)
    else:
        raise TypeError(
            "export_onnx takes a Network, a TableModel, or a fitted TabularClassifier or TabularRegressor, found "
            f"{not_a_network(model)}"
        )
    for name, (source, _, _) in outputs.items():  # an output is called what the node that makes it says
        place.graph.nodes.append(package.helper.make_node("Identity", [source], [name], name=name))

    def described(name: str, dtype: "np.dtype[Any]", shape: Shape) -> "onnx.ValueInfoProto":
        kind = package.helper.np_dtype_to_tensor_dtype(dtype)
        info: onnx.ValueInfoProto = package.helper.make_tensor_value_info(name, kind, ["batch", *shape])
        return info

    graph = package.helper.make_graph(
        place.graph.nodes,
        "pellucid",
        [described(name, dtype, own) for name, (dtype, own) in inputs.items()],
        [described(name, dtype, own) for name, (_, dtype, own) in outputs.items()],
        place.graph.constants,
    )
    domains = {"": OPSET} | {node.domain: LOOKING_UP_OPSET for node in graph.node if node.domain == LOOKING_UP}
    made: onnx.ModelProto = package.helper.make_model(
        graph,
        opset_imports=[package.helper.make_opsetid(domain, version) for domain, version in domains.items()],
        ir_version=IR_VERSION,
        producer_name="pellucid",
        producer_version=__version__,
    )
    package.helper.set_model_props(made, facts)
    package.checker.check_model(made, full_check=True)
    return made

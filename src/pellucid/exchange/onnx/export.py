"""From a network or a table model to an ONNX file: what goes in, what comes out, and everything between."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._version import __version__
from pellucid.checks import not_a_network
from pellucid.exchange.onnx.graph import Graph, Place, onnx_package
from pellucid.exchange.onnx.network import network_outputs
from pellucid.exchange.onnx.table import table_facts, table_outputs
from pellucid.files.whole_file import write_whole
from pellucid.layers.layer import Shape
from pellucid.network import Network
from pellucid.tables.model import TableModel

if TYPE_CHECKING:
    import onnx

# Of June 2022: the first with LayerNormalization, and old enough for what runs on phones and in databases.
OPSET = 17
# The version of the file format that came out with that opset; a reader refuses newer ones than its own.
IR_VERSION = 8

INPUT = "x"


def export_onnx(model: Network | TableModel, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a network or a table model as an ONNX file, with all that happens to a record before and after.

    The file has one input ``x`` of doubles, [batch, ...] with any number of records. Inside, the network computes in
    float32, as most runtimes are made for it; ONNX's own checker looks at the file before it is written.

    - Of a *table model*, ``x`` is [batch, columns] in the order of ``model.columns``; booleans count as 0 and 1. The
      columns are standardised in float64, so a column of large values keeps its digits. A numeric target gives
      ``prediction`` [batch], doubles in its own units. Classes give ``label`` [batch], in the target's own type, and
      ``probabilities`` [batch, classes]. The file's metadata tells ``columns``, ``target``, ``kind`` and ``classes``.
    - Of a *network*, ``x`` is as for ``network.predict``, and ``output`` is what that returns, in float32. Where the
      network has been trained with a cross-entropy, ``probabilities`` is what ``predict_proba`` returns; with
      ``Poisson``, ``mean``.

    The file trusts what it is given: where Pellucid refuses a missing value, it computes on with NaN.

    Parameters
    ----------
    model : Network or TableModel
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


def onnx_model(model: Network | TableModel) -> "onnx.ModelProto":
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
    if isinstance(model, TableModel):
        shape: Shape = (len(model.columns),)
        outputs, facts = table_outputs(place, model.learnt, INPUT), table_facts(model.learnt)
    elif isinstance(model, Network):
        shape, outputs = model.inputs, network_outputs(place, model, INPUT)
    else:
        raise TypeError(f"export_onnx takes a Network or a TableModel, found {not_a_network(model)}")
    for name, (source, _, _) in outputs.items():  # an output is called what the node that makes it says
        place.graph.nodes.append(package.helper.make_node("Identity", [source], [name], name=name))

    def described(name: str, dtype: "np.dtype[Any]", shape: Shape) -> "onnx.ValueInfoProto":
        kind = package.helper.np_dtype_to_tensor_dtype(dtype)
        info: onnx.ValueInfoProto = package.helper.make_tensor_value_info(name, kind, ["batch", *shape])
        return info

    graph = package.helper.make_graph(
        place.graph.nodes,
        "pellucid",
        [described(INPUT, np.dtype(np.float64), shape)],
        [described(name, dtype, own) for name, (_, dtype, own) in outputs.items()],
        place.graph.constants,
    )
    made: onnx.ModelProto = package.helper.make_model(
        graph,
        opset_imports=[package.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="pellucid",
        producer_version=__version__,
    )
    package.helper.set_model_props(made, facts)
    package.checker.check_model(made, full_check=True)
    return made

"""An ONNX graph while it is being written: nodes and constants, named after the layer that they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pellucid.arrays import Array
from pellucid.extras import require
from pellucid.layers.chain import part
from pellucid.layers.layer import Shape

if TYPE_CHECKING:
    import onnx

Inputs: TypeAlias = dict[str, tuple[np.dtype[Any], Shape]]
"""What a graph takes, by name: its type (objects are texts), and the shape of one record."""
Outputs: TypeAlias = dict[str, tuple[str, np.dtype[Any], Shape]]
"""What a graph puts out, by name: the value that it is, its type (objects are texts), and the shape of one record."""


def onnx_package() -> ModuleType:
    """Return the package ``onnx``, or say how to install it."""
    return require("onnx", "onnx", purpose="writing ONNX files")


@dataclass
class Graph:
    """The nodes and constants written so far, and all names in use."""

    nodes: "list[onnx.NodeProto]" = field(default_factory=list)
    constants: "list[onnx.TensorProto]" = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def own_name(self, wanted: str) -> str:
        """Return the name, numbered where another has it."""
        name, number = wanted, 1
        while name in self.names:
            number += 1
            name = f"{wanted}_{number}"
        self.names.add(name)
        return name


@dataclass(frozen=True)
class Place:
    """Where in a graph a layer is written, and what belongs to that layer.

    Attributes
    ----------
    graph : Graph
        What it is written into.
    name : str
        The layer's name, and before it those of the blocks that it is in: ``residual_1/dense_1``.
    parameters, state : mapping of str to array
        The layer's own.
    shape : tuple of int
        Of one record before the layer.
    dtype : dtype
        What is computed in there.

    Examples
    --------
    >>> place = Place(Graph(), "dense_1")
    >>> place.add("Add", "x", place.constant("bias", np.array([0.5])))
    'dense_1/Add'
    >>> [(node.op_type, list(node.input)) for node in place.graph.nodes]
    [('Add', ['x', 'dense_1/bias'])]
    """

    graph: Graph
    name: str = ""
    parameters: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    shape: Shape = ()
    dtype: npt.DTypeLike = np.float32

    def within(self, name: str, shape: Shape) -> "Place":
        """Return the place of a layer within this block."""
        full = f"{self.name}/{name}" if self.name else name
        return replace(
            self, name=full, parameters=part(self.parameters, name), state=part(self.state, name), shape=shape
        )

    def add(self, operator: str, *inputs: str, unused: int = 0, **attributes: Any) -> str:
        """Write a node, and return the name of its first output; of the others ``unused`` says how many there are."""
        helper = onnx_package().helper
        full = f"{self.name}/{operator}" if self.name else operator
        outputs = [self.graph.own_name(full) for _ in range(1 + unused)]
        self.graph.nodes.append(helper.make_node(operator, list(inputs), outputs, name=outputs[0], **attributes))
        return outputs[0]

    def cast(self, x: str, dtype: npt.DTypeLike) -> str:
        """Write the change of a value to another type, and return the name of what comes out."""
        return self.add("Cast", x, to=onnx_package().helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def constant(self, name: str, values: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> str:
        """Write a constant, and return its name; of the place's own type unless another is asked.

        Raises
        ------
        ValueError
            If a value is not finite, or too large for the type.
        """
        numpy_helper = onnx_package().numpy_helper
        full = self.graph.own_name(f"{self.name}/{name}" if self.name else name)
        with np.errstate(over="ignore", under="ignore"):  # what is too large is told below
            array = np.asarray(values).astype(self.dtype if dtype is None else dtype)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            wrong = np.asarray(values)[~np.isfinite(array)].flat[0]
            raise ValueError(
                f"{full} holds {wrong}, which is no finite number of {array.dtype.name}, the type that an ONNX file "
                "of this network computes in; was the training stopped by a loss that is not finite?"
            )
        contiguous = np.ascontiguousarray(array).reshape(np.shape(values))  # which makes a list of a single number
        self.graph.constants.append(numpy_helper.from_array(contiguous, full))
        return full

"""A network in a graph: its layers, and what the loss that it was trained with makes of its output."""

from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.exchange.onnx.graph import Outputs, Place
from pellucid.exchange.onnx.layers import write_layers
from pellucid.layers.chain import joined
from pellucid.losses import (
    BinaryCrossEntropyFromLogits,
    BinaryFocalFromLogits,
    CrossEntropyFromLogits,
    FocalFromLogits,
    Loss,
    Poisson,
)
from pellucid.network import Network

LINKS: dict[type[Loss], tuple[str, str, dict[str, Any]]] = {
    BinaryCrossEntropyFromLogits: ("probabilities", "Sigmoid", {}),
    CrossEntropyFromLogits: ("probabilities", "Softmax", {"axis": -1}),
    BinaryFocalFromLogits: ("probabilities", "Sigmoid", {}),
    FocalFromLogits: ("probabilities", "Softmax", {"axis": -1}),
    Poisson: ("mean", "Exp", {}),
}
"""What a trained network puts out beside its raw output, by its loss: the name, and the operator that makes it."""


def network_outputs(place: Place, network: Network, x: str) -> Outputs:
    """Write a network and its loss's link for an input of doubles, and return what it puts out."""
    output = write_network(place, network, x)
    outputs: Outputs = {"output": (output, np.dtype(np.float32), network.outputs)}
    if network.fitted is not None and type(network.fitted.loss) in LINKS:
        name, operator, settings = LINKS[type(network.fitted.loss)]
        outputs[name] = (place.add(operator, output, **settings), np.dtype(np.float32), network.outputs)
    return outputs


def write_network(place: Place, network: Network, x: str, *, in_doubles: int = 0) -> str:
    """Write a network for an input of doubles, and return the name of its raw output in float32.

    Parameters
    ----------
    place : Place
    network : Network
    x : str
        The name of its input.
    in_doubles : int
        How many of the first layers are computed in doubles, too.

    Raises
    ------
    ValueError
        If the network has several members.
    """
    if network.members is not None:
        raise ValueError(
            f"the network has {network.members} members, and an ONNX file holds one network: choose one with "
            "pellucid.insight.member.single(network, member)"
        )
    state = dict(zip(network.names, network.state, strict=True))
    inside = Place(place.graph, "", joined(network.parameters), joined(state), network.inputs)
    first, names, layers = replace(inside, dtype=np.float64), network.names, network.layers
    x = place.cast(write_layers(first, names[:in_doubles], layers[:in_doubles], x), np.float32)
    inside = replace(inside, shape=network.shapes[in_doubles])
    return write_layers(inside, names[in_doubles:], layers[in_doubles:], x)

"""Weights to PyTorch and back, under the names and in the layouts of a ``torch.nn.Sequential``'s state_dict."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.exchange.flattening import orders
from pellucid.exchange.weights import Leaf, Match, Matches, arrays, checked, leaves, load
from pellucid.layers import BatchNorm, Conv2D, Dense, Embedding, LayerNorm, PReLU, RMSNorm
from pellucid.network import Network

MATCHES: Matches = {
    Dense: (Match("weights", "weight", axes=(1, 0), along_inputs=True), Match("bias", "bias")),
    Conv2D: (Match("weights", "weight", axes=(3, 2, 0, 1)), Match("bias", "bias")),
    Embedding: (Match("weights", "weight"),),
    BatchNorm: (
        Match("scale", "weight", along_inputs=True),
        Match("shift", "bias", along_inputs=True),
        Match("mean", "running_mean", along_inputs=True),
        Match("variance", "running_var", along_inputs=True),
    ),
    LayerNorm: (Match("scale", "weight", along_inputs=True), Match("shift", "bias", along_inputs=True)),
    RMSNorm: (Match("scale", "weight", along_inputs=True),),
    PReLU: (Match("slope", "weight", along_inputs=True),),
}

# How many batches a BatchNorm has seen: PyTorch's keeps it, and looks at it only where its momentum is None.
COUNT = "num_batches_tracked"


def torch_weights(network: Network) -> dict[str, Array]:
    """Return what a network has learnt as the ``state_dict`` of a ``torch.nn.Sequential`` of the same layers.

    The names begin with a layer's place in the network, from 0 and activations counted too: ``"0.weight"`` [O, I],
    ``"0.bias"`` [O]. Within a block a layer has its place after the block's, as in a ``Sequential`` within a
    ``Sequential``: ``"1.0.weight"``.

    Parameters
    ----------
    network : Network

    Returns
    -------
    dict of str to array
        Independent copies, in the network's own dtype. PyTorch need not be installed.

    Raises
    ------
    ValueError
        If the network has several members.
    TypeError
        If a layer that is not one of Pellucid's own has parameters.

    Examples
    --------
    >>> from pellucid import Dense, Network, Tanh
    >>> network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    >>> {name: array.shape for name, array in torch_weights(network).items()}
    {'0.weight': (3, 2), '0.bias': (3,), '2.weight': (1, 3), '2.bias': (1,)}

    In PyTorch::

        from torch import from_numpy, nn

        module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
        module.load_state_dict({name: from_numpy(array) for name, array in torch_weights(network).items()})

    Source: PyTorch, "torch.nn.Module.state_dict".
    """
    known, there = arrays(network), orders(network)
    weights: dict[str, Array] = {}
    for leaf in leaves(network, MATCHES, "PyTorch"):
        array = known[leaf.name]
        if _turned(leaf, array, there):
            array = array[there[leaf.path]]
        weights[_key(leaf, leaf.match.theirs)] = leaf.match.outward(array)
        if leaf.match.theirs == "running_var":
            weights[_key(leaf, COUNT)] = np.array(0)
    return weights


def load_torch_weights(network: Network, weights: Mapping[str, Any]) -> Network:
    """Take over the weights of a ``torch.nn.Sequential`` of the same layers; return the network.

    The memory of an optimizer is forgotten. Settings are not compared: a layer must be the same function in both.

    Parameters
    ----------
    network : Network
        Whose parameters and running statistics are replaced; left as it is if anything does not fit.
    weights : mapping of str to tensor or array
        ``module.state_dict()``, with the names that `torch_weights` gives.

    Raises
    ------
    ValueError
        If names are missing or unknown (all are listed), or an array has another shape.
    TypeError
        If one holds no real numbers, or `weights` is no mapping.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> load_torch_weights(network, {"0.weight": [[2.0, 3.0]], "0.bias": [1.0]}).predict([[1.0, 10.0]])
    array([[33.]])
    >>> load_torch_weights(network, {"0.weight": [[2.0], [3.0]], "0.bias": [1.0]})
    Traceback (most recent call last):
        ...
    ValueError: weights['0.weight'] (weights of dense_1) has shape (2, 1), expected (1, 2)
    """
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights must be a state_dict, a mapping of names to arrays, found {type(weights).__name__}")
    wanted = {_key(leaf, leaf.match.theirs): leaf for leaf in leaves(network, MATCHES, "PyTorch")}
    counts = {_key(leaf, COUNT) for leaf in wanted.values() if leaf.match.theirs == "running_var"}
    _check_names(list(wanted), [name for name in weights if name not in counts])
    known, there, found = arrays(network), orders(network), {}
    for key, leaf in wanted.items():
        expected = leaf.match.outward(known[leaf.name])
        array = leaf.match.inward(checked(weights[key], f"weights[{key!r}] ({leaf})", expected))
        if _turned(leaf, array, there):
            array = array[np.argsort(there[leaf.path])]
        found[leaf.name] = array
    return load(network, found)


def _key(leaf: Leaf, name: str) -> str:
    return ".".join([*map(str, leaf.places), name])


def _turned(leaf: Leaf, array: Array, there: Mapping[str, Array]) -> bool:
    """Return whether an array has an entry for each of a layer's inputs, and PyTorch has those in another order."""
    return leaf.match.along_inputs and leaf.path in there and len(array) == len(there[leaf.path])


def _check_names(wanted: list[str], given: list[str]) -> None:
    missing = [name for name in wanted if name not in given]
    unknown = [str(name) for name in given if name not in wanted]
    if missing or unknown:
        parts = [f"lack {', '.join(missing)}"] if missing else []
        parts += [f"hold {', '.join(unknown)}, which the network has no place for"] if unknown else []
        raise ValueError(
            f"weights {' and '.join(parts)}; a name is a layer's place in network.layers, activations counted too, and "
            "what PyTorch calls the array"
        )

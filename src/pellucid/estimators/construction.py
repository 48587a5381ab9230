"""From an estimator's parameters to a network: its layers, and first weights as scikit-learn draws them."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import as_code
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    BatchNorm,
    Dense,
    Dropout,
    HardSigmoid,
    HardSwish,
    Layer,
    LayerNorm,
    LeakyReLU,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from pellucid.losses import GaussianNLL, Loss, Quantile
from pellucid.network import Network

ACTIVATIONS: dict[str, type[Layer] | None] = {
    "identity": None,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "elu": ELU,
    "gelu": GELU,
    "hard_sigmoid": HardSigmoid,
    "hard_swish": HardSwish,
    "leaky_relu": LeakyReLU,
    "mish": Mish,
    "prelu": PReLU,
    "selu": SELU,
    "silu": SiLU,
    "softplus": Softplus,
    "softsign": Softsign,
}
"""The names of activations: the first four are scikit-learn's."""
NORMALIZATIONS: dict[str, type[Layer]] = {"batch": BatchNorm, "layer": LayerNorm}


def sizes_of(hidden_layer_sizes: Any) -> list[int]:
    """Return the widths of the hidden layers.

    Raises
    ------
    TypeError
        If one is no whole number.
    ValueError
        If one is not positive.

    Examples
    --------
    >>> sizes_of(100), sizes_of((64, 32))
    ([100], [64, 32])
    """
    sizes = list(hidden_layer_sizes) if hasattr(hidden_layer_sizes, "__iter__") else [hidden_layer_sizes]
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise TypeError(f"hidden_layer_sizes must hold whole numbers, found {size!r}")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def hidden_layers(estimator: Any, sizes: Sequence[int]) -> list[Layer]:
    """Return all layers but the last that an estimator's parameters ask for, with hidden layers of these widths.

    Each hidden layer is a product with weights, then the normalisation, the activation and the dropout.
    """
    if estimator.layers is not None:
        layers = list(estimator.layers)
        for place, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers must hold Pellucid's layers, found {layer!r} at place {place}")
        return layers
    activations = each("activation", estimator.activation, len(sizes))
    dropouts = each("dropout", estimator.dropout, len(sizes))
    for share in dropouts:
        if isinstance(share, bool) or not isinstance(share, Real) or not 0 <= float(share) < 1:
            raise ValueError(f"dropout must hold numbers in [0, 1), found {share!r}")
    layers = []
    for size, activation, dropout in zip(sizes, activations, dropouts, strict=True):
        layers.append(Dense(size))
        if estimator.normalization is not None:
            layers.append(NORMALIZATIONS[estimator.normalization]())
        chosen = activation_layer(activation)
        layers += [] if chosen is None else [chosen]
        layers += [Dropout(dropout)] if dropout else []
    return layers


def each(name: str, value: Any, count: int) -> list[Any]:
    """Return one value for each hidden layer, from one for all or a list of them.

    Examples
    --------
    >>> each("dropout", 0.5, 2), each("dropout", [0.1, 0.2], 2)
    ([0.5, 0.5], [0.1, 0.2])
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name} holds {len(value)} values for {count} hidden layers; give one, or one for each")
    return list(value)


def activation_layer(activation: Any) -> Layer | None:
    """Return the layer of an activation, by name or given; None for the identity.

    Examples
    --------
    >>> activation_layer("gelu"), activation_layer("identity")
    (GELU(approximate=False), None)
    """
    if isinstance(activation, Layer):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, or a layer, found {activation!r}")
    kind = ACTIVATIONS[activation]
    return None if kind is None else kind()


def outputs_for(loss: Loss, targets: int) -> int:
    """Return how many outputs a loss needs for so many columns of the target.

    Examples
    --------
    >>> from pellucid import GaussianNLL, Quantile, SquaredError
    >>> [outputs_for(loss, 3) for loss in (SquaredError(), GaussianNLL(), Quantile(q=(0.05, 0.95)))]
    [3, 6, 6]
    """
    if isinstance(loss, GaussianNLL):
        return 2 * targets
    return targets * (len(loss.q) if isinstance(loss, Quantile) and isinstance(loss.q, tuple) else 1)


def network_for(estimator: Any, inputs: int, outputs: int, dtype: Any, random_state: np.random.RandomState) -> Network:
    """Return a network whose first weights are drawn as scikit-learn draws them.

    For each layer, first its weights and then its biases are uniform on +-sqrt(6 / (inputs + outputs)), with 2 in
    place of 6 for the logistic activation. Layers given by ``layers`` draw their own, from a seed drawn here.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    section 4.2.1.
    """
    layers = [*hidden_layers(estimator, sizes_of(estimator.hidden_layer_sizes)), Dense(outputs)]
    if estimator.layers is not None:
        return Network(inputs, layers, seed=int(random_state.randint(np.iinfo(np.int32).max)), dtype=dtype)
    # Only layers that draw need a seed: scikit-learn's own draws are not to be moved by one that nobody needs.
    seed = int(random_state.randint(np.iinfo(np.int32).max)) if np.any(estimator.dropout) else 0
    network = Network(inputs, layers, seed=seed, dtype=dtype)
    views = dense_views(network)
    hidden = each("activation", estimator.activation, len(views) - 1)
    for (weights, bias), activation in zip(views, [*hidden, (hidden or [estimator.activation])[-1]], strict=True):
        logistic = activation == "logistic" or isinstance(activation, Sigmoid)
        bound = np.sqrt((2.0 if logistic else 6.0) / sum(weights.shape))
        weights[...] = random_state.uniform(-bound, bound, weights.shape)
        bias[...] = random_state.uniform(-bound, bound, bias.shape)
    return network


def adapted(estimator: Any, network: Network, outputs: int) -> Network:
    """Return the network to go on with: its weights, in the layers that the parameters ask for by now.

    As in scikit-learn, ``warm_start`` and ``partial_fit`` go over to another activation, but the widths stay what they
    were, whatever ``hidden_layer_sizes`` says. What needs other weights than those at hand is refused.
    """
    *hidden, there = [layer.units for layer in network.layers if isinstance(layer, Dense)]
    if outputs != there:
        raise ValueError(
            f"warm_start and partial_fit go on with the weights at hand, which give {there} output(s); y and "
            f"loss={estimator.loss!r} now need {outputs}. To begin anew, call fit with warm_start=False"
        )
    layers = (*hidden_layers(estimator, hidden), Dense(outputs))
    if layers == network.layers:
        return network
    other = Network(network.inputs, layers, seed=network.seed, dtype=network.dtype)
    if parameter_shapes(other) != parameter_shapes(network):
        asked, had = (", ".join(as_code(layer) for layer in some) for some in (layers, network.layers))
        raise ValueError(
            "warm_start and partial_fit go on with the weights at hand: layers, normalization and activation now ask "
            f"for [{asked}], which has others than the network, [{had}]; to begin anew, call fit with "
            "warm_start=False"
        )
    other.start_from(network).freeze(*(name for name in network.frozen if name in other.names))
    other.fitted = network.fitted  # only now, as both of these would forget the optimizer's memory
    return other


def parameter_shapes(network: Network) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return the shape of every parameter, by its layer and its name.

    Examples
    --------
    >>> parameter_shapes(Network(2, [Dense(3), ReLU()]))
    {'dense_1': {'weights': (2, 3), 'bias': (3,)}}
    """
    return {name: {key: view.shape for key, view in views.items()} for name, views in network.parameters.items()}


def dense_views(network: Network) -> list[tuple[Array, Array]]:
    """Return weights [I, O] and biases [O] of every fully connected layer in the chain, as views into theta.

    A layer without a bias has zeros there, which belong to nothing.
    """
    found = []
    for layer, named in zip(network.layers, network._views, strict=True):
        if isinstance(layer, Dense):
            bias = named.get("bias")
            found.append((named["weights"], np.zeros(layer.units, network.dtype) if bias is None else bias))
    return found

"""A layer of one's own that does not keep the contract is named, with what it must return."""

from dataclasses import dataclass

import numpy as np
import pytest

from pellucid import Chain, Dense, Layer, Network, Parallel, Parameter, Residual, Tanh, Zeros, check_gradients


@dataclass(frozen=True)
class Sound(Layer):
    """Multiply by a learnt scale."""

    def parameters(self, input_shape):
        return {"scale": Parameter(input_shape, Zeros())}

    def forward(self, parameters, x, context):
        return x * parameters["scale"][..., None, :], {"x": x}

    def backward(self, parameters, cache, dy):
        return dy * parameters["scale"][..., None, :], {"scale": (dy * cache["x"]).sum(axis=-2)}


class NoCache(Sound):
    def forward(self, parameters, x, context):
        return x + 1


class NoPair(Sound):
    def backward(self, parameters, cache, dy):
        return dy


class NoGradient(Sound):
    def backward(self, parameters, cache, dy):
        return dy, {}


class ArrayForParameter(Sound):
    def parameters(self, input_shape):
        return {"scale": np.zeros(input_shape)}


class WiderThanSaid(Sound):
    def forward(self, parameters, x, context):
        return np.concatenate([x, x], axis=-1), {"x": x}


class WrongShape(Sound):
    def backward(self, parameters, cache, dy):
        return dy, {"scale": dy}


class WrongDx(Sound):
    def backward(self, parameters, cache, dy):
        return dy[:1], {"scale": dy.sum(axis=-2)}


@pytest.mark.parametrize(("layer", "message"), [
    (NoCache(), r"layer no_cache_1: forward must return \(output, cache\)"),
    (NoPair(), r"layer no_pair_1: backward must return \(dx, gradients\)"),
    (NoGradient(), r"layer no_gradient_1: backward must give one gradient .* scale"),
    (ArrayForParameter(), r"layer array_for_parameter_1: parameters must .* found ndarray"),
    (WiderThanSaid(), r"layer wider_than_said_1: .* into \(4,\), but output_shape says \(2,\)"),
    (WrongShape(), r"layer wrong_shape_1: the gradient of 'scale' has shape \(3, 2\), expected \(2,\)"),
    (WrongDx(), r"layer wrong_dx_1: backward gives dx of shape \(1, 2\)"),
])  # fmt: skip
def test_a_mistake_in_a_layer_is_named(layer, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Network(2, [layer, Dense(1)], seed=0)


@pytest.mark.parametrize(("block", "message"), [
    (Residual([Tanh(), NoCache()]), r"layer residual_1\.no_cache_1: forward must return \(output, cache\)"),
    (Parallel([Tanh(), [Tanh(), NoPair()]]), r"layer parallel_1\.branch_2\.no_pair_1: backward must return"),
    (Chain([Residual([WiderThanSaid()])]), r"layer chain_1\.residual_1\.wider_than_said_1: .* into \(4,\)"),
    (Parallel([WrongShape(), Tanh()]), r"layer parallel_1\.branch_1: the gradient of 'scale' has shape \(3, 2\)"),
])  # fmt: skip
def test_a_mistake_in_a_layer_within_a_block_is_named(block, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Network(2, [block, Dense(1)], seed=0)


def test_a_sound_layer_is_taken():
    network = Network(2, [Sound(), Dense(1)], seed=0)
    assert check_gradients(network, np.ones((3, 2)), np.ones(3), loss="squared_error").passed

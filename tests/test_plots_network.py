"""The recorder, the loss landscape and the network diagram."""

from dataclasses import dataclass

import numpy as np
import pytest

from pellucid import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    EarlyStopping,
    Flatten,
    Layer,
    MaxPool2D,
    Network,
    ReLU,
    Residual,
    Tanh,
)
from pellucid.insight.landscape import loss_landscape
from pellucid.insight.recorder import Recorder
from pellucid.training import run

pytest.importorskip("matplotlib")
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from pellucid.insight.plots.diagram import diagram_limits, line_width, network_diagram

LOSS = "binary_cross_entropy_from_logits"


def records(rows=60, seed=0):
    X = np.random.default_rng(seed).normal(size=(rows, 2))
    return X, ((X**2).sum(axis=1) > 1.2).astype(int)


def trained(members=None, epochs=12, dtype="float64", **options):
    X, y = records()
    network = Network(2, [Dense(4), Tanh(), Dense(1)], seed=0, members=members, dtype=dtype)
    recorder = Recorder(network, **options)
    network.fit(X, y, loss=LOSS, optimizer=Adam(0.05), epochs=epochs, callbacks=[recorder])
    return network, recorder, X, y


# Recorder


@pytest.mark.parametrize(("members", "dtype"), [(None, "float64"), (3, "float64"), (None, "float32")])
def test_recorder_holds_the_very_thetas_of_training(members, dtype):
    X, y = records()
    seen = []
    network = Network(2, [Dense(4), Tanh(), Dense(1)], seed=0, members=members, dtype=dtype)
    seen.append(network.theta.copy())
    recorder = Recorder(network)
    history = network.fit(
        X, y, loss=LOSS, epochs=5, callbacks=[recorder, lambda report: seen.append(report.network.theta.copy())]
    )
    assert recorder.epochs.tolist() == [0, 1, 2, 3, 4, 5]
    assert recorder.thetas.dtype == dtype
    assert np.array_equal(recorder.thetas, np.stack(seen))
    assert np.array_equal(recorder.losses[1:], history["loss"])
    assert np.isnan(recorder.losses[0]).all()


def test_recording_does_not_change_training():
    X, y = records()
    plain = Network(2, [Dense(4), Tanh(), Dense(1)], seed=0)
    plain.fit(X, y, loss=LOSS, optimizer=Adam(0.05), epochs=12)
    assert np.array_equal(trained()[0].theta, plain.theta)


def test_recorder_thins_itself_and_keeps_start_and_last():
    network, recorder, _, _ = trained(epochs=1001, most=16)
    epochs = recorder.epochs
    assert len(recorder) <= 17
    assert (epochs[0], epochs[-1]) == (0, 1001)
    assert set(np.diff(epochs[:-1])) == {recorder.every} == {64}
    assert np.array_equal(recorder.thetas[-1], network.theta)


def test_recorder_goes_on_with_the_next_training():
    network, recorder, X, y = trained(epochs=4, every=3)
    assert recorder.epochs.tolist() == [0, 3, 4]
    network.fit(X, y, epochs=4, callbacks=[recorder])
    assert recorder.epochs.tolist() == [0, 3, 6, 8]


def test_recorder_keeps_the_last_epoch_before_early_stopping_goes_back():
    X, y = records()
    network = Network(2, [Dense(4), Tanh(), Dense(1)], seed=0)
    recorder, last = Recorder(network), []
    stop = EarlyStopping(2)
    network.fit(
        X, y, loss=LOSS, optimizer=SGD(3.0), epochs=300, validation_fraction=0.3,
        callbacks=[stop, recorder, lambda report: last.append(report.network.theta.copy())],
    )  # fmt: skip
    assert np.array_equal(recorder.thetas[-1], last[-1])
    assert np.array_equal(recorder.thetas[stop.best_epoch], network.theta)


def test_a_network_of_a_moment_has_its_running_statistics():
    X, y = records()
    network = Network(2, [Dense(4), Residual([BatchNorm(), Tanh(), Dense(4)]), Dense(1)], seed=0)
    recorder, seen = Recorder(network), []
    network.fit(X, y, loss=LOSS, epochs=3, callbacks=[recorder, lambda report: seen.append(report.network.predict(X))])
    for index, output in enumerate(seen, start=1):
        assert (recorder.network_at(index).predict(X) == output).all()


def test_network_of_a_moment_is_independent():
    network, recorder, X, _ = trained()
    before = network.theta.copy()
    then = recorder.network_at(3)
    assert np.array_equal(then.theta, recorder.thetas[3])
    assert then.fitted.loss is network.fitted.loss
    assert then.fitted.optimizer_state is None
    then.theta = np.zeros_like(before)
    assert np.array_equal(network.theta, before)
    assert recorder.thetas[3].any()
    assert np.array_equal(recorder.network_at(-1).predict(X), network.predict(X))


def test_recorder_refuses_what_does_not_fit():
    network, recorder, X, y = trained(epochs=2)
    with pytest.raises(IndexError, match="0 to 2, found 3"):
        recorder.network_at(3)
    with pytest.raises(ValueError, match="another network"):
        network.copy().fit(X, y, epochs=1, callbacks=[recorder])
    with pytest.raises(ValueError, match="every must be"):
        Recorder(network, 0)
    with pytest.raises(ValueError, match="most must be"):
        Recorder(network, most=1)
    with pytest.raises(TypeError, match="found a str"):
        Recorder("network")


def test_a_batch_is_no_epoch():
    X, y = records()
    network = Network(2, [Dense(1)], seed=0)
    recorder = Recorder(network)
    for _ in run(network, X, y, loss=LOSS, epochs=2, batch_size=20, every="batch", callbacks=[recorder]):
        pass
    assert recorder.epochs.tolist() == [0, 1, 2]


# Loss landscape


@pytest.mark.parametrize("with_path", [True, False])
def test_landscape_at_its_centre_is_the_networks_loss(with_path):
    network, recorder, X, y = trained()
    before = network.theta.copy()
    found = loss_landscape(network, X, y, thetas=recorder.thetas if with_path else None, points=9)
    column, row = np.flatnonzero(found.first == 0), np.flatnonzero(found.second == 0)
    assert (len(column), len(row)) == (1, 1)
    assert found.losses[row[0], column[0]] == found.centre_loss == network.loss(X, y)
    assert np.array_equal(network.theta, before)
    # Any other point is the loss of the parameters that the record says it is.
    other = network.copy()
    other.theta = found.centre + found.first[1] * found.directions[0] + found.second[7] * found.directions[1]
    # The three are added in another order here than there, so the last bit is not asked for.
    assert other.loss(X, y) == pytest.approx(found.losses[7, 1], rel=1e-12)


def test_path_ends_at_the_centre_and_lies_in_the_slice():
    network, recorder, X, y = trained(epochs=30)
    found = loss_landscape(network, X, y, thetas=recorder.thetas, points=9)
    assert np.array_equal(found.path[-1], [0.0, 0.0])
    assert found.path.shape == (31, 2)
    for axis, grid in enumerate((found.first, found.second)):
        assert grid[0] < found.path[:, axis].min() <= found.path[:, axis].max() < grid[-1]


def test_principal_directions_are_those_of_a_full_decomposition():
    network, recorder, X, y = trained(epochs=30)
    found = loss_landscape(network, X, y, thetas=recorder.thetas, points=3)
    variances, vectors = np.linalg.eigh(np.cov(recorder.thetas.T))
    np.testing.assert_allclose(found.shares, variances[[-1, -2]] / variances.sum(), rtol=1e-9)
    np.testing.assert_allclose(np.abs(found.directions @ vectors[:, [-1, -2]]), np.eye(2), atol=1e-7)
    assert 0.5 < sum(found.shares) <= 1


def test_random_directions_are_as_long_as_the_weights_unit_by_unit():
    network, _, X, y = trained()
    found = loss_landscape(network, X, y, points=3)
    for direction in found.directions:
        views = network.layout.views(direction)
        for own, drawn in zip(network.layout.views(network.theta), views, strict=True):
            for name in own:
                if name == "bias":
                    assert not drawn[name].any()
                else:
                    np.testing.assert_allclose(
                        np.linalg.norm(drawn[name], axis=0), np.linalg.norm(own[name], axis=0), rtol=1e-12
                    )
    again = loss_landscape(network, X, y, points=3)
    assert np.array_equal(again.directions, found.directions)
    assert not np.array_equal(loss_landscape(network, X, y, points=3, seed=1).directions, found.directions)


def test_landscape_of_a_straight_path_of_a_member_and_of_a_sample():
    network, recorder, X, y = trained(members=3)
    found = loss_landscape(network, X, y, thetas=recorder.thetas[[0, -1]], points=3, member=2, at_most=20)
    assert found.shares == (1.0, 0.0)
    assert found.records == 20
    assert np.array_equal(found.centre, network.theta[2])
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-12)


def test_landscape_refuses_what_does_not_fit():
    network, recorder, X, y = trained(epochs=2)
    with pytest.raises(ValueError, match=r"\[T, 17\] with T at least 2"):
        loss_landscape(network, X, y, thetas=recorder.thetas[:, :3])
    with pytest.raises(ValueError, match="same parameters throughout"):
        loss_landscape(network, X, y, thetas=[network.theta] * 3)
    with pytest.raises(ValueError, match="not finite"):
        loss_landscape(network, X, y, thetas=np.where(recorder.thetas > 0, recorder.thetas, np.nan))
    with pytest.raises(ValueError, match="points must be"):
        loss_landscape(network, X, y, points=2)
    network.theta = np.zeros_like(network.theta)
    with pytest.raises(ValueError, match="all weights are 0"):
        loss_landscape(network, X, y)
    with pytest.raises(ValueError, match="name a loss"):
        loss_landscape(Network(2, [Dense(1)], seed=0), X, y)


# Diagram


def drawn(network, **options):
    before, figures = network.theta.copy(), plt.get_fignums()
    given = Figure(figsize=(8, 5)).subplots()
    ax = network_diagram(network, ax=given, **options)
    assert ax is given
    assert plt.get_fignums() == figures
    assert np.array_equal(network.theta, before)
    ax.figure.canvas.draw()
    lines = [part for part in ax.collections if isinstance(part, LineCollection)]
    units = [part for part in ax.collections if not isinstance(part, LineCollection)]
    return ax, lines, units


def test_width_grows_with_the_size_of_the_weight_and_colour_and_dashes_follow_its_sign():
    network = Network(3, [Dense(4), Tanh(), Dense(2)], seed=0)
    network.theta = np.random.default_rng(1).normal(size=network.theta.shape)
    _, lines, _ = drawn(network)
    assert len(lines) == 2
    for part, name in zip(lines, ("dense_1", "dense_2"), strict=True):
        ordered = np.sort(np.abs(network.parameters[name]["weights"]).ravel())
        assert len(part.get_segments()) == len(ordered)
        assert (np.diff(part.get_linewidths()) > 0).all()
        for segment, colour, style in zip(part.get_segments(), part.get_colors(), part.get_linestyles(), strict=True):
            heights = [{0: 3, 1: 4, 2: 2}[int(x)] / 2 - 0.5 - y for x, y in segment]
            start, end = (round(height) for height in heights)
            positive = network.parameters[name]["weights"][start, end] > 0
            assert (colour[0] > colour[2]) == positive  # orange has more red, purple more blue
            assert (style[1] is None) == positive


def test_line_width_is_monotone_and_bounded():
    widths = line_width(np.linspace(0, 5, 50), 3.0)
    assert (np.diff(widths) >= 0).all()
    assert widths[-1] == line_width(-3.0, 3.0)


@pytest.mark.parametrize(("units", "shown"), [(2, 2), (16, 16), (17, 16), (200, 16)])
def test_number_of_units_drawn(units, shown):
    ax, lines, circles = drawn(Network(2, [Dense(units), ReLU(), Dense(1)], seed=0), most_lines=20)
    assert [len(part.get_offsets()) for part in circles] == [2, shown, 1]
    label = ax.get_xticklabels()[1].get_text()
    assert f"{units} units" in label
    assert ("drawn" in label) == (2 * units > 20)
    assert len(lines[0].get_segments()) == min(2 * shown, 20)
    assert ("⋮" in [text.get_text() for text in ax.texts]) == (units > shown)


def test_of_many_weights_the_largest_are_drawn():
    network = Network(4, [Dense(8)], seed=0)
    _, (part,), _ = drawn(network, most_lines=5)
    kept = np.sort(np.abs(network.parameters["dense_1"]["weights"]).ravel())[-5:]
    np.testing.assert_array_equal(np.argsort(part.get_linewidths()), np.arange(5))
    ratio = (np.array(part.get_linewidths()) - 0.2) / (part.get_linewidths()[-1] - 0.2)
    np.testing.assert_allclose(ratio, kept / kept[-1], rtol=1e-12)


def test_names_title_and_scale_are_there():
    network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0, members=2)
    ax, _, _ = drawn(network, feature_names=["age", "height"], output_names=["price"], member=1)
    texts = [text.get_text() for text in ax.texts]
    assert {"age", "height", "price"} <= set(texts)
    assert "member 2 of 2" in ax.get_title()
    assert "tanh_1" in ax.get_xticklabels()[1].get_text()
    assert len(ax.get_legend().get_texts()) == 4
    bar = next(part.colorbar for part in ax.collections if part.colorbar is not None)
    assert "bias" in bar.ax.get_ylabel()


@dataclass(frozen=True)
class Rows(Layer):
    def output_shape(self, input_shape):
        return (int(np.prod(input_shape)),)

    def forward(self, parameters, x, context):
        return x.reshape(*x.shape[:-2], -1), {"shape": x.shape}

    def backward(self, parameters, cache, dy):
        return dy.reshape(cache["shape"]), {}


def test_a_layer_of_ones_own_is_a_box():
    ax, lines, circles = drawn(Network((2, 3), [Rows(), Dense(2, bias=False)], seed=0))
    assert any(text.get_text().startswith("rows_1\n2 x 3\nto 6") for text in ax.texts)
    assert len(lines) == 1
    assert [len(part.get_offsets()) for part in circles] == [6, 2]
    assert all(part.colorbar is None for part in ax.collections)  # nothing has a bias


def test_blocks_and_images_are_boxes_that_say_what_is_within():
    network = Network(4, [Residual([Dense(4)]), Tanh(), Dense(2)], seed=0)
    ax = network_diagram(network, ax=Figure().subplots())
    boxes = [text.get_text() for text in ax.texts if "residual_1" in text.get_text()]
    # It has one matrix of weights, 4 x 4, and yet no plain lines: there is a way past them.
    assert boxes == ["residual_1\n· Dense\n4 to 4"]
    assert [label.get_text() for label in ax.get_xticklabels()][2].startswith("tanh_1")
    long = Network(4, [Residual([Tanh() for _ in range(9)])], seed=0)
    texts = [text.get_text() for text in network_diagram(long, ax=Figure().subplots()).texts]
    assert any("and 4 more" in text for text in texts)
    images = Network((6, 6, 1), [Conv2D(2, 3), ReLU(), MaxPool2D(), Flatten(), Dense(1)], seed=0)
    texts = [text.get_text() for text in network_diagram(images, ax=Figure().subplots()).texts]
    assert "conv2d_1\n6 x 6 x 1\nto 4 x 4 x 2\nrelu_1" in texts
    assert "max_pool2d_1\n4 x 4 x 2\nto 2 x 2 x 2" in texts


def test_one_scale_for_several_diagrams():
    _, recorder, _, _ = trained()
    networks = [recorder.network_at(index) for index in (0, -1)]
    weight, _ = diagram_limits(networks)
    assert weight == max(np.abs(one.parameters[name]["weights"]).max() for one in networks for name in one.parameters)
    _, first, _ = drawn(networks[0], limits=diagram_limits(networks))
    _, alone, _ = drawn(networks[0])
    assert max(first[0].get_linewidths()) < max(alone[0].get_linewidths())


def test_diagram_refuses_what_does_not_fit():
    network = Network(2, [Dense(1)], seed=0)
    for options, message in (
        ({"feature_names": ["age"]}, "feature_names must hold 2 names, found 1"),
        ({"most_units": 1}, "most_units must be"),
        ({"most_lines": 0}, "most_lines must be"),
    ):
        with pytest.raises(ValueError, match=message):
            network_diagram(network, ax=Figure().subplots(), **options)
    with pytest.raises(TypeError, match="ax must be one axes"):
        network_diagram(network, ax=[1, 2])


def test_a_weight_of_0_has_no_line_and_what_cannot_be_drawn_is_refused():
    network = Network(2, [Dense(1)], seed=0)
    network.theta = [1.0, 0.0, 0.5]
    drawn = network_diagram(network, ax=Figure().subplots())
    lines = [segment for part in drawn.collections if hasattr(part, "get_segments") for segment in part.get_segments()]
    assert len(lines) == 1
    for limits in ((0, 0), "ab", (1.0,)):
        with pytest.raises(ValueError, match="limits must be two positive numbers"):
            network_diagram(network, limits=limits, ax=Figure().subplots())
    network.theta = [np.nan, 1.0, 0.0]
    with pytest.raises(ValueError, match="1 of the network's parameters are not finite"):
        network_diagram(network, ax=Figure().subplots())

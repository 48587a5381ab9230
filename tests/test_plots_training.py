"""Pictures of a training: curves, histograms, weights as images, contours of the loss, the gradient check, films."""

import shutil
from dataclasses import dataclass

import numpy as np
import pytest

from pellucid import (
    Adam,
    Chain,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    Network,
    Recorder,
    ReLU,
    Residual,
    Tanh,
    check_gradients,
    trace,
)
from pellucid.insight import loss_landscape, plots
from pellucid.insight.plots.curves import shown_epochs
from pellucid.insight.plots.distributions import linear_part
from pellucid.training.history import History

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from PIL import Image  # noqa: E402


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def axes():
    return Figure().subplots()


def data(records=60, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((records, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def trained(epochs=12, members=None, dtype="float64"):
    X, y = data()
    network = Network(2, [Dense(5), Tanh(), Dense(4), ReLU(), Dense(2)], seed=0, members=members, dtype=dtype)
    recorder = Recorder(network)
    settings = {"loss": "cross_entropy_from_logits", "optimizer": Adam(0.02), "epochs": epochs}
    network.fit(X, y, validation_data=data(seed=1), callbacks=[recorder], **settings)
    return network, recorder, X, y


def history_of(losses, validation=None):
    history = History()
    for place, loss in enumerate(losses):
        history.append(loss, None if validation is None else validation[place], 0.1, float(place))
    return history


PICTURES = {
    "curves": lambda n, r, X, y, ax: plots.learning_curves(n.history, ax=ax),
    "activations": lambda n, r, X, y, ax: plots.activation_histograms(trace(n, X, y), ax=ax),
    "gradients": lambda n, r, X, y, ax: plots.gradient_histograms(trace(n, X, y), ax=ax),
    "activations over epochs": lambda n, r, X, y, ax: plots.activations_over_epochs(r, X, "tanh_1", ax=ax),
    "gradients over epochs": lambda n, r, X, y, ax: plots.gradients_over_epochs(r, X, y, "dense_1", ax=ax),
    "weights": lambda n, r, X, y, ax: plots.first_layer_images(n, (1, 2), ax=ax),
    "contours": lambda n, r, X, y, ax: plots.loss_contours(
        loss_landscape(n, X, y, thetas=r.thetas, points=7), epochs=r.epochs, ax=ax
    ),
    "gradient check": lambda n, r, X, y, ax: plots.gradient_check(check_gradients(n, X[:4], y[:4]), ax=ax),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_drawn_where_it_is_asked_for_and_changes_nothing(draw):
    network, recorder, X, y = trained(epochs=3)
    theta, settings = network.theta.copy(), dict(matplotlib.rcParams)
    ax = axes()
    assert draw(network, recorder, X, y, ax) is ax
    assert not plt.get_fignums()
    assert (network.theta == theta).all()
    assert dict(matplotlib.rcParams) == settings
    assert ax.get_title()
    assert draw(network, recorder, X, y, None) is not ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("members", [None, 3])
def test_pictures_of_members_and_of_float32(members, dtype):
    network, recorder, X, y = trained(epochs=3, members=members, dtype=dtype)
    one = {} if members is None else {"member": 2}
    plots.learning_curves(network.history, ax=axes())
    plots.activation_histograms(trace(network, X, y, **one), ax=axes())
    plots.activations_over_epochs(recorder, X, "tanh_1", **one, ax=axes())
    plots.first_layer_images(network, (2, 1), **one, ax=axes())
    plots.network_diagram(network, **one, ax=axes())


# Learning curves


def test_curves_are_the_historys_and_the_best_epoch_is_marked():
    history = history_of([3.0, 2.0, 1.5, 1.2], [3.5, 2.5, 2.0, 2.2])
    ax = plots.learning_curves(history, ax=axes())
    training, validation = ax.get_lines()[:2]
    assert training.get_ydata().tolist() == [3.0, 2.0, 1.5, 1.2]
    assert training.get_xdata().tolist() == [1, 2, 3, 4]
    assert validation.get_ydata().tolist() == [3.5, 2.5, 2.0, 2.2]
    assert training.get_linestyle() != validation.get_linestyle()
    assert any("epoch 3" in text.get_text() for text in ax.get_legend().get_texts())
    assert ax.get_yscale() == "linear"
    assert ax.get_xlabel() == "epoch"


@pytest.mark.parametrize(("last", "scale"), [(1.0, "linear"), (1e-4, "log"), (0.0, "linear"), (-1.0, "linear")])
def test_losses_over_decades_are_drawn_by_their_logarithm(last, scale):
    assert plots.learning_curves(history_of([10.0, 5.0, last]), ax=axes()).get_yscale() == scale


def test_of_many_epochs_no_peak_is_lost():
    losses = np.random.default_rng(0).uniform(1, 2, 25_000)
    losses[12_345], losses[17_000] = 9.0, 0.5
    ax = plots.learning_curves(history_of(losses), ax=axes())
    shown = ax.get_lines()[0].get_ydata()
    assert len(shown) < 6000
    assert shown.max() == 9.0
    assert shown.min() == 0.5
    kept = shown_epochs(losses[:, None], also=np.array([7]))
    assert {0, 7, 12_345, 17_000, 24_999} <= set(kept.tolist())


def test_curves_need_a_finite_epoch():
    with pytest.raises(ValueError, match="no epoch"):
        plots.learning_curves(History(), ax=axes())
    with pytest.raises(ValueError, match="no loss in this history is finite"):
        plots.learning_curves(history_of([np.inf, np.nan]), ax=axes())
    with pytest.raises(TypeError, match="History"):
        plots.learning_curves([1.0], ax=axes())
    plots.learning_curves(history_of([1.0]), ax=axes())


# Histograms


def test_ridges_are_the_layers_in_their_order_with_their_figures():
    network, _, X, y = trained()
    seen = trace(network, X, y)
    ax = plots.activation_histograms(seen, ax=axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == list(network.names)
    texts = [text.get_text() for text in ax.texts]
    for layer in seen.layers:
        assert f"{layer.y.mean():.3g}" in texts
        assert f"{layer.y.std():.3g}" in texts
        assert f"{100 * (layer.y == 0).mean():.3g} %" in texts
    names = [label.get_text() for label in plots.gradient_histograms(seen, ax=axes()).get_yticklabels()]
    assert names == list(network.names)


def test_layers_that_no_gradient_reaches_are_left_out():
    network, _, X, y = trained()
    network.freeze("dense_1")
    names = [label.get_text() for label in plots.gradient_histograms(trace(network, X, y), ax=axes()).get_yticklabels()]
    assert names == ["dense_2", "relu_1", "dense_3"]
    with pytest.raises(ValueError, match=r"(?i)gradient"):
        plots.gradient_histograms(trace(network, X), ax=axes())


def test_a_scale_of_decades_is_for_layers_that_differ_by_decades():
    assert linear_part([1.0, 99.0]) == 0.0
    assert linear_part([1.0, 1e4]) == 1.0
    ax = plots.activation_histograms(trace(Network(2, [Dense(3), Blow()], seed=0), data()[0]), ax=axes())
    assert ax.get_xscale() == "symlog"


def test_bands_are_the_quantiles_of_the_recorded_networks():
    network, recorder, X, y = trained(epochs=4)
    ax = plots.activations_over_epochs(recorder, X, "tanh_1", ax=axes())
    median = ax.get_lines()[0]
    assert median.get_xdata().tolist() == recorder.epochs.tolist()
    for place, value in enumerate(median.get_ydata()):
        outputs = trace(recorder.network_at(place), X).layers[1].y
        assert value == pytest.approx(np.median(outputs))
    ax = plots.gradients_over_epochs(recorder, X, y, "dense_2", ax=axes())
    arrived = trace(recorder.network_at(2), X, y, loss="cross_entropy_from_logits").layers[2].dy
    assert ax.get_lines()[0].get_ydata()[2] == pytest.approx(np.median(arrived))
    with pytest.raises(ValueError, match="there is no layer 'tanh_9'; the layers are dense_1"):
        plots.activations_over_epochs(recorder, X, "tanh_9", ax=axes())
    with pytest.raises(TypeError, match="Recorder"):
        plots.activations_over_epochs(network, X, "tanh_1", ax=axes())


@dataclass(frozen=True)
class Blow(Layer):
    def forward(self, parameters, x, context):
        return 1e5 * x, {}

    def backward(self, parameters, cache, dy):
        return 1e5 * dy, {}


# Weights as images


def test_images_are_the_weights_unit_by_unit():
    network = Network(6, [Dense(4), ReLU(), Dense(1)], seed=0)
    ax = plots.first_layer_images(network, (2, 3), ax=axes())
    picture = ax.get_images()[0].get_array()
    shown = np.asarray(picture.filled(np.nan) if np.ma.isMaskedArray(picture) else picture)
    weights = network.parameters["dense_1"]["weights"]
    found = sorted(shown[np.isfinite(shown)].tolist())
    assert found == sorted(weights.ravel().tolist())
    for unit in range(4):
        image = weights[:, unit].reshape(2, 3)
        windows = np.lib.stride_tricks.sliding_window_view(shown, (2, 3)).reshape(-1, 2, 3)
        assert any(np.array_equal(window, image) for window in windows)
    low, high = ax.get_images()[0].get_clim()
    assert low == -high
    assert high >= np.abs(weights).max()


@pytest.mark.parametrize("channels", [1, 2])
def test_filters_are_images_of_their_own_shape(channels):
    network = Network(
        (8, 8, channels), [Residual([Conv2D(channels, (2, 3), padding="same")]), Flatten(), Dense(1)], seed=0
    )
    kernel = network.parameters["residual_1"]["conv2d_1.weights"]  # [h,w,C,F]
    ax = plots.first_layer_images(network, ax=axes())
    assert ax.get_title() or ax.texts
    shown = np.ma.filled(np.ma.asarray(ax.get_images()[0].get_array()), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(shown, (2, 3)).reshape(-1, 2, 3)
    for channel in range(channels):
        for one in range(channels):
            assert any(np.array_equal(window, kernel[:, :, channel, one]) for window in windows)
    labels = [text.get_text() for text in ax.texts]
    assert (["0"] if channels == 1 else ["0.0", "0.1", "1.0", "1.1"]) == [text for text in labels if text[0].isdigit()][
        : channels**2
    ]
    with pytest.raises(ValueError, match="filters of residual_1.conv2d_1 are 2 x 3: leave shape out"):
        plots.first_layer_images(network, (8, 8), ax=axes())


def test_ridges_and_bands_show_what_is_within_blocks():
    X, y = data()
    block = Residual([Chain([Dense(2), Tanh()]), Dense(2)])
    network = Network(2, [block, Dense(2)], seed=0)
    recorder = Recorder(network)
    network.fit(X, y, loss="cross_entropy_from_logits", epochs=2, callbacks=[recorder])
    seen = trace(network, X, y)
    inside = ["residual_1.chain_1.dense_1", "residual_1.chain_1.tanh_1", "residual_1.dense_1"]
    for draw in (plots.activation_histograms, plots.gradient_histograms):
        ax = draw(seen, ax=axes())
        assert [label.get_text() for label in ax.get_yticklabels()] == [*inside, "residual_1", "dense_1"]
    ax = plots.activations_over_epochs(recorder, X, "residual_1.chain_1.tanh_1", ax=axes())
    medians = [np.median(next(iter(trace(recorder.network_at(2), X).layers[0].inside)).inside[1].y)]
    assert ax.lines[0].get_ydata()[-1] == pytest.approx(medians[0])
    plots.gradients_over_epochs(recorder, X, y, "residual_1.dense_1", ax=axes())
    with pytest.raises(ValueError, match="there is no layer 'tanh_1'; the layers are residual_1.chain_1.dense_1, "):
        plots.activations_over_epochs(recorder, X, "tanh_1", ax=axes())


def test_images_need_a_shape_that_fits():
    network = Network(6, [Dense(4)], seed=0)
    with pytest.raises(ValueError, match=r"multiply to the 6 inputs.*2 x 3, 1 x 6 would do"):
        plots.first_layer_images(network, (2, 2), ax=axes())
    with pytest.raises(ValueError, match="shape is missing: .* 2 x 3, 1 x 6 would do"):
        plots.first_layer_images(network, ax=axes())
    with pytest.raises(TypeError, match="shape must be two whole numbers"):
        plots.first_layer_images(network, 6, ax=axes())
    with pytest.raises(ValueError, match="no layer of this network has weights"):
        plots.first_layer_images(Network(6, [Tanh()], seed=0), (2, 3), ax=axes())


# The landscape


def test_contours_show_the_path_and_the_share_of_each_direction():
    network, recorder, X, y = trained()
    found = loss_landscape(network, X, y, thetas=recorder.thetas, points=9)
    ax = plots.loss_contours(found, epochs=recorder.epochs, ax=axes())
    lines = [line.get_xydata() for line in ax.get_lines()]
    assert any(line.shape == found.path.shape and np.allclose(line, found.path) for line in lines)
    assert f"({100 * found.shares[0]:.0f} %" in ax.get_xlabel() or "% of its variance" in ax.get_xlabel()
    plain = plots.loss_contours(loss_landscape(network, X, y, points=9), ax=axes())
    assert "random direction" in plain.get_xlabel()
    with pytest.raises(ValueError, match="epochs must hold one number for each"):
        plots.loss_contours(found, epochs=[1, 2], ax=axes())


# The gradient check


@dataclass(frozen=True)
class Wrong(Tanh):
    def backward(self, parameters, cache, dy):
        return 1.001 * super().backward(parameters, cache, dy)[0], {}


def test_the_check_shows_every_row_and_marks_what_failed():
    X, y = data(6)
    for layer, failed in ((Tanh(), False), (Wrong(), True)):
        network = Network(2, [Dense(3), layer, Dense(2)], seed=0)
        report = check_gradients(network, X, y, loss="cross_entropy_from_logits")
        ax = plots.gradient_check(report, ax=axes())
        assert len(ax.get_yticklabels()) == len(report.rows)
        assert ax.get_xscale() == "log"
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert ("failed" in labels) == failed
        bold = [label.get_text() for label in ax.get_yticklabels() if label.get_weight() == "bold"]
        assert len(bold) == sum(not row.passed for row in report.rows)
        assert ("failed" in ax.get_title()) == failed
    assert "wrong_1 (backward)" in bold


# Films


def frames_of(path):
    with Image.open(path) as film:
        return film.n_frames


@pytest.mark.slow
def test_films_have_a_frame_for_each_moment(tmp_path):
    network, recorder, X, y = trained(epochs=5)
    theta = network.theta.copy()
    for name, film in (
        ("diagram", plots.animate_diagram(recorder, ax=axes())),
        ("boundary", plots.animate_boundary(recorder, X, y, resolution=12, ax=axes())),
        ("few", plots.animate_diagram(recorder, most_frames=3, ax=axes())),
    ):
        plots.save_animation(film, tmp_path / f"{name}.gif")
        assert frames_of(tmp_path / f"{name}.gif") == (3 if name == "few" else 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boundary.gif", "diagram.gif", "few.gif"]
    assert (network.theta == theta).all()


def test_a_film_keeps_still():
    _, recorder, X, y = trained(epochs=4)
    for film in (plots.animate_diagram(recorder), plots.animate_boundary(recorder, X, y, resolution=10)):
        ax = film._fig.axes[0]
        places = set()
        for frame in range(5):
            film._func(frame)
            film._fig.draw_without_rendering()
            places.add(tuple(ax.get_position().bounds))
        assert len(places) == 1
        film._draw_was_started = True


def test_a_film_is_whole_or_not_there(tmp_path, monkeypatch):
    _, recorder, *_ = trained(epochs=2)
    film = plots.animate_diagram(recorder, ax=axes())
    path = tmp_path / "film.gif"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"film.gif: a file of this name exists already"):
        plots.save_animation(film, path)
    assert path.read_bytes() == b"old"
    monkeypatch.setattr(type(film), "save", lambda *_, **__: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        plots.save_animation(film, path, overwrite=True)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["film.gif"]
    film._draw_was_started = True  # it was never shown, and Matplotlib would warn


def test_what_a_film_needs(tmp_path):
    network, recorder, X, y = trained(epochs=2)
    film = plots.animate_diagram(recorder, ax=axes())
    film._draw_was_started = True
    with pytest.raises(ValueError, match=r"must end with \.gif or \.mp4"):
        plots.save_animation(film, tmp_path / "film.avi")
    with pytest.raises(ValueError, match="fps must be a positive number"):
        plots.save_animation(film, tmp_path / "film.gif", fps=0)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        plots.save_animation(film, tmp_path / "nowhere" / "film.gif")
    with pytest.raises(TypeError, match="animation"):
        plots.save_animation("film", tmp_path / "film.gif")
    with pytest.raises(ValueError, match="holds the start only"):
        plots.animate_diagram(Recorder(network), ax=axes())
    with pytest.raises(ValueError, match="most_frames"):
        plots.animate_boundary(recorder, X, y, most_frames=1, ax=axes())
    if shutil.which("ffmpeg") is None:
        with pytest.raises(ValueError, match=r"needs the program ffmpeg.*\.gif"):
            plots.save_animation(film, tmp_path / "film.mp4")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_film_as_mp4(tmp_path):
    _, recorder, *_ = trained(epochs=2)
    plots.save_animation(plots.animate_diagram(recorder, ax=axes()), tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"

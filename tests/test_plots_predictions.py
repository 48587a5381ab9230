"""Pictures of what a network predicts: every value drawn is the network's own, and nothing else changes."""

import copy
import io
import warnings

import numpy as np
import pytest

import pellucid
from judges import judge
from pellucid import Dense, Embedding, Flatten, Network, Parallel, Select, Sigmoid, Softmax, Tanh, metrics
from pellucid.insight.dependence import partial_dependence
from pellucid.insight.prediction import Prediction, prediction_of
from pellucid.insight.surface import MARGINAL_ROWS, surface
from table import scatter

pytest.importorskip("matplotlib")

from matplotlib import _pylab_helpers as pyplot_figures
from matplotlib import rcParams
from matplotlib.figure import Figure

from pellucid.insight.plots.boundary import decision_boundary, probability_surface, regression_surface
from pellucid.insight.plots.dependence import dependence_curves
from pellucid.insight.plots.points import MOST_POINTS, class_style
from pellucid.insight.plots.results import calibration, confusion_figsize, confusion_matrix, residuals


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def table(rows=40, features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, features))


def classifier(classes=2, features=4, members=None, dtype="float64"):
    outputs = 1 if classes == 2 else classes
    network = Network(features, [Dense(5), Tanh(), Dense(outputs)], seed=0, members=members, dtype=dtype)
    X = table(features=features)
    loss = "binary_cross_entropy_from_logits" if classes == 2 else "cross_entropy_from_logits"
    network.fit(X, np.arange(len(X)) % classes, loss=loss, epochs=30, optimizer=pellucid.Adam(0.05))
    return network


def regressor(features=4):
    network = Network(features, [Dense(5), Tanh(), Dense(1)], seed=0)
    X = table(features=features)
    network.fit(X, X[:, 0] * X[:, 1] + X[:, 2], loss="squared_error", epochs=30, optimizer=pellucid.Adam(0.05))
    return network


def mesh_of(ax):
    return next(part for part in ax.collections if type(part).__name__ == "QuadMesh")


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def draw(figure):
    """Draw for real: what cannot be drawn, or warns, shows only then."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)


# What a network predicts


def test_prediction_follows_the_link_of_the_loss():
    X = table()
    binary, three, numbers = classifier(2), classifier(3), regressor()
    p = binary.predict_proba(X)
    assert prediction_of(binary).kind == "probabilities"
    np.testing.assert_array_equal(prediction_of(binary)(X), np.hstack([1 - p, p]))
    np.testing.assert_array_equal(prediction_of(three)(X), three.predict_proba(X))
    assert prediction_of(numbers).kind == "numbers"
    np.testing.assert_array_equal(prediction_of(numbers)(X), numbers.predict(X))


def test_last_layer_decides_where_the_loss_does_not():
    ends_in_sigmoid = Network(4, [Dense(1), Sigmoid()], seed=0)
    assert prediction_of(ends_in_sigmoid).kind == "probabilities"
    assert prediction_of(ends_in_sigmoid, loss="squared_error").kind == "probabilities"
    assert prediction_of(Network(4, [Dense(3), Softmax()], seed=0)).kind == "probabilities"
    assert prediction_of(Network(4, [Dense(3)], seed=0)).kind == "numbers"
    assert prediction_of(Network(4, [Dense(1)], seed=0), loss="hinge").kind == "scores"


def test_loss_given_overrides_that_of_the_training():
    network, X = regressor(), table()
    found = prediction_of(network, loss="poisson")(X)
    np.testing.assert_allclose(found, np.exp(network.predict(X)), rtol=1e-15)
    assert prediction_of(network, loss="binary_cross_entropy_from_logits").kind == "probabilities"


def test_hinge_chooses_by_the_sign():
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [1.0, 0.0]
    found = prediction_of(network, loss="hinge")(np.array([[-2.0], [3.0]]))
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_gaussian_predicts_its_mean():
    network, X = Network(4, [Dense(2)], seed=0), table()
    np.testing.assert_array_equal(prediction_of(network, loss="gaussian_nll")(X), network.predict(X)[:, :1])


def test_member_is_the_one_asked_for():
    network, X = classifier(2, members=3), table()
    np.testing.assert_array_equal(prediction_of(network, member=2)(X)[:, 1:], network.predict_proba(X)[2])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: prediction_of(3), "expected a Network"),
        (lambda: prediction_of(Prediction(len, 1), loss="hinge"), "leave loss out"),
        (lambda: prediction_of(Network(1, [Dense(1), Sigmoid()]), loss="binary_cross_entropy_from_logits"), "drop"),
        (lambda: prediction_of(Network(1, [Dense(1)]), loss="squared"), "there is no loss"),
        (lambda: Prediction(lambda X: X[:1], 2)(np.zeros((3, 2))), r"shape \(1, 2\) for 3 records"),
        (lambda: Prediction(lambda X: X[:, 0] / 0, 2)(np.ones((3, 2))), "not finite"),
    ],
)
def test_what_is_no_prediction_is_refused(wrong, words):
    with np.errstate(divide="ignore"), pytest.raises((TypeError, ValueError), match=words):
        wrong()


# The surface


@pytest.mark.parametrize("features", [(0, 1), (3, 1), (2, 0)])
def test_surface_is_the_prediction_at_every_point_of_the_grid(features):
    network, X = classifier(3), table()
    held = {column: 0.25 * column for column in range(4) if column not in features}
    found = surface(prediction_of(network), X, features, held=held, resolution=7)
    for row, up in enumerate(found.y):
        for column, across in enumerate(found.x):
            record = np.array([held.get(place, 0.0) for place in range(4)])
            record[list(features)] = across, up
            np.testing.assert_allclose(found.predictions[row, column], network.predict_proba([record])[0], rtol=1e-14)
    assert found.x[0] < X[:, features[0]].min() and found.x[-1] > X[:, features[0]].max()
    assert found.held == held and found.averaged_over == 0


def test_surface_holds_other_features_at_their_medians():
    X = table()
    found = surface(prediction_of(regressor()), X, (0, 1), held={3: 9.0}, resolution=3)
    assert found.held == {2: float(np.median(X[:, 2])), 3: 9.0}


def test_marginalised_surface_is_the_mean_over_the_rows():
    network, X = regressor(), table()
    found = surface(prediction_of(network), X, (1, 3), marginalise=True, resolution=4, held={0: 2.0})
    for row, up in enumerate(found.y):
        for column, across in enumerate(found.x):
            changed = X.copy()
            changed[:, 0], changed[:, 1], changed[:, 3] = 2.0, across, up
            assert found.predictions[row, column, 0] == pytest.approx(network.predict(changed).mean(), rel=1e-13)
    assert found.averaged_over == len(X) and found.held == {0: 2.0}


def test_marginalising_many_rows_takes_a_sample_that_the_seed_fixes():
    X, prediction = table(rows=1_000), prediction_of(regressor())
    one, same, other = (surface(prediction, X, marginalise=True, resolution=3, seed=seed) for seed in (0, 0, 1))
    assert one.averaged_over == MARGINAL_ROWS
    np.testing.assert_array_equal(one.predictions, same.predictions)
    assert not np.array_equal(one.predictions, other.predictions)


def test_surface_in_parts_is_the_surface_at_once(monkeypatch):
    prediction, X = prediction_of(classifier(3)), table()
    whole = surface(prediction, X, resolution=9, marginalise=True)
    monkeypatch.setattr("pellucid.insight.surface.RECORDS_AT_ONCE", 100)
    np.testing.assert_allclose(surface(prediction, X, resolution=9, marginalise=True).predictions, whole.predictions)


def test_constant_feature_still_spans_a_picture():
    X = np.column_stack([np.full(5, 3.0), np.zeros(5), np.arange(5.0)])
    found = surface(Prediction(lambda X: X[:, 0], 3), X, (0, 1), resolution=3)
    assert found.x[0] < 3 < found.x[-1] and found.y[0] < 0 < found.y[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"features": (0, 0)}, "two different ones"),
        ({"features": (0, 4)}, "between 0 and 3"),
        ({"features": (-1, 0)}, "between 0 and 3"),
        ({"features": (0, 1, 2)}, "two numbers"),
        ({"features": "01"}, "two numbers"),
        ({"features": (0.0, 1)}, "number of a feature"),
        ({"held": {0: 1.0}}, "one of the two drawn"),
        ({"held": {7: 1.0}}, "between 0 and 3"),
        ({"held": {2: np.nan}}, "finite number"),
        ({"held": {2: "much"}}, "finite number"),
        ({"held": [1.0]}, "must be a dict"),
        ({"resolution": 1}, "at least 2"),
        ({"resolution": 10.5}, "at least 2"),
        ({"X": np.zeros((0, 4))}, "no records"),
        ({"X": np.zeros((3, 5))}, "width 4"),
        ({"X": np.full((3, 4), np.inf)}, "not finite"),
    ],
)
def test_surface_refuses_what_does_not_fit(arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        surface(prediction_of(regressor()), **{"X": table(), **arguments})


def of_categories():
    split = Parallel([[Select([2]), Embedding(7, 2), Flatten()], Select([0, 1])])
    return scatter(Network(3, [split, Dense(4), Tanh(), Dense(1)], seed=0))


def test_categories_are_held_at_the_most_frequent_one_and_are_no_axis_of_a_surface():
    X = table(features=3)
    X[:, 2] = np.array([0, 6] * 15 + [6] * 10)  # the median of 0 and 6 is no category
    X[::8, 2] = 3
    prediction = prediction_of(of_categories())
    assert prediction.categories == {2: 7}
    assert surface(prediction, X, (0, 1), resolution=3).held == {2: 6.0}
    surface(prediction, X, (0, 1), resolution=3, marginalise=True)
    with pytest.raises(ValueError, match="column 2 holds categories, and there is nothing between two of them"):
        surface(prediction, X, (0, 2), resolution=3)


def test_dependence_on_categories_is_told_for_each_of_them():
    X = table(rows=60, features=3)
    X[:, 2] = np.arange(60) % 7
    found = partial_dependence(of_categories(), X, 2, resolution=3)
    assert found.grid.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert len(partial_dependence(of_categories(), X, 0, resolution=3).grid) == 3


def test_surface_needs_two_inputs():
    with pytest.raises(ValueError, match="two inputs at least"):
        surface(Prediction(lambda X: X, 1), [[1.0], [2.0]])


# The pictures over two features


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_probability_drawn_is_the_networks(ax, dtype):
    network, X = classifier(2, features=2, dtype=dtype), table(features=2)
    probability_surface(network, X, np.arange(len(X)) % 2, resolution=15, ax=ax)
    drawn = surface(prediction_of(network), X, resolution=15)
    points = np.stack(np.meshgrid(drawn.x, drawn.y), axis=-1).reshape(-1, 2)
    np.testing.assert_array_equal(np.asarray(mesh_of(ax).get_array()).ravel(), network.predict_proba(points)[:, 0])
    assert mesh_of(ax).norm.vmin == 0 and mesh_of(ax).norm.vmax == 1
    draw(ax.figure)


def test_probability_of_one_of_many_classes(ax):
    network, X = classifier(3), table()
    probability_surface(network, X, of_class=2, resolution=9, class_names=["a", "b", "c"], ax=ax)
    expected = surface(prediction_of(network), X, resolution=9).predictions[..., 2]
    np.testing.assert_array_equal(mesh_of(ax).get_array(), expected)
    assert ax.get_title() == "Probability of c"


def test_regions_drawn_are_the_classes_predicted(ax):
    network, X = classifier(3), table()
    decision_boundary(network, X, resolution=20, ax=ax)
    classes = surface(prediction_of(network), X, resolution=20).predictions.argmax(axis=-1)
    colours = np.asarray(mesh_of(ax).get_array()).reshape(400, -1)
    for number in np.unique(classes):
        assert len(np.unique(colours[classes.ravel() == number], axis=0)) == 1
    assert len(np.unique(colours, axis=0)) == len(np.unique(classes))


def test_border_runs_where_both_classes_are_equally_likely(ax):
    network = Network(2, [Dense(1), Sigmoid()], seed=0)
    network.theta = [1.0, 2.0, -0.5]  # x + 2 y = 0.5
    decision_boundary(network, [[-1, -1], [1, 1]], ax=ax)
    lines = [
        path.vertices for part in ax.collections if type(part).__name__ == "QuadContourSet" for path in part.get_paths()
    ]
    for x, y in np.concatenate(lines):
        assert x + 2 * y == pytest.approx(0.5, abs=1e-3)


def test_wrong_rows_have_a_ring_and_no_others(ax):
    network = Network(2, [Dense(1), Sigmoid()], seed=0)
    network.theta = [1.0, 0.0, 0.0]
    X = np.array([[-2.0, 0.0], [-1.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    decision_boundary(network, X, [0, 1, 1, 0], ax=ax)
    rings = [part for part in ax.collections if str(part.get_label()).startswith("predicted wrong")]
    assert rings[0].get_offsets().tolist() == [[-1.0, 1.0], [2.0, 3.0]]
    assert legend_of(ax) == ["class 0", "class 1", "predicted wrong (2 of 4)"]


@pytest.mark.parametrize("y", [[0, 1] * 20, np.array([[0.0], [1.0]] * 20), np.eye(2)[[0, 1] * 20]])
def test_classes_may_be_numbers_a_column_or_rows_with_a_single_1(ax, y):
    decision_boundary(classifier(), table(), y, resolution=5, ax=ax)
    assert legend_of(ax)[:2] == ["class 0", "class 1"]


def test_caption_says_what_the_others_are_held_at(ax):
    X = table()
    decision_boundary(classifier(), X, held={2: 0.5}, feature_names=["a", "b", "c", "d"], resolution=5, ax=ax)
    assert ax.get_xlabel() == "a" and ax.get_ylabel() == "b"
    assert f"held: c = 0.5, d = {np.median(X[:, 3]):.4g} (median)" in [text.get_text() for text in ax.texts]


def test_caption_of_marginalised_says_over_how_many_rows(ax):
    decision_boundary(classifier(), table(), marginalise=True, resolution=5, ax=ax)
    assert "mean over the other 2 features of 40 rows" in [text.get_text() for text in ax.texts]


def test_many_rows_are_drawn_as_a_sample_and_it_is_said(ax):
    X = table(rows=MOST_POINTS + 500)
    decision_boundary(classifier(), X, np.arange(len(X)) % 2, resolution=5, ax=ax)
    drawn = sum(len(part.get_offsets()) for part in ax.collections if str(part.get_label()).startswith("class"))
    assert drawn == MOST_POINTS
    assert any("1,000 of 1,500 rows drawn" in text.get_text().replace("\n", " ") for text in ax.texts)


def test_regression_surface_and_rows_share_their_colours(ax):
    network, X = regressor(), table()
    y = np.linspace(-9, 30, len(X))
    regression_surface(network, X, y, resolution=9, target_name="price (€)", ax=ax)
    np.testing.assert_array_equal(
        mesh_of(ax).get_array(), surface(prediction_of(network), X, resolution=9).predictions[..., 0]
    )
    points = next(part for part in ax.collections if str(part.get_label()).startswith("rows"))
    np.testing.assert_array_equal(points.get_array(), y)
    assert points.norm.vmin == mesh_of(ax).norm.vmin == -9 and points.norm.vmax == mesh_of(ax).norm.vmax == 30
    assert ax.get_title() == "Predicted price (€)"


def test_first_64_classes_all_look_different():
    assert len({tuple(class_style(number).values()) for number in range(64)}) == 64


@pytest.mark.slow
def test_twenty_classes_and_two_hundred_features_are_drawn_without_a_warning(ax):
    network = Network(200, [Dense(20)], seed=0)
    X = table(rows=60, features=200)
    decision_boundary(network, X, np.arange(60) % 20, loss="cross_entropy_from_logits", features=(0, 199), ax=ax)
    draw(ax.figure)
    other = Figure(layout="constrained").subplots()
    probability_surface(network, X, np.arange(60) % 20, loss="cross_entropy_from_logits", ax=other)
    draw(other.figure)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: decision_boundary(regressor(), table()), "use regression_surface"),
        (lambda: probability_surface(regressor(), table()), "use regression_surface"),
        (lambda: probability_surface(regressor(), table(), loss="hinge"), "use decision_boundary"),
        (lambda: regression_surface(classifier(), table()), "use probability_surface"),
        (lambda: regression_surface(regressor(), table(), output=1), "from 0 to 0"),
        (lambda: probability_surface(classifier(3), table(), of_class=3), "from 0 to 2"),
        (lambda: decision_boundary(classifier(), table(), [0, 1]), r"expected \(40,\)"),
        (lambda: decision_boundary(classifier(), table(), [2] * 40), "from 0 to 1, found 2 in row 0"),
        (lambda: decision_boundary(classifier(), table(), [0.5] * 40), "found 0.5 in row 0"),
        (lambda: decision_boundary(classifier(), table(), ["a"] * 40), "class numbers"),
        (lambda: decision_boundary(classifier(), table(), np.ones((40, 2))), "row 0 is no class"),
        (lambda: decision_boundary(classifier(), table(), class_names=["a"]), "2 names"),
        (lambda: decision_boundary(classifier(), table(), class_names="ab"), r"write \['ab'\]"),
        (lambda: decision_boundary(classifier(), table(), feature_names=["a"]), "4 names"),
        (lambda: decision_boundary(classifier(), table(), ax=3), "ax must be"),
        (lambda: decision_boundary(classifier(), table(), member=1, ax=Figure()), "ax must be"),
        (lambda: regression_surface(regressor(), table(), [1.0]), r"expected \(40,\)"),
        (lambda: regression_surface(regressor(), table(), [np.nan] * 40), "not finite in row 0"),
        (lambda: regression_surface(regressor(), table(), ["a"] * 40), "must hold numbers"),
        (lambda: dependence_curves(regressor(), table(), 4), "between 0 and 3"),
        (lambda: dependence_curves(regressor(), table(), "age"), "number of a feature"),
        (lambda: dependence_curves(regressor(), table(), 0, output=1), "from 0 to 0"),
        (lambda: dependence_curves(regressor(), table(), 0, resolution=1), "at least 2"),
        (lambda: dependence_curves(regressor(), table(), 0, most_rows=0), "at least 1"),
        (lambda: confusion_matrix([0, 1], [0]), "2 rows"),
        (lambda: confusion_matrix([0, 1], ["a", "b"]), "one kind"),
        (lambda: confusion_matrix([0, 2], [0, 1], classes=["a", "b"]), r"true\[1\] is 2"),
        (lambda: confusion_matrix([0, 2], [0, 1], classes=[0, 1]), "lacks the class 2"),
        (lambda: calibration([0, 1], [0.5, 1.5]), "between 0 and 1"),
        (lambda: calibration([0, 1], [0.5, 0.5], bins=0), "at least 1"),
        (lambda: residuals([1.0], [1.0, 2.0]), "expected the same"),
        (lambda: residuals([np.nan], [1.0]), "finite"),
    ],
)
def test_pictures_refuse_what_does_not_fit(wrong, words):
    before = len(pyplot_figures.Gcf.figs)
    with pytest.raises((TypeError, ValueError), match=words):
        wrong()
    assert len(pyplot_figures.Gcf.figs) == before  # and leave no empty figure behind


# Partial dependence


def test_dependence_is_the_mean_of_predictions_with_one_feature_replaced():
    network, X = classifier(3), table()
    found = partial_dependence(network, X, 2, resolution=6)
    np.testing.assert_allclose(found.grid, np.linspace(X[:, 2].min(), X[:, 2].max(), 6))
    for place, value in enumerate(found.grid):
        changed = X.copy()
        changed[:, 2] = value
        np.testing.assert_allclose(found.curves[:, place], network.predict_proba(changed), rtol=1e-14)
        np.testing.assert_allclose(found.mean[place], network.predict_proba(changed).mean(axis=0), rtol=1e-13)


def test_few_values_are_the_grid_themselves():
    X = table()
    X[:, 1] = np.arange(40) % 3
    assert partial_dependence(regressor(), X, 1).grid.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.slow
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_dependence_agrees_with_scikit_learn(classes):
    inspection, base = judge("sklearn.inspection"), judge("sklearn.base")
    network, X = (classifier(classes) if classes else regressor()), table()

    kind = base.ClassifierMixin if classes else base.RegressorMixin

    class Wrapped(kind, base.BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.arange(classes)
            return self

        def predict(self, X):
            return network.predict(X)[:, 0]

        def predict_proba(self, X):
            return prediction_of(network)(X)

    wrapped = Wrapped().fit(X, None)
    theirs = inspection.partial_dependence(
        wrapped,
        X,
        [1],
        method="brute",
        kind="both",
        grid_resolution=20,
        percentiles=(0, 1),
        response_method="auto" if not classes else "predict_proba",
    )
    ours = partial_dependence(network, X, 1, resolution=20)
    np.testing.assert_allclose(ours.grid, theirs["grid_values"][0], rtol=1e-12)
    of = slice(1, 2) if classes == 2 else slice(None)  # of two classes theirs is the second
    np.testing.assert_allclose(ours.mean.T[of], theirs["average"], rtol=1e-12)
    np.testing.assert_allclose(np.moveaxis(ours.curves, -1, 0)[of], theirs["individual"], rtol=1e-12)


def test_dependence_draws_the_mean_the_curves_and_the_values(ax):
    network, X = regressor(), table()
    dependence_curves(network, X, 1, feature_name="age (years)", ax=ax)
    found = partial_dependence(network, X, 1)
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["mean of 40 rows"].get_ydata(), found.mean[:, 0])
    np.testing.assert_array_equal(np.sort(lines["values in the table"].get_xdata()), np.sort(X[:, 1]))
    assert "40 single rows" in lines
    assert ax.get_xlabel() == "age (years)" and ax.get_ylabel() == "prediction"
    draw(ax.figure)


def test_dependence_of_many_rows_says_that_it_is_a_sample(ax):
    dependence_curves(regressor(), table(rows=80), 1, most_rows=60, ax=ax)
    assert "60 of 80 rows, chosen at random" in [text.get_text() for text in ax.texts]
    assert "50 single rows" in legend_of(ax)


def test_dependence_of_classes(ax):
    dependence_curves(classifier(3), table(), 0, ax=ax)
    assert legend_of(ax) == ["class 0", "class 1", "class 2", "values in the table"]
    one = Figure().subplots()
    dependence_curves(classifier(2), table(), 0, output_names=["no", "yes"], ax=one)
    assert one.get_ylabel() == "probability of yes"


# Results


def test_cells_hold_the_counts_of_the_metric(ax):
    generator = np.random.default_rng(0)
    true, predicted = generator.integers(0, 4, 200), generator.integers(0, 4, 200)
    confusion_matrix(true, predicted, ax=ax)
    shown = np.array([int(text.get_text().replace(",", "")) for text in ax.texts[:16]]).reshape(4, 4)
    np.testing.assert_array_equal(shown, metrics.confusion_matrix(true, predicted))
    sklearn = judge("sklearn.metrics")
    np.testing.assert_array_equal(shown, sklearn.confusion_matrix(true, predicted))
    assert ax.get_ylabel() == "true class" and ax.get_xlabel() == "predicted class"


def test_normalised_rows_are_percent_and_a_class_without_rows_is_empty(ax):
    confusion_matrix([0, 0, 0, 0, 1], [0, 0, 0, 1, 2], normalise=True, ax=ax)
    assert [text.get_text() for text in ax.texts[:9]] == ["75", "25", "0", "0", "0", "100", "", "", ""]


def test_order_of_classes_is_the_one_asked_for(ax):
    confusion_matrix(["b", "b", "a"], ["b", "a", "a"], classes=["b", "a"], ax=ax)
    assert [text.get_text() for text in ax.texts[:4]] == ["1", "1", "0", "1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["b", "a"]


@pytest.mark.parametrize("classes", [2, 20])
def test_text_of_cells_stays_within_them(classes):
    width, height = confusion_figsize(classes)
    ax = Figure(figsize=(width, height), layout="constrained").subplots()
    true = np.repeat(np.arange(classes), 500)
    confusion_matrix(true, np.roll(true, 250), classes=[f"language {number}" for number in range(classes)], ax=ax)
    draw(ax.figure)
    cell = ax.get_window_extent().width / classes
    assert max(text.get_window_extent().width for text in ax.texts[: classes**2]) < cell


@pytest.mark.parametrize("columns", [1, 4])
def test_calibration_draws_the_bins_of_the_metric(ax, columns):
    generator = np.random.default_rng(0)
    if columns == 1:
        chances = generator.random(300)
        true = (generator.random(300) < chances**2).astype(int)
        said, happened = chances, true
    else:
        chances, true = generator.dirichlet(np.ones(4), 300), generator.integers(0, 4, 300)
        said, happened = chances.max(axis=1), chances.argmax(axis=1) == true
    calibration(true, chances, bins=8, ax=ax)
    line = next(line for line in ax.lines if str(line.get_label()).startswith("predictions"))
    x, y = line.get_data()
    bars = [bar.get_height() for bar in ax.figure.axes[1].patches]
    assert sum(bars) == 300
    count = np.array([height for height in bars if height])
    # The points and the bars are all that the error is made of.
    error = metrics.calibration_error(true, chances, bins=8)
    assert float((count * np.abs(x - y)).sum() / 300) == pytest.approx(error, rel=1e-12)
    assert f"expected calibration error {error:.3g}, over 8 bins; 300 rows" in [text.get_text() for text in ax.texts]
    theirs, mean = judge("sklearn.calibration").calibration_curve(happened, said, n_bins=8)
    np.testing.assert_allclose(x, mean, rtol=1e-12)
    np.testing.assert_allclose(y, theirs, rtol=1e-12, atol=1e-15)
    draw(ax.figure)


def test_probability_on_an_edge_falls_into_the_lower_bin_as_in_the_metric(ax):
    calibration([0, 1, 1], [0.5, 0.5, 0.75], bins=2, ax=ax)
    assert [bar.get_height() for bar in ax.figure.axes[1].patches] == [2, 1]


def test_intervals_are_wilsons(ax):
    proportion = judge("scipy.stats").binomtest(3, 12).proportion_ci(method="wilson")
    calibration([1] * 3 + [0] * 9, [0.25] * 12, ax=ax)
    ends = next(part for part in ax.collections if type(part).__name__ == "LineCollection").get_segments()[0][:, 1]
    np.testing.assert_allclose(ends, [proportion.low, proportion.high], rtol=1e-12)


def test_residuals_are_true_minus_predicted(ax):
    residuals([[3.0], [5.0], [10.0]], [[1.0], [6.0], [10.0]], unit="kg", ax=ax)
    assert ax.collections[0].get_offsets().tolist() == [[1.0, 2.0], [6.0, -1.0], [10.0, 0.0]]
    assert ax.get_xlabel() == "predicted (kg)" and ax.get_ylabel() == "true - predicted (kg)"


def test_band_holds_95_percent_of_normal_errors_and_ignores_wild_ones(ax):
    generator = np.random.default_rng(0)
    error = generator.normal(size=20_000)
    error[:100] = 1e6
    residuals(error, np.zeros(20_000), ax=ax)
    band = next(patch for patch in ax.patches if "robust" in str(patch.get_label()))
    low, high = band.get_y(), band.get_y() + band.get_height()
    np.testing.assert_allclose([low, high], [-2, 2], atol=0.05)
    assert "100 farther away, drawn at the edge" in legend_of(ax)
    assert ax.get_ylim()[1] < 20
    draw(ax.figure)


def test_running_median_finds_what_is_too_low(ax):
    predicted = np.linspace(0, 1, 100)
    residuals(predicted + np.where(predicted > 0.5, 1.0, 0.0), predicted, ax=ax)
    line = next(line for line in ax.lines if line.get_label() == "running median")
    np.testing.assert_allclose(line.get_ydata(), [0] * 5 + [1] * 5, atol=1e-12)


# What all pictures keep

PICTURES = {
    "boundary": lambda ax: decision_boundary(classifier(), table(), [0, 1] * 20, resolution=5, ax=ax),
    "probability": lambda ax: probability_surface(classifier(3), table(), resolution=5, ax=ax),
    "surface": lambda ax: regression_surface(regressor(), table(), resolution=5, ax=ax),
    "dependence": lambda ax: dependence_curves(regressor(), table(), 0, ax=ax),
    "confusion": lambda ax: confusion_matrix([0, 1], [1, 1], ax=ax),
    "calibration": lambda ax: calibration([0, 1], [0.2, 0.7], ax=ax),
    "residuals": lambda ax: residuals([0.0], [1.0], ax=ax),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_goes_to_the_axes_given_and_nowhere_else(ax, name):
    figures, settings = dict(pyplot_figures.Gcf.figs), dict(rcParams)
    assert PICTURES[name](ax) is ax
    assert pyplot_figures.Gcf.figs == figures
    assert dict(rcParams) == settings
    assert ax.get_title() and ax.get_xlabel() and ax.get_ylabel()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(ax.figure)


@pytest.mark.parametrize("name", PICTURES)
def test_without_axes_a_new_figure_is_made(name):
    from matplotlib import pyplot as plt

    drawn = PICTURES[name](None)
    try:
        assert drawn.figure.number in plt.get_fignums()
    finally:
        plt.close(drawn.figure)


@pytest.mark.parametrize("members", [None, 2])
def test_network_stays_as_it_is(ax, members):
    network, X = classifier(2, members=members), table()
    theta, state, fitted = network.theta.copy(), copy.deepcopy(network.state), copy.deepcopy(network.fitted)
    rows = X.copy()
    decision_boundary(network, X, [0, 1] * 20, marginalise=True, held={2: 1.0}, resolution=5, ax=ax)
    probability_surface(network, X, resolution=5, ax=Figure().subplots())
    dependence_curves(network, X, 1, ax=Figure().subplots())
    assert network.theta.tobytes() == theta.tobytes()
    assert network.state == state
    assert network.fitted.loss == fitted.loss and len(network.fitted.history) == len(fitted.history)
    assert X.tobytes() == rows.tobytes()


@pytest.mark.parametrize("name", ["boundary", "results", "dependence"])
def test_without_matplotlib_the_extra_is_named(monkeypatch, name):
    def missing(module, *_):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("pellucid.extras.importlib.import_module", missing)
    call = {
        "boundary": lambda: decision_boundary(classifier(), table()),
        "results": lambda: confusion_matrix([0, 1], [1, 1]),
        "dependence": lambda: dependence_curves(regressor(), table(), 0),
    }
    with pytest.raises(pellucid.MissingExtraError, match=r"pip install 'pellucid\[plot\]'"):
        call[name]()

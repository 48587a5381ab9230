"""The figures of merit: each judged by scikit-learn, by its own laws, and at its edges."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges import judge
from pellucid import metrics

CLASS_FIGURES = [metrics.accuracy, metrics.balanced_accuracy, metrics.f1]
PROBABILITY_FIGURES = [metrics.log_loss, metrics.brier, metrics.calibration_error, metrics.roc_auc]
NUMBER_FIGURES = [metrics.rmse, metrics.mae, metrics.r2, metrics.mean_poisson_deviance, metrics.pinball]
ALL_FIGURES = [*CLASS_FIGURES, metrics.confusion_matrix, *PROBABILITY_FIGURES, *NUMBER_FIGURES]


def name_of(figure):
    return figure.__name__


@st.composite
def tables(draw, classes=3):
    """Draw rows of every kind at once: classes, guesses, rounded scores (so that there are ties), numbers, weights."""
    rows = draw(st.integers(2 * classes, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = random.permutation(np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)]))
    raw = random.integers(0, 6, (rows, classes)) + 0.5
    return {
        "truth": truth,
        "guess": random.integers(0, classes, rows),
        "probability": raw / raw.sum(axis=1, keepdims=True),
        "numbers": random.normal(size=rows),
        "predictions": random.normal(size=rows),
        "counts": random.poisson(2.0, rows),
        "rates": random.gamma(2.0, size=rows) + 0.01,
        "weights": random.integers(1, 5, rows).astype(np.float64) if draw(st.booleans()) else None,
    }


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


# What scikit-learn says ------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(tables())
def test_classes_as_scikit_learn(table):
    sklearn = judge("sklearn.metrics")
    truth, guess, weights = table["truth"], table["guess"], table["weights"]
    close(
        metrics.accuracy(truth, guess, sample_weight=weights),
        sklearn.accuracy_score(truth, guess, sample_weight=weights),
    )
    matrix = sklearn.confusion_matrix(truth, guess, sample_weight=weights)
    close(metrics.confusion_matrix(truth, guess, sample_weight=weights), matrix)
    close(
        metrics.balanced_accuracy(truth, guess, sample_weight=weights),
        sklearn.balanced_accuracy_score(truth, guess, sample_weight=weights),
    )
    close(
        metrics.f1(truth, guess, average="macro", sample_weight=weights),
        sklearn.f1_score(truth, guess, average="macro", sample_weight=weights, zero_division=0),
    )
    close(
        metrics.f1(truth > 0, guess > 0, sample_weight=weights),
        sklearn.f1_score(truth > 0, guess > 0, sample_weight=weights, zero_division=0),
    )


@settings(max_examples=50)
@given(tables())
def test_texts_as_scikit_learn(table):
    sklearn = judge("sklearn.metrics")
    names = np.array(["cat", "dog", "a longer name"])
    truth, guess = names[table["truth"]], names[table["guess"]]
    order = ["dog", "never seen", "a longer name", "cat"]
    close(metrics.accuracy(truth.astype(object), guess), sklearn.accuracy_score(truth, guess))
    close(
        metrics.confusion_matrix(truth, list(guess), labels=order),
        sklearn.confusion_matrix(truth, guess, labels=order),
    )


@settings(max_examples=50)
@given(tables())
def test_probabilities_as_scikit_learn(table):
    sklearn = judge("sklearn.metrics")
    truth, probability, weights = table["truth"], table["probability"], table["weights"]
    close(
        metrics.log_loss(truth, probability, sample_weight=weights),
        sklearn.log_loss(truth, probability, sample_weight=weights),
    )
    close(
        metrics.brier(truth, probability, sample_weight=weights),
        sklearn.brier_score_loss(truth, probability, sample_weight=weights),
    )
    close(
        metrics.roc_auc(truth, probability, sample_weight=weights),
        sklearn.roc_auc_score(truth, probability, multi_class="ovr", average="macro", sample_weight=weights),
    )


@settings(max_examples=50)
@given(tables(classes=2))
def test_binary_probabilities_as_scikit_learn(table):
    sklearn = judge("sklearn.metrics")
    truth, weights = table["truth"], table["weights"]
    both, chance = table["probability"], table["probability"][:, 1]
    for ours, theirs in [
        (metrics.log_loss, sklearn.log_loss),
        (metrics.brier, sklearn.brier_score_loss),
        (metrics.roc_auc, sklearn.roc_auc_score),
    ]:
        expected = theirs(truth, chance, sample_weight=weights)
        close(ours(truth, chance, sample_weight=weights), expected)
        close(ours(truth, both, sample_weight=weights), expected)


@settings(max_examples=50)
@given(tables(classes=2), st.integers(1, 12))
def test_calibration_error_from_scikit_learns_curve(table, bins):
    calibration = judge("sklearn.calibration")
    truth, chance = table["truth"], table["probability"][:, 1]
    frequency, confidence = calibration.calibration_curve(truth, chance, n_bins=bins)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], chance))
    expected = np.sum(counts[counts > 0] * np.abs(frequency - confidence)) / len(truth)
    close(metrics.calibration_error(truth, chance, bins=bins), expected)


@given(tables())
def test_calibration_error_of_the_top_label(table):
    truth, probability, weights = table["truth"], table["probability"], table["weights"]
    ours = metrics.calibration_error(truth, probability, bins=7, sample_weight=weights)
    weights = np.ones(len(truth)) if weights is None else weights
    expected = 0.0
    confidence, edges = probability.max(axis=1), np.linspace(0, 1, 8)
    for low, high in itertools.pairwise(edges):  # the definition, bin by bin
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            happened = np.average((probability.argmax(axis=1) == truth)[inside], weights=weights[inside])
            promised = np.average(confidence[inside], weights=weights[inside])
            expected += weights[inside].sum() / weights.sum() * abs(happened - promised)
    close(ours, expected)


@settings(max_examples=50)
@given(tables(), st.floats(0.01, 0.99))
def test_numbers_as_scikit_learn(table, quantile):
    sklearn = judge("sklearn.metrics")
    weights = table["weights"]
    for truth, guess in [
        (table["numbers"], table["predictions"]),
        (
            np.stack([table["numbers"], table["rates"]], axis=1),
            np.stack([table["predictions"], table["counts"]], axis=1),
        ),
    ]:
        for ours, theirs in [
            (metrics.rmse, sklearn.root_mean_squared_error),
            (metrics.mae, sklearn.mean_absolute_error),
            (metrics.r2, sklearn.r2_score),
        ]:
            close(ours(truth, guess, sample_weight=weights), theirs(truth, guess, sample_weight=weights))
        close(
            metrics.pinball(truth, guess, quantile=quantile, sample_weight=weights),
            sklearn.mean_pinball_loss(truth, guess, alpha=quantile, sample_weight=weights),
        )
    close(
        metrics.mean_poisson_deviance(table["counts"], table["rates"], sample_weight=weights),
        sklearn.mean_poisson_deviance(table["counts"], table["rates"], sample_weight=weights),
    )


# Laws ------------------------------------------------------------------------------------------------------------


def arguments_of(figure, table):
    """Return a truth and predictions that suit the figure."""
    if figure in (metrics.accuracy, metrics.balanced_accuracy, metrics.confusion_matrix):
        return table["truth"], table["guess"]
    if figure is metrics.f1:
        return table["truth"] > 0, table["guess"] > 0
    if figure in PROBABILITY_FIGURES:
        return table["truth"], table["probability"]
    if figure is metrics.mean_poisson_deviance:
        return table["counts"], table["rates"]
    return table["numbers"], table["predictions"]


@pytest.mark.parametrize("figure", ALL_FIGURES, ids=name_of)
@settings(max_examples=25)
@given(table=tables(), data=st.data())
def test_a_weight_is_a_repetition_and_zero_an_absence(figure, table, data):
    truth, guess = arguments_of(figure, table)
    repeats = data.draw(st.lists(st.integers(1, 3), min_size=len(truth), max_size=len(truth)))
    # Rows of no weight go at the end, with predictions as bad as they come.
    weighted_truth, weighted_guess = np.concatenate([truth, truth]), np.concatenate([guess, guess[::-1]])
    weights = np.concatenate([repeats, np.zeros(len(truth))])
    close(
        figure(weighted_truth, weighted_guess, sample_weight=weights),
        figure(np.repeat(truth, repeats), np.repeat(guess, repeats, axis=0)),
    )


@pytest.mark.parametrize("figure", ALL_FIGURES, ids=name_of)
@settings(max_examples=25)
@given(table=tables(), scale=st.sampled_from([1e-300, 0.25, 8.0, 1e300]))
def test_only_the_ratio_of_weights_matters(figure, table, scale):
    truth, guess = arguments_of(figure, table)
    weights = 1.0 + np.arange(len(truth)) % 3
    scaled = figure(truth, guess, sample_weight=weights * scale)
    if figure is metrics.confusion_matrix:  # the one that returns sums, not a mean
        scaled = scaled / scale
    np.testing.assert_allclose(scaled, figure(truth, guess, sample_weight=weights), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("figure", ALL_FIGURES, ids=name_of)
@settings(max_examples=25)
@given(table=tables(), seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(figure, table, seed):
    truth, guess = arguments_of(figure, table)
    order = np.random.default_rng(seed).permutation(len(truth))
    close(figure(truth[order], guess[order]), figure(truth, guess))


@given(tables(classes=2))
def test_auc_laws(table):
    truth, score, weights = table["truth"], table["probability"][:, 1], table["weights"]
    auc = metrics.roc_auc(truth, score, sample_weight=weights)
    assert 0 <= auc <= 1
    close(metrics.roc_auc(truth, np.exp(5 * score), sample_weight=weights), auc)  # only the order of scores counts
    close(metrics.roc_auc(truth, -score, sample_weight=weights), 1 - auc)
    assert metrics.roc_auc(truth, np.zeros(len(truth)), sample_weight=weights) == 0.5
    assert metrics.roc_auc(truth, truth, sample_weight=weights) == 1.0
    assert metrics.roc_auc(truth, -truth, sample_weight=weights) == 0.0


@given(tables(), st.floats(0.05, 0.95))
def test_pinball_is_smallest_at_the_quantile(table, quantile):
    truth = table["numbers"]
    at_quantile = np.full(len(truth), np.quantile(truth, quantile, method="inverted_cdf"))
    best = metrics.pinball(truth, at_quantile, quantile=quantile)
    for constant in truth:
        assert best <= metrics.pinball(truth, np.full(len(truth), constant), quantile=quantile) + 1e-12


# Edges -----------------------------------------------------------------------------------------------------------


def test_perfect_predictions():
    classes, numbers = np.array([0, 2, 1, 1]), np.array([1.5, 2.0, 0.1, 7.0])
    one_hot = np.eye(3)[classes]
    assert metrics.accuracy(classes, classes) == metrics.balanced_accuracy(classes, classes) == 1.0
    assert metrics.f1(classes, classes, average="macro") == metrics.f1(classes == 1, classes == 1) == 1.0
    assert metrics.roc_auc(classes, one_hot) == metrics.r2(numbers, numbers) == 1.0
    for figure in (metrics.log_loss, metrics.brier, metrics.calibration_error):
        assert figure(classes, one_hot) == figure(classes == 1, one_hot[:, 1]) == 0.0
        assert math.copysign(1.0, figure(classes, one_hot)) == 1.0
    for figure in (metrics.rmse, metrics.mae, metrics.mean_poisson_deviance, metrics.pinball):
        assert figure(numbers, numbers) == 0.0


def test_auc_with_ties_by_hand():
    # Pairs (positive, negative): 2 > 1 wins, 2 = 2 is half, 1 = 1 is half, 1 < 2 loses: 2 of 4.
    assert metrics.roc_auc([1, 1, 0, 0], [2, 1, 1, 2]) == 0.5
    # The first pair now weighs 3: (3 + 3/2 + 1/2 + 0) / (3 + 3 + 1 + 1).
    assert metrics.roc_auc([1, 1, 0, 0], [2, 1, 1, 2], sample_weight=[3, 1, 1, 1]) == 5 / 8


def test_log_loss_is_not_clipped():
    assert metrics.log_loss([1], [0.0]) == math.inf
    assert metrics.log_loss([0], [1.0]) == math.inf
    assert metrics.log_loss([1, 0], [[1.0, 0.0], [1.0, 0.0]]) == math.inf
    assert metrics.log_loss([1, 1], [0.0, 1.0], sample_weight=[0, 1]) == 0.0
    # A float32 probability near zero keeps its own logarithm, and 1 - p near zero is not rounded away.
    assert metrics.log_loss([1], np.array([1e-30], np.float32)) == pytest.approx(30 * math.log(10), rel=1e-6)
    assert metrics.log_loss([0], [1e-20]) == pytest.approx(1e-20, rel=1e-12)


def test_float32_rows_that_sum_to_one_within_its_rounding_are_probabilities():
    raw = np.random.default_rng(0).random((50, 7), np.float32)
    probability = raw / raw.sum(axis=1, keepdims=True)
    assert metrics.log_loss(np.arange(50) % 7, probability) > 0


def test_sums_in_float64():
    rows = 3_000_000
    ones = np.ones(rows, np.float32)
    # In float32 the sum of squares would stand still at 2**24 times its term.
    assert metrics.rmse(ones * np.float32(0.1), ones * 0) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_f1_without_anything_to_find_is_zero():
    assert metrics.f1([0, 0], [0, 0]) == 0.0
    assert metrics.f1([0, 1], [0, 0]) == 0.0
    assert metrics.f1(["no", "yes"], ["no", "yes"], positive="yes") == 1.0


def test_balanced_accuracy_leaves_out_classes_without_weight():
    assert metrics.balanced_accuracy([0, 0, 1], [0, 1, 0], sample_weight=[1, 1, 0]) == 0.5


def test_r2_of_a_constant():
    assert metrics.r2([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]) == 1.0
    assert metrics.r2([0.1, 0.1, 0.1], [0.1, 0.1, 0.2]) == 0.0
    assert metrics.r2([0.1, 0.1, 5.0], [0.1, 0.1, 0.2], sample_weight=[1, 1, 0]) == 1.0


def test_poisson_deviance_of_extreme_rates():
    assert math.isfinite(metrics.mean_poisson_deviance([1e300], [1e-300]))


def test_inputs_are_left_alone():
    weights, probability = np.array([1.0, 4.0]), np.array([0.25, 1.0])
    metrics.log_loss([0, 1], probability, sample_weight=weights)
    assert weights.tolist() == [1.0, 4.0]
    assert probability.tolist() == [0.25, 1.0]


@pytest.mark.parametrize("figure", ALL_FIGURES, ids=name_of)
def test_every_figure_refuses(figure):
    chances = figure in PROBABILITY_FIGURES
    truth, guess = [0, 1, 1], [0.5, 0.25, 0.75] if chances else [1, 1, 0.0]
    if figure is metrics.mean_poisson_deviance:
        guess = [1.0, 2.0, 3.0]
    figure(truth, guess)
    for wrong_guess, wrong_truth, text in [
        (guess[:2], truth, r"y_true .*3.* 2|y_true .*\[3\].*\[2\]"),
        (guess[:1], truth, "y_true"),  # one prediction is not broadcast to all rows
        (np.reshape(guess, (3, 1)), truth, r"\[3, 1\]"),
        ([guess[0], float("nan"), guess[2]], truth, r"\[1\] is NaN"),
        (guess, [0, float("nan"), 1], r"y_true\[1\] is NaN"),
        (guess, [0, None, 1], r"y_true\[1\] is"),
        ([], [], "empty"),
        (np.array([1j, 1, 1]), truth, "complex"),
    ]:
        with pytest.raises(ValueError, match=text):
            figure(wrong_truth, wrong_guess)
    for weights, text in [
        ([1, 1], r"sample_weight has shape \[2\]; expected \[3\]"),
        (1.0, r"sample_weight has shape \[\]"),
        ([1, -1, 1], r"sample_weight\[1\] is -1.0; expected a weight of zero or more"),
        ([0, 0, 0], "sample_weight is zero for every row"),
        ([1, float("nan"), 1], r"sample_weight\[1\] is NaN"),
        ([1, float("inf"), 1], r"sample_weight\[1\] is inf"),
    ]:
        with pytest.raises(ValueError, match=text):
            figure(truth, guess, sample_weight=weights)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: metrics.roc_auc([1, 1], [0.1, 0.2]), "only the class 1"),
        (lambda: metrics.roc_auc([0, 1, 2], [0.1, 0.2, 0.3]), "3 classes"),
        (lambda: metrics.roc_auc([0, 1], np.full((2, 3), 1 / 3)), "no row of class 2"),
        (lambda: metrics.roc_auc([0, 1], [0.1, 0.2], sample_weight=[1, 0]), "no row of class 1"),
        (lambda: metrics.roc_auc([0, 1], [0.1, math.inf]), r"score\[1\] is inf"),
        (lambda: metrics.log_loss([0, 2], [0.1, 0.2]), r"y_true\[1\] is 2.0; expected a class from 0 to 1"),
        (lambda: metrics.log_loss([0, 0.5], [0.1, 0.2]), r"y_true\[1\] is 0.5"),
        (lambda: metrics.log_loss(["a", "b"], [0.1, 0.2]), "y_true has dtype"),
        (lambda: metrics.log_loss([0, 1], [0.1, 1.2]), r"probability\[1\] is 1.2"),
        (lambda: metrics.brier([0, 1], [[0.5, 0.5], [0.5, 0.6]]), "row 1 of probability sums to 1.1"),
        (lambda: metrics.calibration_error([0, 1], [0.1, 0.2], bins=0), "bins is 0"),
        (lambda: metrics.calibration_error([0, 1], [0.1, 0.2], bins=2.5), "bins is 2.5"),
        (lambda: metrics.f1([0, 1, 2], [0, 1, 2]), "pass average='macro'"),
        (lambda: metrics.f1(["a", "b"], ["a", "b"]), "positive=1 is none of the classes"),
        (lambda: metrics.f1([0, 1], [0, 1], average="micro"), "average is 'micro'"),
        (lambda: metrics.accuracy(["1", "0"], [1, 0]), "y_true holds texts but y_pred numbers"),
        (lambda: metrics.accuracy(np.array(["a", 1], object), [1, 0]), "mixes texts"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], labels=[0, 2]), "labels lacks the class 1"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], labels=[0, 1, 1]), "labels names a class twice"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], labels=["0", "1"]), "labels holds texts"),
        (lambda: metrics.rmse([1.0, 2.0], [[1.0], [2.0]]), r"shape \[2\] but y_pred \[2, 1\]"),
        (lambda: metrics.rmse([1.0, 2.0], ["a", "b"]), "y_pred has dtype"),
        (lambda: metrics.r2([1.0], [1.0]), "one row"),
        (lambda: metrics.mean_poisson_deviance([-1], [1]), r"y_true\[0\] is -1.0"),
        (lambda: metrics.mean_poisson_deviance([1], [0]), r"y_pred\[0\] is 0.0"),
        (lambda: metrics.mean_poisson_deviance([[1, 1]], [[1, 1]]), "2 columns"),
        (lambda: metrics.pinball([1], [1], quantile=1.5), "quantile is 1.5"),
        (lambda: metrics.pinball([1], [1], quantile=math.nan), "quantile is nan"),
    ],
)
def test_refusals_say_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()

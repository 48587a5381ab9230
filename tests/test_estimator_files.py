"""Estimators in files: what comes back predicts, goes on learning and is asked as if it had never been saved."""

import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fuzz_model_file as fuzz
from judges import judge

judge("sklearn")

from scipy import sparse  # noqa: E402 - only where scikit-learn is there
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.metrics import get_scorer  # noqa: E402
from sklearn.preprocessing import LabelBinarizer  # noqa: E402

from pellucid import (  # noqa: E402
    SGD,
    AdamW,
    BatchNorm,
    BinaryCrossEntropyFromLogits,
    CosineDecay,
    CrossEntropyFromLogits,
    Dense,
    Dropout,
    GaussianNLL,
    LeakyReLU,
    ModelFileError,
    Network,
    Residual,
    StepDecay,
    Tanh,
    load,
)
from pellucid.estimators import MLPClassifier, MLPRegressor  # noqa: E402
from pellucid.files import safetensors  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(3).normal(size=(60, 3))
NUMBERS = X[:, 0] * X[:, 1] - 0.5 * X[:, 2]
PLACES = np.searchsorted([-0.4, 0.4], NUMBERS)  # 0, 1 or 2 for each record
NAMES = np.array(["large", "middle", "tiny"])
FRAME = pl.DataFrame(X, schema=["height", "a width", "größe"])
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0}


def classifier(**settings):
    return MLPClassifier(**{**SMALL, **settings})


def regressor(**settings):
    return MLPRegressor(**{**SMALL, **settings})


# Each: an estimator, its inputs, its target.
CASES = {
    "two classes, booleans": (classifier(), X, PLACES > 0),
    "small integers": (classifier(class_weight={np.int64(-3): 2.0, 4: 1}), X, np.where(PLACES > 0, 4, -3).astype("i1")),
    "three integers": (classifier(), X, PLACES * 2**40),
    "large integers": (classifier(), X, PLACES.astype("u8") + np.uint64(2**64 - 4)),
    "floats": (classifier(label_smoothing=0.1), X, PLACES.astype(float)),
    "floats in single precision": (classifier(), X, (PLACES > 1).astype("f4")),
    "texts": (classifier(class_weight={"tiny": 2.5, "large": 1, "middle": 0.5}), X, NAMES[PLACES]),
    "texts as objects": (classifier(class_weight="balanced"), X, NAMES[PLACES].astype(object)),
    "one class": (classifier(), X, np.ones(60, int)),
    "several labels": (classifier(class_weight=[{0: 1, 1: 2}, {0: 1, 1: 1}, {0: 2.0, 1: 1}]), X, (X > 0).astype(int)),
    "several labels, sparse": (classifier(early_stopping=True), X, sparse.csr_array((X > 0).astype(int))),
    "column names": (classifier(), FRAME, NAMES[PLACES]),
    "single precision": (classifier(), X.astype("f4"), PLACES),
    "gradual forgetting": (classifier(solver="sgd", learning_rate="invscaling"), X, PLACES),
    "adaptive": (regressor(solver="sgd", learning_rate="adaptive", tol=1.0, n_iter_no_change=1), X, NUMBERS),
    "L-BFGS": (regressor(solver="lbfgs"), X, NUMBERS),
    "L-BFGS, classes": (classifier(solver="lbfgs", hidden_layer_sizes=()), X, PLACES),
    "a schedule": (regressor(learning_rate=CosineDecay(0.02, 60, warmup=3)), X, NUMBERS),
    "an optimizer": (regressor(solver=AdamW(StepDecay(0.1, 3), 0.02)), X, NUMBERS),
    "a name of an optimizer": (regressor(solver="lion", clip_norm=0.5, learning_rate="cosine"), X, NUMBERS),
    "activations": (
        regressor(hidden_layer_sizes=[5, 4, 3], activation=["gelu", LeakyReLU(0.1), "prelu"], dropout=(0.1, 0.0, 0.5)),
        X,
        NUMBERS,
    ),
    "an array of sizes": (regressor(hidden_layer_sizes=np.array([5, 4]), alpha=np.float64(0.01)), X, NUMBERS),
    "one size": (regressor(hidden_layer_sizes=np.int64(5), alpha=np.float32(0)), X, NUMBERS),
    "statistics": (classifier(normalization="batch", dropout=0.2), X, PLACES),
    "layers": (
        classifier(layers=[Dense(4, bias=False), Residual([Dense(4), BatchNorm(), Tanh()]), Dropout(0.2)]),
        X,
        PLACES,
    ),
    "stops early": (classifier(early_stopping=True, normalization="batch", n_iter_no_change=2, tol=0.1), X, PLACES),
    "stops early on the loss": (regressor(early_stopping=True, monitor="loss"), X, NUMBERS),
    "stops early on a scorer": (classifier(early_stopping=True, monitor="roc_auc"), X, PLACES > 0),
    "never gives up": (regressor(n_iter_no_change=np.inf), X, NUMBERS),
    "focal": (classifier(loss="focal"), X, PLACES),
    "hinge": (classifier(loss="hinge"), X, PLACES),
    "a loss": (classifier(loss=BinaryCrossEntropyFromLogits(label_smoothing=0.1)), X, PLACES > 0),
    "several targets": (regressor(), X, np.column_stack([NUMBERS, -NUMBERS])),
    "counts": (regressor(loss="poisson"), X, PLACES.astype(float)),
    "quantiles": (regressor(loss="quantile", quantile=[0.1, 0.5, 0.9]), X, np.column_stack([NUMBERS, -NUMBERS])),
    "one quantile": (regressor(loss="quantile", quantile=0.25), X, NUMBERS),
    "shares": (regressor(loss=CrossEntropyFromLogits()), X, np.abs(X) / np.abs(X).sum(axis=1, keepdims=True)),
    "texts within objects": (classifier(), X, np.array([np.str_(one) for one in NAMES[PLACES]], dtype=object)),
    "mean and variance": (regressor(loss=GaussianNLL()), X, np.column_stack([NUMBERS, -NUMBERS])),
}


def fitted(name):
    estimator, inputs, target = CASES[name]
    return clone(estimator).fit(inputs, target), inputs, target


def back(estimator, path, **settings):
    estimator.save(path / "model.pellucid", overwrite=True)
    return load(path / "model.pellucid", **settings)


def assert_same(one, other, where=""):
    """Hold two estimators, or parts of them, to each other: types and values, to the last bit."""
    assert type(one) is type(other), where
    if sparse.issparse(one):
        one, other = one.toarray(), other.toarray()
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif isinstance(one, Network):
        assert repr(one) == repr(other)
        assert one.frozen == other.frozen
        assert_same([one.theta, one.state], [other.theta, other.state], where)
        for part in ("loss", "penalty", "optimizer", "optimizer_state"):
            assert_same(getattr(one.fitted, part), getattr(other.fitted, part), f"{where}.{part}")
        assert_same(one.fitted.history["loss"].tolist(), other.fitted.history["loss"].tolist(), f"{where}.history")
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, theirs, f"{where}[{place}]")
    elif isinstance(one, (MLPClassifier, MLPRegressor, LabelBinarizer)) or hasattr(one, "theta"):
        assert_same(vars(one), vars(other), where)
    elif isinstance(one, float):
        np.testing.assert_array_equal(one, other, err_msg=where)
    else:
        assert one == other, where


def assert_same_estimator(one, other):
    """Hold all that two estimators have learnt to each other, and their parameters."""
    parameters = set(one.get_params(deep=False))
    learnt = [{key: value for key, value in vars(each).items() if key not in parameters} for each in (one, other)]
    assert_same(learnt[0], learnt[1], type(one).__name__)
    for name, value in one.get_params().items():
        theirs = other.get_params()[name]
        if isinstance(value, np.ndarray):
            value = value.tolist()
        assert theirs == value, name
        if not isinstance(value, np.generic):  # which comes back as the plain number that it equals
            assert type(theirs) is type(value), name


@pytest.mark.parametrize("name", CASES)
def test_what_comes_back_is_what_was_saved(tmp_path, name):
    estimator, inputs, _ = fitted(name)
    again = back(estimator, tmp_path)
    assert_same_estimator(estimator, again)
    methods = ("predict", "predict_proba", "predict_log_proba", "predict_quantiles", "predict_interval")
    for method in methods:
        assert hasattr(estimator, method) is hasattr(again, method)
        if hasattr(estimator, method):
            assert_same(getattr(estimator, method)(inputs), getattr(again, method)(inputs), method)
    assert clone(again).get_params().keys() == estimator.get_params().keys()
    assert not hasattr(clone(again), "network_")
    for weights, bias in zip(again.coefs_, again.intercepts_, strict=True):
        assert np.shares_memory(weights, again.network_.theta)
        assert name == "layers" or np.shares_memory(bias, again.network_.theta)


@pytest.mark.parametrize("name", CASES)
def test_a_file_written_again_is_the_same_file(tmp_path, name):
    again = back(fitted(name)[0], tmp_path)
    again.save(tmp_path / "again.pellucid")
    assert (tmp_path / "again.pellucid").read_bytes() == (tmp_path / "model.pellucid").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_partial_fit_goes_on_as_if_never_saved(tmp_path, name):
    estimator, inputs, target = fitted(name)
    if estimator.solver == "lbfgs":
        pytest.skip("L-BFGS has no partial_fit")
    if estimator.learning_rate == "cosine":
        estimator.set_params(learning_rate="constant")
    if isinstance(estimator, MLPClassifier) and estimator.class_weight == "balanced":
        estimator.set_params(class_weight=None)
    held_out = {"X_val": inputs, "y_val": target} if estimator.early_stopping else {}
    again = back(estimator, tmp_path)
    for _ in range(3):
        assert_same_estimator(
            estimator.partial_fit(inputs, target, **held_out), again.partial_fit(inputs, target, **held_out)
        )


@pytest.mark.parametrize("name", CASES)
def test_a_warm_start_goes_on_as_if_never_saved(tmp_path, name):
    estimator, inputs, target = fitted(name)
    again = back(estimator.set_params(warm_start=True), tmp_path)
    assert_same_estimator(estimator.fit(inputs, target), again.fit(inputs, target))
    again = back(estimator.set_params(warm_start=False), tmp_path)
    assert_same_estimator(estimator.fit(inputs, target), again.fit(inputs, target))


def test_partial_fit_from_the_start(tmp_path):
    estimator = classifier(early_stopping=True, n_iter_no_change=2)
    for _ in range(6):
        estimator.partial_fit(X, NAMES[PLACES], classes=NAMES, X_val=X, y_val=NAMES[PLACES])
        again = back(estimator, tmp_path)
        assert_same_estimator(estimator, again)
        estimator = again
    assert estimator.validation_scores_


def test_figures_that_are_no_numbers_come_back(tmp_path):
    estimator = classifier(early_stopping=True, max_iter=3).fit(X, PLACES)
    estimator.best_validation_score_ = -np.inf
    estimator.validation_scores_ = [np.nan, 0.5, np.inf]
    estimator.loss_curve_[0] = np.nan
    estimator.loss_ = np.inf
    assert_same_estimator(estimator, back(estimator, tmp_path))


def test_weights_written_into_the_estimator_are_kept(tmp_path):
    estimator = regressor().fit(X, NUMBERS)
    estimator.coefs_[0] = np.full((3, 4), 0.25)
    estimator.intercepts_[1][:] = 7.0
    again = back(estimator, tmp_path)
    assert (again.coefs_[0] == 0.25).all()
    assert again.intercepts_[1].tolist() == [7.0]
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def test_what_no_file_can_keep_is_null(tmp_path):
    random_state = np.random.RandomState(0)
    estimator = classifier(
        random_state=random_state, early_stopping=True, monitor=get_scorer("roc_auc"), callbacks=[lambda report: None]
    ).fit(X, PLACES > 0)
    again = back(estimator, tmp_path)
    assert (again.random_state, again.monitor, again.callbacks) == (None, None, None)
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    assert_same_estimator(again, back(again, tmp_path))
    with pytest.raises(ValueError, match="'monitor' parameter"):  # so that nobody goes on with another one unawares
        again.fit(X, PLACES > 0)
    again.set_params(monitor="roc_auc").fit(X, PLACES > 0)


@dataclass(frozen=True)
class Steep(Tanh):
    """A layer of one's own."""


def test_a_layer_of_ones_own_is_handed_over(tmp_path):
    estimator = regressor(activation=Steep()).fit(X, NUMBERS)
    with pytest.raises(ModelFileError, match="load\\(path, custom={'Steep': Steep}\\)"):
        back(estimator, tmp_path)
    again = back(estimator, tmp_path, custom={"Steep": Steep})
    assert_same_estimator(estimator, again)


def test_what_is_not_saved_and_why(tmp_path):
    path = tmp_path / "model.pellucid"

    class Mine(MLPRegressor):
        pass

    texts = regressor().fit(X, NUMBERS)
    dates = classifier().fit(X, PLACES > 0)
    dates.classes_ = np.array(["2020-01-01", "2021-01-01"], dtype="M8[D]")
    for estimator, kind, reason in (
        (regressor(), NotFittedError, "not fitted yet"),
        (Mine(**SMALL).fit(X, NUMBERS), TypeError, "Mine is a class of your own"),
        (texts.set_params(alpha=-1.0), ValueError, "'alpha' parameter"),
        (dates, TypeError, r"classes_ holds labels of type datetime64\[D\]"),
        (classifier().fit(X, PLACES).set_params(class_weight={(1, 2): 1.0}), TypeError, "class_weight: the key"),
        (regressor().fit(X, NUMBERS).set_params(activation=[object()]), TypeError, "parameter activation: a object"),
        (regressor().fit(X, NUMBERS).set_params(solver=SGD(lambda step: 0.1)), TypeError, "parameter solver, SGD"),
    ):
        with pytest.raises(kind, match=reason):
            estimator.save(path)
        assert not path.exists()
    texts.set_params(alpha=0.0).save(path)
    with pytest.raises(FileExistsError):
        texts.save(path)


WITHOUT = """
import sys
sys.modules["sklearn"] = None  # as if it were not installed
import pellucid
try:
    pellucid.load(sys.argv[1])
except pellucid.MissingExtraError as problem:
    print(problem)
"""


def test_without_scikit_learn_the_extra_is_named(tmp_path):
    regressor().fit(X, NUMBERS).save(tmp_path / "model.pellucid")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path / "model.pellucid")], capture_output=True, text=True, check=True
    )
    assert "pip install 'pellucid[sklearn]'" in done.stdout


# Hostile files -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """One file with a best epoch, statistics and feature names, in parts; and one of a regressor."""
    path = tmp_path_factory.mktemp("good") / "model.pellucid"
    found = {}
    for name, estimator, inputs, target in (
        ("classifier", classifier(early_stopping=True, normalization="batch"), FRAME, NAMES[PLACES]),
        ("regressor", regressor(n_iter_no_change=np.inf), X, NUMBERS),
    ):
        estimator.fit(inputs, target).save(path, overwrite=True)
        found[name] = path.read_bytes()
    return found


def parts_of(data):
    tensors, metadata = safetensors.from_bytes(data, "a good file")
    return tensors, metadata, json.loads(metadata["config"])


def sealed(tensors, metadata, config):
    """Return a file whose form and fingerprint are right."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return safetensors.to_bytes(tensors, {**metadata, "config": text, "sha256": safetensors.digest(text, tensors)})


def refusal(path, data):
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    text = str(caught.value).removeprefix(f"{path}: ")
    assert text.isprintable() and 10 < len(text) < 500
    return text


@pytest.mark.parametrize(("keys", "value", "reason"), [
    (["class"], "Pipeline", "holds an estimator 'Pipeline'; expected MLPClassifier or MLPRegressor"),
    (["class"], "sklearn.svm.SVC", "holds an estimator 'sklearn.svm.SVC'"),
    (["class"], ["MLPClassifier"], "holds an estimator a list of 1 entries"),
    (["class"], "MLPRegressor", "MLPRegressor has no parameter 'class_weight'"),
    (["parameters"], [], "the parameters are a list of 0 entries; expected an object"),
    (["parameters", "alpha_"], 0.1, "MLPClassifier has no parameter 'alpha_'"),
    (["parameters", "__class__"], "x", "MLPClassifier has no parameter '__class__'"),
    (["parameters", "alpha"], -1.0, "The 'alpha' parameter of MLPClassifier must be"),
    (["parameters", "alpha"], "much", "The 'alpha' parameter of MLPClassifier must be"),
    (["parameters", "alpha"], {"type": "Zeros"}, "The 'alpha' parameter of MLPClassifier must be"),
    (["parameters", "solver"], "newton", "The 'solver' parameter of MLPClassifier must be"),
    (["parameters", "solver"], {"type": "SGD", "learning_rate": -1.0}, "learning_rate must be positive"),
    (["parameters", "solver"], {"type": "os.system"}, "'os.system' that is not part of Pellucid"),
    (["parameters", "solver"], {"type": "Steep"}, r"hand it over: load\(path, custom="),
    (["parameters", "hidden_layer_sizes"], {"tuple": 3}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "hidden_layer_sizes"], {"list": []}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "hidden_layer_sizes"], {}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "n_iter_no_change"], {"number": "1e999"}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "n_iter_no_change"], {"number": "nan"}, "The 'n_iter_no_change' parameter"),
    (["parameters", "class_weight"], {"dict": [["a", 1], ["a", 2]]}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "class_weight"], {"dict": [[["a"], 1]]}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "class_weight"], {"dict": ["ab"]}, "neither a part, a tuple, a dict nor a number"),
    (["parameters", "callbacks"], "print", "The 'callbacks' parameter"),
    (["parameters", "engine"], "cuda", "The 'engine' parameter"),
    (["classes"], None, "the list of classes is None; expected an object"),
    (["classes", "labels"], ["large", "middle", "middle"], "not in ascending order, or one is there twice"),
    (["classes", "labels"], ["tiny", "middle", "large"], "not in ascending order"),
    (["classes", "labels"], ["large", "middle"], "2 classes and 3 outputs do not fit a target multiclass"),
    (["classes", "labels"], ["a", "b", "c", "d"], "4 classes and 3 outputs do not fit a target multiclass"),
    (["classes", "labels"], ["large", "middle", 7], "a class is not of the type str"),
    (["classes", "labels"], ["a", "b", "c\0"], "a class has a value that str cannot hold"),
    (["classes", "labels"], {"a": 1}, "the classes are an object of 1 entries"),
    (["classes", "target"], "binary", "3 classes and 3 outputs do not fit a target binary"),
    (["classes", "target"], "continuous", "for a target 'continuous'"),
    (["classes", "target"], ["binary"], "for a target a list"),
    (["classes", "dtype"], "datetime64", "of 'datetime64' for a target"),
    (["classes", "dtype"], "(9,)f8", r"of '\(9,\)f8' for a target"),
    (["classes"], {"target": "multiclass", "dtype": "int8", "labels": [1, 2, 300]}, "int8"),
    (["classes"], {"target": "multiclass", "dtype": "float16", "labels": [1.0, 2.0, 1e300]}, "float16 cannot hold"),
    (["classes"], {"target": "multiclass", "dtype": "uint8", "labels": [False, True, 2]}, "not of the type uint8"),
    (["classes"], {"target": "binary", "dtype": "bool", "labels": [False, True]}, "do not fit a target binary"),
    (["n_outputs"], 2, "3 classes and 2 outputs"),
    (["n_outputs"], True, "n_outputs is True; expected a whole number"),
    (["n_iter"], -1, "n_iter is -1; expected a whole number"),
    (["t"], 0.5, "t is 0.5"),
    (["no_improvement_count"], None, "no_improvement_count is None"),
    (["best_iter"], -1, "best_iter is -1"),
    (["best_epoch"], "2", "best_epoch is '2'"),
    (["best_epoch"], None, "configuration and tensors disagree about best/"),
    (["stopped"], 1, "stopped is 1; expected true or false"),
    (["out_activation"], "tanh", "out_activation is 'tanh'; expected one of identity"),
    (["out_activation"], [], "out_activation is a list"),
    (["feature_names"], ["a", "b"], "there are 2 feature names for 3 inputs"),
    (["feature_names"], ["a", "b", 3], "feature_names is not a list of texts"),
    (["feature_names"], "abc", "feature_names is not a list of texts"),
    (["more"], 1, "missing or unknown fields: more"),
    (["network", "members"], 1, "tensor 'theta' is float64|which does not fit"),
    (["network", "layers", -1, "units"], 4, "need .* parameters, the file holds"),
    (["network", "layers", -1], {"type": "Tanh"}, "need .* parameters, the file holds"),
    (["network", "fitted"], None, "configuration and tensors disagree about history/"),
    (["network", "fitted", "loss"], {"type": "Tanh"}, "expected a Loss, found 'Tanh'"),
])  # fmt: skip
def test_edits_are_refused_before_anything_is_made(tmp_path, monkeypatch, good, keys, value, reason):
    def never(*_):
        raise AssertionError("the tensors were read")

    tensors, metadata, config = parts_of(good["classifier"])
    place = config
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    monkeypatch.setattr(safetensors, "read_tensors", never)
    text = refusal(tmp_path / "model.pellucid", sealed(tensors, metadata, config))
    assert re.search(reason, text), text


@pytest.mark.parametrize(("change", "reason"), [
    (lambda t: t.pop("figures/loss_curve"), "tensor 'figures/loss_curve' is missing"),
    (lambda t: t.pop("figures/rate_factor"), "tensor 'figures/rate_factor' is missing"),
    (lambda t: t.update({"figures/rate_factor": np.ones(2)}), "'figures/rate_factor' has a shape or type"),
    (lambda t: t.update({"figures/rate_factor": np.ones(1, "f4")}), "'figures/rate_factor' has a shape or type"),
    (lambda t: t.update({"figures/rate_factor": np.array([np.nan])}), "the factor of the learning rate is nan"),
    (lambda t: t.update({"figures/rate_factor": np.array([-1.0])}), "the factor of the learning rate is -1.0"),
    (lambda t: t.update({"figures/loss_curve": np.ones((2, 2))}), "'figures/loss_curve' has a shape or type"),
    (lambda t: t.update({"figures/loss": np.array(1.0)}), "'figures/loss' has a shape or type"),
    (lambda t: t.update({"figures/gain": np.ones(1)}), "disagree about figures/gain"),
    (lambda t: t.update({"more\nlines": np.ones(1)}), r"disagree about more\\nlines"),
    (lambda t: t.pop("best/theta"), "tensor 'best/theta' is missing, or has another shape"),
    (lambda t: t.update({"best/theta": t["best/theta"][:-1]}), "tensor 'best/theta' is missing, or has another shape"),
    (lambda t: t.update({"best/value": np.ones(2)}), "tensor 'best/value' is missing, or has another shape"),
    (lambda t: t.pop("best/state/batch_norm_1/mean"), "'best/state/batch_norm_1/mean' is missing"),
    (lambda t: t.update({"best/state/dense_1/mean": np.ones(1)}), "disagree about best/state/dense_1/mean"),
    (lambda t: t.update({"network/theta": t["network/theta"][1:]}), "need .* parameters, the file holds"),
    (lambda t: t.update({"network/optimizer/m": np.ones(1)}), "tensor 'optimizer/m' is float64"),
    (lambda t: t.pop("network/theta"), "need .* parameters, the file holds none"),
])  # fmt: skip
def test_tensors_that_do_not_fit(tmp_path, good, change, reason):
    tensors, metadata, config = parts_of(good["classifier"])
    change(tensors)
    text = refusal(tmp_path / "model.pellucid", sealed(tensors, metadata, config))
    assert re.search(reason, text), text


def test_a_network_that_is_not_the_estimators(tmp_path, good):
    path = tmp_path / "model.pellucid"
    tensors, metadata, config = parts_of(good["regressor"])
    assert re.search("1 outputs need a Dense of 2 units", refusal(path, sealed(tensors, metadata, {
        **config, "network": {**config["network"], "fitted": {
            **config["network"]["fitted"], "loss": {"type": "GaussianNLL"}}}})))  # fmt: skip
    assert re.search("2 outputs need a Dense of 2 units", refusal(path, sealed(
        tensors, metadata, {**config, "n_outputs": 2})))  # fmt: skip
    classes = {"target": "binary", "dtype": "int64", "labels": [0, 1]}
    assert "a regressor has no classes" in refusal(path, sealed(tensors, metadata, {**config, "classes": classes}))
    assert "missing or unknown fields" in refusal(path, sealed(tensors, {**metadata, "kind": "table"}, config))
    classifier(solver="sgd").fit(X, PLACES > 0).save(path, overwrite=True)
    tensors, metadata, config = parts_of(path.read_bytes())
    config["network"]["fitted"]["loss"] = {"type": "CrossEntropyFromLogits"}
    assert "three or more classes" in refusal(path, sealed(tensors, metadata, config))


def test_a_network_with_another_end_is_not_written(tmp_path):
    estimator = regressor().fit(X, NUMBERS)
    estimator.network_ = Network(3, [Dense(1), Tanh()], seed=0)
    estimator.network_.fit(X, NUMBERS, loss="squared_error", epochs=1)
    estimator._show_weights()
    with pytest.raises(ModelFileError, match="cannot be saved: the last layer is a 'Tanh'; 1 outputs need a Dense of"):
        estimator.save(tmp_path / "model.pellucid")
    assert not (tmp_path / "model.pellucid").exists()


def test_a_file_that_is_older_than_a_parameter_is_read_with_its_default(tmp_path, good):
    tensors, metadata, config = parts_of(good["regressor"])
    del config["parameters"]["clip_norm"]
    (tmp_path / "older.pellucid").write_bytes(sealed(tensors, metadata, config))
    assert load(tmp_path / "older.pellucid").get_params()["clip_norm"] is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_mutants_give_an_estimator_or_one_line(tmp_path, good, kind, seed):
    chance = random.Random(seed)
    mutate = chance.choice([fuzz.mutant_in_bytes, fuzz.mutant_in_header, fuzz.mutant_in_structure])
    fuzz.read(mutate(good[kind], chance), tmp_path / "mutant.pellucid")

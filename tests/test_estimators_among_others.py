"""Estimators inside what scikit-learn builds around them, and in the hands of pickle, joblib, pandas and polars."""

import copy
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from judges import judge

sklearn = judge("sklearn")

import joblib  # noqa: E402 - only now is it known that scikit-learn is there, which brings joblib and threadpoolctl
import threadpoolctl  # noqa: E402
from joblib.externals.loky import get_reusable_executor  # noqa: E402
from sklearn import neural_network  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.datasets import load_diabetes, load_iris  # noqa: E402
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier  # noqa: E402
from sklearn.inspection import partial_dependence, permutation_importance  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier  # noqa: E402
from sklearn.multioutput import MultiOutputRegressor  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from pellucid import SGD, Dense, GaussianNoise, ReLU, estimators  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 30, "random_state": 0}
FLOWERS, SPECIES = load_iris(return_X_y=True)
PATIENTS, DISEASE = (part[:150] for part in load_diabetes(return_X_y=True))
COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]


def classifiers(**settings):
    """Return scikit-learn's classifier and ours."""
    return [module.MLPClassifier(**(QUICK | settings)) for module in (neural_network, estimators)]


def regressors(**settings):
    return [module.MLPRegressor(**(QUICK | settings)) for module in (neural_network, estimators)]


def fitted(**settings):
    return estimators.MLPClassifier(**(QUICK | settings)).fit(FLOWERS, SPECIES)


# In other estimators: what comes out is what comes out with scikit-learn's class.


def test_in_a_pipeline():
    theirs, ours = (make_pipeline(StandardScaler(), mlp).fit(FLOWERS, SPECIES) for mlp in classifiers())
    assert ours.score(FLOWERS, SPECIES) > 0.9
    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS), rtol=1e-6)
    assert ours.set_params(mlpclassifier__alpha=0.5).named_steps["mlpclassifier"].alpha == 0.5


def test_as_features_for_the_next_step():
    mlp = estimators.MLPClassifier(**QUICK)
    model = make_pipeline(StandardScaler(), mlp, LogisticRegression()).fit(FLOWERS, SPECIES)
    assert model[-1].coef_.shape == (3, 8)
    assert model[:-1].get_feature_names_out().tolist() == [f"mlpclassifier{unit}" for unit in range(8)]
    assert model.score(FLOWERS, SPECIES) > 0.9


@pytest.mark.slow
def test_a_grid_search_in_two_processes():
    grid = {"hidden_layer_sizes": [(3,), (12,)], "learning_rate_init": [1e-4, 0.05]}
    theirs, ours = (GridSearchCV(mlp, grid, cv=3, n_jobs=2).fit(FLOWERS, SPECIES) for mlp in classifiers())
    assert ours.best_params_["learning_rate_init"] == 0.05
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.best_score_ > 0.9


def test_a_grid_over_what_is_ours_alone():
    grid = {"activation": ["gelu", ["silu"]], "dropout": [0.0, 0.2], "solver": ["adamw", SGD(0.01, 0.9)]}
    search = GridSearchCV(estimators.MLPClassifier(**QUICK), grid, cv=2, error_score="raise").fit(FLOWERS, SPECIES)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.8


def test_cross_validation():
    theirs, ours = (cross_val_score(mlp, FLOWERS, SPECIES, cv=4) for mlp in classifiers())
    assert_allclose(ours, theirs)
    theirs, ours = (
        cross_val_predict(mlp, FLOWERS, SPECIES, cv=3, method="predict_proba") for mlp in classifiers(solver="sgd")
    )
    assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "neg_log_loss", "f1_macro"])
def test_scorers(scoring):
    theirs, ours = (cross_val_score(mlp, FLOWERS, SPECIES, cv=3, scoring=scoring) for mlp in classifiers())
    assert_allclose(ours, theirs, rtol=1e-6)


def test_a_learning_curve():
    theirs, ours = (
        learning_curve(mlp, FLOWERS, SPECIES, cv=3, train_sizes=[0.3, 1.0], shuffle=True, random_state=0)
        for mlp in classifiers()
    )
    for expected, found in zip(theirs, ours, strict=True):
        assert_allclose(found, expected)


def test_a_learning_curve_of_partial_fits():
    theirs, ours = (
        learning_curve(mlp, FLOWERS, SPECIES, cv=3, shuffle=True, random_state=0, exploit_incremental_learning=True)
        for mlp in classifiers()
    )
    assert_allclose(ours[1], theirs[1])


def test_calibrated():
    theirs, ours = (CalibratedClassifierCV(mlp, cv=3).fit(FLOWERS, SPECIES) for mlp in classifiers())
    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS), rtol=1e-5)


def test_voting_and_stacking():
    for kind in (VotingClassifier, StackingClassifier):
        named = {"voting": "soft"} if kind is VotingClassifier else {"cv": 3}
        theirs, ours = (
            kind([("mlp", mlp), ("linear", LogisticRegression(max_iter=1000))], **named).fit(FLOWERS, SPECIES)
            for mlp in classifiers()
        )
        assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS), rtol=1e-5)
        assert ours.score(FLOWERS, SPECIES) > 0.9


def test_one_against_the_rest():
    theirs, ours = (OneVsRestClassifier(mlp).fit(FLOWERS, SPECIES) for mlp in classifiers())
    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS), rtol=1e-6)


def test_bagged():
    theirs, ours = (
        BaggingRegressor(mlp, n_estimators=3, max_features=0.7, random_state=0).fit(PATIENTS, DISEASE)
        for mlp in regressors()
    )
    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-6)


def test_several_targets_one_by_one():
    targets = np.column_stack([DISEASE, -DISEASE]) / 100
    theirs, ours = (MultiOutputRegressor(mlp).fit(PATIENTS, targets) for mlp in regressors())
    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-6, atol=1e-9)


def test_a_transformed_target():
    theirs, ours = (
        TransformedTargetRegressor(mlp, transformer=StandardScaler()).fit(PATIENTS, DISEASE)
        for mlp in regressors(max_iter=100)
    )
    assert ours.score(PATIENTS, DISEASE) > 0.3
    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-6)


def test_permutation_importance_and_partial_dependence():
    theirs, ours = (mlp.fit(FLOWERS, SPECIES) for mlp in classifiers())
    of_theirs, of_ours = (permutation_importance(mlp, FLOWERS, SPECIES, random_state=0) for mlp in (theirs, ours))
    assert_allclose(of_ours.importances, of_theirs.importances)
    assert of_ours.importances_mean[2] > 0.1  # the petal's length tells most
    of_theirs, of_ours = (partial_dependence(mlp, FLOWERS, [2], grid_resolution=5) for mlp in (theirs, ours))
    assert_allclose(of_ours["average"], of_theirs["average"], rtol=1e-6)


# Parameters


def test_a_clone_has_the_parameters_and_nothing_learnt():
    mlp = estimators.MLPRegressor(
        layers=[Dense(6), ReLU(), GaussianNoise(0.1)],
        solver=SGD(0.01, 0.9),
        loss="huber",
        callbacks=[print],
        max_iter=1,
    )
    mlp.set_params(callbacks=None).fit(PATIENTS, DISEASE)
    copied = clone(mlp)
    assert copied.get_params() == mlp.get_params()
    assert not hasattr(copied, "coefs_") and not hasattr(copied, "network_")
    assert vars(copied).keys() == mlp.get_params().keys()


def test_parameters_are_kept_as_given():
    sizes, activations = [4, 3], ["tanh", ReLU()]
    mlp = estimators.MLPClassifier(sizes, activations, max_iter=2, random_state=0).fit(FLOWERS, SPECIES)
    assert mlp.get_params()["hidden_layer_sizes"] is sizes and sizes == [4, 3]
    assert mlp.get_params()["activation"] is activations and activations == ["tanh", ReLU()]


def test_only_what_was_changed_is_shown():
    assert repr(estimators.MLPClassifier(alpha=1, dropout=0.5)) == "MLPClassifier(alpha=1, dropout=0.5)"
    assert repr(estimators.MLPRegressor("huber", activation="gelu")) == "MLPRegressor(activation='gelu', loss='huber')"


def test_the_parameters_that_scikit_learn_has_stand_first_and_have_its_defaults():
    for theirs, ours in (
        (neural_network.MLPClassifier, estimators.MLPClassifier),
        (neural_network.MLPRegressor, estimators.MLPRegressor),
    ):
        expected, found = theirs().get_params(), ours().get_params()
        assert {name: found[name] for name in expected} == expected


# Frames


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_transform_gives_a_frame(library):
    mlp = fitted()
    frame = mlp.set_output(transform=library).transform(FLOWERS)
    assert type(frame) is judge(library).DataFrame
    assert list(frame.columns) == [f"mlpclassifier{unit}" for unit in range(8)]
    assert_array_equal(frame.to_numpy(), mlp.set_output(transform="default").transform(FLOWERS))
    assert_array_equal(frame.to_numpy(), mlp.hidden_activations(FLOWERS)[-1])


def frame_of(library, columns=COLUMNS, table=FLOWERS):
    return judge(library).DataFrame(dict(zip(columns, table.T, strict=True)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_columns(library):
    theirs, ours = (mlp.fit(frame_of(library), SPECIES) for mlp in classifiers())
    assert ours.feature_names_in_.tolist() == COLUMNS
    assert_allclose(ours.predict_proba(frame_of(library)), theirs.predict_proba(frame_of(library)), rtol=1e-6)
    assert ours.score(frame_of(library), SPECIES) == theirs.score(frame_of(library), SPECIES)
    for wrong in (COLUMNS[::-1], [*COLUMNS[:3], "colour"]):
        texts = []
        for mlp in (theirs, ours):
            with pytest.raises(ValueError, match="feature names should match") as caught:
                mlp.predict(frame_of(library, wrong))
            texts.append(str(caught.value))
        assert texts[1] == texts[0]


def test_names_on_one_side_only_are_told_as_scikit_learn_tells_them():
    for mlp in classifiers():
        with pytest.warns(UserWarning, match=f"X does not have valid feature names, but {type(mlp).__name__} was fitt"):
            mlp.fit(frame_of("pandas"), SPECIES).predict(FLOWERS)
        with pytest.warns(UserWarning, match="X has feature names, but MLPClassifier was fitted without feature names"):
            mlp.fit(FLOWERS, SPECIES).predict(frame_of("pandas"))
        assert not hasattr(mlp, "feature_names_in_")


def test_names_of_columns_under_early_stopping_and_validation_records():
    frame = frame_of("pandas")
    for named in ({}, {"X_val": frame[::3], "y_val": SPECIES[::3]}):
        for monitor in ("score", "loss", "neg_log_loss"):
            mlp = estimators.MLPClassifier(**QUICK, early_stopping=True, monitor=monitor).fit(frame, SPECIES, **named)
            assert len(mlp.validation_loss_curve_) == mlp.n_iter_
    with pytest.raises(ValueError, match="feature names should match"):
        mlp.fit(frame, SPECIES, X_val=frame[COLUMNS[::-1]], y_val=SPECIES)


# Metadata


def test_weights_are_routed():
    weights = np.random.default_rng(0).uniform(0, 2, len(SPECIES))
    with sklearn.config_context(enable_metadata_routing=True):
        theirs, ours = (
            cross_validate(
                make_pipeline(
                    StandardScaler().set_fit_request(sample_weight=False),
                    mlp.set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
                ),
                FLOWERS,
                SPECIES,
                params={"sample_weight": weights},
                cv=3,
            )["test_score"]
            for mlp in classifiers()
        )
    assert_allclose(ours, theirs)


def test_validation_records_are_routed_and_scaled_on_their_way():
    scaler = StandardScaler().fit(FLOWERS[::2])
    settings = QUICK | {"early_stopping": True}
    expected = estimators.MLPClassifier(**settings).fit(
        scaler.transform(FLOWERS[::2]), SPECIES[::2], X_val=scaler.transform(FLOWERS[1::2]), y_val=SPECIES[1::2]
    )
    with sklearn.config_context(enable_metadata_routing=True):
        mlp = estimators.MLPClassifier(**settings).set_fit_request(X_val=True, y_val=True)
        model = Pipeline([("scale", StandardScaler()), ("mlp", mlp)], transform_input=["X_val"])
        model.fit(FLOWERS[::2], SPECIES[::2], X_val=FLOWERS[1::2], y_val=SPECIES[1::2])
    assert mlp.validation_scores_ == expected.validation_scores_
    assert mlp.validation_loss_curve_ == expected.validation_loss_curve_
    assert_array_equal(mlp.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("kind", [estimators.MLPClassifier, estimators.MLPRegressor])
def test_what_was_not_asked_for_is_refused(kind):
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(ValueError, match="not explicitly set as requested or not requested"),
    ):
        make_pipeline(kind(**QUICK)).fit(FLOWERS, SPECIES, X_val=FLOWERS, y_val=SPECIES)


def test_all_that_may_be_routed_has_a_request():
    with sklearn.config_context(enable_metadata_routing=True):
        for kind in (estimators.MLPClassifier, estimators.MLPRegressor):
            validation = {"X_val": True, "y_val": True, "sample_weight_val": True}
            mlp = kind().set_fit_request(sample_weight=True, **validation)
            mlp.set_partial_fit_request(sample_weight=True, **validation)
            assert set(mlp.get_metadata_routing().fit.requests) == {"sample_weight", *validation}


# Copies


def by_pickle(mlp, folder):
    return pickle.loads(pickle.dumps(mlp))


def by_joblib(mlp, folder):
    joblib.dump(mlp, folder / "mlp.joblib")
    return joblib.load(folder / "mlp.joblib")


def by_deepcopy(mlp, folder):
    return copy.deepcopy(mlp)


@pytest.fixture(params=[by_pickle, by_joblib, by_deepcopy])
def copied(request, tmp_path):
    return lambda mlp: request.param(mlp, tmp_path)


def test_a_copy_predicts_the_same_and_its_weights_are_its_own(copied):
    mlp = fitted(hidden_layer_sizes=(5, 4))
    expected = mlp.predict_proba(FLOWERS)
    other = copied(mlp)
    assert_array_equal(other.predict_proba(FLOWERS), expected)
    for array in other.coefs_ + other.intercepts_:
        assert np.shares_memory(array, other.network_.theta)
        assert not np.shares_memory(array, mlp.network_.theta)
    other.coefs_[0][:] = 0.0
    assert np.ptp(other.predict_proba(FLOWERS), axis=0).max() == 0
    assert_array_equal(mlp.predict_proba(FLOWERS), expected)


def test_a_copy_has_all_that_was_set(copied):
    mlp = fitted(early_stopping=True)
    other = copied(mlp)
    assert vars(other).keys() == vars(mlp).keys()
    for name in ("loss_curve_", "validation_scores_", "best_validation_score_", "n_iter_", "t_", "best_iter_"):
        assert getattr(other, name) == getattr(mlp, name)


@pytest.mark.parametrize("solver", ["adam", "sgd", "nadam"])
def test_a_copy_goes_on_learning_where_the_original_was(copied, solver):
    mlp = fitted(solver=solver, random_state=np.random.RandomState(0), dropout=0.3)
    other = copied(mlp)
    for each in (mlp, other):
        each.partial_fit(FLOWERS, SPECIES)
    assert mlp.loss_curve_ == other.loss_curve_
    assert_array_equal(mlp.coefs_[0], other.coefs_[0])


def test_weights_that_were_replaced_travel_along(copied):
    mlp = fitted()
    mlp.coefs_[1] = 2 * mlp.coefs_[1]
    mlp.intercepts_[0][:] = 0.5
    expected = fitted()
    expected.coefs_[1][:] *= 2
    expected.intercepts_[0][:] = 0.5
    assert_array_equal(copied(mlp).predict_proba(FLOWERS), expected.predict_proba(FLOWERS))


def test_a_copy_of_what_was_not_fitted(copied):
    mlp = estimators.MLPRegressor(dropout=[0.1], layers=None, solver=SGD(0.1, 0.9))
    assert copied(mlp).get_params() == mlp.get_params()


# Processes and threads


def threads_within(seed):
    """Return what a worker has: threads of Python, pools and their sizes; before and after training."""
    before = threading.active_count(), len(threadpoolctl.threadpool_info())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimators.MLPClassifier(**(QUICK | {"random_state": seed})).fit(FLOWERS, SPECIES).predict(FLOWERS)
    pools = threadpoolctl.threadpool_info()
    return before, (threading.active_count(), len(pools)), max(pool["num_threads"] for pool in pools)


@pytest.mark.slow
def test_training_in_workers_keeps_to_their_share_of_the_cores(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)  # otherwise the workers have it from here
    get_reusable_executor(max_workers=2).shutdown(wait=True)  # as others may have started workers with it
    share = max(1, joblib.cpu_count() // 2)
    for before, after, threads in joblib.Parallel(n_jobs=2)(joblib.delayed(threads_within)(n) for n in range(4)):
        assert after == before
        assert threads <= share


def test_training_starts_no_thread():
    threads_within(0)  # so that all that is imported late has been imported
    before, after, _ = threads_within(0)
    assert after == before


def test_trainings_side_by_side_leave_the_threads_as_they_were():
    """Also when the first to begin is the first to end: the limit is the process's, not each training's."""
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    limits = []

    def note():
        pools = threadpoolctl.threadpool_info()
        limits.append({pool["num_threads"] for pool in pools if pool["user_api"] == "blas"})

    def first(report):
        note()
        first_is_in.set()
        assert second_is_in.wait(60)

    def second(report):
        second_is_in.set()
        assert first_is_out.wait(60)

    def allow(threads):
        """Limit them from a thread that ends, as one that lives would keep others from limiting them."""
        changed = threading.Thread(target=lambda: threadpoolctl.threadpool_limits(threads, user_api="blas"))
        changed.start()
        changed.join()

    note()
    allow(2)  # even where the tests are run with one
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(fitted, max_iter=1, callbacks=[first])
        assert first_is_in.wait(60)
        other = pool.submit(fitted, max_iter=1, callbacks=[second])
        one.result(60)
        first_is_out.set()
        other.result(60)
    note()
    allow(max(limits[0]))
    assert limits[1:] == [{1}, {2}]


def test_lbfgs_leaves_no_thread_behind():
    before = threading.enumerate()
    fitted(solver="lbfgs")
    assert threading.enumerate() == before


# Tables that cannot be written to


def test_a_read_only_table_in_a_file(tmp_path):
    for name, array in (("X", FLOWERS), ("y", SPECIES), ("weights", np.ones(len(SPECIES)))):
        joblib.dump(array, tmp_path / name)
    X, y, weights = (joblib.load(tmp_path / name, mmap_mode="r") for name in ("X", "y", "weights"))
    assert isinstance(X, np.memmap) and not X.flags.writeable
    for settings in ({}, {"solver": "lbfgs"}, {"early_stopping": True}, {"shuffle": False}):
        found = estimators.MLPClassifier(**(QUICK | settings)).fit(X, y, sample_weight=weights).predict_proba(X)
        expected = estimators.MLPClassifier(**(QUICK | settings)).fit(FLOWERS, SPECIES, np.ones(150))
        assert_allclose(found, expected.predict_proba(FLOWERS), rtol=1e-9)


def test_tables_are_left_as_they_are():
    X, y, weights = FLOWERS.copy(), SPECIES.copy(), np.ones(len(SPECIES))
    mlp = estimators.MLPClassifier(**QUICK, class_weight={0: 2.0, 1: 1.0, 2: 0.5}).fit(X, y, sample_weight=weights)
    mlp.partial_fit(X, y, sample_weight=weights)
    mlp.predict_proba(X)
    mlp.transform(X)
    assert_array_equal(X, FLOWERS)
    assert_array_equal(y, SPECIES)
    assert_array_equal(weights, 1.0)

"""scikit-learn's callbacks are told of every fit of an estimator, and of every epoch, with all that they ask for."""

import copy
import importlib
import pickle
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from judges import judge

judge("sklearn")
pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

from sklearn.callback import ProgressBar, ScoringMonitor  # noqa: E402 - only where scikit-learn has them
from sklearn.datasets import load_iris, make_moons  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from pellucid.estimators import MLPClassifier, MLPRegressor, callbacks  # noqa: E402
from pellucid.network import Network  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def moons():
    return make_moons(120, noise=0.2, random_state=0)


class Recorder:
    """Writes down which hook was called for which task."""

    def __init__(self):
        self.seen = []

    def setup(self, estimator, context):
        self.seen.append(("setup", context.task_name, context.task_id))

    def on_fit_task_begin(self, estimator, context):
        self.seen.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.seen.append(("end", context.task_name, context.task_id))

    def teardown(self, estimator, context):
        self.seen.append(("teardown", context.task_name, context.task_id))


class Keeper(Recorder):
    """Also keeps all that a hook can ask for, and ends the fit at the end of an epoch."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.stop_at = stop_at
        self.begun, self.ended, self.asked = [], [], []

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        super().on_fit_task_begin(estimator, context)
        self.begun.append(fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        super().on_fit_task_end(estimator, context)
        self.asked.append((X, y, metadata))
        self.ended.append(fitted_estimator)
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_at


class Fails(Recorder):
    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        raise RuntimeError("planted")


def classifier(**settings):
    return MLPClassifier((6,), **{"max_iter": 4, "random_state": 0, **settings})


def tasks_of(epochs):
    told = [(hook, "epoch", number) for number in range(epochs) for hook in ("begin", "end")]
    return [("setup", "fit", 0), ("begin", "fit", 0), *told, ("end", "fit", 0), ("teardown", "fit", 0)]


# What they are told


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd"}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_one_task_for_the_fit_and_one_for_each_epoch(moons, settings):
    recorder = Recorder()
    mlp = classifier(**settings).set_callbacks(recorder).fit(*moons)
    assert mlp.n_iter_ == 4
    assert recorder.seen == tasks_of(4)


def test_there_may_be_fewer_epochs_than_max_iter(moons):
    recorder = Recorder()
    mlp = classifier(max_iter=1000, learning_rate_init=0.01, n_iter_no_change=2, tol=0.01).set_callbacks(recorder)
    mlp.fit(*moons)
    assert mlp.stopped_ and mlp.n_iter_ < 1000
    assert recorder.seen == tasks_of(mlp.n_iter_)


def test_the_fit_has_at_most_max_iter_epochs(moons):
    class Counts(Recorder):
        def setup(self, estimator, context):
            self.most = context.max_subtasks

    counts = Counts()
    classifier(max_iter=7, n_iter_no_change=1, tol=1.0).set_callbacks(counts).fit(*moons)
    assert counts.most == 7


def test_lbfgs_may_converge_within_an_epoch_that_brings_nothing():
    X = np.linspace(-1, 1, 20)[:, None]
    keeper = Keeper()
    mlp = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", max_iter=50, alpha=0.0, random_state=0).set_callbacks(
        keeper
    )
    mlp.fit(X, 2 * X[:, 0])
    assert mlp.n_iter_ < 50
    assert keeper.seen == tasks_of(mlp.n_iter_ + 1)
    assert keeper.ended[mlp.n_iter_] is None and keeper.asked[mlp.n_iter_] == (None, None, None)
    assert keeper.ended[-1] is not None


def test_partial_fit_is_a_fit_of_one_epoch(moons):
    recorder = Recorder()
    mlp = classifier().set_callbacks(recorder)
    for _ in range(2):
        mlp.partial_fit(*moons, classes=[0, 1])
    assert recorder.seen == 2 * tasks_of(1)


def test_x_y_and_weights_are_those_given_to_fit(moons):
    X, y = moons
    weights = np.linspace(1, 2, len(X))
    keeper = Keeper()
    classifier(early_stopping=True, class_weight="balanced").set_callbacks(keeper).fit(X, y, weights)
    assert len(keeper.asked) == 5
    for told_X, told_y, metadata in keeper.asked:
        assert told_X is X and told_y is y
        assert list(metadata) == ["sample_weight"] and metadata["sample_weight"] is weights
    keeper = Keeper()
    classifier().set_callbacks(keeper).fit(X, y)
    assert all(metadata is None for _, _, metadata in keeper.asked)


def test_callbacks_change_nothing_of_what_is_learnt(moons):
    plain = classifier(early_stopping=True, max_iter=20).fit(*moons)
    told = classifier(early_stopping=True, max_iter=20).set_callbacks(Keeper(), Recorder()).fit(*moons)
    assert told.loss_curve_ == plain.loss_curve_ and told.validation_scores_ == plain.validation_scores_
    assert np.array_equal(told.network_.theta, plain.network_.theta)
    assert told.__dict__.keys() - plain.__dict__.keys() == {"_skl_callbacks"}


# The estimator that is ready to predict


@pytest.mark.parametrize(
    "settings",
    [{}, {"solver": "lbfgs"}, {"early_stopping": True, "learning_rate_init": 0.3}, {"normalization": "batch"}],
)
def test_the_fitted_estimator_is_what_fit_leaves_if_it_stops_there(moons, settings):
    X, y = moons
    keeper = Keeper()
    whole = classifier(max_iter=6, **settings).set_callbacks(keeper).fit(X, y)
    for epoch in (1, 3, 5):
        stopped = classifier(max_iter=6, **settings).set_callbacks(Keeper(stop_at=epoch)).fit(X, y)
        ready = keeper.ended[epoch - 1]
        assert stopped.n_iter_ == ready.n_iter_ == epoch
        assert stopped.loss_curve_ == ready.loss_curve_ == whole.loss_curve_[:epoch]
        assert stopped.validation_scores_ == ready.validation_scores_
        assert np.array_equal(stopped.predict_proba(X), ready.predict_proba(X))
        assert np.array_equal(stopped.coefs_[0], ready.coefs_[0])
        assert np.array_equal(keeper.begun[epoch + 1].predict_proba(X), ready.predict_proba(X))  # the next epoch's
    assert np.array_equal(keeper.ended[-1].predict_proba(X), whole.predict_proba(X))


def test_before_the_first_epoch_it_predicts_with_the_first_weights(moons):
    keeper = Keeper()
    classifier().set_callbacks(keeper).fit(*moons)
    fit, first, second = keeper.begun[:3]
    assert np.array_equal(fit.predict_proba(moons[0]), first.predict_proba(moons[0]))
    assert not np.array_equal(first.predict_proba(moons[0]), second.predict_proba(moons[0]))
    assert fit.loss_curve_ == []


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_with_early_stopping_it_has_the_best_weights_so_far(moons, normalization):
    keeper = Keeper()
    mlp = classifier(
        early_stopping=True, learning_rate_init=0.3, max_iter=30, n_iter_no_change=5, normalization=normalization
    )
    mlp.set_callbacks(keeper).fit(*moons)
    best = mlp.best_iter_ - 1
    assert best < mlp.n_iter_ - 1
    for epoch in (best, mlp.n_iter_ - 1):
        assert np.array_equal(keeper.ended[epoch].predict_proba(moons[0]), mlp.predict_proba(moons[0]))


def test_partial_fit_goes_back_only_where_patience_ran_out(moons):
    X, y = moons
    keeper = Keeper()
    mlp = classifier(early_stopping=True, n_iter_no_change=2, learning_rate_init=0.3).set_callbacks(keeper)
    ready = []
    for _ in range(60):
        mlp.partial_fit(X[:90], y[:90], classes=[0, 1], X_val=X[90:], y_val=y[90:])
        ready.append(keeper.ended[-2])  # of the epoch; the last is that of the fit
        assert np.array_equal(ready[-1].network_.theta, mlp.network_.theta)
        if mlp.stopped_:
            break
    assert mlp.stopped_


def test_the_fitted_estimator_shares_nothing_that_training_changes(moons):
    keeper = Keeper()
    mlp = classifier().set_callbacks(keeper).fit(*moons)
    before = mlp.predict_proba(moons[0])
    for ready in keeper.ended:
        for array in (*ready.coefs_, *ready.intercepts_):
            array[...] = 0
        ready.loss_curve_.append(0.0)
        assert (ready.predict_proba(moons[0]) == 0.5).all()
    assert np.array_equal(mlp.predict_proba(moons[0]), before)
    assert len(mlp.loss_curve_) == 4


def test_nothing_is_copied_unless_a_hook_asks(moons, monkeypatch):
    def refuse(network):
        raise AssertionError("the network was copied")

    monkeypatch.setattr(Network, "copy", refuse)
    classifier().fit(*moons)
    classifier().set_callbacks(Recorder()).fit(*moons)
    with pytest.raises(AssertionError, match="was copied"):
        classifier().set_callbacks(Keeper()).fit(*moons)


def test_without_callbacks_scikit_learn_is_not_called(moons, monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("a context was made")

    monkeypatch.setattr(MLPClassifier, "_init_callback_context", refuse)
    classifier().fit(*moons)
    classifier().set_callbacks(Recorder()).set_callbacks().fit(*moons)
    with pytest.raises(AssertionError, match="context was made"):
        classifier().set_callbacks(Recorder()).fit(*moons)


# Stopping, and what goes wrong


@pytest.mark.parametrize("settings", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
def test_a_hook_that_returns_true_ends_the_fit(moons, settings):
    keeper, recorder = Keeper(stop_at=2), Recorder()
    mlp = classifier(max_iter=50, **settings).set_callbacks(keeper, recorder).fit(*moons)
    assert mlp.n_iter_ == 2 and len(mlp.loss_curve_) == 2
    assert not mlp.stopped_  # it is not patience that ran out
    assert keeper.seen == recorder.seen == tasks_of(2)


def test_who_stops_the_fit_is_not_warned_that_it_has_not_converged(moons):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(max_iter=50).set_callbacks(Keeper(stop_at=2)).fit(*moons)


def test_a_hook_may_stop_the_last_epoch_too(moons):
    keeper = Keeper(stop_at=4)
    assert classifier().set_callbacks(keeper).fit(*moons).n_iter_ == 4
    assert keeper.seen == tasks_of(4)


def test_a_callback_of_pellucid_that_stops_the_fit_is_told_too(moons):
    def enough(report):
        if report.epoch == 2:
            report.stop("two will do")

    recorder = Recorder()
    classifier(callbacks=[enough]).set_callbacks(recorder).fit(*moons)
    assert recorder.seen == tasks_of(2)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_teardown_is_called_after_an_error_in_a_hook(moons, solver):
    fails = Fails()
    mlp = classifier(solver=solver).set_callbacks(fails)
    with pytest.raises(RuntimeError, match="planted"):
        mlp.fit(*moons)
    assert fails.seen[-1] == ("teardown", "fit", 0)
    mlp.set_callbacks().fit(*moons)
    assert mlp.n_iter_ == 4


@pytest.mark.filterwarnings("ignore:overflow")
def test_teardown_is_called_after_an_error_in_training(moons):
    X, y = moons
    recorder = Recorder()
    mlp = MLPRegressor(
        hidden_layer_sizes=(6,), solver="sgd", learning_rate_init=1e9, max_iter=50, random_state=0
    ).set_callbacks(recorder)
    with pytest.raises(ValueError, match="non-finite"):
        mlp.fit(X, 1e3 * y)
    assert recorder.seen[-1] == ("teardown", "fit", 0)
    assert ("end", "fit", 0) not in recorder.seen


def test_a_refused_argument_sets_nothing_up(moons):
    recorder = Recorder()
    with pytest.raises(ValueError, match="NaN"):
        classifier().set_callbacks(recorder).fit(np.full((4, 2), np.nan), [0, 1, 0, 1])
    assert recorder.seen == []


def test_an_interrupted_fit_ends_for_the_callbacks_too(moons):
    def interrupt(report):
        if report.epoch == 2:
            raise KeyboardInterrupt

    recorder = Recorder()
    mlp = classifier(callbacks=[interrupt]).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="interrupted"):
        mlp.fit(*moons)
    assert recorder.seen == tasks_of(2)


def test_what_is_no_callback_of_scikit_learn_is_refused():
    with pytest.raises(TypeError, match="FitCallback"):
        classifier().set_callbacks(lambda report: None)


def test_warm_start_is_a_fit_of_its_own(moons):
    recorder = Recorder()
    mlp = classifier(warm_start=True).set_callbacks(recorder).fit(*moons)
    mlp.fit(*moons)
    assert recorder.seen == 2 * tasks_of(4)


def test_an_estimator_with_callbacks_can_be_copied_and_pickled(moons):
    mlp = classifier().set_callbacks(Recorder()).fit(*moons)
    for other in (copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp))):
        assert np.array_equal(other.predict_proba(moons[0]), mlp.predict_proba(moons[0]))


@pytest.mark.slow
def test_with_jax(moons):
    judge("jax")
    keeper = Keeper(stop_at=2)
    mlp = classifier(engine="jax").set_callbacks(keeper).fit(*moons)
    assert keeper.seen == tasks_of(2)
    assert np.array_equal(keeper.ended[1].predict_proba(moons[0]), mlp.predict_proba(moons[0]))


# scikit-learn's own callbacks


@pytest.mark.parametrize("callback", [ScoringMonitor(scoring="accuracy"), ProgressBar()], ids=["scores", "progress"])
def test_scikit_learns_callbacks_are_told_from_pellucids(callback):
    with pytest.raises(TypeError, match=r"is one of scikit-learn's, which set_callbacks\(\.\.\.\) takes"):
        classifier(callbacks=[callback]).fit(*load_iris(return_X_y=True))


def epoch_scores(monitor, name):
    return [row[name] for row in monitor.get_logs().data if row["task_name"] == "epoch"]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_monitored_scores_are_those_that_fit_would_end_with(moons, early_stopping):
    monitor = ScoringMonitor(scoring="neg_log_loss")
    mlp = classifier(early_stopping=early_stopping).set_callbacks(monitor).fit(*moons)
    scores = epoch_scores(monitor, "neg_log_loss")
    assert len(scores) == 4
    for epochs, score in enumerate(scores, 1):
        stopped = classifier(early_stopping=early_stopping).set_callbacks(Keeper(stop_at=epochs)).fit(*moons)
        losses = -np.log(stopped.predict_proba(moons[0])[np.arange(len(moons[1])), moons[1]])
        assert score == pytest.approx(-losses.mean(), rel=1e-9)
    by_task = {row["task_name"]: row["neg_log_loss"] for row in monitor.get_logs().data}
    assert by_task["fit"] == pytest.approx(scores[-1]) and mlp.n_iter_ == 4


def test_scores_count_the_weights(moons):
    X, y = moons
    weights = np.where(y, 1.0, 0.0)
    monitor = ScoringMonitor(scoring="accuracy")
    mlp = classifier(max_iter=30, learning_rate_init=0.01).set_callbacks(monitor).fit(X, y, weights)
    assert epoch_scores(monitor, "accuracy")[-1] == mlp.score(X, y, weights) == 1.0 != mlp.score(X, y)


def test_scores_of_a_table_with_names_warn_of_nothing():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = load_iris().target_names[y]
    monitor = ScoringMonitor(scoring="accuracy")
    mlp = classifier(max_iter=30, solver="lbfgs")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names.*")
        mlp.set_callbacks(monitor).fit(X, names)
    assert epoch_scores(monitor, "accuracy")[-1] == mlp.score(X, names) > 0.8


def test_scores_of_a_regression(moons):
    monitor = ScoringMonitor(scoring=["r2", "neg_mean_squared_error"])
    X = moons[0]
    mlp = (
        MLPRegressor(hidden_layer_sizes=(6,), solver="lbfgs", max_iter=10, random_state=0)
        .set_callbacks(monitor)
        .fit(X, X)
    )
    assert len(epoch_scores(monitor, "r2")) == 10
    assert epoch_scores(monitor, "r2")[-1] == pytest.approx(mlp.score(X, X))
    assert np.all(np.diff(epoch_scores(monitor, "neg_mean_squared_error")) > -1e-6)


def test_scores_within_a_pipeline(moons):
    X, y = moons
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), classifier().set_callbacks(monitor)).fit(X, y)
    assert len(epoch_scores(monitor, "accuracy")) == 4
    assert epoch_scores(monitor, "accuracy")[-1] == pipeline.score(X, y)
    assert monitor.get_logs().estimator_name == "Pipeline"


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_scores_within_a_grid_search(moons, n_jobs):
    X, y = moons
    monitor = ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(classifier().set_callbacks(monitor), {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=n_jobs)
    search.fit(X, y)
    assert len(epoch_scores(monitor, "accuracy")) == 4 * (2 * 2 + 1)  # twice two parts, and the refit
    assert monitor.get_logs().estimator_name == "GridSearchCV"
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    refit = [row for row in rows if len(row["task_id_path"]) == 3]  # the searched ones lie one task deeper
    assert len(refit) == 4
    assert refit[-1]["accuracy"] == search.best_estimator_.score(X, y)


def progress(estimator, capsys, moons):
    pytest.importorskip("rich")  # what ProgressBar draws with; of the extra "cli"
    estimator.fit(*moons)
    return capsys.readouterr().out


def test_progress_of_one_estimator(capsys, moons):
    shown = progress(classifier().set_callbacks(ProgressBar()), capsys, moons)
    assert "MLPClassifier - fit" in shown and "100%" in shown


def test_progress_of_a_pipeline(capsys, moons):
    pipeline = make_pipeline(StandardScaler(), classifier()).set_callbacks(ProgressBar())
    shown = progress(pipeline, capsys, moons)
    assert "MLPClassifier - fit" in shown and shown.count("100%") == 3


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_progress_of_a_grid_search(capsys, moons, n_jobs):
    search = GridSearchCV(classifier(), {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=n_jobs)
    shown = progress(search.set_callbacks(ProgressBar(max_propagation_depth=None)), capsys, moons)
    assert shown.count("MLPClassifier - fit") == 5
    assert not hasattr(search.best_estimator_, "_skl_callbacks")


# Before scikit-learn 1.9


def test_without_callbacks_in_scikit_learn_the_door_leads_nowhere(monkeypatch, moons):
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "sklearn.callback", None)
        older = importlib.reload(callbacks)
        support, told = older.CallbackSupport, older.Told
    importlib.reload(callbacks)
    assert callbacks.CallbackSupport is not support
    assert support.__mro__ == (support, object)
    assert not [name for name in vars(support) if not name.startswith("__")]
    run = SimpleNamespace(fitted=None, epochs=3)  # nothing else of it may be needed, and nothing of the estimator
    tells = told(support(), run, False, False, *moons, None)
    assert tells(SimpleNamespace()) is None and tells.end_of_fit() is None

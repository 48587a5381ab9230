"""The logs for TensorBoard and MLflow, read back with the packages themselves."""

import builtins
import importlib
import sys

import numpy as np
import pytest

from judges import judge
from pellucid import (
    SGD,
    Checkpoint,
    Dense,
    MissingExtraError,
    MLflowLog,
    Network,
    ReduceOnPlateau,
    Tanh,
    TensorBoardLog,
    TrainingWarning,
)
from pellucid.training import run

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X @ [1.0, -2.0] + 0.5
HOT = {"optimizer": SGD(1e200), "batch_size": None, "epochs": 2, "validation_fraction": 0.2}  # a loss that overflows


def network_of(members=None):
    return Network(2, [Dense(3), Tanh(), Dense(1)], seed=0, members=members)


def trained(*callbacks, members=None, **settings):
    settings = {"epochs": 5, "validation_fraction": 0.2} | settings
    return network_of(members).fit(X, Y, loss="squared_error", callbacks=callbacks, **settings)


def expected(history, name, members):
    """Return what every log must hold of a figure: the figure by epoch, of members the mean and each one's."""
    if members is None or name == "learning_rate":
        return {name: history[name]}
    each = {f"{name}_{member}": history[name][:, member] for member in range(members)}
    return {name: history[name].mean(axis=1), **each}


class Left(Exception):  # noqa: N818 (what happens to a run, and no fault)
    pass


def leave_after(epoch):
    def leave(report):
        if report.epoch == epoch:
            raise Left

    return leave


def resumed(log, state, *, first):
    """Return a callback that shows a log the run from some epoch on, as one that was resumed there."""

    def show(report):
        if report.epoch == first:
            log.restore(report.run, state)
        if report.epoch >= first:
            log(report)

    return show


def test_a_missing_package_is_told_before_training(monkeypatch, tmp_path):
    importing = importlib.import_module

    def without(name, *rest):
        if name.partition(".")[0] in ("tensorboard", "mlflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])
        return importing(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(
        MissingExtraError, match=r"TensorBoardLog needs tensorboard: pip install 'pellucid\[tracking\]'"
    ):
        TensorBoardLog(tmp_path)
    with pytest.raises(MissingExtraError, match=r"MLflowLog needs mlflow: pip install 'pellucid\[tracking\]'"):
        MLflowLog()


# TensorBoard


@pytest.fixture
def read_back():
    """Return the reader of a folder, as TensorBoard itself reads it."""
    accumulator = judge("tensorboard.backend.event_processing.event_accumulator")

    def read(folder):
        found = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
        found.Reload()
        return found

    return read


def scalars(found, name):
    return [event.value for event in found.Scalars(name)]


def steps(found, name):
    return [event.step for event in found.Scalars(name)]


@pytest.mark.parametrize("members", [None, 2])
def test_tensorboard_draws_the_figures_of_the_history(read_back, tmp_path, members):
    history = trained(TensorBoardLog(tmp_path / "runs" / "first"), members=members)
    found = read_back(tmp_path / "runs" / "first")
    names = set()
    for name in ("loss", "validation_loss", "learning_rate"):
        for tag, figures in expected(history, name, members).items():
            assert steps(found, tag) == [1, 2, 3, 4, 5]
            assert scalars(found, tag) == figures.astype(np.float32).tolist()
            names.add(tag)
    assert set(found.Tags()["scalars"]) == names
    assert found.Tags()["histograms"] == []


def test_tensorboard_can_be_looked_at_while_training_goes_on(read_back, tmp_path):
    seen = []
    trained(TensorBoardLog(tmp_path), lambda report: seen.append(len(scalars(read_back(tmp_path), "loss"))), epochs=3)
    assert seen == [1, 2, 3]


def test_tensorboard_histograms_count_every_value_of_a_parameter(read_back, tmp_path):
    network = network_of()
    network.fit(X, Y, loss="squared_error", epochs=2, callbacks=[TensorBoardLog(tmp_path, histograms=True)])
    found = read_back(tmp_path)
    wanted = {f"{layer}/{name}" for layer, views in network.parameters.items() for name in views}
    assert set(found.Tags()["histograms"]) == wanted == {
        "dense_1/weights", "dense_1/bias", "dense_2/weights", "dense_2/bias",
    }  # fmt: skip
    weights = network.parameters["dense_1"]["weights"]
    first, last = found.Histograms("dense_1/weights")
    assert (first.step, last.step) == (1, 2)
    value = last.histogram_value
    assert (value.num, sum(value.bucket)) == (6, 6)
    assert (value.min, value.max) == (weights.min(), weights.max())
    np.testing.assert_allclose([value.sum, value.sum_squares], [weights.sum(), (weights**2).sum()], rtol=1e-12)
    below = np.cumsum(value.bucket)  # how many values lie below each limit
    for limit, count in list(zip(value.bucket_limit, below))[:-1]:
        assert (weights < limit).sum() == count


def test_tensorboard_histograms_of_members_hold_all_of_them(read_back, tmp_path):
    trained(TensorBoardLog(tmp_path, histograms=True), members=3, epochs=1)
    assert read_back(tmp_path).Histograms("dense_1/weights")[0].histogram_value.num == 18


def test_tensorboard_takes_figures_and_parameters_that_are_not_finite(read_back, tmp_path):
    with pytest.warns(TrainingWarning):
        history = trained(TensorBoardLog(tmp_path, histograms=True), **HOT)
    found = scalars(read_back(tmp_path), "validation_loss")
    np.testing.assert_array_equal(found, history["validation_loss"])
    assert not np.isfinite(found).all()


@pytest.mark.parametrize("pair", [(0.1, np.nextafter(0.1, 1)), (-1.7e308, 1.7e308), (1e200, 1e200), (0.0, 5e-324)])
def test_tensorboard_histograms_hold_values_that_no_bins_divide(read_back, tmp_path, pair):
    network = Network(1, [Dense(2, bias=False)], seed=0)

    def put(report):
        network.theta = pair

    reports = run(
        network, [[0.0]], [[0.0, 0.0]], loss="squared_error", callbacks=[put, TensorBoardLog(tmp_path, histograms=True)]
    )
    next(reports)
    value = read_back(tmp_path).Histograms("dense_1/weights")[0].histogram_value
    assert (value.min, value.max, value.num, sum(value.bucket)) == (*pair, 2, 2)
    reports.close()


def test_tensorboard_histograms_leave_out_what_is_not_finite(read_back, tmp_path):
    def spoil(report):
        report.network.theta = np.where(np.arange(report.network.layout.size) < 9, np.nan, 1.0)

    with pytest.warns(TrainingWarning):
        trained(spoil, TensorBoardLog(tmp_path, histograms=True), epochs=2)
    found = read_back(tmp_path)
    assert found.Histograms("dense_1/weights")[0].histogram_value.num == 0
    assert found.Histograms("dense_2/weights")[0].histogram_value.num == 3


def test_tensorboard_keeps_the_runs_of_two_trainings_apart(read_back, tmp_path):
    trained(TensorBoardLog(tmp_path), epochs=2)
    with pytest.raises(FileExistsError, match="holds another run.*a folder for this run alone"):
        trained(TensorBoardLog(tmp_path))
    assert steps(read_back(tmp_path), "loss") == [1, 2]


def test_tensorboard_drops_the_epochs_that_a_resumed_run_makes_again(read_back, tmp_path):
    earlier = TensorBoardLog(tmp_path, histograms=True)
    trained(earlier, optimizer=SGD(0.1))
    history = trained(resumed(TensorBoardLog(tmp_path, histograms=True), {"epoch": 5}, first=3), epochs=4)
    found = read_back(tmp_path)
    assert steps(found, "loss") == [1, 2, 3, 4]
    assert scalars(found, "loss")[2:] == history["loss"][2:].astype(np.float32).tolist()
    assert [event.step for event in found.Histograms("dense_1/bias")] == [1, 2, 3, 4]


def test_tensorboard_goes_on_in_the_same_folder_when_training_is_resumed(read_back, tmp_path):
    folder, kept = tmp_path / "events", Checkpoint(tmp_path / "kept", seconds=0)
    with pytest.raises(Left):
        trained(TensorBoardLog(folder, histograms=True), leave_after(4), epochs=7, checkpoint=kept)
    history = trained(TensorBoardLog(folder, histograms=True), leave_after(99), epochs=7, checkpoint=kept)
    found = read_back(folder)
    assert len(list(folder.iterdir())) == 2
    assert steps(found, "loss") == [1, 2, 3, 4, 5, 6, 7]
    assert scalars(found, "loss") == history["loss"].astype(np.float32).tolist()
    assert [event.step for event in found.Histograms("dense_1/bias")] == [1, 2, 3, 4, 5, 6, 7]


def test_tensorboard_that_fails_says_so_once_and_training_goes_on(read_back, tmp_path):
    folder = tmp_path / "events"

    def lose_the_folder(report):
        if report.epoch == 2:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    with pytest.warns(RuntimeWarning, match="TensorBoardLog failed in epoch 3, and writes no more: ") as caught:
        assert len(trained(TensorBoardLog(folder), lose_the_folder)) == 5
    assert len(caught) == 1


def test_tensorboard_log_does_not_import_tensorflow(read_back, tmp_path, monkeypatch):
    importing = builtins.__import__

    def without(name, *rest):
        assert name.partition(".")[0] not in ("tensorflow", "torch")
        return importing(name, *rest)

    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    trained(TensorBoardLog(tmp_path, histograms=True))


# MLflow


@pytest.fixture
def client(monkeypatch, tmp_path):
    """Return a client of a store of its own, in files: the one that needs neither a server nor a database."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = judge("mlflow")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


def only_run(client):
    (found,) = client.search_runs(["0"])
    return found


def metric(client, run_id, name):
    return [(one.step, one.value) for one in client.get_metric_history(run_id, name)]


@pytest.mark.parametrize("members", [None, 2])
def test_mlflow_holds_the_figures_of_the_history(client, members):
    log = MLflowLog()
    history = trained(log, members=members)
    found = only_run(client)
    assert found.info.run_id == log.run_id
    assert found.info.status == "FINISHED"
    names = set()
    for name in ("loss", "validation_loss", "learning_rate"):
        for tag, figures in expected(history, name, members).items():
            assert metric(client, log.run_id, tag) == list(enumerate(figures.tolist(), 1))
            names.add(tag)
    assert set(found.data.metrics) == names


def test_mlflow_holds_what_the_run_was_made_with(client):
    trained(MLflowLog("by hand"), optimizer=SGD(0.1), batch_size=6)
    found = only_run(client)
    assert found.info.run_name == "by hand"
    assert found.data.params == {
        "network": "Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)",
        "parameters": "13",
        "seed": "0",
        "dtype": "float64",
        "members": "None",
        "loss": "SquaredError()",
        "penalty": "None",
        "optimizer": "SGD(learning_rate=0.1)",
        "epochs": "5",
        "batches": "4",
        "records": "24",
        "validation_records": "6",
    }


def test_mlflow_keeps_a_run_of_the_users_open(client):
    mlflow = judge("mlflow")
    with mlflow.start_run(run_name="outer") as outer:
        log = MLflowLog()
        trained(log)
        assert log.run_id == outer.info.run_id
        assert mlflow.active_run().info.run_id == outer.info.run_id
        mlflow.log_metric("afterwards", 1.0)
    found = only_run(client)
    assert found.data.metrics["afterwards"] == 1.0
    assert "loss" in found.data.metrics


def test_mlflow_begins_a_new_run_for_every_training(client):
    log = MLflowLog()
    trained(log)
    trained(log)
    assert len(client.search_runs(["0"])) == 2
    assert judge("mlflow").active_run() is None


def test_mlflow_takes_figures_that_are_not_finite_and_says_that_training_failed(client):
    log = MLflowLog()
    with pytest.warns(TrainingWarning):
        history = trained(log, **HOT)
    found = [value for _, value in metric(client, log.run_id, "validation_loss")]
    np.testing.assert_array_equal(found, history["validation_loss"])
    assert not np.isfinite(found).all()
    assert only_run(client).info.status == "FAILED"
    assert only_run(client).data.tags["stopped"] == history.stopped


def test_mlflow_says_why_a_run_was_stopped(client):
    trained(MLflowLog(), lambda report: report.stop("enough") if report.epoch == 2 else None)
    assert only_run(client).data.tags["stopped"] == "enough"
    assert only_run(client).info.status == "FINISHED"


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "KILLED"), (ZeroDivisionError, "FAILED")])
def test_mlflow_says_that_an_error_ended_the_run(client, error, status):
    def fail(report):
        raise error

    with pytest.raises(error):
        trained(MLflowLog(), fail)
    assert only_run(client).info.status == status
    assert judge("mlflow").active_run() is None


def test_mlflow_takes_leaving_the_loop_and_errors_of_others_for_no_failure(client):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        trained(MLflowLog())
    for _ in run(network_of(), X, Y, loss="squared_error", epochs=9, callbacks=[MLflowLog()]):
        break
    assert [found.info.status for found in client.search_runs(["0"])] == ["FINISHED", "FINISHED"]


def test_mlflow_goes_on_in_the_same_run_when_training_is_resumed(client, tmp_path):
    kept = Checkpoint(tmp_path / "kept", seconds=0)
    with pytest.raises(Left):
        trained(MLflowLog(), leave_after(4), epochs=7, checkpoint=kept)
    assert only_run(client).info.status == "FAILED"
    history = trained(MLflowLog(), leave_after(99), epochs=7, checkpoint=kept)
    found = only_run(client)
    assert found.info.status == "FINISHED"
    losses = metric(client, found.info.run_id, "loss")
    assert sorted(set(losses)) == list(enumerate(history["loss"].tolist(), 1))


def test_mlflow_keeps_both_values_of_an_epoch_that_is_made_again(client):
    earlier = MLflowLog()
    trained(earlier)
    log = MLflowLog()
    trained(resumed(log, earlier.state() | {"epoch": 5}, first=4))
    assert log.run_id == earlier.run_id
    assert sorted(step for step, _ in metric(client, log.run_id, "loss")) == [1, 2, 3, 4, 4, 5, 5]


def test_mlflow_that_fails_says_so_once_and_training_goes_on(client, monkeypatch):
    mlflow = judge("mlflow")
    writes = []

    def gone(figures, step, run_id):
        writes.append(step)
        raise mlflow.exceptions.MlflowException("the server is gone")

    def lose_the_server(report):
        if report.epoch == 2:
            monkeypatch.setattr(mlflow, "log_metrics", gone)

    with pytest.warns(RuntimeWarning, match="MLflowLog failed in epoch 3, and writes no more: the server") as caught:
        assert len(trained(MLflowLog(), lose_the_server)) == 5
    assert len(caught) == 1
    assert writes == [3]
    assert judge("mlflow").active_run() is None


def test_mlflow_that_cannot_end_its_run_does_not_end_the_training(client, monkeypatch):
    def gone(*arguments):
        raise OSError("the server is gone")

    monkeypatch.setattr(judge("mlflow"), "end_run", gone)
    with pytest.warns(RuntimeWarning, match="MLflowLog failed in epoch 5.*the server is gone"):
        assert len(trained(MLflowLog())) == 5
    monkeypatch.undo()


def test_mlflow_works_with_a_rate_that_changes(client):
    log = MLflowLog()
    history = trained(log, ReduceOnPlateau(0.5, patience=1, min_delta=1e9))
    assert len(set(history["learning_rate"])) > 1
    assert [value for _, value in metric(client, log.run_id, "learning_rate")] == history["learning_rate"].tolist()

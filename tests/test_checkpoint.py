"""Checkpoints: a run that was left, however that came about, goes on to what it would have come to."""

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from judges import judge
from pellucid import (
    LBFGS,
    SGD,
    Adam,
    BatchNorm,
    Checkpoint,
    CheckpointError,
    CheckpointWarning,
    CosineDecay,
    CSVLog,
    Dense,
    Dropout,
    EarlyStopping,
    ExponentialMovingAverage,
    Mixup,
    Network,
    ReduceOnPlateau,
    Schedule,
    StochasticWeightAverage,
    Tanh,
    TrainingInterrupted,
    load,
)
from pellucid.files import safetensors
from pellucid.files.checkpoint import CheckpointFolder
from pellucid.training import run

X = np.random.default_rng(0).standard_normal((60, 3))
Y = np.sin(X).sum(axis=1)
SETTINGS = {"loss": "squared_error", "epochs": 6, "batch_size": 8}


def net(members=None, dtype="float64", seed=1):
    layers = [Dense(6), Tanh(), BatchNorm(), Dropout(0.2), Dense(1)]
    return Network(3, layers, seed=seed, members=members, dtype=dtype)


class LeftError(Exception):
    """What ends a run in its midst."""


def leave_after(epoch):
    def callback(report):
        if report.epoch == epoch:
            raise LeftError

    return callback


def left(folder, network, epoch, callbacks=(), **settings):
    """Train until some epoch, and be gone."""
    checkpoint = Checkpoint(folder, seconds=0)
    with contextlib.closing(run(network, X, Y, **settings, checkpoint=checkpoint, callbacks=callbacks)) as reports:
        for report in reports:
            if report.epoch == epoch:
                break


def same(one, other):
    np.testing.assert_array_equal(one.theta, other.theta)
    for ours, theirs in zip(one.state, other.state, strict=True):
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name])
    assert list(one.history) == list(other.history)
    for name in set(other.history) - {"seconds"}:
        np.testing.assert_array_equal(one.history[name], other.history[name])
    assert (one.history.stopped, one.history.best_epoch) == (other.history.stopped, other.history.best_epoch)
    for ours, theirs in zip(one.fitted.optimizer_state, other.fitted.optimizer_state, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def files(folder):
    return sorted(path.name for path in Path(folder).iterdir() if path.name != "in-use.lock")


CASES = {
    "adam": {},
    "schedule": {"optimizer": Adam(CosineDecay(0.05, steps=48))},
    "momentum": {"optimizer": SGD(0.01, momentum=0.9), "clip_norm": 1.0},
    "weights": {"sample_weight": np.random.default_rng(1).random(60)},
    "not_shuffled": {"shuffle": False},
    "accumulate": {"accumulate": 3},
    "mixup": {"mixup": Mixup(0.3)},
    "max_norm": {"max_norm": 0.7},
    "exponential": {"average": ExponentialMovingAverage(0.9)},
    "stochastic": {"average": StochasticWeightAverage(3)},
    "validation": {"validation_fraction": 0.2},
    "one_batch": {"batch_size": None},
}
over_cases = pytest.mark.parametrize("name", CASES)


@over_cases
@pytest.mark.parametrize("members", [None, 2])
def test_a_run_that_was_left_goes_on_to_the_same_bits(tmp_path, name, members):
    settings = {**SETTINGS, **CASES[name]}
    whole = net(members)
    whole.fit(X, Y, **settings)
    left(tmp_path / "run", net(members), 4, **settings)
    again = net(members)
    again.fit(X, Y, **settings, checkpoint=tmp_path / "run")
    same(again, whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adam", "schedule", "mixup", "exponential"])
def test_the_jax_engine_goes_on_to_the_same_bits(tmp_path, name):
    judge("jax")
    settings = {**SETTINGS, **CASES[name], "engine": "jax"}
    seen = {"callbacks": [lambda report: None]}  # the same program: one that is looked at
    whole = net()
    whole.fit(X, Y, **settings, **seen)
    left(tmp_path / "run", net(), 4, **settings)
    again = net()
    again.fit(X, Y, **settings, **seen, checkpoint=tmp_path / "run")
    same(again, whole)


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("average", [None, ExponentialMovingAverage(0.9)])
def test_a_run_goes_on_from_within_an_epoch(tmp_path, batch, average):
    settings = {**SETTINGS, "average": average}
    whole = net()
    whole.fit(X, Y, **settings)
    for report in run(net(), X, Y, **settings, every="batch", checkpoint=Checkpoint(tmp_path / "run", 0)):
        if report.epoch == 3 and report.batch == batch:
            break
    again = net()
    again.fit(X, Y, **settings, checkpoint=tmp_path / "run")
    same(again, whole)


def test_float32_and_a_long_chain_of_interruptions(tmp_path):
    whole = net(dtype="float32")
    whole.fit(X, Y, **SETTINGS)
    for epoch in range(1, 7):
        left(tmp_path / "run", net(dtype="float32"), epoch, **SETTINGS)
    again = net(dtype="float32")
    again.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    same(again, whole)


@pytest.mark.parametrize("members", [None, 2])
def test_callbacks_remember(tmp_path, members):
    def callbacks():
        return [EarlyStopping(4), ReduceOnPlateau(0.5, patience=2)]

    settings = {
        **SETTINGS,
        "epochs": 60,
        "validation_data": (X[:20], Y[:20] + np.cos(9 * X[:20, 0])),
        "optimizer": Adam(0.05),
    }
    whole = net(members)
    whole.fit(X, Y, **settings, callbacks=callbacks())
    assert 8 < len(whole.history) < 60
    left(tmp_path / "run", net(members), 3, callbacks(), **settings)
    left(tmp_path / "run", net(members), 6, callbacks(), **settings)
    again = net(members)
    again.fit(X, Y, **settings, callbacks=callbacks(), checkpoint=tmp_path / "run")
    same(again, whole)
    np.testing.assert_array_equal(again.history["learning_rate"], whole.history["learning_rate"])


def test_a_finished_run_comes_back_at_once(tmp_path):
    settings = {**SETTINGS, "validation_fraction": 0.3, "average": ExponentialMovingAverage(0.9)}
    first = net()
    first.fit(X, Y, **settings, callbacks=[EarlyStopping(2)], checkpoint=tmp_path / "run")
    before = files(tmp_path / "run")
    calls = []
    again = net()
    again.fit(X, Y, **settings, callbacks=[EarlyStopping(2), calls.append], checkpoint=tmp_path / "run")
    same(again, first)
    assert calls == []
    assert files(tmp_path / "run") == before
    with pytest.raises(CheckpointError, match="start was .*, and is now"):  # to train on is another run
        again.fit(X, Y, **settings, callbacks=[EarlyStopping(2)], checkpoint=tmp_path / "run")


@pytest.mark.filterwarnings("ignore::pellucid.TrainingWarning")
def test_a_run_whose_loss_overflowed_is_finished_too(tmp_path):
    settings = {**SETTINGS, "optimizer": SGD(1e9)}
    whole, first, again = net(), net(), net()
    whole.fit(X, Y, **settings)
    first.fit(X, Y, **settings, checkpoint=tmp_path / "run")
    again.fit(X, Y, **settings, checkpoint=tmp_path / "run")
    assert "no longer finite" in again.history.stopped
    for one in (first, again):
        np.testing.assert_array_equal(one.theta, whole.theta)


def test_checkpoints_change_nothing(tmp_path):
    plain, kept = net(), net()
    plain.fit(X, Y, **SETTINGS)
    kept.fit(X, Y, **SETTINGS, checkpoint=Checkpoint(tmp_path / "run", seconds=0))
    same(kept, plain)


def test_two_are_kept_and_they_are_in_order(tmp_path):
    net().fit(X, Y, **{**SETTINGS, "epochs": 9}, checkpoint=Checkpoint(tmp_path / "run", seconds=0))
    kept = files(tmp_path / "run")
    assert len(kept) == 2
    assert kept[-1] == f"checkpoint-{9 * 8:012d}.pellucid"


def test_the_same_network_goes_on_in_the_same_process(tmp_path):
    whole = net()
    whole.fit(X, Y, **SETTINGS)
    network = net()
    left(tmp_path / "run", network, 3, **SETTINGS)
    network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    same(network, whole)


def test_a_callback_that_cannot_be_kept_is_named(tmp_path):
    class Collector:
        def __call__(self, report):
            pass

        def state(self):
            return {"seen": [1, 2]}

        def restore(self, run, state):
            pass

    with pytest.raises(TypeError, match=r"Collector.state\(\) gives 'seen' as \[1, 2\]"):
        net().fit(X, Y, **SETTINGS, callbacks=[Collector()], checkpoint=Checkpoint(tmp_path / "run", 0))


# Another run


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimizer": Adam(0.002)}, r"optimizer.learning_rate was 0.001, and is now 0.002"),
        ({"optimizer": SGD(0.001)}, r"optimizer.type was Adam, and is now SGD"),
        ({"batch_size": 4}, "batch_size was 8, and is now 4"),
        ({"epochs": 7}, "epochs was 6, and is now 7"),
        ({"loss": "absolute_error"}, "loss.type was SquaredError, and is now AbsoluteError"),
        ({"seed": 5}, "seed was 1, and is now 5"),
        ({"clip_norm": 1.0}, "clip_norm was None, and is now 1.0"),
        ({"average": ExponentialMovingAverage()}, "average was None, and is now"),
        ({"rate_multipliers": {"dense_1": 0.5}}, "rate_multipliers was None, and is now"),
        ({"sample_weight": np.ones(60)}, "data.sample_weight was not there"),
        ({"validation_fraction": 0.5}, "data.X was 60 x 3 float64"),
        ({"callbacks": [EarlyStopping(3, monitor="loss")]}, "callbacks was"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else None,
)
def test_another_configuration_is_refused_by_name(tmp_path, changed, said):
    left(tmp_path / "run", net(), 2, **SETTINGS)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.pellucid")}
    network = net()
    theta = network.theta.copy()
    with pytest.raises(CheckpointError, match=said):
        network.fit(X, Y, **{**SETTINGS, **changed}, checkpoint=tmp_path / "run")
    np.testing.assert_array_equal(network.theta, theta)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.pellucid")} == before
    CheckpointFolder(tmp_path / "run").close()  # and it is not held


def test_other_data_are_refused(tmp_path):
    left(tmp_path / "run", net(), 2, **SETTINGS)
    other = X.copy()
    other[17, 1] += 1e-12
    for data, said in [((other, Y), r"data.X"), ((X, Y + 1e-9), r"data.y"), ((X[:-1], Y[:-1]), "59 x 3")]:
        with pytest.raises(CheckpointError, match=said):
            net().fit(*data, **SETTINGS, checkpoint=tmp_path / "run")


def test_other_networks_are_refused(tmp_path):
    left(tmp_path / "run", net(), 2, **SETTINGS)
    wider = Network(3, [Dense(7), Tanh(), BatchNorm(), Dropout(0.2), Dense(1)], seed=1)
    moved = net()
    moved.theta = moved.theta + 1e-9
    for network, said in [
        (wider, r"network.layers.dense_1.units was 6, and is now 7"),
        (net(seed=2), r"network.seed was 1, and is now 2"),
        (net(dtype="float32"), "network.dtype was float64"),
        (net().freeze("dense_1"), "network.frozen"),
        (moved, "start was"),
    ]:
        with pytest.raises(CheckpointError, match=said):
            network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")


def test_logs_may_come_and_go(tmp_path):
    left(tmp_path / "run", net(), 2, **SETTINGS)
    net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run", callbacks=[CSVLog(tmp_path / "log.csv")], progress=True)


def test_a_log_has_each_epoch_once(tmp_path):
    log = tmp_path / "log.csv"
    left(tmp_path / "run", net(), 4, [CSVLog(log)], **SETTINGS)
    network = net()
    network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run", callbacks=[CSVLog(log)])
    rows = np.genfromtxt(log, delimiter=",", names=True)
    assert rows["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(rows["loss"], network.history["loss"])


def test_other_circumstances_are_told(tmp_path, monkeypatch):
    left(tmp_path / "run", net(), 2, **SETTINGS)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    with pytest.warns(CheckpointWarning, match="threads was .*, and is now OPENBLAS_NUM_THREADS=7"):
        net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")


def test_what_solvers_of_others_keep_cannot_be_kept(tmp_path):
    with pytest.raises(ValueError, match="L-BFGS keeps its memory within SciPy"):
        net().fit(X, Y, loss="squared_error", optimizer=LBFGS(), checkpoint=tmp_path / "run")
    with pytest.raises(TypeError, match="checkpoint must be a folder or a Checkpoint"):
        net().fit(X, Y, **SETTINGS, checkpoint=5)
    with pytest.raises(ValueError, match="seconds must be finite"):
        Checkpoint("run", seconds=-1)


# The folder and its files


def test_a_damaged_newest_file_falls_back_to_the_one_before_it(tmp_path):
    whole = net()
    whole.fit(X, Y, **SETTINGS)
    left(tmp_path / "run", net(), 4, **SETTINGS)
    newest = CheckpointFolder(tmp_path / "run")
    path = newest.files()[0]
    newest.close()
    damaged = bytearray(path.read_bytes())
    damaged[-3] ^= 4
    path.write_bytes(damaged)
    network = net()
    with pytest.warns(CheckpointWarning, match=f"{path.name}.*sha256.*goes on from the checkpoint before it"):
        network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    same(network, whole)


@pytest.mark.parametrize("contents", [b"", b"PK\x03\x04 and so on", b"\x00" * 100])
def test_where_none_can_be_read_nothing_begins_anew(tmp_path, contents):
    left(tmp_path / "run", net(), 4, **SETTINGS)
    for path in (tmp_path / "run").glob("*.pellucid"):
        path.write_bytes(contents)
    with pytest.raises(CheckpointError, match="none of its checkpoints can be read") as caught:
        net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_other_files_are_not_taken_for_checkpoints(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    net().save(folder / "checkpoint-000000000005.pellucid")  # a model under the name of a checkpoint
    with pytest.raises(CheckpointError, match="not a checkpoint that Pellucid wrote"):
        net().fit(X, Y, **SETTINGS, checkpoint=folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_checkpoint_is_no_model_and_says_so(tmp_path):
    left(tmp_path / "run", net(), 2, **SETTINGS)
    path = next((tmp_path / "run").glob("*.pellucid"))
    with pytest.raises(ValueError, match=r"checkpoint of a training"):
        load(path)


def test_safetensors_opens_a_checkpoint(tmp_path):
    judge("safetensors")
    from safetensors.numpy import load_file

    network = net()
    network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    path = max((tmp_path / "run").glob("*.pellucid"))
    np.testing.assert_array_equal(load_file(path)["theta"], network.theta)


def test_two_writers_are_refused(tmp_path):
    said = []

    def second(report):
        with pytest.raises(CheckpointError, match=rf"another training \(process {os.getpid()}\) is writing") as caught:
            net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
        said.append(caught.value)

    net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run", callbacks=[second])
    assert len(said) == 6
    net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")  # and afterwards it is free


@pytest.mark.parametrize("make", [lambda path: path.write_text("a file"), lambda path: None])
def test_a_folder_that_cannot_be_is_refused_before_anything_is_trained(tmp_path, make):
    path = tmp_path / "run"
    make(path)
    place = path if path.exists() else path / "deeper" / "still"
    network = net()
    theta = network.theta.copy()
    with pytest.raises(CheckpointError, match="is a file|does not exist; create it first"):
        network.fit(X, Y, **SETTINGS, checkpoint=place)
    np.testing.assert_array_equal(network.theta, theta)
    assert network.fitted is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_refused_before_anything_is_trained(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(CheckpointError, match="cannot keep checkpoints here"):
        net().fit(X, Y, **SETTINGS, checkpoint=folder)


def refuse_to_open(monkeypatch, number):
    real = Path.open

    def opened(self, *args, **settings):
        if self.name == "in-use.lock":
            raise OSError(number, os.strerror(number), str(self))
        return real(self, *args, **settings)

    monkeypatch.setattr(Path, "open", opened)


def test_a_folder_of_a_read_only_disk_is_refused(tmp_path, monkeypatch):
    refuse_to_open(monkeypatch, errno.EROFS)
    with pytest.raises(CheckpointError, match=r"cannot keep checkpoints here: Read-only file system"):
        net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")


def test_a_full_disk_costs_checkpoints_and_not_the_training(tmp_path, monkeypatch):
    whole = net()
    whole.fit(X, Y, **SETTINGS)
    real, calls = safetensors.write, []

    def write(path, *args, **settings):
        calls.append(path)
        if 3 <= len(calls) <= 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, *args, **settings)

    monkeypatch.setattr(safetensors, "write", write)
    network, epochs = net(), []
    with pytest.warns(
        CheckpointWarning, match="could not be written: No space left on device. Training goes on"
    ) as seen:
        network.fit(
            X, Y, **SETTINGS, checkpoint=Checkpoint(tmp_path / "run", seconds=0),
            callbacks=[lambda report: (time.sleep(0.05), epochs.append(report.epoch))],
        )  # fmt: skip
    assert len(seen) == 1  # told once, not each time
    assert epochs == [1, 2, 3, 4, 5, 6]
    same(network, whole)
    again = net()
    again.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")  # the last was written again
    same(again, whole)


def test_a_really_full_disk(tmp_path):
    """A file system of its own, too small for what is to be written."""
    resource = pytest.importorskip("resource")
    script = f"""
        import resource, signal, warnings, numpy as np, pellucid
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        X = np.random.default_rng(0).standard_normal((60, 3))
        network = pellucid.Network(3, [pellucid.Dense(3000), pellucid.Dense(1)], seed=0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kept = pellucid.Checkpoint({str(tmp_path / "run")!r}, 0)
            network.fit(X, X[:, 0], loss="squared_error", epochs=3, checkpoint=kept)
        print(len(network.history), [str(one.message) for one in caught])
    """
    assert resource is not None
    done = python(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 [")
    assert "could not be written: File too large" in done.stdout
    assert files(tmp_path / "run") == []  # nothing half-written, nothing temporary


# Interruption


def python(script, **settings):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, env=environment, check=False,
        timeout=120, **settings,
    )  # fmt: skip


ARMED = []


@dataclass(frozen=True)
class Alarm(Schedule):
    """A rate that never changes; the first time that it is asked for in a certain step, a signal comes."""

    step: int

    def __call__(self, step):
        if step == self.step and ARMED:
            os.kill(os.getpid(), ARMED.pop())
        return 0.01


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("looked_at", [False, True])
def test_a_signal_finishes_the_batch_saves_and_says_how_to_go_on(tmp_path, number, looked_at):
    settings = {**SETTINGS, "optimizer": Adam(Alarm(step=19)), "average": ExponentialMovingAverage(0.9)}
    extra = {"callbacks": [lambda report: None]} if looked_at else {}
    whole = net()
    whole.fit(X, Y, **settings)
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    network = net()
    ARMED.append(number)
    with pytest.raises(TrainingInterrupted) as caught:
        network.fit(X, Y, **settings, **extra, checkpoint=tmp_path / "run")
    assert str(caught.value) == (
        f"{signal.Signals(number).name} after batch 4 of 8 in epoch 3 of 6; saved in {tmp_path / 'run'}. "
        "The same call with the same checkpoint goes on there"
    )
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
    network.fit(X, Y, **settings, **extra, checkpoint=tmp_path / "run")
    same(network, whole)


def test_without_a_checkpoint_ctrl_c_is_what_it_was():
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        net().fit(X, Y, **{**SETTINGS, "epochs": 10**6})
    timer.join()
    assert not isinstance(caught.value, TrainingInterrupted)


def test_a_thread_may_train_with_checkpoints(tmp_path):
    whole, network, problems = net(), net(), []
    whole.fit(X, Y, **SETTINGS)

    def work():
        try:
            network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert problems == []
    same(network, whole)


# Killed

KILLED = dict(SETTINGS, epochs=60, batch_size=4, validation_fraction=0.2)


def child(folder, result):
    """Train in a process of its own, and leave the parameters where the parent finds them."""
    warnings.simplefilter("error")
    network = net()
    callbacks = [EarlyStopping(40), CSVLog(result.with_suffix(".csv"), overwrite=True)]
    history = network.fit(X, Y, **KILLED, callbacks=callbacks, checkpoint=Checkpoint(folder, seconds=0))
    part = result.with_name(f"part-{result.name}")  # what is killed as it writes leaves no result
    np.savez(part, theta=network.theta, loss=history["loss"], validation=history["validation_loss"])
    part.replace(result)


def kill_again_and_again(folder, kills, seed):
    """Kill a training at random moments, until so many kills hit it; it has to come to its end all the same."""
    whole = net()
    whole.fit(X, Y, **KILLED, callbacks=[EarlyStopping(40)])
    moments, hits, rounds = random.Random(seed), 0, 0
    while hits < kills:
        rounds += 1
        run_folder, result = folder / str(rounds), folder / f"{rounds}.npz"
        run_folder.mkdir()
        while not result.exists():
            process = os.fork()
            if process == 0:
                status = 1
                try:
                    child(run_folder / "run", result)
                    status = 0
                except BaseException:
                    (folder / "problem.txt").write_text(traceback.format_exc())
                os._exit(status)
            time.sleep(moments.uniform(0.0, 0.25))
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            assert not (folder / "problem.txt").exists(), (folder / "problem.txt").read_text()
            hits += os.WIFSIGNALED(status)
            if not (run_folder / "run").exists():
                continue
            left_over = [name for name in files(run_folder / "run") if name.endswith(".tmp")]
            assert len(left_over) <= 1  # of the write that was cut off; the next run clears it away
            opened = CheckpointFolder(run_folder / "run")  # its lock went with the process
            opened.newest()  # the old state or the new one: either way it can be read
            assert len(opened.files()) <= 2
            assert not [name for name in files(run_folder / "run") if name.endswith(".tmp")]
            opened.close()
        with np.load(result) as found:
            np.testing.assert_array_equal(found["theta"], whole.theta)
            np.testing.assert_array_equal(found["loss"], whole.history["loss"])
            np.testing.assert_array_equal(found["validation"], whole.history["validation_loss"])
        assert 1 <= len(files(run_folder / "run")) <= 2
        epochs = np.genfromtxt(result.with_suffix(".csv"), delimiter=",", names=True)["epoch"]
        assert epochs.tolist() == list(range(1, len(whole.history) + 1))


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks processes to kill them")


@forks
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings(r"ignore:os.fork\(\) was called:RuntimeWarning")  # by JAX, which the child does not use
def test_fifty_kills_lose_nothing(tmp_path):
    kill_again_and_again(tmp_path, 50, seed=0)


@forks
@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings(r"ignore:os.fork\(\) was called:RuntimeWarning")  # by JAX, which the child does not use
def test_three_hundred_kills_lose_nothing(tmp_path):
    kill_again_and_again(tmp_path, 300, seed=1)


# What a hostile reader found


def test_the_order_of_layers_counts(tmp_path):
    def chain(*middle):
        return Network(3, [Dense(6), *middle, Dense(1)], seed=1)

    left(tmp_path / "run", chain(BatchNorm(), Tanh()), 2, **SETTINGS)
    with pytest.raises(CheckpointError, match=r"network.order\[1\] was batch_norm_1, and is now tanh_1"):
        chain(Tanh(), BatchNorm()).fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")


def test_another_training_begun_meanwhile_leaves_no_trace_in_the_checkpoint(tmp_path):
    whole = net()
    whole.fit(X, Y, **SETTINGS)
    network = net()
    reports = run(network, X, Y, **SETTINGS, checkpoint=Checkpoint(tmp_path / "run", 0))
    next(reports)
    next(reports)
    network.fit(X, -Y, loss="squared_error", epochs=1)
    with pytest.raises(RuntimeError, match="another training of this network has begun"):
        next(reports)
    again = net()
    again.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    same(again, whole)


@pytest.mark.parametrize("epoch", [1, 5, 9, 12])
def test_callbacks_after_one_that_raises_are_told_of_its_epoch_too(tmp_path, epoch):
    def callbacks():
        return [EarlyStopping(30), ReduceOnPlateau(0.5, patience=1)]

    settings = {**SETTINGS, "epochs": 12, "validation_data": (X[:20], -Y[:20]), "optimizer": Adam(0.05)}
    whole = net()
    whole.fit(X, Y, **settings, callbacks=callbacks())
    with pytest.raises(LeftError):
        net().fit(
            X, Y, **settings, callbacks=[leave_after(epoch), *callbacks()], checkpoint=Checkpoint(tmp_path / "run", 0)
        )
    again = net()
    again.fit(X, Y, **settings, callbacks=callbacks(), checkpoint=tmp_path / "run")
    same(again, whole)
    np.testing.assert_array_equal(again.history["learning_rate"], whole.history["learning_rate"])


def test_left_at_the_very_last_report_the_best_epoch_still_comes_back(tmp_path):
    settings = {**SETTINGS, "validation_data": (X[:20], -Y[:20]), "optimizer": Adam(0.05)}
    whole = net()
    whole.fit(X, Y, **settings, callbacks=[EarlyStopping(30)])
    for report in run(net(), X, Y, **settings, callbacks=[EarlyStopping(30)], checkpoint=tmp_path / "run"):
        if report.epoch == 6:
            break
    again = net()
    again.fit(X, Y, **settings, callbacks=[EarlyStopping(30)], checkpoint=tmp_path / "run")
    same(again, whole)


@pytest.mark.filterwarnings("ignore::pellucid.TrainingWarning")
@pytest.mark.parametrize("engine", ["numpy", pytest.param("jax", marks=pytest.mark.slow)])
@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("callbacks", [[], [30]])
def test_a_run_that_blows_up_does_so_wherever_it_was_left(tmp_path, engine, members, callbacks):
    if engine == "jax":
        judge("jax")

    def network():
        return Network(3, [Dense(6), Tanh(), Dense(1)], seed=1, members=members)

    def fresh():
        return [EarlyStopping(patience, monitor="loss") for patience in callbacks]

    settings = {"loss": "squared_error", "optimizer": SGD(3.0), "epochs": 60, "batch_size": 8, "engine": engine}
    whole = network()
    whole.fit(1e3 * X, Y, **settings, callbacks=fresh())
    assert whole.history.stopped
    steps = 8 * (len(whole.history) + 1)
    for place in range(1, min(steps, 40)):
        folder = tmp_path / str(place)
        reports = run(
            network(), 1e3 * X, Y, **settings, every="batch", checkpoint=Checkpoint(folder, 0), callbacks=fresh()
        )
        for _, _ in zip(range(place), reports, strict=False):
            pass
        reports.close()
        again = network()
        again.fit(1e3 * X, Y, **settings, callbacks=fresh(), checkpoint=folder)
        np.testing.assert_array_equal(again.theta, whole.theta)
        assert again.history.stopped == whole.history.stopped


def test_a_callback_used_before_takes_nothing_of_that_run_along(tmp_path):
    settings = {**SETTINGS, "validation_data": (X[:20], Y[:20])}
    used = [EarlyStopping(30), ReduceOnPlateau(0.5, patience=1)]
    net(seed=7).fit(X, Y, **settings, callbacks=used)
    reports = run(net(), X, Y, **settings, callbacks=used, every="batch", checkpoint=Checkpoint(tmp_path / "run", 0))
    next(reports)
    reports.close()
    again, whole = net(), net()
    again.fit(
        X, Y, **settings, callbacks=[EarlyStopping(30), ReduceOnPlateau(0.5, patience=1)], checkpoint=tmp_path / "run"
    )
    whole.fit(X, Y, **settings, callbacks=[EarlyStopping(30), ReduceOnPlateau(0.5, patience=1)])
    same(again, whole)


class OwnRate(Schedule):
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimizer": SGD(OwnRate(0.01), momentum=0.5)}, "optimizer.momentum was 0.9, and is now 0.5"),
        ({"optimizer": SGD(OwnRate(0.02), momentum=0.9)}, "optimizer.learning_rate.rate was 0.01, and is now 0.02"),
        ({"callbacks": [EarlyStopping(np.int64(6), monitor="loss")]}, r"callbacks\[0\].patience was 5, and is now 6"),
    ],
)
def test_settings_around_and_within_parts_of_ones_own_count(tmp_path, changed, said):
    settings = {**SETTINGS, "optimizer": SGD(OwnRate(0.01), momentum=0.9)}
    stopper = [EarlyStopping(np.int64(5), monitor="loss")]
    left(tmp_path / "run", net(), 2, stopper, **settings)
    with pytest.raises(CheckpointError, match=said):
        net().fit(X, Y, **{**settings, "callbacks": stopper, **changed}, checkpoint=tmp_path / "run")


def test_what_began_in_one_folder_is_not_taken_for_anothers(tmp_path):
    network = net()
    left(tmp_path / "one", network, 3, **SETTINGS)
    network.fit(X, Y, **SETTINGS, checkpoint=tmp_path / "two")  # a run from where the first was left
    with pytest.raises(CheckpointError, match="start was"):
        net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "two")


def test_a_signal_in_the_last_moment_acts_when_all_is_saved(tmp_path):
    def late(report):
        if report.epoch == report.epochs:
            os.kill(os.getpid(), signal.SIGINT)

    network, whole = net(), net()
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, **SETTINGS, callbacks=[late], checkpoint=tmp_path / "run")
    whole.fit(X, Y, **SETTINGS)
    same(network, whole)


def test_a_run_that_cannot_begin_holds_no_lock(tmp_path):
    with pytest.raises(ValueError, match="devices=2") as kept:
        net().fit(X, Y, **SETTINGS, devices=2, checkpoint=tmp_path / "run")
    net().fit(X, Y, **SETTINGS, checkpoint=tmp_path / "run")
    assert kept.value


def test_a_damaged_file_does_not_take_a_good_ones_place(tmp_path):
    left(tmp_path / "run", net(), 4, **SETTINGS)
    newest = max((tmp_path / "run").glob("*.pellucid"))
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(CheckpointWarning, match="goes on from the checkpoint before it"):
        left(tmp_path / "run", net(), 5, **SETTINGS)
    opened = CheckpointFolder(tmp_path / "run")
    assert opened.newest().skipped == []
    assert len(opened.files()) == 2
    opened.close()


def test_odd_settings_of_a_checkpoint_are_refused():
    for folder, kind in ((5, TypeError), ("", ValueError)):
        with pytest.raises(kind, match="Checkpoint: folder"):
            Checkpoint(folder)
    with pytest.raises(ValueError, match="seconds must be finite"):
        Checkpoint("run", seconds="often")
    with pytest.raises(ValueError, match="accumulate=2 puts batches together"):
        net().fit(X, Y, loss="squared_error", batch_size=None, accumulate=2)
    with pytest.raises(TypeError, match="reason to stop must be a text"):
        net().fit(X, Y, **SETTINGS, callbacks=[lambda report: report.stop(7)])

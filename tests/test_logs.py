"""The log of a run in a CSV file: what stands in it, whose it is, and what happens when it fails."""

import csv
import subprocess
import sys
import time

import numpy as np
import pytest

from pellucid import SGD, Adam, Checkpoint, CSVLog, Dense, Network, TrainingWarning
from pellucid.training import run

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X @ [1.0, -2.0] + 0.5


def trained(*callbacks, members=None, **settings):
    network = Network(2, [Dense(3), Dense(1)], seed=0, members=members)
    return network.fit(X, Y, loss="squared_error", callbacks=callbacks, **({"epochs": 5} | settings))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def column(path, name):
    return [float(row[name]) for row in rows_of(path)]


def truncated_after(path, epoch):
    """Leave what a run that was killed after this epoch would have left."""
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[: epoch + 1]))


# What stands in it


def test_every_figure_is_that_of_the_history_to_the_last_bit(tmp_path):
    path = tmp_path / "log.csv"
    history = trained(CSVLog(path), validation_fraction=0.2)
    assert list(rows_of(path)[0]) == ["epoch", "loss", "validation_loss", "learning_rate", "seconds"]
    assert column(path, "epoch") == [1, 2, 3, 4, 5]
    for name in ("loss", "validation_loss", "learning_rate", "seconds"):
        assert column(path, name) == history[name].tolist()


def test_without_validation_records_there_is_no_column_for_them(tmp_path):
    trained(CSVLog(tmp_path / "log.csv"))
    assert list(rows_of(tmp_path / "log.csv")[0]) == ["epoch", "loss", "learning_rate", "seconds"]


def test_of_members_the_mean_and_each_has_a_column(tmp_path):
    path = tmp_path / "log.csv"
    history = trained(CSVLog(path), members=3, validation_fraction=0.2)
    for name in ("loss", "validation_loss"):
        assert column(path, name) == history[name].mean(axis=1).tolist()
        for member in range(3):
            assert column(path, f"{name}_{member}") == history[name][:, member].tolist()


def test_a_log_changes_nothing_in_the_training(tmp_path):
    plain, logged = trained(validation_fraction=0.2), trained(CSVLog(tmp_path / "log.csv"), validation_fraction=0.2)
    assert plain["loss"].tolist() == logged["loss"].tolist()


def test_reports_of_batches_are_no_rows(tmp_path):
    network = Network(2, [Dense(1)], seed=0)
    for _ in run(
        network,
        X,
        Y,
        loss="squared_error",
        epochs=2,
        batch_size=7,
        every="batch",
        callbacks=[CSVLog(tmp_path / "log.csv")],
    ):
        pass
    assert column(tmp_path / "log.csv", "epoch") == [1, 2]


def test_figures_that_are_not_finite_are_written_as_they_are(tmp_path):
    path = tmp_path / "log.csv"
    with pytest.warns(TrainingWarning):
        history = trained(CSVLog(path), optimizer=SGD(1e200), batch_size=None, epochs=2, validation_fraction=0.2)
    assert not np.isfinite(history["validation_loss"]).all()
    for name in ("loss", "validation_loss"):
        np.testing.assert_array_equal(column(path, name), history[name])


def test_a_member_that_diverges_does_not_break_the_log_of_the_others(tmp_path):
    path = tmp_path / "log.csv"
    network = Network(2, [Dense(1)], seed=0, members=2)
    network.theta = np.stack([np.full(3, 1e200), np.zeros(3)])
    with pytest.warns(TrainingWarning):
        history = network.fit(X, Y, loss="squared_error", optimizer=Adam(), epochs=4, callbacks=[CSVLog(path)])
    for member in range(2):
        np.testing.assert_array_equal(column(path, f"loss_{member}"), history["loss"][:, member])
    assert np.isfinite(column(path, "loss_1")).all()


def test_a_killed_run_leaves_whole_rows(tmp_path):
    program = """
import os, sys
import pellucid
network = pellucid.Network(1, [pellucid.Dense(1)], seed=0)
def die(report):
    if report.epoch == 3:
        os._exit(9)
network.fit([[1.0]], [2.0], loss="squared_error", callbacks=[pellucid.CSVLog(sys.argv[1]), die])
"""
    path = tmp_path / "log.csv"
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=120)
    assert done.returncode == 9
    assert column(path, "epoch") == [1, 2, 3]
    assert path.read_bytes().endswith(b"\n")


# Whose it is


def test_a_new_run_refuses_an_existing_file_and_leaves_it_alone(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("mine\n")
    with pytest.raises(FileExistsError, match=r"log\.csv exists.*another path, or overwrite=True"):
        trained(CSVLog(path))
    assert path.read_text() == "mine\n"


def test_a_second_run_with_the_same_log_is_a_new_run(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    trained(log)
    before = log.path.read_bytes()
    with pytest.raises(FileExistsError):
        trained(log)
    assert log.path.read_bytes() == before


def test_told_to_it_replaces_a_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old\n" * 100)
    trained(CSVLog(path, overwrite=True), epochs=2)
    assert column(path, "epoch") == [1, 2]


def test_a_folder_that_is_not_there_is_told_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to write log\.csv into"):
        CSVLog(tmp_path / "nowhere" / "log.csv")


# A run that goes on


class Left(Exception):  # noqa: N818 (what happens to a run, and no fault)
    pass


def left_after(path, epoch, *, folder):
    """Make a run with checkpoints that is left after some epoch; all later calls go on from there."""

    def leave(report):
        time.sleep(0.02)  # so that each checkpoint is on the disk before the next one is due
        if report.epoch == epoch:
            raise Left

    with pytest.raises(Left):
        trained(CSVLog(path), leave, epochs=8, checkpoint=Checkpoint(folder, seconds=0))


def goes_on(path, folder):
    return trained(CSVLog(path), lambda report: None, epochs=8, checkpoint=Checkpoint(folder, seconds=0))


def test_a_resumed_run_goes_on_in_the_same_file_without_a_double_or_missing_epoch(tmp_path):
    path = tmp_path / "log.csv"
    left_after(path, 5, folder=tmp_path / "kept")
    first = path.read_bytes()
    history = goes_on(path, tmp_path / "kept")
    assert column(path, "epoch") == [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_array_equal(column(path, "loss"), history["loss"])
    kept = b"".join(first.splitlines(keepends=True)[:4])  # the header and epochs that were not made again
    assert path.read_bytes().startswith(kept)


class Standing:
    """A report of a run that goes on, as far as a log looks at it."""

    end_of_epoch = True

    def __init__(self, history, epoch):
        self.run, self.history, self.epoch = self, history, epoch
        self.loss, self.learning_rate, self.seconds = (
            history[name][epoch - 1] for name in ("loss", "learning_rate", "seconds")
        )
        self.validation_loss = history["validation_loss"][epoch - 1] if "validation_loss" in history else None


def resumed_log(path, history, *, epoch, state):
    """Give a new log the report of ``epoch``, the first since the run was resumed."""
    log, report = CSVLog(path), Standing(history, epoch)
    log.restore(report.run, {"epoch": state})
    log(report)
    return log


@pytest.fixture
def log_of_five(tmp_path):
    path = tmp_path / "log.csv"
    history = trained(CSVLog(path), members=2, validation_fraction=0.2)
    return path, history, path.read_bytes()


@pytest.mark.parametrize("half", [b"", b"6,0.12"])
def test_rows_of_epochs_that_are_made_again_are_cut_off(log_of_five, half):
    path, history, whole = log_of_five
    path.write_bytes(whole + half)
    resumed_log(path, history, epoch=4, state=3)
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:5])


def test_a_row_that_was_not_written_to_its_end_is_written_anew(log_of_five):
    path, history, whole = log_of_five
    path.write_bytes(whole[:-30])
    resumed_log(path, history, epoch=5, state=5)
    assert path.read_bytes() == whole


def test_rows_that_are_missing_come_from_the_history(log_of_five):
    path, history, whole = log_of_five
    truncated_after(path, 2)
    resumed_log(path, history, epoch=5, state=2)
    assert path.read_bytes() == whole


def test_a_file_that_is_gone_is_written_anew_and_said(log_of_five):
    path, history, whole = log_of_five
    path.unlink()
    with pytest.warns(RuntimeWarning, match=r"log\.csv is gone: CSVLog writes it anew"):
        resumed_log(path, history, epoch=5, state=4)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("mine\n", "its first line is 'mine', expected 'epoch,loss,"),
        ("", "its first line is ''"),
        ("HEADER\n1,2,3\na remark\n", "after epoch 1 it has the row 'a remark'"),
        ("HEADER\n1,2,3\n3,4,5\n", "after epoch 1 it has the row '3,4,5'"),
    ],
)
def test_a_resumed_run_leaves_the_file_of_somebody_else_alone(log_of_five, content, message):
    path, history, whole = log_of_five
    content = content.replace("HEADER", whole.decode().splitlines()[0])
    path.write_text(content)
    with pytest.raises(ValueError, match="is not the log of the run that is resumed") as raised:
        resumed_log(path, history, epoch=5, state=4)
    assert message in str(raised.value)
    assert path.read_text() == content


def test_a_log_that_had_not_begun_has_no_file_to_go_on_with(log_of_five):
    path, history, whole = log_of_five
    with pytest.raises(FileExistsError):
        resumed_log(path, history, epoch=1, state=0)
    assert path.read_bytes() == whole


def test_the_state_is_plain_and_outlives_a_second_interruption(log_of_five):
    path, history, _ = log_of_five
    log = CSVLog(path)
    log.restore(object(), {"epoch": 3})
    assert log.state() == {"epoch": 3}  # before its first epoch is over
    assert resumed_log(path, history, epoch=4, state=3).state() == {"epoch": 4}


def test_being_restored_for_one_run_means_nothing_for_the_next(log_of_five):
    path, history, whole = log_of_five
    log = CSVLog(path)
    log.restore(object(), {"epoch": 3})  # a run that was found finished: it makes no report
    with pytest.raises(FileExistsError):
        log(Standing(history, 1))
    assert path.read_bytes() == whole


# When it fails


def test_a_log_that_fails_says_so_once_and_training_goes_on(tmp_path):
    path = tmp_path / "folder" / "log.csv"
    path.parent.mkdir()

    def lose_the_folder(report):
        if report.epoch == 2:
            path.unlink()
            path.parent.rmdir()

    with pytest.warns(RuntimeWarning, match=r"CSVLog failed in epoch 3, and writes no more: .*goes on") as caught:
        history = trained(CSVLog(path), lose_the_folder)
    assert len(caught) == 1
    assert len(history) == 5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has a device that is always full")
def test_a_full_disk_does_not_end_the_training(tmp_path):
    path = tmp_path / "log.csv"

    def fill_the_disk(report):
        if report.epoch == 2:
            path.unlink()
            path.symlink_to("/dev/full")

    with pytest.warns(RuntimeWarning, match="CSVLog failed in epoch 3.*No space left"):
        assert len(trained(CSVLog(path), fill_the_disk)) == 5


def test_a_failed_log_writes_again_in_the_next_run(tmp_path):
    log = CSVLog(tmp_path / "log.csv", overwrite=True)

    def spoil(report):
        if report.epoch == 2:
            log.path.unlink()
            log.path.mkdir()

    with pytest.warns(RuntimeWarning, match="CSVLog failed in epoch 3"):
        trained(log, spoil)
    log.path.rmdir()
    trained(log)
    assert column(log.path, "epoch") == [1, 2, 3, 4, 5]

"""``pellucid train --checkpoint DIR``: left by Ctrl-C or SIGTERM, the same command comes to the same model."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pellucid import load
from pellucid.cli import main

pytest.importorskip("cyclopts")
pl = pytest.importorskip("polars")
PROGRAM = "import sys; from pellucid.cli import main; sys.exit(main(sys.argv[1:]))"

pytestmark = pytest.mark.slow

COMMAND = ["train", "table.csv", "--target", "y", "--kind", "numeric", "--epochs", "400", "--batch-size", "16"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    X = np.random.default_rng(0).standard_normal((400, 5))
    columns = {f"x{place}": X[:, place] for place in range(5)} | {"y": np.sin(X).sum(axis=1)}
    pl.DataFrame(columns).write_csv(tmp_path / "table.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capfd):
    """Run a command in this process; give its exit status and what it wrote."""

    def command(arguments):
        capfd.readouterr()
        status = main(arguments)
        return (status, *capfd.readouterr())

    return command


def started(*arguments):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finished(*arguments):
    process = started(*arguments)
    out, said = process.communicate(timeout=120)
    return process.returncode, out, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_goes_on_to_the_same_model(table, number):
    assert finished(*COMMAND, "--output", "whole.pellucid", "--quiet")[0] == 0
    process = started(*COMMAND, "--checkpoint", "run")
    while not (table / "run" / "in-use.lock").exists():
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert f"interrupted; {number.name} after " in said
    assert "of 400; saved in run. The same command goes on there" in said
    assert "Traceback" not in said
    assert not (table / "table.pellucid").exists()
    status, out, said = finished(*COMMAND, "--checkpoint", "run")
    assert status == 0, said
    assert " epochs in " in out
    one, other = load("table.pellucid"), load("whole.pellucid")
    np.testing.assert_array_equal(one.network.theta, other.network.theta)
    np.testing.assert_array_equal(one.history["loss"], other.history["loss"])
    assert one.history.best_epoch == other.history.best_epoch
    # All is done: once more it only writes the model.
    assert finished(*COMMAND, "--checkpoint", "run", "--force", "--quiet") == (0, "", "")


def test_what_has_changed_is_named(table, run):
    first = [*COMMAND[:6], "--epochs", "3", "--checkpoint", "run"]
    assert run(first)[0] == 0
    status, _, said = run([*first, "--learning-rate", "0.02", "--force"])
    assert status == 1
    assert "its checkpoints are of another run: optimizer.learning_rate.rate was 0.07, and is now 0.02" in said
    with (table / "table.csv").open("a") as stream:
        stream.write("1,2,3,4,5,6\n")
    status, _, said = run([*first, "--force"])
    assert status == 1
    assert "data.X was" in said


def test_a_folder_that_cannot_be_used_is_told_in_one_line(table, run):
    (table / "file").write_text("not a folder")
    for place, words in [("file", "this is a file"), ("no/such/folder", "does not exist; create it first")]:
        status, out, said = run([*COMMAND, "--checkpoint", place, "--quiet"])
        assert (status, out) == (1, "")
        assert words in said
        assert said.count("\n") == 1

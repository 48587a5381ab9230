"""``pellucid diagnose``: what a person types, sees, and is told when it cannot be done."""

import json

import numpy as np
import polars as pl
import pytest

from pellucid import SGD, Dense, Network
from pellucid.cli import main
from pellucid.tables import TableModel

pytest.importorskip("cyclopts")


def homes(rows=200, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows), generator.integers(0, 60, rows)
    price = 3000 * area - 2500 * age + generator.normal(0, 9000, rows)
    return pl.DataFrame({"area": area, "age": age, "price": price})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PELLUCID_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    homes().write_csv("homes.csv")
    TableModel("price", hidden=(16,)).fit(homes(), test_share=0.25).save("homes.pellucid")
    twice = pl.concat([homes(100), homes(100)])  # a problem: rows on both sides of the split
    twice.write_parquet("twice.parquet")
    TableModel("price", hidden=(16,)).fit(twice, test_share=0.25).save("twice.pellucid")
    network = Network(2, [Dense(1)], seed=0)
    X = homes().select("area", "age").to_numpy()
    network.fit(X / 100, X[:, 0], loss="squared_error", optimizer=SGD(1e-5), epochs=20)
    network.save("network.pellucid")
    return tmp_path


@pytest.fixture
def command(folder, capfd):
    def run(*arguments):
        capfd.readouterr()
        status = main(list(arguments))
        return (status, *capfd.readouterr())

    return run


def test_a_healthy_model_and_its_table(command):
    status, out, err = command("diagnose", "homes.pellucid", "homes.csv")
    assert status == 0 and err == ""
    assert out.startswith("nothing found: 15 checks made, 6 could not be made\n")
    assert "class balance: the targets are no classes" in out
    assert command("diagnose", "homes.pellucid", "homes.csv", "--strict")[0] == 0


def test_a_problem_is_told_and_counts_only_if_strict(command):
    status, out, _ = command("diagnose", "twice.pellucid", "twice.parquet")
    assert status == 0
    assert "problem: rows_in_both_parts (held-out row" in out
    assert "  Why: " in out and "  Try: " in out
    assert command("diagnose", "twice.pellucid", "twice.parquet", "--strict")[0] == 1


def test_warnings_alone_do_not_count_as_problems(command):
    status, out, _ = command("diagnose", "network.pellucid", "--strict")
    assert status == 0
    assert "1 warning: " in out and "not_converged" in out


def test_the_model_alone_says_what_cannot_be_checked(command):
    status, out, err = command("diagnose", "homes.pellucid")
    assert status == 0 and err == ""
    assert "dead units" in out and "it needs the table that the model learnt from" in out
    assert command("diagnose", "network.pellucid")[0] == 0


def test_another_table_than_the_one_learnt_from(command, folder):
    homes(seed=1).with_columns(colour=pl.lit("red")).write_csv("others.csv")
    status, out, err = command("diagnose", "homes.pellucid", "others.csv")
    assert status == 0
    assert "not the table that the model learnt from" in out
    assert "did not use: 'colour'" in err


def test_json_holds_all_of_it(command):
    status, out, _ = command("diagnose", "twice.pellucid", "twice.parquet", "--json", "--strict")
    assert status == 1
    found = json.loads(out)
    assert set(found) == {"findings", "made", "not_made"}
    assert found["findings"][0]["kind"] == "rows_in_both_parts"
    assert set(found["findings"][0]) == {"kind", "where", "severity", "measured", "why", "remedy", "evidence"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "MODEL"),
        (("nothing.pellucid",), 1, "nothing.pellucid"),
        (("homes.csv",), 1, "homes.csv is not a Pellucid model"),
        (("homes.csv", "homes.pellucid"), 1, "the model comes first: pellucid diagnose MODEL TABLE"),
        (("homes.pellucid", "nothing.csv"), 1, "nothing.csv"),
        (("network.pellucid", "homes.csv"), 1, "holds a network, which knows no columns by name"),
        (("homes.pellucid", "no_price.csv"), 1, "price"),
        (("homes.pellucid", "homes.csv", "more"), 2, "more"),
    ],
)
def test_what_cannot_be_done_is_said_in_two_lines_at_most(command, folder, arguments, status, words):
    homes().drop("price").write_csv("no_price.csv")
    found, out, err = command("diagnose", *arguments)
    assert found == status and out == ""
    assert words in err and err.startswith("error: ")
    assert 1 <= len(err.splitlines()) <= 2


def test_the_files_stay_as_they_are(command, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    command("diagnose", "homes.pellucid", "homes.csv")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

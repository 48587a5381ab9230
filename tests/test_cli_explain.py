"""``pellucid explain``: what a person types, sees, and is told when it cannot be done."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import pellucid
from pellucid import Dense, Network
from pellucid.cli import main
from pellucid.tables import TableModel
from pellucid.tables.explanation import explain_row
from recompute import check_text

pytest.importorskip("cyclopts")


def homes(rows=60, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows).round(1), generator.integers(0, 60, rows)
    size = np.where(area < 60, "small", np.where(area < 100, "middle", "large"))
    return pl.DataFrame({"area": area, "age": age, "price": (3000 * area - 800 * age).round(), "size": size})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PELLUCID_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    homes().write_csv("homes.csv")
    homes().write_parquet("homes.parquet")
    TableModel("price", hidden=(4,), epochs=60, ignore="size").fit(homes()).save("price.pellucid")
    TableModel("size", hidden=(8,), epochs=60, ignore="price").fit(homes()).save("size.pellucid")
    return tmp_path


@pytest.fixture
def command(folder, capfd):
    """Run `pellucid explain`; give its exit status and what it wrote."""

    def run(*arguments):
        capfd.readouterr()
        status = main(["explain", *[str(argument) for argument in arguments]])
        return (status, *capfd.readouterr())

    return run


@pytest.fixture
def refused(folder, command):
    """Run a command that must fail, with a short reason, and write nothing; give the reason."""

    def run(*arguments, status=1):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        found, out, err = command(*arguments)
        assert found == status, err
        assert out == ""
        assert 1 <= len(err.splitlines()) <= 2, err
        assert err.startswith("error: ")
        assert "Traceback" not in err and "should not happen" not in err
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        return err

    return run


def test_a_number(command):
    status, out, err = command("price.pellucid", "homes.csv", "--row", "3")
    assert (status, err) == (0, "")
    assert "\nRow 3 of homes.csv: price is predicted to be " in out
    assert "completeness error" in out
    assert re.search(rf"^  area +{homes()['area'][2]} ", out, re.MULTILINE)
    assert re.search(rf"^  age +{homes()['age'][2]} ", out, re.MULTILINE)
    assert "\x1b" not in out


def test_a_class_from_parquet(command):
    status, out, err = command("size.pellucid", "homes.parquet", "--row=60")
    assert (status, err) == (0, "")
    predicted = pellucid.load("size.pellucid").predict(homes())[59]
    assert f"Row 60 of homes.parquet: size is predicted to be '{predicted}', with probability" in out
    assert "Nearest other answer: if " in out


def test_json(command):
    status, out, err = command("size.pellucid", "homes.csv", "--row", "1", "--json")
    assert (status, err) == (0, "")
    expected = explain_row(pellucid.load("size.pellucid"), homes(), 0).to_dict()
    assert json.loads(out) == json.loads(json.dumps(expected))


def test_every_number(command):
    status, out, _ = command("price.pellucid", "homes.csv", "--row", "1")
    assert status == 0
    _, plain, _ = command("price.pellucid", "homes.csv", "--row", "1", "--no-numbers")
    assert out.endswith(plain)
    assert plain.startswith("Row 1 of homes.csv: price is predicted to be ")
    assert "area scaled = (area - mean) / std = " in out
    assert "price = mean + std*a" in out
    assert check_text(out) > 3


def test_columns_in_another_order_and_columns_unknown(command):
    _, expected, _ = command("price.pellucid", "homes.csv", "--row", "5")
    homes().select("age", pl.lit(1).alias("floor"), "area").write_csv("other.csv")
    status, out, err = command("price.pellucid", "other.csv", "--row", "5")
    assert (status, out) == (0, expected.replace("homes.csv", "other.csv"))
    assert err == "note: the model does not know, and did not use: 'floor'\n"


def test_a_value_far_away_is_told_in_its_own_row_only(command):
    homes().with_columns(area=pl.Series([1e6, *homes()["area"][1:]])).write_csv("far.csv")
    assert (
        "area is 1,000,000, far outside what was learnt from" in command("price.pellucid", "far.csv", "--row", "1")[1]
    )
    assert "far outside" not in "".join(command("price.pellucid", "far.csv", "--row", "2")[1:])


def test_letters_that_the_screen_must_not_obey(command):
    frame = pl.DataFrame({"a\x1b[31m": np.arange(60.0), "[bold]b": np.arange(60) % 7, "y": ["x\x1b", "z"] * 30})
    frame = frame.rename({"y": "y\x1b"})
    TableModel("y\x1b", hidden=(), epochs=3).fit(frame).save("strange.pellucid")
    frame.write_csv("strange.csv")
    status, out, _ = command("strange.pellucid", "strange.csv", "--row", "2", "--numbers")
    assert status == 0
    assert "\x1b" not in out
    assert "[bold]b" in out


@pytest.mark.parametrize("row", ["0", "-1", "61", "10000000000"])
def test_no_such_row(refused, row):
    err = refused("price.pellucid", "homes.csv", "--row", row)
    assert "homes.csv has 60 rows, and no row " in err
    assert "--row takes a number from 1 to 60" in err


def test_a_table_of_one_row(command, refused):
    homes(1).write_csv("one.csv")
    assert command("size.pellucid", "one.csv", "--row", "1")[0] == 0
    assert "one.csv has 1 row, and no row 2" in refused("size.pellucid", "one.csv", "--row", "2")


@pytest.mark.parametrize("row", ["1.5", "one", "", "1e3"])
def test_rows_that_are_no_whole_number(refused, row):
    err = refused("price.pellucid", "homes.csv", "--row", row, status=2)
    assert f"--row takes a whole number, found {row!r}" in err
    assert "pellucid explain --help" in err


def test_without_a_row(refused):
    err = refused("price.pellucid", "homes.csv", status=2)
    assert "--row is missing" in err and "--row 1" in err
    refused("price.pellucid", "homes.csv", "--row", status=2)


def test_commands_that_cannot_be_understood(refused):
    refused(status=2)
    refused("price.pellucid", status=2)
    refused("price.pellucid", "homes.csv", "--row", "1", "--loud", status=2)
    refused("price.pellucid", "homes.csv", "more.csv", "--row", "1", status=2)


def test_files_that_are_something_else(refused):
    assert "the model comes first" in refused("homes.csv", "price.pellucid", "--row", "1")
    assert "did you mean homes.csv" in refused("price.pellucid", "home.csv", "--row", "1")
    assert "none.pellucid" in refused("none.pellucid", "homes.csv", "--row", "1")
    Path("text.pellucid").write_text("hello")
    assert "is not a Pellucid model" in refused("text.pellucid", "homes.csv", "--row", "1")
    Path("cut.pellucid").write_bytes(Path("price.pellucid").read_bytes()[:-9])
    refused("cut.pellucid", "homes.csv", "--row", "1")
    Network(2, [Dense(1)], seed=0).save("network.pellucid")
    assert "holds a Network, not the model of a table" in refused("network.pellucid", "homes.csv", "--row", "1")
    assert "looks like a Pellucid model, not a table" in refused("price.pellucid", "size.pellucid", "--row", "1")


def test_columns_that_are_missing_or_cannot_be_used(refused):
    homes().rename({"area": "arae"}).write_csv("near.csv")
    assert "did you mean 'arae'?" in refused("price.pellucid", "near.csv", "--row", "1")
    homes().select("size").write_csv("none.csv")
    assert "lacks 2 of the 2 columns that the model needs: 'area', 'age'" in refused(
        "price.pellucid", "none.csv", "--row", "1"
    )
    homes().with_columns(age=pl.Series(["old"] + ["3"] * 59)).write_csv("text.csv")
    assert "column 'age', row 1: 'old' is not a number" in refused("price.pellucid", "text.csv", "--row", "1")


def test_a_gap_is_explained(command):
    homes().with_columns(age=pl.Series([1] * 8 + [None] + [2] * 51)).write_csv("gap.csv")
    status, out, _ = command("price.pellucid", "gap.csv", "--row", "9")
    assert status == 0
    assert "age has no value: the median, " in out


def test_values_beyond_all_arithmetic(command, refused):
    homes().with_columns(area=pl.Series([1e308] + [50.0] * 59)).write_csv("vast.csv")
    assert command("price.pellucid", "vast.csv", "--row", "1")[0] == 0
    model = pellucid.load("price.pellucid")
    model.network.theta = 1e200 * np.ones_like(model.network.theta)
    model.save("steep.pellucid")
    err = refused("steep.pellucid", "vast.csv", "--row", "1")
    assert "vast.csv, row 1: the network's output is not finite" in err


def test_help(command):
    status, out, _ = command("--help")
    assert status == 0
    assert "--row" in out and "row 1 is the first below the column names" in " ".join(re.sub("│", "", out).split())

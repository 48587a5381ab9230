"""The command line: what a person types, sees, and is told when it cannot be done."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import pellucid
from judges import judge
from pellucid import Dense, Network
from pellucid.cli import app, main
from pellucid.tables import TableModel

pytest.importorskip("cyclopts")

QUICK = ("--epochs", "3", "--hidden", "4")


def homes(rows=60, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows).round(1), generator.integers(0, 60, rows)
    size = np.where(area < 60, "small", np.where(area < 100, "middle", "large"))
    return pl.DataFrame({"area": area, "age": age, "price": (3000 * area - 800 * age).round(), "size": size})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a table for each kind of target, and a model."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PELLUCID_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    homes().drop("size").write_csv("homes.csv")
    homes().drop("price").write_parquet("sizes.parquet")
    TableModel("price", hidden=(4,), epochs=3).fit(homes().drop("size")).save("model.pellucid")
    TableModel("size", hidden=(4,), epochs=3).fit(homes().drop("price")).save("sizes.model")
    return tmp_path


@pytest.fixture
def command(folder, capfd):
    """Run a command; give its exit status and what it wrote."""

    def run(*arguments):
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return (status, *capfd.readouterr())

    return run


def contents(folder):
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


@pytest.fixture
def refused(folder, command):
    """Run a command that must fail, with a short reason, and change nothing; give the reason."""

    def run(*arguments, status=1):
        before = contents(folder)
        found, out, err = command(*arguments)
        assert found == status, err
        assert out == ""
        assert 1 <= len(err.splitlines()) <= 2, err
        assert err.startswith("error: ")
        assert "Traceback" not in err
        assert contents(folder) == before
        return err

    return run


# ---- train ----------------------------------------------------------------------------------------------------------


def test_train_numeric(command, folder):
    status, out, err = command("train", "homes.csv", "--target", "price", "--epochs", "20")
    assert status == 0
    for words in (
        r"rows     60: 45 to learn from, 15 to test on",
        r"target   'price', numeric: [\d,]+ to [\d,]+, [\d,]+ on average",
        r"columns  2 used, 0 left out",
        r"network  2 inputs, 4 networks of 128 ReLU, 128 ReLU, 1 output; \d+,\d+ parameters",
        r"training 20 epochs in ",
        r"On 15 test rows, which training never saw:",
        r"RMSE +[\d,.]+ +[\d,.]+  smaller is better",
        r"MAE ",
        r"R2 ",
        r"Predicted worst \(row 1 is the first below the column names\):",
        r"pellucid predict homes.pellucid TABLE.csv --output predictions.csv",
    ):
        assert re.search(words, out), (words, out)
    assert "epoch 2 of 20, loss" in err  # plain lines where there is no terminal
    assert "\x1b" not in out + err
    model = pellucid.load("homes.pellucid")
    assert model.kind == "numeric"
    # The rows shown are those of the table.
    for row, true, predicted in re.findall(r"^ +(\d+) +([\d,]+) +([\d,.-]+) +[+-]", out, re.MULTILINE):
        assert homes()["price"][int(row) - 1] == float(true.replace(",", ""))
        assert model.predict(homes()[int(row) - 1])[0] == pytest.approx(float(predicted.replace(",", "")), rel=1e-3)


def test_train_classes(command):
    status, out, _ = command("train", "sizes.parquet", "--target", "size", "--output", "my model", "--epochs", "20")
    assert status == 0
    for words in (
        "target   'size', 3 classes: 'large', 'middle', 'small'",
        "accuracy",
        "log-loss",
        "AUC",
        "baseline: always '",
        "how sure",
        "pellucid predict 'my model' TABLE.csv",
    ):
        assert words in out
    assert pellucid.load("my model").classes_ == ("large", "middle", "small")


def test_train_with_every_option(command):
    homes().write_csv("all.csv")
    status, out, err = command(
        *(
            "train",
            "all.csv",
            "--target",
            "size",
            "--ignore",
            "price",
            "--ignore",
            "age",
            "--output",
            "m",
            "--test",
            "0.5",
        ),
        *("--kind", "multiclass", "--hidden", "8,4", "--epochs", "2", "--batch-size", "10", "--learning-rate", "0.01"),
        *("--seed", "5", "--quiet"),
    )
    assert (status, out) == (0, "")
    assert all(line.startswith("warning: the model is no better") for line in err.splitlines())
    model = pellucid.load("m")
    assert repr(model) == (
        "TableModel('size', kind='multiclass', ignore=('price', 'age'), hidden=(8, 4), epochs=2, batch_size=10, "
        "learning_rate=0.01, seed=5)"
    )
    assert (model.columns, model.split.test_rows) == (("area",), 30)


def test_few_rows_are_all_learnt_from(command):
    homes(39).drop("size").write_csv("few.csv")
    status, out, _ = command("train", "few.csv", "--target", "price", *QUICK)
    assert status == 0
    assert "On the 39 rows of the training itself (with fewer than 40 rows none were held out):" in out
    assert "does not tell how new rows will be predicted" in out
    homes(40).drop("size").write_csv("enough.csv")
    assert "On 10 test rows" in command("train", "enough.csv", "--target", "price", *QUICK)[1]
    assert (
        "(none were held out)"
        in command("train", "enough.csv", "--target", "price", *QUICK, "--test", "0", "--force")[1]
    )


def test_train_says_what_is_odd(command):
    frame = homes().with_columns(same=pl.lit(1), rooms=pl.Series([1, 2, 3] * 20)).drop("size")
    frame.write_csv("odd.csv")
    _, out, err = command("train", "odd.csv", "--target", "rooms", *QUICK)
    assert re.search("'same' +left out +one value only: 1", err)
    assert "columns  3 used, 1 left out" in out
    assert "'rooms', 3 classes: 1, 2, 3 (if it is a quantity, add --kind numeric)" in out
    status, _, err = command("train", "odd.csv", "--target", "price", "--learning-rate", "1e300", "--force")
    assert status == 0
    assert "warning: stopped in epoch " in err
    assert "Try a lower learning rate" in err
    assert "Warning" not in err
    assert pellucid.load("odd.pellucid").kind == "numeric"


def test_force_replaces(command):
    assert command("train", "homes.csv", "--target", "price", *QUICK)[0] == 0
    before = Path("homes.pellucid").read_bytes()
    assert command("train", "homes.csv", "--target", "price", *QUICK, "--seed", "1", "--force")[0] == 0
    assert Path("homes.pellucid").read_bytes() != before


# ---- predict --------------------------------------------------------------------------------------------------------


def test_predict_to_standard_output(command):
    status, out, err = command("predict", "sizes.model", "sizes.parquet")
    assert (status, err) == (0, "")
    found = pl.read_csv(out.encode())
    assert found.columns == ["prediction", "probability_large", "probability_middle", "probability_small"]
    model, frame = pellucid.load("sizes.model"), homes()
    assert found["prediction"].to_list() == model.predict(frame).tolist()
    np.testing.assert_array_equal(found[:, 1:].to_numpy(), model.predict_proba(frame))


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_predict_to_a_file(command, name):
    status, out, err = command("predict", "model.pellucid", "homes.csv", "--output", name)
    assert (status, out) == (0, "")
    assert err == f"wrote 60 predictions to {name}\n"
    found = pl.read_parquet(name) if name.endswith("t") else pl.read_csv(name, separator="\t" if "tsv" in name else ",")
    assert found.columns == ["prediction"]
    assert found["prediction"].to_list() == pellucid.load("model.pellucid").predict(homes()).tolist()
    assert command("predict", "model.pellucid", "homes.csv", "--output", name, "--force")[0] == 0


def test_predict_without_probabilities(command):
    _, out, _ = command("predict", "sizes.model", "sizes.parquet", "--no-probabilities")
    assert out.splitlines()[0] == "prediction"


def test_predict_matches_columns_by_name_and_tells_of_others(command):
    _, expected, _ = command("predict", "model.pellucid", "homes.csv")
    homes().select("size", "age", pl.lit(1).alias("floor"), "area").write_csv("other.csv")
    status, out, err = command("predict", "model.pellucid", "other.csv")
    assert (status, out) == (0, expected)
    assert err == "note: the model does not know, and did not use: 'size', 'floor'\n"


def test_predict_tells_of_values_far_away(command):
    homes().with_columns(area=pl.Series([*[50.0] * 58, 1e30, 1e29])).write_csv("far.csv")
    status, _, err = command("predict", "model.pellucid", "far.csv")
    assert status == 0
    assert "column 'area', row 59: 1e+30 lies far outside what was learnt from (3" in err
    assert "so does another value" in err


def test_labels_in_the_columns_names(command):
    pl.DataFrame({"x": [1, 2, 3, 4], "y": [True, False] * 2}).write_parquet("yes.parquet")
    assert command("train", "yes.parquet", "--target", "y", *QUICK)[0] == 0
    _, out, _ = command("predict", "yes.pellucid", "yes.parquet")
    assert out.splitlines()[0] == "prediction,probability_false,probability_true"
    assert {line.split(",")[0] for line in out.splitlines()[1:]} <= {"true", "false"}


# ---- what cannot be done --------------------------------------------------------------------------------------------

ROWS = "".join(f"{i},{i * i % 7},{3 * i}\n" for i in range(60))
BAD_TABLES = {
    "not a number": ("a,b,y\n" + ROWS + "5,five,3\n", "column 'b', row 61: 'five' is not a number", "--ignore b"),
    "infinity": ("a,b,y\n" + ROWS + "inf,4,3\n-inf,4,3\n", "'a', row 61: inf is not a finite number (2 of 62 rows"),
    "missing target": ("a,b,y\n" + ROWS + "5,5,\n5,5,\n", "has no value in 2 of 62 rows, the first in row 61"),
    "NaN in the target": ("a,b,y\n" + ROWS + "5,5,nan\n", "has no value in 1 of 61 rows, the first in row 61"),
    "infinite target": ("a,b,y\n" + ROWS + "5,5,inf\n", "is not finite in 1 of 61 rows, the first in row 61: inf"),
    "text in the target": ("a,b,y\n" + ROWS + "5,5,many\n", "not a number in 1 of 61 rows, the first in row 61: 'man"),
    "several columns": ("a,b,y\nx,x,1\n2,2,2\n" + ROWS, "column 'a', row 1: 'x' is not a number"),
    "one class": ("a,b,y\n1,2,x\n2,3,x\n", "the same value 'x' in every row"),
    "ragged": ("a,b,y\n1,2,3\n1,2\n", "line 3"),
    "empty": ("", "is empty"),
    "header only": ("a,b,y\n", "no rows"),
    "NUL bytes": (b"a,b,y\n1,\x00,3\n", "NUL"),
    "wrong encoding": (b"a,b,y\n1,2,caf\xe9\n", "UTF-8"),
    "UTF-16": ("a,b,y\n1,2,3\n".encode("utf-16"), "UTF-16"),
    "duplicate names": ("a,a,y\n1,2,3\n", "more than one column is named 'a'"),
    "only the target": ("y\n1\n2\n", "no column left"),
    "names": ("a,b,y\n" + "".join(f"{i},{i},name {i}\n" for i in range(60)), "60 different texts in 60 rows"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_train_refuses_tables(refused, case):
    content, *messages = BAD_TABLES[case]
    Path("bad.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    err = refused("train", "bad.csv", "--target", "y", "--test", "0")
    assert "bad.csv" in err
    assert any(message and message in err for message in messages), err


def test_train_refuses_files(refused, folder):
    whole = Path("sizes.parquet").read_bytes()
    Path("cut.parquet").write_bytes(whole[:-100])
    Path("damaged.parquet").write_bytes(whole[:200] + bytes(100) + whole[300:])
    assert "cut short" in refused("train", "cut.parquet", "--target", "size")
    assert "damaged.parquet" in refused("train", "damaged.parquet", "--target", "size")
    assert "did you mean homes.csv" in refused("train", "home.csv", "--target", "price")
    assert "is a folder" in refused("train", ".", "--target", "price")
    assert "homes.csv; did you mean 'price'?" in refused("train", "homes.csv", "--target", "Prise")
    assert "did you mean 'age'?" in refused("train", "homes.csv", "--target", "price", "--ignore", "agee")


def test_a_byte_order_mark_is_no_fault(command):
    Path("mark.csv").write_bytes(b"\xef\xbb\xbf" + Path("homes.csv").read_bytes())
    assert command("train", "mark.csv", "--target", "price", "--ignore", "age", *QUICK)[0] == 0
    assert pellucid.load("mark.pellucid").columns == ("area",)


def test_a_column_with_mistakes_is_named_with_what_to_type(refused, command):
    frame = homes().with_columns(pl.col("age").cast(str)).rename({"age": "the age"}).drop("size")
    frame[3, "the age"] = "forty"
    frame.write_csv("text.csv")
    err = refused("train", "text.csv", "--target", "price", "--test", "0")
    assert "text.csv: column 'the age', row 4: 'forty' is not a number (1 of 60 values is not)" in err
    assert err.splitlines()[1] == "To go on as it is: --as 'the age=category', or --ignore 'the age'"
    for options in (("--as", "the age=category"), ("--ignore", "the age")):
        assert command("train", "text.csv", "--target", "price", *options, *QUICK, "--force")[0] == 0


def test_texts_and_gaps_are_learnt_from(command):
    frame = (
        homes()
        .with_columns(pl.Series("city", ["Graz", "Linz", None] * 20))
        .with_columns(pl.when(pl.col("age") > 10).then("age"))
    )
    frame.write_csv("whole.csv")
    status, _, err = command("train", "whole.csv", "--target", "price", *QUICK)
    assert status == 0
    assert re.search(r"'city' +category +2: 'Graz', 'Linz' +\d+(\.\d)? %", err)
    assert re.search(r"'age' +number +11 to 5\d +\d+(\.\d)? %", err)
    assert pellucid.load("whole.pellucid").columns == ("area", "age", "size", "city")


def test_splits_that_leave_nothing(refused):
    pl.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "a"]}).write_csv("few.csv")
    assert "too few rows: of 3, a share of 0.1 leaves 0 for a test part" in refused(
        *("train", "few.csv", "--target", "y", "--test", "0.1")
    )
    pl.DataFrame({"x": [1], "y": ["a"]}).write_csv("one.csv")
    assert "the same value 'a' in every row" in refused("train", "one.csv", "--target", "y")


def test_train_leaves_existing_files_alone(refused):
    Path("homes.txt").write_bytes(Path("homes.csv").read_bytes())
    Path("homes.pellucid").write_bytes(b"precious")
    assert "homes.pellucid exists; choose another name, or add --force" in refused(
        *("train", "homes.csv", "--target", "price")
    )
    assert "is what is to be read" in refused(
        *("train", "homes.txt", "--target", "price", "--output", "./homes.txt", "--force")
    )
    assert "the folder none does not exist" in refused("train", "homes.csv", "--target", "price", "--output", "none/m")
    Path("folder").mkdir()
    assert "is a folder" in refused("train", "homes.csv", "--target", "price", "--output", "folder", "--force")


def test_values_of_1e30_are_learnt(command):
    frame = homes().drop("size")
    frame.with_columns(pl.col("area") * 1e30, pl.col("price") * 1e30).write_csv("large.csv")
    status, out, _ = command("train", "large.csv", "--target", "price")
    assert status == 0
    r2 = float(re.search(r"R2 +([\d.-]+)", out)[1])
    assert r2 > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "homes.csv"), "--target"),
        (("train", "--target", "price"), "TABLE"),
        (("trian",), 'Did you mean "train"?'),
        (("train", "homes.csv", "--target", "price", "--epochs", "many"), "--epochs"),
        (("train", "homes.csv", "--target", "price", "--epochs", "0"), "epochs must be at least 1"),
        (("train", "homes.csv", "--target", "price", "--hidden", "64;64"), "--hidden takes whole numbers"),
        (("train", "homes.csv", "--target", "price", "--hidden", "0"), "hidden must be at least 1"),
        (("train", "homes.csv", "--target", "price", "--learning-rate", "nan"), "learning_rate must be positive"),
        (("train", "homes.csv", "--target", "price", "--test", "1"), "--test must lie between 0 and 1"),
        (("train", "homes.csv", "--target", "price", "--kind", "ordinal"), "--kind"),
        (("train", "homes.csv", "--target", "price", "--seed", "-1"), "seed"),
        (("train", "homes.csv", "--target", "price", "--ignore", "price"), "cannot be ignored"),
        (("train", "homes.csv", "--target", "price", "--wrong"), "--wrong"),
        (("predict", "model.pellucid"), "TABLE"),
        (("train", "homes.csv", "--target", "price", "--epochs", "1.5"), "--epochs takes a whole number, found '1.5'"),
        (("train", "homes.csv", "--target", "price", "--batch-size", "2.7"), "--batch-size takes a whole number"),
        (("train", "homes.csv", "--target", "price", "--seed=1.5"), "--seed takes a whole number"),
        (
            ("train", "homes.csv", "--target", "price", "--ignore", "a", "b c", "d"),
            "cannot place 'b c', 'd'; --ignore takes one column: for more, repeat it: --ignore 'b c' --ignore d",
        ),
        (("train", "homes.csv", "more.csv", "--target", "price"), "more.csv"),
        (("train", "homes.csv"), "--target is missing: name the column to predict"),
        (("train", "homes.csv", "--target"), "--target requires an argument"),
        (("train", "homes.csv", "--traget", "price"), "Did you mean --target instead of --traget?"),
    ],
)
def test_usage(refused, arguments, message):
    err = refused(*arguments, status=2)
    assert message in err
    assert err.splitlines()[1].startswith("Try: pellucid ")


def test_predict_refuses(refused):
    damaged = bytearray(Path("model.pellucid").read_bytes())
    damaged[-5] ^= 1
    Path("damaged.pellucid").write_bytes(damaged)
    Path("cut.pellucid").write_bytes(damaged[:-5])
    Path("text.pellucid").write_text("hello")
    Path("empty.pellucid").write_bytes(b"")
    for name in ("damaged", "cut", "text", "empty"):
        assert f"{name}.pellucid" in refused("predict", f"{name}.pellucid", "homes.csv")
    assert "none.pellucid" in refused("predict", "none.pellucid", "homes.csv")
    Network(2, [Dense(1)], seed=0).save("network.pellucid")
    assert "holds a Network, not the model of a table" in refused("predict", "network.pellucid", "homes.csv")

    homes().select("area").write_csv("less.csv")
    assert "no column 'age' (wanted as input of the model) in less.csv" in refused(
        "predict", "model.pellucid", "less.csv"
    )
    homes().select("size").write_csv("other.csv")
    assert "lacks 2 of the 2 columns that the model needs: 'area', 'age'" in refused(
        *("predict", "model.pellucid", "other.csv")
    )
    Path("text.csv").write_text("area,age\n50,old\n60,3\n")
    assert "column 'age', row 1: 'old' is not a number" in refused("predict", "model.pellucid", "text.csv")
    Path("header.csv").write_text("area,age\n")
    assert "no rows" in refused("predict", "model.pellucid", "header.csv")
    assert "exists; choose another name" in refused(
        "predict", "model.pellucid", "homes.csv", "--output", "sizes.parquet"
    )
    assert "what is to be read" in refused("predict", "model.pellucid", "homes.csv", "--output", "homes.csv", "--force")
    assert "its name must end in" in refused("predict", "model.pellucid", "homes.csv", "--output", "out.xlsx")
    assert "does not exist" in refused("predict", "model.pellucid", "homes.csv", "--output", "none/out.csv")


def test_predict_never_advises_what_it_cannot_do(refused):
    Path("text.csv").write_text("area,age\n50,old\n60,3\n")
    err = refused("predict", "model.pellucid", "text.csv")
    assert "correct the table, or leave such cells empty" in err
    assert "ignore" not in err
    assert "--as" not in err


def test_a_wrong_file_as_model(refused):
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100))
    Path("notes.txt").write_text("These are the notes of the first of May.\n")
    assert "picture.png is not a Pellucid model (it looks like a PNG picture)" in refused(
        "predict", "picture.png", "homes.csv"
    )
    assert "notes.txt is not a Pellucid model (it does not begin like one)" in refused(
        "predict", "notes.txt", "homes.csv"
    )
    assert "there is no file modl.pellucid; did you mean model.pellucid?" in refused(
        "predict", "modl.pellucid", "homes.csv"
    )
    assert "is a folder; give the model file in it" in refused("predict", ".", "homes.csv")


@pytest.mark.parametrize(
    "arguments",
    [("homes.csv", "model.pellucid"), ("homes.csv", "sizes.parquet"), ("rows", "model.pellucid")],
)
def test_swapped_arguments(refused, arguments):
    Path("rows").write_bytes(Path("homes.csv").read_bytes())
    err = refused("predict", *arguments)
    assert err == (
        f"error: {arguments[0]} is not a Pellucid model; the model comes first: pellucid predict MODEL TABLE\n"
    )


def test_a_model_whose_name_ends_like_a_table(command):
    Path("model.csv").write_bytes(Path("model.pellucid").read_bytes())
    assert command("predict", "model.csv", "homes.csv")[0] == 0


def test_a_wrong_file_as_table(refused):
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100))
    Path("model.parquet").write_bytes(Path("model.pellucid").read_bytes())
    assert "this looks like a PNG picture" in refused("train", "picture.png", "--target", "price")
    for name in ("model.pellucid", "sizes.model", "model.parquet"):
        assert f"{name}: this looks like a Pellucid model, not a table" in refused("train", name, "--target", "price")
    assert "this looks like a Pellucid model" in refused("predict", "model.pellucid", "sizes.model")


@pytest.mark.parametrize("command_line", ["train homes.csv --target price", "predict model.pellucid homes.csv"])
def test_a_folder_that_cannot_be_written_to_is_told_before_any_work(refused, monkeypatch, command_line):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", ".tmp3f8a")

    def work(*_, **__):
        raise AssertionError("it went to work")

    # Not by the folder's permissions: nobody can take those from root, who may run these tests.
    monkeypatch.setattr("tempfile.TemporaryFile", denied)
    monkeypatch.setattr("pellucid.cli.train.read_table", work)
    monkeypatch.setattr("pellucid.files.load", work)
    err = refused(*command_line.split(), "--output", "new.tsv" if "predict" in command_line else "new")
    assert re.fullmatch(r"error: cannot write new(\.tsv)?: Permission denied\n", err)


def test_a_model_is_not_named_like_a_table(refused):
    for name in ("m.csv", "m.TSV", "m.parquet"):
        assert f"cannot write {name}: a model is no table; choose an --output that ends in .pellucid" in refused(
            *("train", "homes.csv", "--target", "price", "--output", name)
        )


def test_a_table_without_a_usable_column_says_why(refused):
    Path("same.csv").write_text("a,b,y\n1,x,3\n1,x,4\n")
    err = refused("train", "same.csv", "--target", "y")
    assert "same.csv has no column that can be learnt from ('a': left out: one value only: 1; 'b': " in err


def test_decimal_commas_are_read(command):
    Path("comma.csv").write_text("a;y\n" + "".join(f"{i},5;{2 * i}\n" for i in range(1, 60)))
    _, _, err = command("train", "comma.csv", "--target", "y", *QUICK)
    assert re.search("'a' +number +1.5 to 59.5 +decimal comma", err)


def test_early_stopping_is_told(command):
    generator = np.random.default_rng(0)
    noise = {name: generator.normal(size=400) for name in ("a", "b", "y")}
    pl.DataFrame(noise).write_csv("noise.csv")
    status, out, _ = command("train", "noise.csv", "--target", "y", "--epochs", "300", "--effort", "low")
    assert status == 0
    assert re.search(
        r"^training \d+ epochs in .*, of which \d+ was the best and is kept; "
        r"cycle \d of the learning rate came no nearer to the best loss of the rows held out$",
        out,
        re.MULTILINE,
    )


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (OSError(errno.ENOSPC, "No space left", "homes.pellucid"), 1, "homes.pellucid: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "homes.pellucid"), 1, "homes.pellucid: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
        (MemoryError("Unable to allocate 8 GiB"), 1, "not enough memory: Unable to allocate 8 GiB"),
        (RuntimeError("what?\nMore.\nEven more."), 1, "RuntimeError: what?"),
    ],
)
def test_whatever_goes_wrong_is_a_line_or_two(folder, command, monkeypatch, error, status, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("pellucid.files.safetensors.write", fail)
    before = contents(folder)
    found, out, err = command("train", "homes.csv", "--target", "price", *QUICK, "--quiet")
    assert (found, out) == (status, "")
    assert message in err
    assert len(err.splitlines()) <= 2
    assert "Traceback" not in err
    assert contents(folder) == before


def test_an_interruption_after_writing_says_so(command, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pellucid.cli.train.show_result", interrupt)
    status, _, err = command("train", "homes.csv", "--target", "price", *QUICK)
    assert status == 130
    assert err.endswith("error: interrupted; homes.pellucid was written\n")
    assert pellucid.load("homes.pellucid").kind == "numeric"


def test_a_terminal_never_obeys_what_a_file_holds(refused, command):
    Path("bad.csv").write_text("a,b,\x1b[2Jb\n1,x,3\n1,x,4\n")
    assert "\x1b" not in refused("train", "bad.csv", "--target", "a")
    assert "\x1b" not in refused("train", "\x1b[2J.csv", "--target", "y")
    odd = {"x": [1, 2, 3, 4], "\x1b[2J": [3, 3, 3, 3], "z": ["\x1b[31m", "c", "d", "d"], "y": ["\x1b[31m", "b"] * 2}
    pl.DataFrame(odd).write_parquet("x.parquet")
    _, out, err = command("train", "x.parquet", "--target", "y", *QUICK)
    assert "\x1b" not in out + err


# ---- the program itself ---------------------------------------------------------------------------------------------


def test_version_and_help(command):
    assert command("--version")[:2] == (0, f"{pellucid.__version__}\n")
    for arguments in ((), ("--help",)):
        status, out, _ = command(*arguments)
        assert status == 0
        for words in ("demo", "train", "predict", "pellucid train homes.csv --target price", "Exit status: 0 for"):
            assert words in out
    for name, options in {
        "train": "--target --ignore --output --test --kind --hidden --epochs --batch-size --learning-rate --seed",
        "predict": "--output --force --no-probabilities",
    }.items():
        out = command(name, "--help")[1]
        assert all(option in out for option in options.split())


def test_the_console_script_is_this_main():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"pellucid": "pellucid.cli:main"}


@pytest.mark.parametrize("absent", ["cyclopts", "rich"])
def test_without_the_extra_one_line_says_what_to_install(absent):
    script = (
        f"import sys; sys.modules[{absent!r}] = None\n"
        "from pellucid.cli import main; sys.exit(main())"
    )  # fmt: skip
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr == f"pellucid: the pellucid command needs {absent}: pip install 'pellucid[cli]'\n"


def test_without_tables_one_line_says_what_to_install(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    for arguments in (("train", "homes.csv", "--target", "price"), ("predict", "model.pellucid", "homes.csv")):
        status, _, err = command(*arguments)
        assert status == 1
        assert err == "error: reading tables needs polars: pip install 'pellucid[tables]'\n"


def test_starting_up_loads_no_more_than_is_needed():
    script = (
        "import sys; from pellucid.cli import main; main(['--version']); "
        "late = ('polars', 'narwhals', 'sklearn', 'scipy', 'pellucid.training'); "
        "print([name for name in late if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[1] == "[]"


# A test runner in the background ignores SIGINT, and its children would too.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pellucid.cli import main
sys.exit(main())
"""


def start(*arguments, environment=(), **options):
    # Unbuffered, Python takes a write that was cut short for a whole one, and never hears of the closed pipe.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    options["env"] = {**inherited, **dict(environment)}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], text=True, **options)


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is sent as on POSIX")
def test_ctrl_c_while_training_writes_nothing(folder):
    before = contents(folder)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start("train", "homes.csv", "--target", "price", "--epochs", "40000", **options) as process:
        while "epoch" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "error: interrupted; nothing was written"
    assert "Traceback" not in err
    assert contents(folder) == before


@pytest.mark.skipif(os.name != "posix", reason="closed pipes as on POSIX")
def test_a_closed_pipe_is_quiet(folder):
    pl.concat([homes().drop("price")] * 400).write_parquet("long.parquet")
    with start("predict", "sizes.model", "long.parquet", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith("prediction")
        process.stdout.close()
        err = process.stderr.read()
    assert err == ""
    assert process.returncode == 141
    # And no model is lost to it.
    with start(
        "train", "homes.csv", "--target", "price", *QUICK, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert "Error" not in err
    assert pellucid.load("homes.pellucid").kind == "numeric"


def test_closed_standard_output_is_told(folder, refused, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    for arguments in (("train", "homes.csv", "--target", "price"), ("predict", "model.pellucid", "homes.csv")):
        assert "standard output is closed" in refused(*arguments)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told(folder):
    with Path("/dev/full").open("w") as full:
        process = start("predict", "model.pellucid", "homes.csv", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "error: No space left on device\n")


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize("colour", [True, False])
def test_in_a_terminal(folder, colour):
    import pty

    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "80"}
    if not colour:
        environment["NO_COLOR"] = "1"
    process = start(
        *("train", "homes.csv", "--target", "price", "--epochs", "10"),
        stdin=theirs, stdout=theirs, stderr=theirs, environment=environment,
    )  # fmt: skip
    os.close(theirs)
    seen, until = b"", time.monotonic() + 60
    with contextlib.suppress(OSError):  # Linux tells the end of a pseudo-terminal as an error
        while time.monotonic() < until and (part := os.read(ours, 65536)):
            seen += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = seen.decode()
    assert "━" in text
    assert "epoch 10 of 10  loss " in text
    assert "On 15 test rows" in text
    assert bool(re.search(r"\x1b\[[\d;]*3\d", text)) == colour  # the codes 30 to 39 colour letters
    assert "\x1b[?25h" in text  # the cursor is shown again
    assert "stopped early" not in text


def test_the_bar_says_that_training_stopped_early(monkeypatch):
    drawn = []
    monkeypatch.setattr("pellucid.cli.screen._Bar._draw", lambda _, report, when: drawn.append((report.epoch, when)))

    def enough(report):
        if report.epoch == 3:
            report.stop("loss did not improve for 2 epochs")

    from rich.progress import Progress as Bars

    from pellucid.cli.screen import _Bar

    with Bars() as bars:
        Network(1, [Dense(1)], seed=0).fit([[1.0]], [2.0], loss="squared_error", callbacks=[enough, _Bar(bars)])
    assert drawn[-1] == (3, "stopped early")


def test_no_colour_where_there_is_no_terminal(command, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    _, out, err = command("predict", "none", "none")
    assert "\x1b" not in out + err


def test_every_command_is_registered():
    assert {name for name in app.app if not name.startswith("-")} == {
        "completion",
        "demo",
        "diagnose",
        "evaluate",
        "explain",
        "export",
        "inspect",
        "plot",
        "predict",
        "train",
    }


def test_the_compiled_engine_comes_to_the_same_model(command, folder):
    judge("jax")
    shown = {}
    for engine in ("numpy", "jax"):
        status, out, _ = command(
            "train", "homes.csv", "--target", "price", "--engine", engine, "--output", engine, *QUICK
        )
        assert status == 0
        shown[engine] = [float(text.replace(",", "")) for text in re.findall(r"(?:RMSE|MAE|R2) +([-\d.,]+)", out)]
    assert len(shown["jax"]) == 3
    np.testing.assert_allclose(shown["numpy"], shown["jax"], rtol=0.01, atol=0.01)  # both compute in float32


def test_an_engine_that_is_not_installed_is_told_in_a_line(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    status, _, err = command("train", "homes.csv", "--target", "price", "--engine", "jax", *QUICK)
    assert status != 0
    assert "engine=\"jax\" needs jax: pip install 'pellucid[jax]'" in err
    assert "Traceback" not in err
    assert not Path("homes.pellucid").exists()

"""``pellucid export``: what a person types, gets, and is told when it cannot be done."""

import sys

import numpy as np
import polars as pl
import pytest

import pellucid
from judges import judge
from pellucid import Dense, Network, Tanh
from pellucid.cli import main
from pellucid.tables import TableModel

pytest.importorskip("cyclopts")
judge("onnx")
onnxruntime = judge("onnxruntime")


def homes(rows=60, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows), generator.integers(0, 60, rows)
    return pl.DataFrame({"area": area, "age": age, "price": 3000 * area - 2500 * age, "old": age > 30})


def homes_in_cities():
    generator = np.random.default_rng(0)
    cities, days = generator.choice(["Graz", "Linz"], 60), generator.integers(0, 5000, 60)
    return homes().with_columns(city=pl.Series(cities), sold=pl.Series(days).cast(pl.Int32).cast(pl.Date))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PELLUCID_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    TableModel("price", ignore="old", hidden=(8,), epochs=5).fit(homes()).save("homes.pellucid")
    TableModel("old", ignore="price", hidden=(8,), epochs=5).fit(homes()).save("old.pellucid")
    TableModel("price", kind="quantiles", ignore="old", hidden=(8,), epochs=2).fit(homes_in_cities()).save(
        "cities.pellucid"
    )
    Network((2,), [Dense(3), Tanh(), Dense(1)], seed=0).save("network.pellucid")
    Network(2, [Dense(1)], seed=0, members=3).save("members.pellucid")
    (tmp_path / "homes.csv").write_text("area,age\n1,2\n")
    return tmp_path


@pytest.fixture
def command(folder, capfd):
    def run(*arguments):
        capfd.readouterr()
        status = main(list(arguments))
        return (status, *capfd.readouterr())

    return run


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("homes", "x of doubles in, by row 'area', 'age'; prediction out"),
        ("old", "x of doubles in, by row 'area', 'age'; label and probabilities out"),
        ("network", "x of doubles in; output out"),
    ],
)
def test_the_file_is_written_and_what_it_says_runs(command, model, words):
    status, out, err = command("export", f"{model}.pellucid", "out.onnx")
    assert (status, err) == (0, "")
    first, *lines = out.splitlines()
    assert first == f"Wrote out.onnx (ONNX opset 17): {words}. To run it in Python:"
    assert pasted(lines).get_inputs()[0].shape == ["batch", 2]


def pasted(lines):
    """Run what a person would paste, and return its session."""
    names = {}
    exec("\n".join(line.strip() for line in lines), names)
    return names["session"]


def test_a_table_of_several_kinds_is_told_column_by_column(command):
    status, out, err = command("export", "cities.pellucid", "out.onnx")
    assert (status, err) == (0, "")
    first, *lines = out.splitlines()
    assert (
        "'area' (a double), 'age' (a double), 'city' (a text), 'sold' (seconds) in; prediction and quantiles" in first
    )
    assert '"Graz"' in lines[-1].replace("'", '"')
    assert [one.name for one in pasted(lines).get_inputs()] == ["area", "age", "city", "sold"]


def test_of_many_columns_the_first_are_shown(command, folder):
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{place}": generator.choice(["a", "b"], 60) for place in range(11)})
    frame = frame.with_columns(y=pl.Series(generator.standard_normal(60)))
    TableModel("y", hidden=(), epochs=1).fit(frame).save("wide.pellucid")
    status, out, _ = command("export", "wide.pellucid", "out.onnx")
    assert status == 0
    assert "'c7' (a text) and 3 more in; prediction out" in out and out.rstrip().endswith(
        "'c7': numpy.array([['a']]), ...})"
    )


def test_an_estimator_in_a_file_is_the_model_in_it(command, folder):
    estimators = pytest.importorskip("pellucid.tables.estimators")
    X, y = homes().select("area", "age"), homes()["old"].to_numpy()
    estimators.TabularClassifier(max_iter=2, random_state=0).fit(X, y).save("estimator.pellucid")
    assert command("export", "estimator.pellucid", "out.onnx")[0] == 0
    assert [one.name for one in onnxruntime.InferenceSession("out.onnx").get_outputs()] == ["label", "probabilities"]


def test_the_file_predicts_as_the_model(command):
    command("export", "homes.pellucid", "homes.onnx")
    X = homes().select("area", "age").to_numpy().astype(np.float64)
    found = onnxruntime.InferenceSession("homes.onnx").run(["prediction"], {"x": X})[0]
    expected = pellucid.load("homes.pellucid").predict(homes())
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_file_that_exists_is_replaced_only_by_force(command, folder):
    (folder / "out.onnx").write_text("precious")
    status, out, err = command("export", "homes.pellucid", "out.onnx")
    assert status == 1 and out == "" and "add --force to replace it" in err
    assert (folder / "out.onnx").read_text() == "precious"
    assert command("export", "homes.pellucid", "out.onnx", "--force")[0] == 0
    assert (folder / "out.onnx").read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "MODEL"),
        (("homes.pellucid",), 2, "OUTPUT"),
        (("nothing.pellucid", "out.onnx"), 1, "nothing.pellucid"),
        (("homes.csv", "out.onnx"), 1, "homes.csv is not a Pellucid model"),
        (("homes.csv", "homes.pellucid"), 1, "the model comes first: pellucid export MODEL OUTPUT"),
        (("homes.pellucid", "out.pdf"), 1, "choose a name that ends in .onnx"),
        (("homes.pellucid", "nowhere/out.onnx"), 1, "the folder nowhere does not exist"),
        (("members.pellucid", "out.onnx"), 1, "the network has 3 members"),
        (("homes.pellucid", "out.onnx", "more"), 2, "more"),
    ],
)
def test_what_cannot_be_done_is_said_in_two_lines_at_most(command, folder, arguments, status, words):
    found, out, err = command("export", *arguments)
    assert found == status and out == ""
    assert words in err and err.startswith("error: ")
    assert 1 <= len(err.splitlines()) <= 2
    assert not list(folder.glob("*.onnx")) and not list(folder.glob(".pellucid-*"))


def test_without_the_package_the_extra_is_named(command, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    status, out, err = command("export", "homes.pellucid", "out.onnx")
    assert (status, out) == (1, "")
    assert err == "error: writing ONNX files needs onnx: pip install 'pellucid[onnx]'\n"
    assert not (folder / "out.onnx").exists()

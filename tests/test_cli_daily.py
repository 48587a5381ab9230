"""The command line as a tool of daily use: real columns, cross-validation, evaluate, inspect, and JSON for programs."""

import gzip
import html
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import pellucid
from pellucid import Dense, Network, ReLU
from pellucid.cli import main
from pellucid.cli.app import COMMANDS
from pellucid.cli.cross_validation import divided_into
from pellucid.cli.screen import plain
from pellucid.tables import TableModel

pytest.importorskip("cyclopts")

QUICK = ("--epochs", "3", "--effort", "low")


def homes(rows=90, seed=0):
    """A table with a column of each kind."""
    generator = np.random.default_rng(seed)
    area = generator.uniform(30, 150, rows).round(1)
    city = generator.choice(["Graz", "Linz", "Wien"], rows)
    days = generator.integers(1, 28, rows)
    gaps = generator.random(rows) < 0.2
    return pl.DataFrame(
        {
            "area": area,
            "age": [
                None if gap else age for gap, age in zip(gaps, generator.integers(0, 60, rows).tolist(), strict=True)
            ],
            "rooms": generator.integers(1, 5, rows),
            "city": city,
            "size": np.where(area < 60, "small", np.where(area < 100, "middle", "large")),
            "garden": np.where(area + generator.normal(0, 20, rows) > 90, "yes", "no"),
            "sold": [f"{day:02d}/03/2021" for day in days],
            "rent": [f"{12 * one:.2f} €".replace(".", ",") for one in area],
            "street": [f"street {place}" for place in range(rows)],
            "price": (3000 * area + 40_000 * (city == "Wien")).round(),
        }
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models of that table, trained once."""
    place = tmp_path_factory.mktemp("models")
    for target in ("price", "garden", "size"):
        model = TableModel(target, effort="low", epochs=5).fit(homes(), test_share=0.25)
        model.save(place / f"{target}.pellucid")
    return place


@pytest.fixture
def folder(tmp_path, monkeypatch, models):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PELLUCID_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    homes().write_csv("homes.csv")
    homes(120, seed=1).write_csv("more.csv")
    homes(5, seed=2).drop("price").write_csv("new.csv")
    shutil.copy(models / "price.pellucid", "homes.pellucid")
    return tmp_path


@pytest.fixture
def command(folder, capfd):
    """Run a command; give its exit status and what it wrote."""

    def run(*arguments):
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return (status, *capfd.readouterr())

    return run


@pytest.fixture
def refused(folder, command):
    """Run a command that must fail with a short reason, and write nothing; give the reason."""

    def run(*arguments, status=1):
        before = sorted(path.name for path in folder.iterdir())
        found, out, err = command(*arguments)
        assert (found, out) == (status, ""), err
        assert err.startswith("error: ")
        assert len(err.splitlines()) <= 2, err
        assert sorted(path.name for path in folder.iterdir()) == before
        return err

    return run


@pytest.fixture
def piped(monkeypatch):
    def set_input(path):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(path).read_bytes())))

    return set_input


# ---- the columns ----------------------------------------------------------------------------------------------------


def test_what_each_column_is_taken_for_is_shown_before_the_training(command):
    status, _, err = command("train", "homes.csv", "--target", "price", "--output", "m", *QUICK)
    assert status == 0
    for line in (
        r"'area' +number +3\d.* to 1[45]\d",
        r"'age' +number +\d+ to 5\d +[12]\d(\.\d)? %",
        r"'city' +category +3: 'Graz', 'Linz', 'Wien'$",
        r"'garden' +yes/no +'no' or 'yes'$",
        r"'sold' +date +2021-03-01 to 2021-03-27",
        r"'rent' +number .* € +decimal comma; currency €",
        r"'street' +left out +text that differs in nearly every row",
    ):
        assert re.search(line, err, re.MULTILINE), (line, err)
    assert err.index("'street'") < err.index("epoch")


def test_a_column_that_tells_the_target_stands_out(command):
    homes().with_columns(paid=pl.when(pl.col("garden") == "yes").then(1).otherwise(2)).write_csv("leak.csv")
    _, out, err = command("train", "leak.csv", "--target", "garden", *QUICK)
    assert "warning: 'paid' tells the target 'garden' outright" in err
    assert "warning  'paid' tells the target 'garden' outright" in out


def test_a_wide_table_is_told_in_a_few_lines(command):
    generator = np.random.default_rng(0)
    wide = {f"x{place}": generator.normal(size=60) for place in range(200)}
    wide |= {f"c{place}": generator.choice(["a", "b", "c", None], 60).tolist() for place in range(10)}
    wide |= {f"s{place}": [place] * 60 for place in range(20)} | {"y": generator.normal(size=60)}
    pl.DataFrame(wide).write_parquet("wide.parquet")
    status, out, err = command("train", "wide.parquet", "--target", "y", *QUICK)
    assert status == 0
    assert re.search(r"number +200 +'x0', 'x1', 'x2', 'x3' and 196 more", err)
    assert re.search(r"category +10 +10 +'c0'", err)
    assert re.search(r"left out +20 +one value only: 's0'", err)
    assert len(err.splitlines()) < 12
    assert "columns  210 used, 20 left out" in out


def test_as_overrides_what_a_column_is_taken_for(command):
    asked = ("rooms=category", "size=small<middle<large", "sold=date:%d/%m/%Y", "city=left-out")
    options = [word for one in asked for word in ("--as", one)]
    status, _, err = command("train", "homes.csv", "--target", "price", *options, "--output", "m", *QUICK)
    assert status == 0
    assert re.search("'rooms' +category +4: 1, 2, 3, ...", err)
    assert re.search("'size' +ordered +3: 'small' < 'middle' < 'large'", err)
    found = {column.name: column for column in pellucid.load("m").learnt.encoder.columns}
    assert found["sold"].date_format == "%d/%m/%Y"
    assert "city" not in found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "rooms=categroy"), "there is no kind 'categroy'; did you mean category?"),
        (("--as", "rooms=wild"), "there is no kind 'wild'; there are number, yes/no, category"),
        (("--as", "rooms"), "--as takes a column and its kind, as in --as rooms=category, found 'rooms'"),
        (("--as", "a=number", "--as", "a=category"), "--as gives 'a' two kinds"),
        (("--as", "price=category"), "'price' is the target"),
        (("--as", "sold=date:%d.%m"), "must name the year"),
        (("--threshold", "f2"), "--threshold takes f1, balanced or a probability"),
        (("--threshold", "1"), "threshold must lie between 0 and 1"),
        (("--threshold", "f1"), "is for a target of two classes"),
        (("--quantiles", "0.9,0.1"), "in ascending order"),
        (("--quantiles", "half"), "--quantiles takes numbers"),
        (("--quantiles", "0.5", "--kind", "count"), "leave one of them out"),
        (("--weights", "price"), "--weights and --target name the same column"),
        (("--cv", "1"), "2 at least, found 1"),
        (("--cv", "3", "--test", "0.2"), "leave out --test"),
        (("--cv", "3", "--checkpoint", "run"), "--checkpoint cannot be given with --cv"),
        (("--cv-predictions", "folds.csv"), "--cv-predictions needs --cv"),
        (("--cv", "3", "--cv-predictions", "folds.txt"), "takes a table to write"),
        (("--cv", "3", "--from", "homes.pellucid"), "--cv cannot be given with --from"),
        (("--hidden", "4", "--from", "homes.pellucid"), "--hidden cannot be given with --from"),
        (("--as", "rooms=category", "--from", "homes.pellucid"), "--as cannot be given with --from"),
        (("--report", "report.pdf"), "ends in .html"),
        (("--time-limit", "0"), "time_limit must be positive"),
        (("--effort", "lots"), "--effort"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(refused, arguments, message):
    err = refused("train", "homes.csv", "--target", "price", "--output", "m", "--quiet", *arguments, status=2)
    assert message in err
    assert err.splitlines()[1] == "Try: pellucid train --help"


def test_as_names_a_column_that_is_not_there(refused):
    err = refused("train", "homes.csv", "--target", "price", "--output", "m", "--as", "room=category")
    assert "there is no column 'room'" in err
    assert "did you mean 'rooms'?" in err


# ---- what is learnt -------------------------------------------------------------------------------------------------


def test_settings_reach_the_model(command):
    status, out, err = command(
        *("train", "homes.csv", "--target", "garden", "--output", "m", "--quiet", *QUICK),
        *("--members", "3", "--hidden", "6", "--class-weight", "balanced", "--threshold", "0.3"),
        *("--time-limit", "30", "--ignore", "city", "--as", "rooms=category"),
    )
    assert (status, out, err) == (0, "", "")
    assert repr(pellucid.load("m")) == (
        "TableModel('garden', ignore=('city',), kinds={'rooms': 'category'}, effort='low', members=3, hidden=(6,), "
        "epochs=3, time_limit=30.0, class_weight='balanced', threshold=0.3)"
    )


def test_a_threshold_that_was_chosen_is_told(command):
    _, out, _ = command("train", "homes.csv", "--target", "garden", "--threshold", "f1", "--output", "m", *QUICK)
    found = float(re.search(r"threshold 'yes' is predicted from a probability of ([\d.]+) on", out)[1])
    assert found == pytest.approx(pellucid.load("m").learnt.threshold, rel=0.01)


def test_counts_and_quantiles(command):
    _, out, _ = command("train", "homes.csv", "--target", "rooms", "--kind", "count", "--output", "m", *QUICK)
    assert "deviance" in out
    assert "target   'rooms', count: 1 to 4" in out
    _, out, _ = command("train", "homes.csv", "--target", "price", "--quantiles", "0.2,0.8", "--output", "q", *QUICK)
    assert re.search(r"within .* 60 % is aimed at", out)
    assert pellucid.load("q").kind == "quantiles"
    _, out, _ = command("predict", "q", "new.csv")
    assert out.splitlines()[0] == "prediction,quantile_0.2,quantile_0.8"


def test_rows_of_weight_0_are_not_learnt_from(command):
    frame = homes().with_columns(w=pl.Series([1.0] * 60 + [0.0] * 30))
    for name, factor in (("one", 1.0), ("other", -5.0)):
        wrong = pl.when(pl.col("w") == 0).then(pl.col("price") * factor).otherwise("price")
        frame.with_columns(price=wrong).write_csv(f"{name}.csv")
        options = ("--weights", "w", "--test", "0", "--quiet", *QUICK)
        assert command("train", f"{name}.csv", "--target", "price", *options)[:2] == (0, "")
    one, other = pellucid.load("one.pellucid"), pellucid.load("other.pellucid")
    assert "w" not in one.columns
    np.testing.assert_array_equal(one.predict(homes()), other.predict(homes()))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([-1.0] + [1.0] * 89, "row 1: -1 is no weight"),
        ([1.0] * 89 + [None], "row 90: no value"),
        ([0.0] * 90, "are 0 in every row"),
        (["much"] * 90, "'much' is not a number"),
    ],
)
def test_weights_that_are_none(refused, values, message):
    homes().with_columns(w=pl.Series(values)).write_csv("weights.csv")
    err = refused("train", "weights.csv", "--target", "price", "--weights", "w", "--output", "m")
    assert message in err
    assert "'w'" in err


# ---- cross-validation -----------------------------------------------------------------------------------------------


def test_folds_divide_the_rows_and_each_class():
    generator = np.random.default_rng(0)
    for rows, folds, classes in ((10, 3, 2), (100, 5, 4), (7, 7, 1), (53, 10, 3)):
        codes = generator.integers(0, classes, rows)
        found = divided_into(folds, rows, codes, seed=1)
        sizes = np.bincount(found, minlength=folds)
        assert sizes.sum() == rows
        assert sizes.max() - sizes.min() <= 1
        for code in range(classes):
            own = np.bincount(found[codes == code], minlength=folds)
            assert own.max() - own.min() <= 1
        np.testing.assert_array_equal(found, divided_into(folds, rows, codes, seed=1))
    assert (divided_into(5, 100, None, seed=1) != divided_into(5, 100, None, seed=2)).any()


def test_cross_validation_of_numbers(command):
    options = ("--cv", "3", "--cv-predictions", "folds.csv", "--output", "m", "--effort", "low")
    status, out, err = command("train", "homes.csv", "--target", "price", *options)
    assert status == 0
    assert "fold 1 of 3, " in err
    assert "fold 3 of 3, done in " in err
    assert "In 3 folds, each predicted by a model that learnt from the others:" in out
    assert "Wrote folds.csv." in out
    found = pl.read_csv("folds.csv")
    assert found.columns == ["row", "fold", "true", "prediction"]
    assert found["row"].to_list() == list(range(1, 91))
    assert found["true"].to_list() == homes()["price"].to_list()
    assert found["fold"].value_counts()["count"].to_list() == [30, 30, 30]
    # The figures are those of the predictions.
    squares = [
        float(((part["true"] - part["prediction"]) ** 2).mean()) ** 0.5
        for _, part in sorted(found.group_by("fold"), key=lambda pair: pair[0])
    ]
    shown = re.search(r"RMSE +([\d,.]+) +([\d,.]+) +[\d,.]+ +smaller", out)
    assert float(shown[1].replace(",", "")) == pytest.approx(np.mean(squares), rel=1e-3)
    assert float(shown[2].replace(",", "")) == pytest.approx(np.std(squares, ddof=1), rel=1e-2)
    # The model that is written knows all rows.
    assert (
        command("train", "homes.csv", "--target", "price", "--test", "0", "--effort", "low", "--quiet", "--force")[0]
        == 0
    )
    np.testing.assert_array_equal(pellucid.load("m").predict(homes()), pellucid.load("homes.pellucid").predict(homes()))


def test_cross_validation_knows_no_row_beforehand(command):
    generator = np.random.default_rng(0)
    pl.DataFrame({"x": generator.normal(size=80), "y": generator.permutation(["a", "b"] * 40)}).write_csv("noise.csv")
    options = ("--cv", "4", "--epochs", "60", "--json", "--quiet")
    found = json.loads(command("train", "noise.csv", "--target", "y", *options)[1])
    accuracy = found["cross_validation"]["figures"]["accuracy"]
    assert accuracy["mean"] < 0.7
    assert len(accuracy["folds"]) == 4
    assert accuracy["mean"] == pytest.approx(np.mean(accuracy["folds"]))
    assert found["judged_on"] == "folds"
    assert found["test_rows"] == 0


def test_a_class_met_once_cannot_be_cross_validated(refused):
    frame = homes().with_columns(city=pl.Series(["Rom", *homes()["city"][1:]]))
    frame.write_csv("rare.csv")
    err = refused("train", "rare.csv", "--target", "city", "--cv", "3", "--quiet", *QUICK)
    assert "the class 'Rom' has one row" in err


def test_the_bar_of_the_folds_ends_with_the_last(monkeypatch):
    from rich.console import Console
    from rich.progress import Progress as Bars

    from pellucid.cli.screen import _FoldBar

    bars = Bars(console=Console(file=io.StringIO()), auto_refresh=False)
    task = bars.add_task("", total=2, figures="")
    for fold in range(2):
        drawn = _FoldBar(bars, task, fold, 2, began=0.0)
        Network(1, [Dense(1)], seed=0).fit([[1.0]], [2.0], loss="squared_error", epochs=4, callbacks=[drawn])
        assert bars.tasks[0].completed == fold + 1
    bars.stop()
    assert "fold 2 of 2  done in" in bars.tasks[0].fields["figures"]


# ---- going on -------------------------------------------------------------------------------------------------------


def test_from_goes_on_with_the_same_columns_and_test_rows(command):
    before = pellucid.load("homes.pellucid")
    options = ("--from", "homes.pellucid", "--output", "better", "--epochs", "40", "--json")
    status, out, err = command("train", "homes.csv", "--target", "price", *options)
    assert status == 0
    found = pellucid.load("better")
    assert found.split.sha256 == before.split.sha256
    assert found.columns == before.columns
    assert "warning" not in err
    error = before.evaluate(homes(), rows=rows_of(before)).figures["RMSE"][0]
    assert json.loads(out)["figures"]["RMSE"]["model"] < error
    _, _, err = command(
        "train", "homes.csv", "--target", "price", *options[:4], "--epochs", "1", "--seed", "7", "--force"
    )
    assert "warning: homes.pellucid may have learnt from some of these test rows" in err


def test_from_with_another_table_claims_nothing_of_its_test_rows(command):
    options = ("--from", "homes.pellucid", "--output", "m", "--epochs", "1")
    _, out, err = command("train", "more.csv", "--target", "price", *options)
    assert "warning: homes.pellucid may have learnt from some of these test rows" in err
    assert "which this training did not see, but an earlier one may have" in out
    _, out, _ = command("train", "more.csv", "--target", "price", *options, "--json", "--force")
    assert any("may have learnt" in text for text in json.loads(out)["warnings"])


def rows_of(model):
    from pellucid.tables.split import divided

    split = model.split
    return divided(split.seed, split.rows, None, split.test_share, "the table")[1]


def test_from_needs_only_the_columns_that_the_model_needs(command):
    homes(60, seed=5).drop("street").write_csv("less.csv")
    assert command("train", "less.csv", "--target", "price", "--from", "homes.pellucid", "--epochs", "1")[0] == 0


def test_from_another_target(refused):
    err = refused("train", "homes.csv", "--target", "garden", "--from", "homes.pellucid", "--output", "m", status=2)
    assert "homes.pellucid predicts 'price', and --target is 'garden'" in err
    assert "did you mean homes.pellucid" in refused(
        *("train", "homes.csv", "--target", "price", "--from", "home.pellucid", "--output", "m")
    )


# ---- for programs ---------------------------------------------------------------------------------------------------


def test_train_as_json_is_one_object_and_nothing_else(command):
    status, out, _ = command("train", "homes.csv", "--target", "garden", "--output", "m", "--json", *QUICK)
    assert status == 0
    found = json.loads(out)
    model = pellucid.load("m")
    assert (found["table"], found["output"], found["rows"], found["epochs"]) == ("homes.csv", "m", 90, 3)
    assert found["target"]["classes"] == ["no", "yes"]
    assert [column["name"] for column in found["columns"]] == list(model.columns)
    assert {column["name"]: column["kind"] for column in found["columns"]}["sold"] == "date"
    assert found["left_out"] == model.left_out
    assert found["figures"]["accuracy"].keys() == {"model", "baseline"}
    assert found["best_epoch"] == model.history.best_epoch
    assert found["seconds"] > 0
    assert found["worst"][0]["row"] >= 1
    assert found["cross_validation"] is None


def test_what_is_not_finite_is_null():
    assert plain({"a": [float("nan"), np.float64("inf"), np.int64(3)], "b": (True, None, "x")}) == {
        "a": [None, None, 3],
        "b": [True, None, "x"],
    }


def test_json_after_an_error_is_no_json(refused):
    assert "--target" in refused("train", "homes.csv", "--json", status=2)


def test_a_report_is_written_beside_the_model(command):
    options = ("--output", "m", "--report", "report.html")
    status, out, _ = command("train", "homes.csv", "--target", "price", *options, *QUICK)
    assert status == 0
    assert "Wrote report.html." in out
    assert "pellucid train homes.csv --target price --output m --report report.html" in Path("report.html").read_text()
    status, _, err = command("train", "homes.csv", "--target", "price", "--output", "n", *options[2:], *QUICK)
    assert status == 1
    assert "report.html exists" in err


def test_a_report_of_a_cross_validation_judges_by_the_folds(command):
    options = ("--cv", "3", "--report", "r.html", "--cv-predictions", "p.csv", "--output", "m")
    status, out, _ = command("train", "homes.csv", "--target", "garden", *options, *QUICK)
    assert status == 0
    page, predicted = Path("r.html").read_text(), pl.read_csv("p.csv")
    assert "in a cross-validation with 3 folds" in page
    right = (predicted["true"] == predicted["prediction"]).sum()
    assert f"{right} of 90 rows were predicted right" in page
    assert "if the model learnt from them" not in page
    assert "model.evaluate" not in page
    worst = re.findall(r"^ +(\d+)  '", out, re.MULTILINE)
    assert [f'class="number">{row}</th>' in page for row in worst] == [True] * len(worst)
    assert command("train", "homes.csv", "--target", "price", *options, "--force", *QUICK)[0] == 0
    assert "in a cross-validation with 3 folds" in Path("r.html").read_text()


def test_how_to_make_it_again_has_the_weights(command):
    homes().with_columns(w=pl.Series(np.arange(90) % 3 + 1)).write_csv("weighted.csv")
    options = ("--weights", "w", "--report", "r.html", "--output", "m")
    assert command("train", "weighted.csv", "--target", "price", *options, *QUICK)[0] == 0
    code = html.unescape(
        re.search("<p>In Python:</p>\n<pre><code>(.*?)</code>", Path("r.html").read_text(), re.DOTALL)[1]
    )
    found = {}
    exec(code, found)
    np.testing.assert_array_equal(found["model"].predict(homes()), pellucid.load("m").predict(homes()))


def test_ctrl_c_during_the_report_tells_what_was_written(command, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("pellucid.tables.report.write_report", interrupted)
    options = ("--report", "r.html", "--output", "m")
    status, _, err = command("train", "homes.csv", "--target", "price", *options, *QUICK)
    assert status == 130
    assert err.splitlines()[-1] == "error: interrupted; m was written, r.html was not"
    assert Path("m").exists()


def test_a_model_that_is_no_better_than_nothing_is_told(command):
    frame = pl.DataFrame({"x": np.arange(200.0), "y": np.random.default_rng(0).permutation(200) % 2})
    frame.write_csv("chance.csv")
    options = ("--learning-rate", "1000", "--epochs", "2", "--members", "1", "--output", "m", "--json")
    _, out, err = command("train", "chance.csv", "--target", "y", *options)
    assert "warning: the model is no better than not looking at the columns at all: log-loss" in err
    assert "no better" in json.loads(out)["warnings"][-1]
    assert "no better" not in command("train", "homes.csv", "--target", "price", "--output", "n", "--effort", "low")[2]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_training_goes_on_where_nobody_reads_its_progress(folder):
    options = "--target price --output m --effort low --epochs 12"
    program = "import sys; from pellucid.cli import main; sys.exit(main())"
    text = f"{shlex.join([sys.executable, '-c', program])} train homes.csv {options}"
    subprocess.run(["bash", "-c", f"{text} 2>&1 >/dev/null | head -n 1"], check=True, timeout=120, cwd=folder)
    assert (folder / "m").exists()
    subprocess.run(["bash", "-c", f"{text} --force 2>/dev/full >/dev/null"], check=True, timeout=120, cwd=folder)


def test_a_file_of_whole_thousands_is_read_as_the_model_reads(command):
    generator = np.random.default_rng(0)
    price = generator.integers(1000, 9000, 200)
    written = [f"{one // 1000}.{one % 1000:03d}" + (",5" if place % 5 == 0 else "") for place, one in enumerate(price)]
    lines = [f"{text};{one / 1000}" for text, one in zip(written, price, strict=True)]
    Path("de.csv").write_text("\n".join(["preis;y", *lines]) + "\n")
    assert command("train", "de.csv", "--target", "y", "--output", "m", "--effort", "low")[0] == 0
    Path("whole.csv").write_text("preis;y\n8.000;8.0\n2.000;2.0\n")
    _, out, _ = command("predict", "m", "whole.csv")
    assert [float(line) for line in out.splitlines()[1:]] == [pytest.approx(8, rel=0.1), pytest.approx(2, rel=0.2)]
    for other in ("evaluate m whole.csv", "explain m whole.csv --row 1", "diagnose m whole.csv"):
        assert command(*other.split())[0] == 0


def test_dates_of_digits_by_their_format(command):
    homes().with_columns(sold=pl.Series([f"202103{day % 28 + 1:02d}" for day in range(90)])).write_csv("d.csv")
    status, _, err = command("train", "d.csv", "--target", "price", "--as", "sold=date:%Y%m%d", "--output", "m", *QUICK)
    assert status == 0, err
    kinds = {column.name: column.kind for column in pellucid.load("m").learnt.encoder.columns}
    assert kinds["sold"] == "date"
    assert command("predict", "m", "d.csv")[0] == 0


# ---- standard input -------------------------------------------------------------------------------------------------


def test_a_table_may_be_piped_in(command, piped):
    piped("homes.csv")
    assert command("train", "-", "--target", "price", "--output", "m", "--quiet", *QUICK)[0] == 0
    piped("new.csv")
    _, out, _ = command("predict", "m", "-")
    assert out == command("predict", "m", "new.csv")[1]
    piped("homes.csv")
    status, out, _ = command("evaluate", "m", "-")
    assert status == 0
    assert "On 90 rows of standard input:" in out


def test_a_model_of_a_piped_table_needs_a_name(refused):
    assert "--output is missing: standard input has no name" in refused("train", "-", "--target", "price", status=2)


def test_the_suffix_of_an_archive_is_no_part_of_the_name(command):
    Path("packed.csv.gz").write_bytes(gzip.compress(Path("homes.csv").read_bytes()))
    assert command("train", "packed.csv.gz", "--target", "price", "--quiet", *QUICK)[0] == 0
    assert Path("packed.pellucid").exists()


# ---- predict --------------------------------------------------------------------------------------------------------


def test_predict_counts_gaps_and_what_was_not_learnt(command):
    homes(6, seed=3).with_columns(
        area=pl.Series([None, 50.0, 60.0, 1e9, 70.0, 80.0]),
        city=pl.Series(["Rom", "Graz", "Oslo", "Linz", None, "Rom"]),
    ).with_columns(age=pl.Series([None, None, 1, 2, 3, 4])).write_csv("odd.csv")
    status, out, err = command("predict", "homes.pellucid", "odd.csv", "--output", "found.csv", "--json")
    assert status == 0
    found = json.loads(out)
    assert found["gaps"] == {"area": 1, "age": 2, "city": 1}
    assert found["unseen"] == {"city": 3}
    assert found["far_away"] == {"area": 1}
    assert (found["rows"], found["output"]) == (6, "found.csv")
    assert "there is no value of 'area' in 1 row, 'age' in 2 rows, 'city' in 1 row" in err
    assert "every row learnt from had a value of 'area', 'city'" in err
    assert "column 'city', 3 rows: what was not learnt: 'Rom', 'Oslo' (first in row 1)" in err
    assert "column 'area', row 4: 1000000000.0 lies far outside what was learnt from (3" in err


def test_predict_warns_of_columns_that_have_drifted(command):
    homes().with_columns(pl.col("area") * 2).write_csv("later.csv")
    assert (
        json.loads(command("predict", "homes.pellucid", "homes.csv", "--output", "a.csv", "--json")[1])["drift"] == []
    )
    _, out, err = command("predict", "homes.pellucid", "later.csv", "--output", "b.csv", "--json")
    assert any("'area'" in text for text in json.loads(out)["drift"])
    assert re.search("^warning: .*'area'", err, re.MULTILINE)


@pytest.mark.parametrize("name", ["out.csv.gz", "out.jsonl", "out.parquet"])
def test_predict_to_files_of_other_kinds(command, name):
    assert command("predict", "homes.pellucid", "new.csv", "--output", name)[0] == 0
    from pellucid.tables.reading import read_table

    expected = pellucid.load("homes.pellucid").predict(homes(5, seed=2))
    np.testing.assert_allclose(read_table(name)["prediction"].to_numpy(), expected, rtol=1e-15)


def test_predictions_and_json_cannot_share_standard_output(refused):
    assert "--json needs --output" in refused("predict", "homes.pellucid", "new.csv", "--json", status=2)


# ---- evaluate -------------------------------------------------------------------------------------------------------


def test_evaluate_the_test_part_gives_the_figures_of_the_training(command, models):
    shutil.copy(models / "garden.pellucid", "garden.pellucid")
    model = pellucid.load("garden.pellucid")
    status, out, _ = command("evaluate", "garden.pellucid", "homes.csv", "--test-part", "--json")
    assert status == 0
    found = json.loads(out)
    again = TableModel("garden", effort="low", epochs=5).fit(homes(), test_share=0.25)
    expected = again.evaluate(homes(), rows=again.test_rows)
    assert found["rows"] == model.split.test_rows == expected.rows
    for name, (own, baseline) in expected.figures.items():
        assert found["figures"][name] == {"model": pytest.approx(own), "baseline": pytest.approx(baseline)}
    assert np.sum(found["confusion"]) == expected.rows
    assert np.trace(found["confusion"]) / expected.rows == pytest.approx(expected.figures["accuracy"][0])


def test_evaluate_shows_what_was_taken_for_what(command, models):
    for target, classes in (("garden", ["no", "yes"]), ("size", ["large", "middle", "small"])):
        status, out, _ = command("evaluate", models / f"{target}.pellucid", "more.csv")
        assert status == 0
        assert "On 120 rows of more.csv:" in out
        rows = re.findall(rf"^  '(?:{'|'.join(classes)})' +(\d+) +(\d+)(?: +(\d+))?$", out, re.MULTILINE)
        assert [sum(int(count) for count in row if count) for row in rows] == [
            homes(120, seed=1)[target].to_list().count(label) for label in classes
        ]
    _, out, _ = command("evaluate", "homes.pellucid", "more.csv")
    assert "RMSE" in out
    assert "Classes" not in out


def test_another_table_has_no_test_part(refused, command):
    message = "is not the table that the model learnt from"
    assert message in refused("evaluate", "homes.pellucid", "more.csv", "--test-part")
    changed = homes()
    changed[0, "area"] = 1000.0
    changed.write_csv("changed.csv")
    homes().reverse().write_csv("reversed.csv")
    homes(89).write_csv("shorter.csv")
    for name in ("changed", "reversed", "shorter"):
        assert message in refused("evaluate", "homes.pellucid", f"{name}.csv", "--test-part")
    assert command("train", "homes.csv", "--target", "price", "--test", "0", "--output", "m", *QUICK)[0] == 0
    assert "no rows were kept aside" in refused("evaluate", "m", "homes.csv", "--test-part")


def test_evaluate_refuses(refused):
    assert "there is no column 'price' (wanted as target)" in refused("evaluate", "homes.pellucid", "new.csv")
    assert "the model comes first: pellucid evaluate MODEL TABLE" in refused("evaluate", "homes.csv", "homes.pellucid")


# ---- inspect --------------------------------------------------------------------------------------------------------


def test_inspect_a_model_of_a_table(command):
    status, out, err = command("inspect", "homes.pellucid")
    assert (status, err) == (0, "")
    for words in (
        rf"homes.pellucid, {Path('homes.pellucid').stat().st_size:,} bytes; its contents match their sha256",
        rf"by Pellucid {pellucid.__version__}, in format version 1",
        r"TableModel\('price', effort='low', epochs=5\)",
        r"target   'price', numeric: ",
        r"22 of 90 were kept aside to test on \(seed 0, share 0.25\); each network held out 34 ",
        r"2 networks of 64 ReLU, 64 ReLU, 1 output; \d+,\d+ parameters",
        r"5 epochs in .*; loss [\d.]+ -> [\d.]+; of rows held out",
        r"'rent' +number .* €",
        r"'street' +left out",
    ):
        assert re.search(words, out), (words, out)
    found = json.loads(command("inspect", "homes.pellucid", "--json")[1])
    model = pellucid.load("homes.pellucid")
    assert found["network"]["parameters"] == model.network.theta.size
    assert found["network"]["members"] == 2
    assert found["settings"]["effort"] == "low"
    assert found["history"]["loss"] == model.history["loss"].tolist()
    assert found["split"]["test_rows"] == 22
    assert {column["name"]: column.get("unit") for column in found["columns"]}["rent"] == "€"


def test_inspect_other_files(command, refused):
    Network(2, [Dense(3), ReLU(), Dense(1)], seed=0).save("network.pellucid")
    _, out, _ = command("inspect", "network.pellucid")
    assert "holds    Network" in out
    assert "2 inputs, 3 ReLU, 1 output; 13 parameters" in out
    assert "no record of one" in out
    assert json.loads(command("inspect", "network.pellucid", "--json")[1])["history"] is None
    assert "is not a Pellucid model" in refused("inspect", "homes.csv")
    damaged = bytearray(Path("homes.pellucid").read_bytes())
    damaged[-5] ^= 1
    Path("damaged.pellucid").write_bytes(damaged)
    assert "do not match their sha256" in refused("inspect", "damaged.pellucid")


def test_inspect_estimators(command):
    pytest.importorskip("sklearn")
    from sklearn.exceptions import ConvergenceWarning

    from pellucid.estimators import MLPClassifier
    from pellucid.tables import TabularClassifier

    X = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.warns(ConvergenceWarning):
        of_numbers = MLPClassifier(hidden_layer_sizes=(5,), max_iter=2).fit(X, (X[:, 0] > 0).astype(int))
    pellucid.files.save(of_numbers, "mlp.pellucid")
    _, out, _ = command("inspect", "mlp.pellucid")
    assert "MLPClassifier(hidden_layer_sizes=(5,)" in out
    assert "classes  0, 1" in out
    of_table = TabularClassifier(effort="low", max_iter=2).fit(homes().drop("garden"), homes()["garden"])
    pellucid.files.save(of_table, "tabular.pellucid")
    _, out, _ = command("inspect", "tabular.pellucid")
    assert "TabularClassifier(effort='low', max_iter=2)" in out
    assert "target   'garden', binary: 'no' or 'yes'" in out
    assert command("predict", "tabular.pellucid", "homes.csv")[0] == 0


# ---- help and completion --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_knows_every_command(command, shell):
    status, script, err = command("completion", shell)
    assert (status, err) == (0, "")
    assert all(re.search(rf"\b{name}\b", script) for name in COMMANDS)
    assert all(option in script for option in ("--target", "--cv-predictions", "--test-part")) or shell == "fish"
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_completion_for_another_shell(refused):
    assert "csh" in refused("completion", "csh", status=2)


def examples(help_text):
    """Return the lines that a page of help gives as examples."""
    shown = help_text.partition("Examples:")[2].partition("Exit status:")[0]
    # A line that is too long for the page goes on in the next one.
    return [" ".join(part.split()) for part in re.split(r"\n(?=pellucid|cat )", shown) if part.strip()]


@pytest.mark.parametrize("name", [pytest.param("", marks=pytest.mark.slow), *COMMANDS])
def test_every_example_of_the_help_can_be_typed(name, command, piped, folder):
    status, out, _ = command(*([name] if name else []), "--help")
    assert status == 0
    found = examples(out)
    assert found == (COMMANDS[name][1] if name else [lines[0] for _, lines in COMMANDS.values()])
    if name in ("", "train"):
        Path("homes.pellucid").unlink()
    for line in found:
        if line == "pellucid demo":  # a test of its own runs it
            continue
        line = line.partition(" > ")[0]
        if line.startswith("cat "):
            table, line = line.removeprefix("cat ").split(" | ")
            piped(table)
        program, *arguments = shlex.split(line)
        assert program == "pellucid"
        status, _, err = command(*arguments)
        assert status == 0, (line, err)


def test_the_help_tells_of_exit_statuses(command, refused):
    assert "Exit status: 0 for success, 1 for an error, 2 for" in command("--help")[1]
    refused("inspect", "none", status=1)
    refused("inspect", status=2)

"""``pellucid plot``: pictures in the table's own columns and values, written whole, and told why not otherwise."""

import sys
import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest

import pellucid
from pellucid import Dense, Network, Tanh
from pellucid.cli import main
from pellucid.tables import TableModel
from pellucid.tables.pictures import as_learnt, class_names, prediction_in_units, records, truth

pytest.importorskip("cyclopts")
pytest.importorskip("matplotlib")

from pellucid.cli import plot as plot_command
from pellucid.cli.pictures import KINDS
from pellucid.tables.wording import text

pytestmark = pytest.mark.slow  # ninety pictures take twenty seconds; what they show is tested without the command

PNG = b"\x89PNG\r\n\x1a\n"


def homes(rows=80, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows).round(1), generator.integers(0, 60, rows)
    garden = generator.random(rows) < 0.5
    size = np.where(area < 60, "small", np.where(area < 100, "middle", "large"))
    price = (3000 * area - 800 * age + 9000 * garden).round()
    return pl.DataFrame({"area": area, "age": age, "garden": garden, "price": price, "size": size})


TABLES = {"price": homes().drop("size"), "size": homes().drop("price"), "garden": homes().drop("price", "size")}
MODELS = {name: TableModel(name, hidden=(4,), epochs=3).fit(table, test_share=0.25) for name, table in TABLES.items()}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PELLUCID_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    for name, model in MODELS.items():
        TABLES[name].write_csv(f"{name}.csv")
        model.save(f"{name}.pellucid")
    Network(2, [Dense(3), Tanh(), Dense(1)], seed=0).save("network.pellucid")
    return tmp_path


@pytest.fixture
def command(folder, capfd):
    def run(*arguments):
        capfd.readouterr()
        status = main(["plot", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert out == ""
        assert "Traceback" not in err
        return status, err

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def refused(folder, command):
    """Run a command that must fail, with a short reason, and write nothing; give the reason."""

    def run(*arguments, status=1):
        before = contents(folder)
        found, err = command(*arguments)
        assert found == status, err
        assert 1 <= len(err.splitlines()) <= 2, err
        assert err.startswith("error: ")
        assert contents(folder) == before
        return err

    return run


@pytest.fixture
def figure(monkeypatch):
    """Catch the figure on its way to the file."""
    caught = []
    kept = plot_command.rendered

    def rendered(figure, output):
        caught.append(figure)
        return kept(figure, output)

    monkeypatch.setattr(plot_command, "rendered", rendered)
    return caught


DRAWN = {
    "diagram": ("price.pellucid",),
    "boundary": ("size.pellucid", "size.csv", "--features", "area,age"),
    "probability": ("garden.pellucid", "garden.csv"),
    "surface": ("price.pellucid", "price.csv", "--features", "age,area"),
    "dependence": ("price.pellucid", "price.csv", "--column", "age"),
    "confusion": ("size.pellucid", "size.csv"),
    "calibration": ("garden.pellucid", "garden.csv"),
    "residuals": ("price.pellucid", "price.csv"),
    "curves": ("size.pellucid",),
    "weights": ("price.pellucid", "--shape", "1x3"),
    "activations": ("size.pellucid", "size.csv"),
    "gradients": ("garden.pellucid", "garden.csv"),
    "landscape": ("price.pellucid", "price.csv", "--rows", "20"),
    "gradcheck": ("size.pellucid", "size.csv"),
}


def test_every_kind_is_tried():
    assert set(DRAWN) == set(KINDS)


@pytest.mark.parametrize("kind", DRAWN)
def test_picture_is_a_png_of_the_models_name(command, folder, kind):
    before = contents(folder)
    status, err = command(kind, *DRAWN[kind])
    name = f"{DRAWN[kind][0].removesuffix('.pellucid')}-{kind}.png"
    assert status == 0, err
    assert err.splitlines()[-1] == f"wrote {name}"
    after = contents(folder)
    assert set(after) - set(before) == {name}  # and nothing is left over
    assert after[name].startswith(PNG) and after[name].endswith(b"IEND\xaeB`\x82")
    assert {path: after[path] for path in before} == before


def test_svg_and_pdf_are_what_their_name_says(command, folder):
    assert command("residuals", "price.pellucid", "price.csv", "--output", "r.svg")[0] == 0
    assert ET.parse("r.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert command("residuals", "price.pellucid", "price.csv", "--output", "r.PDF")[0] == 0
    assert (folder / "r.PDF").read_bytes().startswith(b"%PDF-")


def test_nothing_is_replaced_without_force(command, refused, folder):
    (folder / "price-residuals.png").write_text("mine")
    assert "add --force" in refused("residuals", "price.pellucid", "price.csv")
    assert command("residuals", "price.pellucid", "price.csv", "--force")[0] == 0
    assert (folder / "price-residuals.png").read_bytes().startswith(PNG)


def test_failed_write_leaves_what_was_there(command, folder, monkeypatch):
    (folder / "r.png").write_text("mine")
    before = contents(folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pellucid.cli.plot.os.fsync", full)
    status, err = command("residuals", "price.pellucid", "price.csv", "--output", "r.png", "--force")
    assert status == 1 and "cannot write r.png: No space left on device" in err
    assert contents(folder) == before


def test_no_window_system_is_touched(command):
    from matplotlib import _pylab_helpers, rcParams

    before, figures = dict(rcParams), dict(_pylab_helpers.Gcf.figs)
    for kind, arguments in DRAWN.items():
        assert command(kind, *arguments)[0] == 0
    assert dict(rcParams) == before
    assert _pylab_helpers.Gcf.figs == figures


# The picture is in the units of the table


def test_surface_in_the_tables_units(command, figure):
    assert command("surface", "price.pellucid", "price.csv", "--features", "age,area", "--hold", "garden=true")[0] == 0
    ax = figure[0].axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("age", "area", "Predicted price")
    assert ax.get_xlim()[1] > 50 and ax.get_ylim()[1] > 140
    mesh = next(part for part in ax.collections if type(part).__name__ == "QuadMesh")
    values = np.asarray(mesh.get_array())
    corner = {"age": [ax.get_xlim()[0]], "area": [ax.get_ylim()[0]], "garden": [True]}
    assert values[0, 0] == pytest.approx(MODELS["price"].predict(pl.DataFrame(corner))[0], rel=1e-12)
    corner = {"age": [ax.get_xlim()[1]], "area": [ax.get_ylim()[1]], "garden": [True]}
    assert values[-1, -1] == pytest.approx(MODELS["price"].predict(pl.DataFrame(corner))[0], rel=1e-12)
    assert "held: garden = True" in [words.get_text() for words in ax.texts]


def test_probability_is_that_of_the_class_asked_for(command, figure):
    arguments = ("size.pellucid", "size.csv", "--features", "area,age", "--class", "middle")
    assert command("probability", *arguments)[0] == 0
    ax = figure[0].axes[0]
    assert ax.get_title() == "Probability of middle"
    mesh = next(part for part in ax.collections if type(part).__name__ == "QuadMesh")
    garden = float(np.median(TABLES["size"]["garden"].to_numpy()))
    corner = pl.DataFrame({"area": [ax.get_xlim()[0]], "age": [ax.get_ylim()[0]], "garden": [garden]})
    place = MODELS["size"].classes_.index("middle")
    assert mesh.get_array()[0, 0] == pytest.approx(MODELS["size"].predict_proba(corner)[0, place], rel=1e-12)


def test_class_that_is_no_text_is_named_with_its_target(command, figure):
    assert command("boundary", "garden.pellucid", "garden.csv")[0] == 0
    names = [words.get_text() for words in figure[0].axes[0].get_legend().get_texts()]
    assert names[:2] == ["garden = False", "garden = True"]


def test_table_without_the_target_is_drawn_without_classes(command, figure, folder):
    TABLES["garden"].drop("garden").write_csv("new.csv")
    assert command("boundary", "garden.pellucid", "new.csv")[0] == 0
    assert [words.get_text() for words in figure[0].axes[0].get_legend().get_texts()] == ["rows"]


def test_of_the_table_learnt_from_only_test_rows_are_judged(command, figure):
    status, err = command("confusion", "size.pellucid", "size.csv")
    assert status == 0
    assert "drawn are the 20 rows that were kept for testing" in err
    counts = [int(words.get_text()) for words in figure[0].axes[0].texts[:9]]
    model, rows = MODELS["size"], MODELS["size"].test_rows
    table = TABLES["size"][rows.tolist()]
    assert (
        counts
        == pellucid.metrics.confusion_matrix(table["size"].to_list(), model.predict(table), labels=list(model.classes_))
        .ravel()
        .tolist()
    )


def test_of_another_table_all_rows_are_judged(command, figure, folder):
    homes(rows=33, seed=5).drop("size").write_csv("new.csv")
    status, err = command("residuals", "price.pellucid", "new.csv")
    assert status == 0 and "note: the model learnt" not in err
    points = figure[0].axes[0].collections[0].get_offsets()
    predicted = MODELS["price"].predict(pl.read_csv("new.csv"))
    np.testing.assert_allclose(points[:, 0], predicted, rtol=1e-12)
    np.testing.assert_allclose(points[:, 1], pl.read_csv("new.csv")["price"].to_numpy() - predicted, rtol=1e-9)


def test_memorised_rows_are_told(command, folder):
    TableModel("price", hidden=(2,), epochs=1).fit(TABLES["price"]).save("all.pellucid")
    assert "this shows what was memorised" in command("residuals", "all.pellucid", "price.csv")[1]


def test_names_that_mean_something_to_matplotlib(command, folder):
    odd = TABLES["garden"].rename({"area": "a$_{b$", "age": "_age, in years"})
    odd.write_csv("odd.csv")
    TableModel("garden", hidden=(2,), epochs=1).fit(odd).save("odd.pellucid")
    assert command("boundary", "odd.pellucid", "odd.csv")[0] == 0
    arguments = ("--features", "a$_{b$,_age, in years", "--output", "o.svg")
    assert command("probability", "odd.pellucid", "odd.csv", *arguments)[0] == 0
    assert command("diagram", "odd.pellucid")[0] == 0
    assert text("two\nlines") == "two lines" and len(text("x" * 99)) == 40


def test_letters_that_the_font_lacks_are_told_in_one_line(command, folder):
    odd = TABLES["garden"].rename({"area": "面积"})
    odd.write_csv("odd.csv")
    TableModel("garden", hidden=(2,), epochs=1).fit(odd).save("odd.pellucid")
    status, err = command("boundary", "odd.pellucid", "odd.csv")
    assert status == 0 and len(err.splitlines()) == 2
    assert "the font has not all letters" in err


def test_network_alone_is_drawn_as_a_diagram(command, folder):
    assert command("diagram", "network.pellucid")[0] == 0
    assert (folder / "network-diagram.png").exists()


def test_rows_inside_are_standardised_and_as_many_as_asked_for(command, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "pellucid.insight.plots.distributions.gradient_histograms", lambda trace, ax: seen.append(trace)
    )
    status, err = command("gradients", "price.pellucid", "price.csv", "--rows", "12")
    assert status == 0 and "12 of the 80 rows were used, chosen at random" in err
    X, y = as_learnt(MODELS["price"], TABLES["price"])
    rows = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in seen[0].x]
    assert len(set(rows)) == 12
    assert seen[0].loss.value == pytest.approx(np.mean((seen[0].output[:, 0] - y[rows]) ** 2), rel=1e-12)


def test_activations_need_no_target(command, folder):
    TABLES["price"].drop("price").write_csv("new.csv")
    assert command("activations", "price.pellucid", "new.csv")[0] == 0


def test_gradient_check_takes_few_rows(command):
    assert "32 of the 80 rows were used" in command("gradcheck", "price.pellucid", "price.csv")[1]


def test_network_alone_shows_its_weights(command, folder):
    assert command("weights", "network.pellucid", "--shape", "1x2")[0] == 0


# What is refused


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        ("boundary size.pellucid", "boundary needs a table", 2),
        ("diagram price.pellucid price.csv", "leave price.csv out", 2),
        ("boundary size.csv size.pellucid", "the model comes first: pellucid plot boundary MODEL TABLE", 1),
        ("diagram size.csv", "the model comes first: pellucid plot diagram MODEL", 1),
        ("diagram nothing.pellucid", "there is no file nothing.pellucid", 1),
        ("boundary size.pellucid nothing.csv --features area,age", "there is no file nothing.csv", 1),
        ("boundary size.pellucid size.pellucid --features area,age", "model", 1),
        ("boundary network.pellucid size.csv", "knows no columns by name: it can be drawn as diagram", 1),
        ("zebra size.pellucid", "Choose from", 2),
        ("boundary size.pellucid size.csv", "name them, as in --features area,age", 2),
        ("boundary size.pellucid size.csv --features area,agee", "did you mean 'age'?", 1),
        ("boundary size.pellucid size.csv --features area,area", "found 'area' twice", 2),
        ("boundary size.pellucid size.csv --features area", "two columns with a comma", 2),
        ("boundary size.pellucid size.csv --features area,age,garden", "two columns with a comma", 2),
        ("boundary size.pellucid size.csv --features area,age --hold gardn=1", "did you mean 'garden'?", 1),
        ("boundary size.pellucid size.csv --features area,age --hold area=1", "one of the two columns drawn", 2),
        ("boundary size.pellucid size.csv --features area,age --hold garden", "COLUMN=VALUE", 2),
        ("boundary size.pellucid size.csv --features area,garden --hold age=lots", "with a number", 2),
        (
            "boundary size.pellucid size.csv --features area,age --hold garden=lots",
            "'lots' is none of 'False', 'True'",
            2,
        ),
        ("boundary size.pellucid size.csv --features area,age --hold garden=inf", "is none of", 2),
        ("boundary size.pellucid size.csv --features area,age --hold garden=1 --hold garden=0", "twice", 2),
        ("boundary size.pellucid size.csv --features area,age --hold garden=1e308", "too far", 1),
        ("boundary price.pellucid price.csv", "'price' is numeric: plot surface", 1),
        ("probability price.pellucid price.csv", "plot surface", 1),
        ("surface size.pellucid size.csv", "has 3 classes: plot boundary or probability", 1),
        ("confusion price.pellucid price.csv", "'price' is numeric: plot residuals", 1),
        ("calibration price.pellucid price.csv", "plot residuals", 1),
        ("residuals size.pellucid size.csv", "plot confusion or calibration", 1),
        ("dependence price.pellucid price.csv", "needs --column, one of 'area', 'age', 'garden'", 2),
        ("dependence price.pellucid price.csv --column aera", "did you mean 'area'?", 1),
        ("dependence price.pellucid price.csv --column area --class small", "is numeric", 1),
        ("dependence size.pellucid size.csv --column area --class smal", "did you mean 'small'?", 1),
        ("confusion size.pellucid size.csv --column area", "--column is for dependence, not for confusion", 2),
        ("residuals price.pellucid price.csv --normalise", "--normalise is for confusion", 2),
        ("weights price.pellucid", "needs --shape", 2),
        ("weights price.pellucid --shape 8", "as in --shape 8x8, found '8'", 2),
        ("weights price.pellucid --shape 0x3", "as in --shape 8x8", 2),
        ("weights price.pellucid --shape 2x2", "cannot draw weights of price.pellucid: shape", 1),
        ("curves network.pellucid", "holds no history", 1),
        ("curves price.pellucid price.csv", "leave price.csv out", 2),
        ("gradients price.pellucid", "gradients needs a table", 2),
        ("gradients price.pellucid price.csv --rows 0", "--rows must be at least 1", 2),
        ("gradients price.pellucid price.csv --rows 81", "--rows asks for 81, and price.csv has 80", 2),
        ("gradients price.pellucid price.csv --rows 1.5", "takes a whole number", 2),
        ("residuals price.pellucid price.csv --rows 0", "--rows is for activations, gradients", 2),
        ("gradcheck price.pellucid garden.csv", "no column 'price' (wanted as target)", 1),
        ("residuals price.pellucid garden.csv", "no column 'price' (wanted as target)", 1),
        ("residuals price.pellucid price.csv --output r.bmp", "must end in .png, .svg, .pdf", 1),
        ("residuals price.pellucid price.csv --output price.csv", "must end in", 1),
        ("residuals price.pellucid price.csv --output none/r.png", "the folder none does not exist", 1),
    ],
)
def test_what_cannot_be_drawn_is_told(refused, arguments, words, status):
    assert words in refused(*arguments.split(), status=status)


def test_one_column_is_not_two(refused, folder):
    TableModel("garden", hidden=(2,), epochs=1, ignore="age").fit(TABLES["garden"]).save("one.pellucid")
    assert "draws two columns, and the model has one, 'area'" in refused("boundary", "one.pellucid", "garden.csv")


def test_missing_matplotlib_is_told(refused, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'pellucid[plot]'" in refused("residuals", "price.pellucid", "price.csv")


# The way between the table and the network


@pytest.mark.parametrize("name", MODELS)
def test_prediction_in_units_is_the_models(name):
    model, table = MODELS[name], TABLES[name]
    found = prediction_in_units(model)(records(model, table))
    expected = model.predict_proba(table) if model.classes_ else model.predict(table)[:, None]
    np.testing.assert_array_equal(found, expected)


def test_columns_are_in_the_models_order():
    model, table = MODELS["price"], TABLES["price"]
    turned = table.select(reversed(table.columns))
    np.testing.assert_array_equal(records(model, turned), records(model, table))
    assert records(model, table)[0].tolist() == [table["area"][0], table["age"][0], float(table["garden"][0])]


@pytest.mark.parametrize("name", MODELS)
def test_as_learnt_gives_the_network_its_own_loss(name):
    model, table = MODELS[name], TABLES[name]
    X, y = as_learnt(model, table)
    output = model.network.predict(X)
    if model.classes_:
        assert [model.classes_[code] for code in truth(model, table)] == table[name].to_list()
        assert y.tolist() == truth(model, table).tolist()
    else:
        np.testing.assert_allclose(X.std(axis=0), 1, atol=0.3)
        mean, std = (model.learnt.summary[figure][0] for figure in ("mean", "std"))
        np.testing.assert_allclose(y * std + mean, table[name].to_numpy(), rtol=1e-12)
    assert len(output) == len(y)


def test_class_names():
    assert class_names(MODELS["size"]) == ["large", "middle", "small"]
    assert class_names(MODELS["garden"]) == ["garden = False", "garden = True"]

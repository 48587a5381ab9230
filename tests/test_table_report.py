"""The report: one page that stands alone, says what the model says, and obeys nothing that a table holds."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pellucid import TableError, load
from pellucid.tables import TableModel
from pellucid.tables.evaluation import Crossed
from pellucid.tables.report import write_report

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

pytestmark = pytest.mark.slow  # each page has five pictures

SECTIONS = ["data", "learning", "figures", "calibration", "importance", "worst", "diagnosis", "network", "again"]
EMPTY = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """What a browser would find: the nesting, the ids, the pictures, and the words of each element."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.images, self.loads, self.headings, self.tables = [], [], [], [], [], []
        self.words = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "img":
            self.images.append(found)
        self.loads += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        assert not [name for name in found if name.startswith("on")]
        if tag == "tr":
            self.tables.append([])
        if tag not in EMPTY:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1].append(" ".join(data.split()))
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def homes(rows=120, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows).round(1), generator.integers(0, 60, rows)
    city = generator.choice(["Graz", "Linz", None], rows)
    sold = np.datetime64("2024-01-01") + generator.integers(0, 300, rows)
    price = 3000 * area - 800 * age + 1000 * generator.standard_normal(rows)
    frame = pl.DataFrame({"area": area, "age": age, "city": city, "sold": sold, "same": 1, "price": price})
    return frame.with_columns(
        dear=pl.col("price") > 200_000,
        size=pl.when(pl.col("area") < 60).then(pl.lit("small")).when(pl.col("area") < 100).then(pl.lit("middle"))
        .otherwise(pl.lit("large")),
        rooms=(pl.col("area") / 25).round().cast(pl.Int64),
    )  # fmt: skip


TARGETS = {
    "price": {}, "dear": {}, "size": {}, "rooms": {"kind": "count"},
    "worth": {"kind": "quantiles", "quantiles": (0.1, 0.5, 0.9)},
}  # fmt: skip


@pytest.fixture(scope="module", params=TARGETS)
def model(request):
    frame = homes().with_columns(worth=pl.col("price"))
    others = [name for name in TARGETS if name != request.param]
    made = TableModel(request.param, hidden=(8,), epochs=5, ignore=others, **TARGETS[request.param])
    return made.fit(frame, test_share=0.3), frame


def page_of(model, frame, path, **options):
    write_report(model, frame, path, **options)
    return Page(Path(path).read_text(encoding="utf-8"))


def test_the_page_stands_alone_and_has_every_section(model, tmp_path):
    page = page_of(*model, tmp_path / "report.html", source="homes.csv", command=["pellucid", "train", "my homes.csv"])
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert len(set(page.ids)) == len(page.ids)
    for address in page.loads:
        assert address.startswith(("data:image/svg+xml;base64,", "#")), address[:60]
        assert not address.startswith("#") or address[1:] in page.ids
    assert len(page.images) >= 4
    assert all(len(image["alt"]) > 20 for image in page.images)
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert "pellucid train 'my homes.csv'" in page.text
    assert model[0].split.sha256 in page.text


def test_the_figures_are_those_of_evaluate(model, tmp_path):
    made, frame = model
    page = page_of(made, frame, tmp_path / "report.html")
    evaluation = made.evaluate(frame, rows=made.test_rows)
    assert f"on {len(made.test_rows)} rows: rows that were kept for testing" in page.text
    for name, (own, _) in evaluation.figures.items():
        (line,) = (line for line in page.tables if line and line[0] == name)
        shown = line[1].replace(",", "")
        value = float(shown.rstrip(" %")) / (100 if shown.endswith("%") else 1)
        assert value == pytest.approx(own, rel=2e-3, abs=1e-3)
    worst = [line for line in page.tables if line and line[0] == f"{evaluation.worst[0].row + 1:,}"]
    assert worst
    assert {line[0] for line in page.tables if line} >= set(made.columns)
    assert "one value only: 1" in page.text
    if made.classes_:
        heads = next(place for place, line in enumerate(page.tables) if line[:1] == ["true"])
        lines = page.tables[heads + 1 : heads + 1 + len(made.classes_)]
        counts = np.array([[int(cell) for cell in line[1:]] for line in lines])
        assert counts.sum() == len(made.test_rows)
        assert counts.trace() / counts.sum() == pytest.approx(evaluation.figures["accuracy"][0])


def test_a_table_s_words_are_words(tmp_path):
    evil = "<script>alert(1)</script>"
    rows = np.arange(60)
    frame = pl.DataFrame({f"a{evil}": rows % 7, "b&lt;": [f"x{evil}", '"><img src=x>'] * 30, f"y{evil}": rows % 7 > 3})
    model = TableModel(f"y{evil}", hidden=(4,), epochs=2).fit(frame)
    page = page_of(model, frame, tmp_path / "r.html", source=f"t{evil}.csv", command=["pellucid", evil, "$(rm)"])
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert len(page.images) == text.count("<img")
    assert f"a{evil}" in page.text
    assert "'$(rm)'" in page.text


@pytest.mark.slow
def test_without_a_test_part_it_says_so(tmp_path):
    frame = homes().select("area", "age", "size")
    model = TableModel("size", hidden=(4,), epochs=2).fit(frame)
    assert "all rows of the table; if the model learnt from them" in page_of(model, frame, tmp_path / "a.html").text
    predicted = np.zeros(frame.height, dtype=np.intp)
    chances = np.tile(np.eye(len(model.classes_))[0], (frame.height, 1))
    crossed = Crossed(7, model.evaluate(frame), predicted, chances)
    page = page_of(model, frame, tmp_path / "b.html", folds=crossed)
    assert "in a cross-validation with 7 folds" in page.text
    # The matrix is that of the folds, where the first class was always predicted.
    right = int((frame["size"] == model.classes_[0]).sum())
    assert f"{right:,} of {frame.height:,} rows were predicted right" in page.text


@pytest.mark.slow
def test_a_model_from_a_file_and_rows_of_one_s_own(tmp_path):
    frame = homes().select("area", "age", "city", "price")
    TableModel("price", hidden=(), members=1, epochs=2).fit(frame, test_share=0.5).save(tmp_path / "m.pellucid")
    model = load(tmp_path / "m.pellucid")
    page = page_of(model, frame, tmp_path / "a.html", rows=[3, 5, 7])
    assert "on 3 rows: the rows that were named for it" in page.text
    assert page_of(model, frame, tmp_path / "b.html", rows=[3]).ids


@pytest.mark.slow
def test_few_rows_and_many_columns(tmp_path):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((12, 90))
    frame = pl.DataFrame({f"c{place}": X[:, place] for place in range(90)}).with_columns(y=X[:, 0])
    page = page_of(TableModel("y", hidden=(4,), epochs=1, members=1).fit(frame), frame, tmp_path / "r.html")
    assert "30 more columns" in page.text


def test_nothing_that_exists_is_lost(tmp_path):
    frame = homes().select("area", "price")
    model = TableModel("price", hidden=(4,), epochs=1).fit(frame)
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"report\.html exists"):
        write_report(model, frame, path)
    assert path.read_text() == "mine"
    with pytest.raises(TableError, match="no column 'price'"):
        write_report(model, frame.drop("price"), path, overwrite=True)
    assert path.read_text() == "mine"
    write_report(model, frame, path, overwrite=True)
    assert path.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(TableError, match="no rows to judge by"):
        write_report(model, frame, path, rows=[], overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.slow
def test_the_same_model_gives_the_same_page(tmp_path):
    frame = homes().select("area", "age", "dear")
    model = TableModel("dear", hidden=(4,), epochs=2).fit(frame, test_share=0.3)
    pages = []
    for name in ("a.html", "b.html"):
        write_report(model, frame, tmp_path / name)
        pages.append(re.sub(r"data:image/svg\+xml;base64,[\w+/=]+", "", (tmp_path / name).read_text()))
    assert pages[0] == pages[1]

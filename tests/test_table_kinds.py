"""What each column of a table is taken for, how it is read, and what is refused."""

import datetime as dt
import json
import math
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from pellucid.errors import TableError
from pellucid.tables.kinds import Column, recognise
from pellucid.tables.reading import to_frame

NAN = math.nan


def one(values, asked=None, name="x", **settings):
    """Return what a single column of these values is, and what it reads."""
    data = values if isinstance(values, pl.Series) else pl.Series(values, strict=False)
    frame = to_frame(pl.DataFrame({name: data}))
    (column,) = recognise(frame, [name], {} if asked is None else {name: asked}, "table.csv", **settings)
    assert Column.from_config(json.loads(json.dumps(column.to_config()))) == column
    return column, column.read(frame.get_column(name))


def series(values):
    return to_frame(pl.DataFrame({"x": pl.Series(values)})).get_column("x")


# What each is

NOW = dt.datetime(2024, 5, 31, 12)
EPOCH = dt.datetime(1970, 1, 1)


@pytest.mark.parametrize(
    ("values", "kind", "levels", "read"),
    [
        ([1.5, None, 3.0], "number", (), [1.5, NAN, 3]),
        ([1.5, NAN, 3.0], "number", (), [1.5, NAN, 3]),
        ([5, None, 7], "number", (), [5, NAN, 7]),
        ([5, None, 5], "number", (), [5, NAN, 5]),
        ([Decimal("1.5"), None, Decimal("2")], "number", (), [1.5, NAN, 2]),
        ([dt.timedelta(minutes=1), None, dt.timedelta(0)], "number", (), [60, NAN, 0]),
        ([dt.time(1), None, dt.time(0, 0, 2)], "number", (), [3600, NAN, 2]),
        ([0, 1, None], "yes/no", (0, 1), [0, 1, NAN]),
        ([0.0, 1.0, 1.0], "yes/no", (0, 1), [0, 1, 1]),
        ([True, None, False], "yes/no", (False, True), [1, NAN, 0]),
        (["Yes", "no", " yes", None], "yes/no", ("no", "Yes"), [1, 0, 1, NAN]),
        (["ja", "nein", "n/a"], "yes/no", ("nein", "ja"), [1, 0, NAN]),
        (["1", "0", "1"], "yes/no", (0, 1), [1, 0, 1]),
        (["b", "a", "c", "a", None], "category", ("a", "b", "c"), [1, 0, 2, 0, NAN]),
        (["m", "f"], "category", ("f", "m"), [1, 0]),
        (["yes", None], "category", ("yes",), [0, NAN]),
        (["none", "a", "NA", "?"], "category", ("a", "none"), [1, 0, NAN, NAN]),
        (["2,5", "none", " ", "#DIV/0!", "-", "4"], "number", (), [2.5, NAN, NAN, NAN, NAN, 4]),
        ([dt.date(1970, 1, 2), None, dt.date(1969, 12, 31)], "date", (), [86400, NAN, -86400]),
        ([NOW, NOW + dt.timedelta(hours=1)], "date", (), [(NOW - EPOCH).total_seconds() + more for more in (0, 3600)]),
        (["02.01.1970", "", "31.12.1969"], "date", (), [86400, NAN, -86400]),
        ([None, None], "left out", (), [NAN, NAN]),
        ([NAN, NAN], "left out", (), [NAN, NAN]),
        (["", "n/a"], "left out", (), [NAN, NAN]),
        ([7, 7], "left out", (), [NAN, NAN]),
        (["a", "A "], "left out", (), [NAN, NAN]),
        ([True, True], "left out", (), [NAN, NAN]),
    ],
)
def test_what_a_column_is(values, kind, levels, read):
    column, found = one(values)
    assert (column.kind, column.levels) == (kind, levels)
    assert [type(level) for level in column.levels] == [type(level) for level in levels]
    np.testing.assert_array_equal(found, read)
    assert found.dtype == np.float64


def test_dates_know_whether_there_is_a_time_of_day():
    assert not one([dt.date(2024, 1, 1), dt.date(2024, 1, 2)])[0].times
    assert not one([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)])[0].times
    assert one([dt.datetime(2024, 1, 1, 6), dt.datetime(2024, 1, 2)])[0].times
    column = one(["2024-01-01T06:00", "2024-01-02T00:00"])[0]
    assert column.times and column.date_format == "%Y-%m-%dT%H:%M"


def test_all_three_libraries_give_the_same_answer():
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    zone = dt.timezone(dt.timedelta(hours=2))
    data = {
        "id": [*range(100, 129), 200],
        "number": [1.5, None, 2.5] * 10,
        "whole": [4, None, 9] * 10,
        "flag": [True, None, False] * 10,
        "text": ["a", None, "B "] * 10,
        "yes": ["y", None, "n"] * 10,
        "money": ["1.200 €", None, "3,5 €"] * 10,
        "day": [dt.date(1500, 1, 1), None, dt.date(2020, 1, 1)] * 10,
        "moment": [dt.datetime(2020, 1, 1, 1, 2, 3, 5), None, dt.datetime(1960, 1, 1)] * 10,
        "aware": [dt.datetime(2020, 1, 1, tzinfo=zone), None, dt.datetime(2021, 1, 1, tzinfo=zone)] * 10,
        "span": [dt.timedelta(seconds=1), None, dt.timedelta(days=1)] * 10,
        "price": [Decimal("1.5"), None, Decimal("2")] * 10,
        "nothing": [None] * 30,
    }
    tables = [pl.DataFrame(data), pandas.DataFrame(data), pyarrow.table(data)]
    frames = [to_frame(table) for table in tables]
    expected = recognise(frames[0], list(data), {})
    kinds = ["left out", *["number"] * 2, "yes/no", "category", "yes/no", "number", *["date"] * 3, *["number"] * 2]
    assert [column.kind for column in expected] == [*kinds, "left out"]
    for frame in frames[1:]:
        assert recognise(frame, list(data), {}) == expected
    for column in expected:
        first, *others = [column.read(frame.get_column(column.name)) for frame in frames]
        for other in others:
            np.testing.assert_array_equal(other, first, column.name)
    aware = expected[9].read(frames[0].get_column("aware"))
    assert aware[0] == data["aware"][0].timestamp()


def test_pandas_nullable_and_categorical_columns():
    pandas = pytest.importorskip("pandas")
    sizes = pandas.CategoricalDtype(["S", "M", "L"], ordered=True)
    frame = to_frame(
        pandas.DataFrame(
            {
                "size": pandas.Series(["L", None, "S"], dtype=sizes),
                "stars": pandas.Series([3, None, 1], dtype=pandas.CategoricalDtype([3, 2, 1], ordered=True)),
                "class": pandas.Series([1, 2, None], dtype="category"),
                "whole": pandas.Series([1, None, 3], dtype="Int64"),
                "flag": pandas.Series([True, None, False], dtype="boolean"),
                "mixed": pandas.Series([1, "n/a", 2.5], dtype=object),
                "range": pandas.cut(pandas.Series([1, 5, 9]), [0, 4, 8, 12]),
            }
        )
    )
    columns = {column.name: column for column in recognise(frame, frame.columns, {})}
    read = {name: column.read(frame.get_column(name)).tolist() for name, column in columns.items()}
    assert columns["size"].kind == "ordered" and columns["size"].levels == ("S", "M", "L")
    assert columns["stars"].levels == (3, 2, 1)
    assert columns["class"].kind == "category" and columns["class"].levels == ("1", "2")
    assert columns["range"].kind == "ordered" and len(columns["range"].levels) == 3
    np.testing.assert_equal(read["size"], [2, NAN, 0])
    np.testing.assert_equal(read["stars"], [0, NAN, 2])
    np.testing.assert_equal(read["class"], [0, 1, NAN])
    np.testing.assert_equal(read["whole"], [1, NAN, 3])
    np.testing.assert_equal(read["flag"], [1, NAN, 0])
    np.testing.assert_equal(read["mixed"], [1, NAN, 2.5])
    np.testing.assert_equal(read["range"], [0, 1, 2])
    # Numbers of another table are the categories that they are written as.
    assert columns["class"].read(series([2, 1, 3])).tolist() == [1, 0, -1]


def test_an_enum_of_polars_is_ordered_only_if_asked_for():
    sizes = pl.Series(["L", "S", "S"], dtype=pl.Enum(["S", "M", "L"]))
    assert one(sizes)[0].levels == ("L", "S") and one(sizes)[0].kind == "category"
    column, read = one(sizes, "ordered")
    assert (column.kind, column.levels, read.tolist()) == ("ordered", ("S", "M", "L"), [2, 0, 0])


# Identifiers


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", list(range(1, 31))),
        ("x", list(range(1000, 3010, 10))),
        ("x", np.random.default_rng(0).permutation(50).tolist()),
        ("x", sorted(np.random.default_rng(0).choice(1000, 800, replace=False).tolist())),
        ("PassengerId", (np.random.default_rng(0).permutation(900) * 37).tolist()),
        ("customer_id", (np.random.default_rng(0).permutation(900) * 37).tolist()),
        ("Order No", [str(7 * place * place) for place in range(30)]),
        ("zip code", (np.arange(30.0) * 131).tolist()),
        ("ticket", [f"ticket {place}" for place in range(20)]),
    ],
)
def test_identifiers_are_left_out(name, values):
    column = one(values, name=name)[0]
    assert column.kind == "left out" and "an identifier" in column.notes[0]
    asked = "category" if name == "ticket" else "number"
    assert one(values, asked, name=name)[0].kind == asked


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", list(range(19))),
        ("x", [float(place) for place in range(50)]),
        ("YearBuilt", list(range(1900, 2000))),
        ("x", list(range(1900, 2000))),
        ("day", list(range(1, 101))),
        ("price", (np.random.default_rng(0).permutation(5000)[:200] * 1000 + 99).tolist()),
        ("population", sorted((np.random.default_rng(0).permutation(10**6)[:200]).tolist())),
        ("temperature", [round(value, 1) for value in np.random.default_rng(0).normal(15, 5, 300).tolist()]),
        ("number of rooms", [place * place for place in range(30)]),
        ("num_visits", [place * place for place in range(30)]),
        ("paid", [place * place for place in range(30)]),
        ("id", [0, *range(29)]),
        ("timestamp", [1_700_000_000 + 3600 * place for place in range(50)]),
    ],
)
def test_other_whole_numbers_are_kept(name, values):
    assert one(values, name=name)[0].kind == "number"


def test_many_levels_are_a_category_if_they_repeat():
    values = [f"level {place % 1000}" for place in range(5000)]
    assert len(one(values)[0].levels) == 1000
    assert one([f"remark {place}" for place in range(19)])[0].kind == "category"


# Spellings, unseen values


def test_spellings_are_one_level_and_the_note_says_so():
    column, read = one(["Vienna", "Vienna", "vienna ", "VIENNA", "New York", "New  York", "New York"])
    assert column.levels == ("New York", "Vienna")
    assert read.tolist() == [1, 1, 1, 1, 0, 0, 0]
    assert column.notes == (
        "5 spellings joined: 'VIENNA', 'vienna ' are read as 'Vienna', 'New  York' is read as 'New York'",
    )
    assert column.read(series(["  viENNA", "new york", "Graz", None])).tolist()[:3] == [1, 0, -1]


def test_what_was_read_as_missing_is_noted():
    assert one(["1", "n/a", "#REF!", "#N/A", "-", "2"])[0].notes == (
        "2 Excel errors read as missing",
        "2 read as missing: 'n/a', '-'",
    )


def test_unseen_values_are_counted_and_never_guessed():
    category = Column("x", "category", levels=("a", "b"))
    assert category.unseen(series(["a", None, "z", "n/a", "B"])).tolist() == [2]
    ordered = Column("x", "ordered", levels=("low", "high"))
    np.testing.assert_array_equal(ordered.read(series(["high", "middle", "low"])), [1, NAN, 0])
    assert ordered.unseen(series(["high", "middle", "low"])).tolist() == [1]
    yes = Column("x", "yes/no", levels=(0, 1))
    np.testing.assert_array_equal(yes.read(series([1, 2, None, 0])), [1, NAN, NAN, 0])
    assert yes.unseen(series([1, 2, None, 0])).tolist() == [1]
    assert Column("x", "number").unseen(series([1, 2])).tolist() == []


def test_a_column_reads_what_another_file_writes_in_another_way():
    yes = Column("x", "yes/no", levels=(False, True))
    assert yes.read(series(["true", "FALSE"])).tolist() == yes.read(series([1, 0])).tolist() == [1, 0]
    assert Column("x", "yes/no", levels=("no", "yes")).read(series([True, False])).tolist() == [1, 0]
    assert Column("x", "category", levels=(1, 2)).read(series(["2", "1.0", "x"])).tolist() == [1, 0, -1]
    assert Column("x", "number").read(series(["2", "1.5"])).tolist() == [2, 1.5]
    assert Column("x", "number").read(series([True, False])).tolist() == [1, 0]
    assert Column("x", "date").read(series(["1970-01-02", "1970-01-01T00:01"])).tolist() == [86400, 60]
    assert Column("x", "date", date_format="%d.%m.%Y").read(series([dt.date(1970, 1, 2)])).tolist() == [86400]
    assert np.isnan(Column("x", "date").read(series([None, None]))).all()
    assert np.isnan(Column("x", "date").read(series([NAN, NAN]))).all()


def test_reading_does_not_change_the_table():
    frame = pl.DataFrame({"x": [0.0, 1.0, 2.0]})
    Column("x", "yes/no", levels=(0, 1)).read(to_frame(frame).get_column("x"))
    Column("x", "number").read(to_frame(frame).get_column("x"))[:] = 9
    assert frame["x"].to_list() == [0, 1, 2]


# What is refused

SOME = ["1", "2", "3", "4"] * 3


@pytest.mark.parametrize(
    ("values", "asked", "words"),
    [
        ([*SOME, "x1"], None, ["row 13", "'x1' is not a number", "1 of 13 values is not", "category"]),
        (["1,5", "2", "1.5"], None, ["'1,5' in row 1", "'1.5' in row 3", "category"]),
        (["$5", "6", "7 €"], None, ["'$5' in row 1", "'7 €' in row 3"]),
        (["12 %", "12"], None, ["'12 %' in row 1", "'12' in row 2"]),
        (["2024-05-31", "31.05.2024"], None, ["'2024-05-31' in row 1", "'31.05.2024' in row 2", "dates"]),
        (["2024-05-31"] * 9 + ["soon"], None, ["row 10", "'soon' is not a date"]),
        ([1.0, math.inf], None, ["row 2", "inf is not a finite number"]),
        (["1", "1e999"], None, ["not a finite number"]),
        ([[1], [2]], None, ["row 1", "neither a number nor text nor a date", "left out"]),
        ([b"a", b"b"], None, ["row 1", "bytes"]),
        (["a", "1"], "number", ["row 1", "'a' is not a number"]),
        ([dt.date(2024, 1, 1), None], "number", ["holds dates"]),
        (["a", "2024-01-01"], "date", ["row 1", "'a' is not a date"]),
        (["2024-01-01", "1"], "date:%d/%m/%Y", ["row 1", "'2024-01-01' is not a date (%d/%m/%Y)"]),
        ([1, 2], "date", ["holds numbers"]),
        ([1, 2, 0], "yes/no", ["row 2", "2 is none of 0, 1", "[no, yes]"]),
        (["m", "f"], "yes/no", ["row 1", "'m' is none of 'no', 'yes'"]),
        (["a", "c", "b"], ["a", "b"], ["row 2", "'c' is none of 'a', 'b'", "1 of 3 rows"]),
        ([dt.date(2024, 1, 1), None], "category", ["holds dates"]),
    ],
)
def test_a_contradiction_is_refused_with_column_row_and_value(values, asked, words):
    with pytest.raises(TableError) as caught:
        one(values, asked)
    for word in ("table.csv: column 'x'", *words):
        assert word in str(caught.value)


def test_rows_are_those_of_the_table_and_not_of_the_part_that_is_looked_at():
    with pytest.raises(TableError, match="row 101: 'x1'"):
        one([*SOME, "x1"], rows=np.array([*range(12), 100]))
    with pytest.raises(TableError, match=r"mine: column 'x', row 8: 'b' is not a number \(1 of 2 values is not\)"):
        Column("x", "number").read(series(["1", "b"]), "mine", np.array([3, 7]))
    with pytest.raises(TableError, match="row 1: 'b' is not a date"):
        Column("x", "date").read(series(["b", "1970-01-01"]))
    with pytest.raises(TableError, match="holds numbers, and a date is expected"):
        Column("x", "date").read(series([1, 2]))


def test_few_numbers_among_texts_are_a_category():
    assert one(["1", "2", "3", "a", "b", "c"])[0].levels == ("1", "2", "3", "a", "b", "c")
    assert one(["12", "12a", "14"])[0].kind == "category"


def test_an_unknown_column_or_kind_is_refused():
    frame = to_frame(pl.DataFrame({"size": ["a", "b"]}))
    with pytest.raises(TableError, match="did you mean 'size'"):
        recognise(frame, ["size"], {"Size": "category"})
    for asked in ("colour", "date:", "date:%d", 7, None, [], ["a", "A"], ["a", 1], [None]):
        with pytest.raises(ValueError):
            recognise(frame, ["size"], {"size": asked})


# What is asked for


@pytest.mark.parametrize(
    ("values", "asked", "kind", "levels", "read"),
    [
        ([3, 1, 3], "category", "category", (1, 3), [1, 0, 1]),
        ([0.5, NAN, 2.0], "category", "category", (0.5, 2.0), [0, NAN, 1]),
        (["10", "9", "1.5"], "category", "category", ("1.5", "10", "9"), [1, 2, 0]),
        (["10", "9", "9"], "ordered", "ordered", (9, 10), [1, 0, 0]),
        (["b", "a", "c"], "ordered", "ordered", ("a", "b", "c"), [1, 0, 2]),
        (["low", "HIGH ", None], ["low", "middle", "high"], "ordered", ("low", "middle", "high"), [0, 2, NAN]),
        (["-", "a", "n/a"], ["a", "-"], "ordered", ("a", "-"), [1, 0, NAN]),
        ([2, 1, 2], [2, 1], "ordered", (2, 1), [0, 1, 0]),
        (["yes", None, "yes"], "yes/no", "yes/no", ("no", "yes"), [1, NAN, 1]),
        ([1, 1], "number", "number", (), [1, 1]),
        (["5", "5"], "number", "number", (), [5, 5]),
        ([True, False], "number", "number", (), [1, 0]),
        ([True, False], "category", "category", (False, True), [1, 0]),
        (["01/02/1970", "01/03/1970"], "date:%m/%d/%Y", "date", (), [86400, 2 * 86400]),
        (["1", "2"], "left out", "left out", (), [NAN, NAN]),
        ([None, None], "number", "left out", (), [NAN, NAN]),
        (["none", None], "number", "left out", (), [NAN, NAN]),
    ],
)
def test_what_is_asked_for_overrides(values, asked, kind, levels, read):
    column, found = one(values, asked)
    assert (column.kind, column.levels) == (kind, levels)
    np.testing.assert_array_equal(found, read)


def test_ambiguous_dates_are_noted_with_the_way_out():
    column, read = one(["01/02/1970", "01/03/1970"])
    assert read.tolist() == [31 * 86400, 59 * 86400]
    assert "date:%m/%d/%Y" in column.notes[0]


def test_the_style_of_numbers_is_kept_for_other_tables():
    column = one(["1.234,50 €", "7 €"])[0]
    assert column.notes == ("decimal comma", "thousands separators (points)", "currency €")
    assert column.read(series(["2.000 €", "3,5"])).tolist() == [2000, 3.5]
    with pytest.raises(TableError, match=r"'1.5' is not a number \(decimal comma"):
        column.read(series(["1.5"]))


# Configuration

GOOD = Column("x", "category", levels=("a", "b")).to_config()


@pytest.mark.parametrize(
    "config",
    [
        None,
        [],
        {},
        {**GOOD, "more": 1},
        {**GOOD, "name": 1},
        {**GOOD, "kind": "colour"},
        {**GOOD, "kind": []},
        {**GOOD, "levels": "ab"},
        {**GOOD, "levels": []},
        {**GOOD, "levels": ["b", "a"]},
        {**GOOD, "levels": ["a", "A"]},
        {**GOOD, "levels": ["a", " b"]},
        {**GOOD, "levels": ["", "b"]},
        {**GOOD, "levels": ["a", 1]},
        {**GOOD, "levels": [0, True]},
        {**GOOD, "levels": [["a"], ["b"]]},
        {**GOOD, "levels": [1, NAN]},
        {**GOOD, "levels": [1, 10**400]},
        {**GOOD, "kind": "yes/no", "levels": ["a", "b", "c"]},
        {**GOOD, "kind": "number"},
        {**GOOD, "times": 1},
        {**GOOD, "times": True},
        {**GOOD, "date_format": "%d.%m.%Y"},
        {**GOOD, "notes": [1]},
        {**GOOD, "notes": "none"},
        {**GOOD, "written": {"decimal": ".", "thousands": "", "unit": ""}},
        {**GOOD, "kind": "date", "levels": [], "date_format": "%d"},
        {**GOOD, "kind": "number", "levels": [], "written": "plain"},
    ],
)
def test_a_foreign_config_is_refused(config):
    with pytest.raises(ValueError):
        Column.from_config(config)

"""What stands in a file is read as it was when the model learnt; gaps, codes and orders are told, not guessed at."""

import numpy as np
import polars as pl
import pytest

from pellucid import TableError
from pellucid.tables import TableModel
from pellucid.tables.kinds import recognise
from pellucid.tables.reading import read_table, to_frame

QUICK = {"epochs": 2, "hidden": (4,), "members": 2}


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def columns_of(values, asked=None):
    frame = pl.DataFrame({"c": values}, strict=False)
    return recognise(to_frame(frame), ["c"], {} if asked is None else {"c": asked})[0]


def test_codes_with_zeros_before_them_stay_text(tmp_path):
    table = write(tmp_path / "t.csv", "zip,month,n\n01234,01,1\n1234,12,22\n00501,07,333\n")
    frame = read_table(table)
    assert frame["zip"].to_list() == ["01234", "1234", "00501"]
    assert frame["month"].to_list() == [1, 12, 7]
    assert frame["n"].to_list() == [1, 22, 333]


def test_columns_of_text_stay_as_written_and_others_do_not(tmp_path):
    table = write(tmp_path / "t.csv", "a;b;c\n1.500;1;x\n;2;y\n")
    frame = read_table(table, ["a", "there is none"])
    assert frame["a"].to_list() == ["1.500", None]
    assert frame["b"].to_list() == [1, 2]


def test_a_whole_number_of_forty_digits_is_read(tmp_path):
    digits = "1234567890" * 4
    frame = read_table(write(tmp_path / "t.csv", f"a,b\n{digits},1\n5,2\n"))
    assert frame["a"].to_list() == [float(digits), 5.0]
    assert frame["b"].to_list() == [1, 2]


def test_a_row_means_the_same_whatever_other_rows_are_in_its_file(tmp_path):
    generator = np.random.default_rng(0)
    codes, price = generator.choice(["007", "1.0", "1e3", "A1"], 200), generator.integers(1000, 9000, 200)
    written = [f"{one // 1000}.{one % 1000:03d}" + (",5" if place % 5 == 0 else "") for place, one in enumerate(price)]
    lines = [f"{code};{one};{y}" for code, one, y in zip(codes, written, price, strict=True)]
    table = write(tmp_path / "t.csv", "\n".join(["code;price;y", *lines]) + "\n")
    model = TableModel("y", **QUICK).fit(read_table(table))
    assert set(model.text_columns) == {"code", "price"}
    few = write(tmp_path / "few.csv", "code;price\n007;8.000\n1.0;2.000\n1e3;2.000\n")
    more = write(tmp_path / "more.csv", few.read_text() + "A1;3.000,5\n")
    alone, among = (model.read(read_table(path, model.text_columns)) for path in (few, more))
    np.testing.assert_array_equal(alone.values, among.values[:3])
    assert not alone.unseen
    assert alone.values[0, 1] == 8000.0


def test_a_target_of_text_is_read_as_text(tmp_path):
    frame = pl.DataFrame({"x": np.arange(60.0), "y": ["007", "012", "A1"] * 20})
    model = TableModel("y", **QUICK).fit(frame)
    table = write(tmp_path / "t.csv", "x,y\n1,007\n2,012\n")
    assert model.evaluate(read_table(table, model.text_columns)).rows == 2


def test_zeros_before_digits_are_told():
    column = columns_of(["01234", "00501", "90210"] * 20)
    assert (column.kind, column.levels) == ("category", ("00501", "01234", "90210"))
    assert "zeros before digits" in column.notes[0]
    assert columns_of(["01", "12", "07"] * 20).kind == "number"
    assert columns_of(["01234", "00501", "90210"] * 20, "number").kind == "number"


def test_points_that_may_separate_thousands_are_told():
    texts = ["1.234", "12.500", "950", "3.999"] * 10
    assert columns_of(texts).notes == (
        "points read as decimal points: '1.234' is 1.234 (if they separate thousands, leave them out)",
    )
    assert not columns_of([*texts, "0.5"]).notes
    assert not columns_of(["1.234", "2.500"] * 10).notes  # three decimals throughout


def test_a_category_that_is_nearly_numbers_is_told():
    column = columns_of(([*map(str, range(7)), "unknown", "unknown", "unknown"]) * 6)
    assert column.kind == "category"
    assert column.notes == (
        "70 % of the values are numbers, but 'unknown' (18 rows) is not: if it means a gap, leave such cells empty",
    )


def test_an_order_that_nobody_gave_is_told():
    column = columns_of(["small", "middle", "large"] * 10, "ordered")
    assert column.levels == ("large", "middle", "small")
    assert "in alphabetical order, as none was given: 'large', 'middle', 'small'" in column.notes[0]
    assert not columns_of(["small", "middle", "large"] * 10, ["small", "middle", "large"]).notes


@pytest.mark.parametrize(
    "gap", ["<NA>", "NaT", "n.a.", ".", "---", "–", "(null)", "\\N", "#NV", "#SPILL!", "not available"]
)
def test_more_ways_to_say_that_there_is_no_value(gap):
    column = columns_of([gap, *map(str, range(3, 40))])
    assert column.kind == "number"
    assert any("read as missing" in note for note in column.notes)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["31.12.24", "01.02.23"], "%d.%m.%y"),
        (["12/31/24", "01/13/23"], "%m/%d/%y"),
        (["31-Dec-2024", "1-Jan-2023"], "%d-%b-%Y"),
        (["31-Dec-24", "01-JAN-23"], "%d-%b-%y"),
        (["Dec 31 2024", "January 1 2023"], "%b %d %Y"),
        (["31. Dec 2024", "1. January 2023"], "%d. %b %Y"),
    ],
)
def test_dates_as_people_write_them(texts, form):
    column = columns_of(texts * 15)
    assert (column.kind, column.date_format) == ("date", form)
    seconds = column.read(to_frame(pl.DataFrame({"c": texts}))["c"])
    assert (seconds[0] > seconds[1]) and seconds[0] == np.datetime64("2024-12-31", "s").astype(np.int64)


@pytest.mark.parametrize("gap", ["NA", "?", "", "<NA>"])
def test_words_for_gaps_are_no_classes_unless_asked_for(gap):
    frame = pl.DataFrame({"x": np.arange(60.0), "y": ["yes", "no", gap] * 20})
    with pytest.raises(
        TableError, match=r"the target 'y' has no value in 20 of 60 rows, the first in row 3: .*ask for"
    ):
        TableModel("y", **QUICK).fit(frame)
    assert len(TableModel("y", kind="multiclass", **QUICK).fit(frame).classes_) == 3


def test_decimal_commas_in_a_target_are_no_classes():
    frame = pl.DataFrame({"x": np.arange(60.0), "y": ["1,5", "2,5", "3,5"] * 20})
    with pytest.raises(TableError, match=r"'1,5'; write such as 1234.5, and convert them"):
        TableModel("y", **QUICK).fit(frame)

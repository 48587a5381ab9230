"""Numbers as people write them, and dates in texts: what is read, and what contradicts itself."""

import math
import random
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from pellucid.tables import dates
from pellucid.tables.written_numbers import STYLES, ContradictionError, WrittenNumber, find_style, is_number


@pytest.mark.parametrize(
    ("texts", "numbers", "notes"),
    [
        (["12", "-3.5", "+4", ".5", "1e3", "−2"], [12, -3.5, 4, 0.5, 1000, -2], ()),
        (["1,5", "12"], [1.5, 12], ("decimal comma",)),
        (["1,234.5", "7"], [1234.5, 7], ("thousands separators",)),
        (["1.234,5", "7"], [1234.5, 7], ("decimal comma", "thousands separators (points)")),
        (["1.234.567", "7"], [1234567, 7], ("decimal comma", "thousands separators (points)")),
        (["1 234,5", "12 000 000,25"], [1234.5, 12000000.25], ("decimal comma", "thousands separators (spaces)")),
        (["1\u202f234,5", "2\u00a0000"], [1234.5, 2000], ("decimal comma", "thousands separators (spaces)")),
        (["1'234.5", "1’000"], [1234.5, 1000], ("thousands separators (apostrophes)",)),
        (["$1,200.50", "$ 3", "-$4", "($5)"], [1200.5, 3, -4, -5], ("thousands separators", "currency $")),
        (["12,50 €", "3€", "4"], [12.5, 3, 4], ("decimal comma", "currency €")),
        (["CHF 5", "chf 6.5"], [5, 6.5], ("currency CHF",)),
        (["5 kr", "7 KR"], [5, 7], ("currency kr",)),
        (["12 %", "7.5%"], [12, 7.5], ("percent",)),
        (["(1,200)", "3.5"], [-1200, 3.5], None),
        (["0,500", "1,234"], [0.5, 1.234], ("decimal comma",)),
    ],
)
def test_a_style_is_decided_from_all_values(texts, numbers, notes):
    style, found = find_style(texts)
    assert [style.read(text) for text in texts] == numbers
    assert notes is None or found == notes
    assert WrittenNumber.from_config(style.to_config()) == style


def test_a_comma_before_three_digits_is_thousands_and_the_note_says_so():
    style, notes = find_style(["1,234", "56"])
    assert style.read("1,234") == 1234
    assert "'1,234' is 1,234" in notes[0] and "write points" in notes[0]
    assert find_style(["1,234", "2,5"])[0].read("1,234") == 1.234


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        (["7", "1,5", "1.5"], (1, 2)),
        (["1.234,5", "7", "1,234.5"], (0, 2)),
        (["$5", "6", "7 €"], (0, 2)),
        (["12 %", "12"], (0, 1)),
        (["1 234", "1'234"], (0, 1)),
    ],
)
def test_values_that_contradict_each_other_are_both_named(texts, places):
    with pytest.raises(ContradictionError) as caught:
        find_style(texts)
    assert (caught.value.first, caught.value.second) == places


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1-2",
        "12a",
        "1,23,4",
        "1..2",
        "--5",
        "(5",
        "5)",
        "(-5)",
        "$5 €",
        "% 5",
        "inf",
        "nan",
        "1_000",
        "٣",
        "1e",
        "5 5",
        "1" * 61,
        "31.05.2024",
        "10:30",
        "2024-05-31",
    ],
)
def test_other_texts_are_no_numbers(text):
    assert not is_number(text)
    assert all(WrittenNumber(*style).read(text) is None for style in STYLES)


def test_numbers_written_in_any_style_are_read_back():
    draw = random.Random(1)
    for decimal, thousands in STYLES:
        numbers = [round(draw.uniform(-1e7, 1e7), 2) for _ in range(50)]
        texts = [f"{number:,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands) for number in numbers]
        style = find_style(texts)[0]
        assert (style.decimal, style.thousands) == (decimal, thousands)
        assert [style.read(text) for text in texts] == numbers


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"decimal": "."},
        {"decimal": ".", "thousands": ".", "unit": ""},
        {"decimal": ".", "thousands": ["x"], "unit": ""},
        {"decimal": ".", "thousands": "", "unit": "parsec"},
        {"decimal": ".", "thousands": "", "unit": "", "more": 1},
    ],
)
def test_a_foreign_config_is_refused(config):
    with pytest.raises(ValueError):
        WrittenNumber.from_config(config)


# Dates


def test_parts_are_those_of_pythons_own_calendar():
    draw = random.Random(2)
    first = datetime(1600, 1, 1)
    moments = [first + timedelta(seconds=draw.randrange(800 * 365 * 86400)) for _ in range(500)]
    seconds = np.array([(moment - datetime(1970, 1, 1)).total_seconds() for moment in moments] + [math.nan])
    parts = dates.parts(seconds, times=True)
    assert list(parts) == ["day", "month", "day of month", "weekday", "hour"]
    assert all(math.isnan(numbers[-1]) for numbers in parts.values())
    assert parts["month"][:-1].tolist() == [moment.month for moment in moments]
    assert parts["day of month"][:-1].tolist() == [moment.day for moment in moments]
    assert parts["weekday"][:-1].tolist() == [moment.isoweekday() for moment in moments]
    np.testing.assert_allclose(parts["hour"][:-1], [m.hour + m.minute / 60 + m.second / 3600 for m in moments])
    np.testing.assert_allclose(parts["day"][:-1] * 86400, seconds[:-1], atol=1e-4)
    assert list(dates.parts(seconds, times=False)) == ["day", "month", "day of month", "weekday"]


@pytest.mark.parametrize("form", [form for form in dates.FORMATS if "%z" not in form])
def test_every_format_reads_what_python_writes(form):
    draw = random.Random(form)
    moments = [datetime(1900, 1, 31) + timedelta(minutes=draw.randrange(10**8)) for _ in range(40)]
    texts = [moment.strftime(form) for moment in moments]
    expected = [(datetime.strptime(text, form) - datetime(1970, 1, 1)).total_seconds() for text in texts]
    assert [dates.read_date(text, form) for text in texts] == expected
    assert dates.find_format(texts) == (form, ())


def test_time_zones_count_from_utc():
    own = timezone(timedelta(hours=-3, minutes=-30))
    moment = datetime(2024, 5, 31, 22, 15, 30, 250000, tzinfo=own)
    expected = moment.timestamp()
    assert dates.read_date(moment.isoformat(), "") == expected == dates.second_of(moment)
    assert dates.read_date(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), "%Y-%m-%dT%H:%M:%S%z") == expected
    assert dates.find_format(["2024-05-31 10:00:00+02:00", "2024-01-01 10:00:00 UTC"])[0] == "%Y-%m-%d %H:%M:%S%z"


def test_days_come_before_months_unless_a_value_says_otherwise():
    assert dates.find_format(["01/02/2024", "13/02/2024"]) == ("%d/%m/%Y", ())
    assert dates.find_format(["01/02/2024", "02/13/2024"]) == ("%m/%d/%Y", ())
    form, notes = dates.find_format(["01/02/2024", "03/04/2024"])
    assert form == "%d/%m/%Y" and "date:%m/%d/%Y" in notes[0]
    with pytest.raises(ContradictionError) as caught:
        dates.find_format(["01/02/2024", "13/02/2024", "02/13/2024"])
    assert (caught.value.first, caught.value.second) == (1, 2)


@pytest.mark.parametrize("text", ["", "2024", "31.06.2024", "2024-02-30", "2024-05-31 25:00", "1-2", "May", "10.5.7"])
def test_other_texts_are_no_dates(text):
    assert not dates.is_date(text)


@pytest.mark.parametrize("form", ["", "%d/%m", "%d/%m/%Q", "%d/%m/%Y %Y", "%d/%m/%Y %y", "%d/%m/%Y %I", "%Y-%m-%d %"])
def test_a_format_must_tell_a_whole_date(form):
    with pytest.raises(ValueError):
        dates.check_format(form)


def test_formats_asked_for_may_be_unusual():
    dates.check_format("%d|%m|%y (100%%)")
    assert dates.read_date("02|01|70 (100%)", "%d|%m|%y (100%%)") == 86400
    assert dates.read_date("02|01|68 (100%)", "%d|%m|%y (100%%)") > 0

"""Drift: what has moved is told, with how far; what chance alone moves is not."""

import numpy as np
import polars as pl
import pytest

from pellucid import TableError
from pellucid.tables import TableModel
from pellucid.tables.drift import drift

STREETS = [f"street {number}" for number in range(60)]


def homes(rows, seed=0):
    generator = np.random.default_rng(seed)
    area = generator.lognormal(4, 0.5, rows)
    gap = generator.random(rows) < 0.2
    return pl.DataFrame(
        {
            "area": [None if missing else value for missing, value in zip(gap, area, strict=True)],
            "rooms": generator.integers(1, 4, rows),
            "city": generator.choice(["Graz", "Linz", "Wien"], rows, p=[0.6, 0.3, 0.1]),
            "garden": generator.choice(["yes", "no"], rows, p=[0.3, 0.7]),
            "street": generator.choice(STREETS, rows),
            "sold": np.datetime64("2020-01-01") + generator.integers(0, 900, rows),
            "price": area + generator.standard_normal(rows),
        }
    )


@pytest.fixture(scope="module")
def model():
    return TableModel("price", epochs=1, hidden=(4,), members=1, kinds={"rooms": "number"}).fit(homes(1000))


def told(model, frame):
    return {one.column: one for one in drift(model, frame)}


@pytest.mark.parametrize("rows", [1, 2, 10, 40, 300, 3000])
def test_a_table_like_the_one_learnt_from_has_not_drifted(model, rows):
    warned = sum(bool(drift(model, homes(rows, seed=1000 + seed))) for seed in range(60))
    assert warned <= 1


def test_neither_has_one_of_the_same_rows(model):
    assert drift(model, homes(1000)) == []
    assert drift(model, homes(1000)[:0]) == []


def test_numbers_that_moved(model):
    found = told(model, homes(500, seed=1).with_columns(area=pl.col("area") * 1.5))
    assert list(found) == ["area"]
    assert 0.15 < found["area"].distance < 0.6
    assert "'area': " in found["area"].text and "% of those learnt from" in found["area"].text
    # The share that is told is the one that can be counted, in the table and in the one learnt from.
    words = found["area"].text.split()
    share, place = float(words[1]), words.index("than") + 1 if "than" in words else words.index("or") - 1
    edge = float(words[place].rstrip(","))
    now, then = homes(500, seed=1)["area"].drop_nulls() * 1.5, homes(1000)["area"].drop_nulls()
    assert 100 * (now <= edge).mean() == pytest.approx(share, abs=0.6)
    stated = float(words[words.index("of") - 2])
    assert 100 * (then <= edge).mean() == pytest.approx(stated, abs=0.6)


def test_numbers_beyond_the_range(model):
    found = told(model, homes(400, seed=2).with_columns(rooms=pl.Series([9] * 120 + [2] * 280)))
    assert found["rooms"].text.startswith("'rooms': 30 % lie above 3, the highest value learnt from")
    found = told(model, homes(400, seed=2).with_columns(rooms=pl.lit(-4)))
    assert found["rooms"].text == "'rooms': 100 % lie below 1, the lowest value learnt from"
    assert found["rooms"].distance == 1


def test_numbers_of_which_many_are_equal(model):
    found = told(model, homes(400, seed=3).with_columns(rooms=pl.lit(2)))
    assert found["rooms"].distance == pytest.approx(0.29, abs=0.05)


def test_categories_that_moved(model):
    found = told(model, homes(400, seed=4).with_columns(city=pl.Series(["Wien"] * 300 + ["Graz"] * 100)))
    assert list(found) == ["city"]
    assert found["city"].distance == pytest.approx(0.65, abs=0.05)
    assert found["city"].text.startswith("'city': 'Wien' in 75 % of the rows, in ")
    garden = told(model, homes(400, seed=4).with_columns(garden=pl.lit("yes")))["garden"]
    assert garden.text.startswith("'garden': ") and " in 100 % of the rows" in garden.text
    streets = told(model, homes(400, seed=4).with_columns(street=pl.lit("street 7")))["street"]
    assert streets.text.startswith("'street': 'street 7' in 100 % of the rows, in ")


def test_categories_never_met(model):
    found = told(model, homes(400, seed=5).with_columns(city=pl.Series(["Paris"] * 40 + ["Graz"] * 360)))
    assert "10 % hold what was never met" in found["city"].text
    found = told(model, homes(400, seed=5).with_columns(street=pl.Series([f"way {place}" for place in range(400)])))
    assert "100 % hold what was met rarely or never" in found["street"].text


def test_gaps(model):
    found = told(model, homes(400, seed=6).with_columns(area=None))
    share = round(100 * homes(1000)["area"].is_null().mean())
    assert found["area"].text == f"'area': no value in 100 % of the rows, in {share} % of those learnt from"
    filled = homes(1500, seed=6).drop_nulls()
    assert told(model, filled)["area"].text.startswith("'area': no value in 0 % of the rows, in ")
    # Gaps alone do not move the numbers that are there.
    holes = homes(1500, seed=7).with_columns(
        area=pl.when(pl.int_range(1500) < 700).then(None).otherwise(pl.col("area"))
    )
    assert ";" not in told(model, holes)["area"].text


def test_dates_that_go_on(model):
    later = homes(400, seed=8).with_columns(pl.col("sold") + pl.duration(days=450))
    found = told(model, later)["sold"]
    assert "lie above 2022-06-" in found.text
    assert found.distance == pytest.approx(0.5, abs=0.08)


def test_the_farthest_comes_first(model):
    moved = homes(400, seed=9).with_columns(city=pl.lit("Paris"), rooms=pl.Series([9] * 100 + [2] * 300))
    found = drift(model, moved)
    assert [one.column for one in found] == ["city", "rooms"]


def test_few_rows_say_little(model):
    assert drift(model, homes(1, seed=10).with_columns(area=pl.lit(1e6))) == []
    assert drift(model, homes(30, seed=10).with_columns(area=pl.lit(1e6)))


def test_a_column_that_is_not_there(model):
    with pytest.raises(TableError, match="no column 'area'"):
        drift(model, homes(10).drop("area"))

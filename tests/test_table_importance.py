"""Permutation importance: a column that decides comes first, one that tells nothing is as good as 0."""

import numpy as np
import polars as pl
import pytest

from pellucid import TableError
from pellucid.tables import TableModel
from pellucid.tables.importance import FIGURES, importance
from pellucid.tables.target import Kind


def table(rows=600, seed=0):
    generator = np.random.default_rng(seed)
    city = generator.choice(["Graz", "Linz", "Wien"], rows)
    area, noise = generator.uniform(0, 1, rows), generator.standard_normal(rows)
    sold = np.datetime64("2024-01-01") + generator.integers(0, 365, rows)
    worth = 4.0 * (city == "Wien") + area + 0.05 * generator.standard_normal(rows)
    gap = np.where(generator.random(rows) < 0.1, None, area)
    frame = pl.DataFrame({"noise": noise, "area": gap.tolist(), "city": city, "sold": sold, "worth": worth})
    return frame.with_columns(
        dear=pl.Series(worth > 2),
        size=pl.Series(np.select([worth < 0.5, worth < 2], ["low", "middle"], "high")),
        visits=pl.Series(generator.poisson(np.exp(worth / 3))),
        many=pl.col("worth"),
    )


KINDS: dict[str, Kind] = {
    "worth": "numeric", "dear": "binary", "size": "multiclass", "visits": "count", "many": "quantiles"
}  # fmt: skip


@pytest.mark.parametrize("target", KINDS)
def test_the_column_that_decides_comes_first_and_noise_is_nothing(target):
    frame = table()
    model = TableModel(target, kind=KINDS[target], hidden=(16,), ignore=[name for name in KINDS if name != target])
    model.fit(frame, test_share=0.4)
    found = importance(model, frame, rows=model.test_rows)
    assert found[0].column == "city"
    assert sorted(one.column for one in found) == sorted(model.columns)
    assert {one.figure for one in found} == {FIGURES[KINDS[target]]}
    by_name = {one.column: one for one in found}
    for name in ("noise", "sold"):
        assert abs(by_name[name].mean) < 0.1 * by_name["city"].mean
    assert importance(model, frame, rows=model.test_rows) == found
    assert importance(model, frame, rows=model.test_rows, seed=1) != found


def test_what_a_shuffle_costs_is_what_the_rows_shuffled_by_hand_cost():
    frame = table(200).select("area", "noise", "worth")
    model = TableModel("worth", hidden=(8,), epochs=10).fit(frame)
    (one,) = (one for one in importance(model, frame, repeats=1, seed=3) if one.column == "area")
    # The first column of the model is shuffled by the first permutation that the seed gives.
    order = np.random.default_rng(3)
    for column in model.columns:
        permutation = order.permutation(200)
        if column == "area":
            break
    shuffled = frame.with_columns(area=frame["area"][permutation.tolist()])
    grown = model.evaluate(shuffled).figures["RMSE"][0] - model.evaluate(frame).figures["RMSE"][0]
    assert one.mean == pytest.approx(grown)
    assert one.std == 0


def test_what_cannot_be_done():
    frame = table(60).select("area", "worth")
    model = TableModel("worth", hidden=(4,), epochs=1).fit(frame)
    with pytest.raises(TableError, match="two rows or more, found 1"):
        importance(model, frame[:1])
    with pytest.raises(TableError, match="no column 'worth'"):
        importance(model, frame.drop("worth"))
    with pytest.raises(ValueError, match="repeats must be 1 or more"):
        importance(model, frame, repeats=0)

"""Tables, targets and settings that are odd or wrong: a right answer, or a message that says what to do."""

import copy
import datetime as dt
import math
import pickle

import numpy as np
import polars as pl
import pytest

import pellucid
from judges import judge
from pellucid import TableError
from pellucid.tables import TableModel, TabularClassifier, TabularRegressor
from pellucid.tables.kinds import Column
from pellucid.tables.learning import Recipe, _parts
from pellucid.tables.reading import to_frame
from pellucid.tables.target import Target

pd, pa = judge("pandas"), judge("pyarrow")

ROWS = 120
QUICK = {"epochs": 2, "hidden": (4,), "members": 2}
QUICK_ESTIMATOR = {"max_iter": 2, "hidden_layer_sizes": (4,), "members": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=ROWS)
Y = np.where(X > 0, "a", "b")


def table(**columns):
    return pl.DataFrame({"x": X, **columns, "y": Y})


def fitted(frame, **settings):
    return TableModel("y", **QUICK | settings).fit(frame)


def survives(model, frame, tmp_path):
    """Predictions are finite, and the same after copying, pickling, saving and loading."""
    expected = model.predict(frame)
    if model.classes_:
        chances = model.predict_proba(frame)
        assert np.isfinite(chances).all()
        assert chances.sum(axis=1) == pytest.approx(1)
    else:
        assert np.isfinite(expected).all()
    model.save(tmp_path / "model.pellucid")
    again = pellucid.load(tmp_path / "model.pellucid")
    for other in (again, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.predict(frame).tolist() == expected.tolist()
        assert (other.columns, other.left_out, other.notes) == (model.columns, model.left_out, model.notes)


SAME_TWICE = {
    "categories": lambda: table(c=["u", "v", "w"] * 40, d=["p", "q", "r"] * 40),
    "yes or no": lambda: table(c=["yes", "no"] * 60, d=[True, False] * 60),
    "dates as texts": lambda: table(
        c=[f"2024-01-{1 + row % 28:02d}" for row in range(ROWS)],
        d=[f"{1 + row % 28:02d}.01.2024" for row in range(ROWS)],
    ),
    "written numbers": lambda: table(c=["1,5 €", "2 €", "7,25 €"] * 40, d=["1.5", "2", "7.25"] * 40),
}


@pytest.mark.parametrize("build", SAME_TWICE.values(), ids=SAME_TWICE)
def test_a_model_that_left_out_the_same_column_twice_is_saved_and_loaded(build, tmp_path):
    frame = build()
    model = fitted(frame)
    survives(model, frame, tmp_path)
    assert len(model.columns) + len(model.left_out) == 3


def arrow_of_pandas():
    days = [dt.date(2024, 1, 1 + row % 28) if row % 5 else None for row in range(ROWS)]
    moments = [None if day is None else dt.datetime(day.year, day.month, day.day, 12) for day in days]
    return pd.DataFrame(
        {
            "day": pd.array(days, dtype=pd.ArrowDtype(pa.date32())),
            "moment": pd.array(moments, dtype=pd.ArrowDtype(pa.timestamp("us"))),
            "zone": pd.array([dt.datetime(2024, 1, 1, row % 24) for row in range(ROWS)], "datetime64[ns, UTC]"),
            "text": pd.array(["u", None, "v", "w"] * 30, dtype="string[pyarrow]"),
            "flag": pd.array([True, None, False, True] * 30, dtype="bool[pyarrow]"),
            "whole": pd.array([1, None, 3, 4] * 30, dtype="Int64"),
            "unused": pd.Categorical(["k", "l", None, "m"] * 30, categories=["z", "k", "l", "m"]),
            "y": Y,
        }
    )


GOOD = {
    "pandas of Arrow": arrow_of_pandas,
    "halves of the largest floats": lambda: table(c=np.where(X > 0.5, 1.2e308, 1.1e308), d=X * 1e300, e=X * 1e-300),
    "both ends of int64": lambda: table(c=pl.Series([-(2**63), 2**63 - 1, 0, 5] * 30)),
    "no value at all": lambda: table(c=[None] * ROWS, d=[""] * ROWS, e=[math.nan] * ROWS, f=["NA", "?"] * 60),
    "one category and gaps": lambda: table(c=["k", None] * 60),
    "Excel's errors": lambda: table(c=["#N/A", "#DIV/0!", "1.5", "2", "3.25", "7"] * 20),
    "spans and times of day": lambda: table(
        c=pl.Series([dt.timedelta(hours=row) for row in range(ROWS)]),
        d=pl.Series([dt.time(row % 24, 5) for row in range(ROWS)]),
    ),
    "the ends of the calendar": lambda: table(c=[dt.date(1, 1, 1), dt.date(9999, 12, 31), None] * 40),
    "a dictionary of Arrow": lambda: pa.table(
        {"x": X, "c": pa.array(["u", "v", None, "u"] * 30).dictionary_encode(), "y": Y.tolist()}
    ),
    "three rows": lambda: pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "b"]}),
    "a class of one row": lambda: pl.DataFrame({"x": X, "y": ["a"] * (ROWS - 1) + ["b"]}),
    "many classes of few rows": lambda: pl.DataFrame({"x": X, "y": [f"k{row % 50}" for row in range(ROWS)]}),
}


@pytest.mark.parametrize("build", GOOD.values(), ids=GOOD)
def test_odd_tables_are_learnt_and_the_model_is_saved_and_loaded(build, tmp_path):
    frame = build()
    survives(fitted(frame), frame, tmp_path)


BAD = {
    "one name for two inputs": (
        lambda: pl.DataFrame({"a": [1.0, None] * 60, "a is missing": X, "y": Y}),
        ["'a' and 'a is missing'", "rename"],
    ),
    "a part of a date": (
        lambda: pl.DataFrame({"a": [dt.date(2024, 1, 1 + row % 28) for row in range(ROWS)], "a: day": X, "y": Y}),
        ["'a' and 'a: day'", "rename"],
    ),
    "infinity": (lambda: table(c=[1.0] * (ROWS - 1) + [math.inf]), ["'c', row 120", "inf", "correct it"]),
    "two currencies": (lambda: table(c=["$1", "€2", "$3"] * 40), ["'$1' in row 1", "'€2' in row 2"]),
    "lists": (lambda: table(c=[[1]] * ROWS), ["'c', row 1", "list"]),
    "two columns of one name": (
        lambda: pd.DataFrame(np.c_[X, X], columns=["a", "a"]).assign(y=Y),
        ["more than one column named 'a'"],
    ),
    "one value that was asked for": (
        lambda: pl.DataFrame({"x": [3] * ROWS, "y": Y}),
        ["no column that can be learnt from", "'x'", "one value only"],
        {"kinds": {"x": "number"}},
    ),
    "target in decimal commas": (
        lambda: pl.DataFrame({"x": X, "y": [f"{x:.4f}".replace(".", ",") for x in X]}),
        ["120 of 120 rows", "row 1: '0,1257'", "write such as 1234.5"],
    ),
    "target from end to end": (lambda: pl.DataFrame({"x": X, "y": X / abs(X).max() * 1.7e308}), ["'y'", "too far"]),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_tables_that_cannot_be_learnt_from_say_why(case):
    build, told, *settings = case
    with pytest.raises(TableError) as caught:
        fitted(build(), **settings[0] if settings else {})
    for part in told:
        assert part in str(caught.value)


def test_a_median_of_huge_numbers_is_between_them():
    model = fitted(table(c=np.where(X > 0.5, 1.2e308, 1.1e308)))
    encoder = model.learnt.encoder
    place = [one.name for one in encoder.inputs].index("c")
    assert 1.1e308 <= encoder.fill[place] <= 1.2e308


def test_classes_beyond_int64_are_predicted_as_they_are():
    classes = [2**64 - 1, 2**64 - 2, 0]
    frame = pl.DataFrame({"x": X, "y": pl.Series(classes * 40, dtype=pl.UInt64)})
    model = fitted(frame, kind="multiclass")
    assert model.predict(frame).dtype == np.uint64
    assert set(model.predict(frame).tolist()) <= set(classes)
    whole = Target("y", "multiclass", "int", (-1, 0, 2**63 - 1)).labels(np.array([2, 0]))
    assert whole.tolist() == [2**63 - 1, -1]


def test_quantiles_that_are_close_have_columns_of_their_own():
    model = fitted(pl.DataFrame({"x": X, "y": X}), kind="quantiles", quantiles=(0.5, 0.5000001))
    columns = model.predict_table(pl.DataFrame({"x": X})).columns
    assert columns == ["prediction", "quantile_0.5", "quantile_0.5000001"]


def test_classes_in_two_spellings_are_noted():
    notes = fitted(pl.DataFrame({"x": X, "y": np.where(X > 0, "yes", " Yes").tolist()})).notes
    assert [note for note in notes if "' Yes' and 'yes'" in note and "spelling" in note]


@pytest.mark.parametrize("levels", [("no", "yes"), ("nein", "ja"), (False, True), (0, 1)])
@pytest.mark.parametrize(
    "cells",
    [[1, 0, None], [1.0, 0.0, None], [True, False, None], ["Yes", "no", ""], ["TRUE", "false", "?"], ["1", "0", None]],
)
def test_yes_is_yes_however_the_table_to_predict_writes_it(levels, cells):
    column = Column("c", "yes/no", levels=levels)
    series = to_frame(pl.DataFrame({"c": cells})).get_column("c")
    assert column.read(series).tolist() == pytest.approx([1, 0, math.nan], nan_ok=True)
    assert column.unseen(series).tolist() == []


def test_two_values_that_are_no_yes_and_no_are_taken_by_their_names_alone():
    column = Column("c", "yes/no", levels=("left", "right"))
    series = to_frame(pl.DataFrame({"c": ["right", "yes", "1"]})).get_column("c")
    assert column.unseen(series).tolist() == [1, 2]


@pytest.mark.parametrize("members", [2, 4, 8])
@pytest.mark.parametrize("few", [1, 2, 3])
def test_members_learn_from_most_rows_where_classes_have_few(members, few):
    codes = np.repeat(np.arange(60), few)
    learnt, held = _parts(len(codes), codes, Recipe(members=members))
    assert learnt.shape[1] >= len(codes) * (1 - 1 / members) - 1
    assert held.shape[1] == (0 if few == 1 else len(codes) // members)
    for own, other in zip(learnt, held, strict=True):
        assert not np.intersect1d(own, other).size
    assert len(np.unique(held)) == held.size
    if few > 1:  # the other rows of a class that is held out are learnt from, but for a row that is cut away
        assert min(len(np.unique(codes[own])) for own in learnt) >= 59


def test_more_members_than_rows_hold_nothing_out():
    learnt, held = _parts(50, None, Recipe(members=60))
    assert (learnt.shape, held.shape) == ((60, 49), (60, 0))


SETTINGS = {
    "hidden": (lambda: TableModel("y", hidden=8), "hidden must be a sequence, found 8"),
    "ignore": (lambda: TableModel("y", ignore=3), "ignore must be a sequence, found 3"),
    "effort": (lambda: TableModel("y", effort=[]), "effort must be one of"),
    "test_share": (lambda: TableModel("y").fit(table(), test_share="a"), "test_share must be a number, found 'a'"),
    "no test_share": (lambda: TableModel("y").fit(table(), test_share=None), "test_share must be a number"),
    "start": (lambda: TableModel("y").fit(table(), start=3), "start must be a trained TableModel, found 3"),
}


@pytest.mark.parametrize(("call", "told"), SETTINGS.values(), ids=SETTINGS)
def test_settings_of_the_wrong_type_are_named(call, told):
    with pytest.raises((TypeError, ValueError), match=told):
        call()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([500], "rows holds 500, and the table's 120 rows are numbered from 0"),
        ([-1], "rows holds -1"),
        (np.arange(ROWS) % 2 == 0, "row numbers, from 0, found bool"),
        (["a"], "row numbers"),
        ([[1]], "row numbers"),
    ],
)
def test_rows_to_judge_by_are_those_of_the_table(rows, told):
    model = fitted(table())
    with pytest.raises((TypeError, ValueError), match=told):
        model.evaluate(table(), rows=rows)
    assert model.evaluate(table(), rows=np.array([3], dtype=np.uint8)).rows == 1


# With scikit-learn's conventions


def arrays(*cells):
    return np.array(list(cells) * (ROWS // len(cells)), dtype=object)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "X must be a DataFrame or an array"),
        ({"x": X}, "found dict"),
        (pl.DataFrame({"x": X}).lazy(), "collect"),
        (np.c_[X, np.where(np.arange(ROWS) == 6, np.inf, X)], "'x1', row 7: inf"),
        (arrays([10**400, 1], [1, 2]), "'x0', row 1: 1000.* too large"),
        (arrays([{"q": 1}, "u"], [{"q": 2}, "v"]), "'x0', row 1: .*dict"),
        (pd.DataFrame(np.c_[X, X**2], columns=[0, 0]), "more than one column named 'x0'"),
    ],
    ids=["none", "dict", "lazy", "infinity", "huge", "objects", "names"],
)
def test_what_is_no_table_is_refused(given, told):
    with pytest.raises((TypeError, TableError), match=told):
        TabularClassifier(**QUICK_ESTIMATOR).fit(given, Y)


def test_gaps_of_every_make_are_gaps_in_an_array_of_objects():
    given = arrays([None, "u", 1.0], [pd.NA, "v", 2], [pd.NaT, None, math.nan], [math.nan, pd.NA, 3.5])
    given[:, 0] = np.where(np.arange(ROWS) % 8 == 0, "w", given[:, 0])
    model = TabularClassifier(**QUICK_ESTIMATOR).fit(given, Y)
    gaps = model.model_.read(pl.DataFrame({"x0": ["w", None], "x1": ["u", None], "x2": [None, 1.0]})).gaps
    assert gaps == {"x0": 1, "x1": 1, "x2": 1}
    assert model.predict(given).shape == (ROWS,)


def test_numbered_columns_are_known_by_their_number():
    frame = pd.DataFrame(np.c_[X, X**2])
    model = TabularClassifier(**QUICK_ESTIMATOR).fit(frame, Y)
    assert (model.predict_proba(frame[[1, 0]]) == model.predict_proba(frame)).all()


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (np.where(X > 0, np.nan, 1.0), r"nan in row 1; .* \(65 of 120 rows"),
        (pd.array(["a", None, "b"] * 40, dtype="string"), "in row 2; leave such rows out"),
        (pd.array([1, None, 2] * 40, dtype="Int64"), "in row 2; leave such rows out"),
        (np.array(["a", 1] * 60, dtype=object), r"1 \(int\) in row 2"),
        (["a"] * ROWS, "found one class only: 'a'"),
    ],
    ids=["nan", "string", "Int64", "mixed", "one class"],
)
def test_classes_that_cannot_be_learnt_say_why(y, told):
    with pytest.raises(ValueError, match=told):
        TabularClassifier(**QUICK_ESTIMATOR).fit(X[:, None], y)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (Y, "y must hold numbers, found 'a' in row 1"),
        (np.array([1, 10**400] * 60, dtype=object), "found 1000.* in row 2"),
        (np.arange(ROWS).astype("datetime64[D]"), "found dates or times"),
        (np.arange(ROWS).astype("timedelta64[D]"), "found dates or times"),
    ],
    ids=["text", "huge", "dates", "spans"],
)
def test_numbers_that_cannot_be_learnt_say_why(y, told):
    with pytest.raises(ValueError, match=told):
        TabularRegressor(**QUICK_ESTIMATOR).fit(X[:, None], y)


def test_classes_may_be_an_array_of_arrow():
    model = TabularClassifier(**QUICK_ESTIMATOR).fit(X[:, None], pa.array(Y.tolist()))
    assert set(model.classes_) == {"a", "b"}


@pytest.mark.slow
def test_thousands_of_columns_and_of_categories(tmp_path):
    generator = np.random.default_rng(0)
    wide = {f"c{place}": generator.normal(size=60) for place in range(2_000)}
    streets = [f"street {place}" for place in generator.integers(0, 2_000, 10_000)]
    for frame in (
        pl.DataFrame({**wide, "y": Y[:60]}),
        pl.DataFrame({"street": streets, "y": np.resize(Y, 10_000)}),
    ):
        survives(fitted(frame, epochs=1), frame, tmp_path)
        (tmp_path / "model.pellucid").unlink()

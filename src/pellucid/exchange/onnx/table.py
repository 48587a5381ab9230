"""A table model in a graph: what becomes of a row before its network, and of what the network puts out."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pellucid.exchange.onnx.graph import Inputs, Outputs, Place
from pellucid.exchange.onnx.network import write_network
from pellucid.layers.mean_of_members import MeanOfMembers
from pellucid.network import Network
from pellucid.tables.encoding import Encoder
from pellucid.tables.kinds import Column
from pellucid.tables.model import Learnt, middle

MATRIX = "x"
"""What the input is called where all columns are numbers."""
GAP_OF_DATES = -(2**63)
OUTPUTS = ("label", "probabilities", "prediction", "quantiles")
# Operators that look texts up are in a set of their own; this version is as old as the opset of the others.
LOOKING_UP, LOOKING_UP_OPSET = "ai.onnx.ml", 3

UNSEEN, GAP = -1, -2
"""Codes of what is none of a column's levels."""

DAY = 86_400  # seconds
# Years are counted from March, so that the day that some have more comes last: from 1 March of the year 0.
DAYS_BEFORE_1970 = 719_468
DAYS_OF_400_YEARS, DAYS_OF_100_YEARS, DAYS_OF_4_YEARS = 146_097, 36_524, 1_461


def is_matrix(columns: tuple[Column, ...]) -> bool:
    """Tell whether all columns hold numbers or booleans, so that one matrix can hold a row of them.

    Examples
    --------
    >>> is_matrix((Column("area", "number"), Column("new", "yes/no", levels=(False, True))))
    True
    >>> is_matrix((Column("area", "number"), Column("new", "yes/no", levels=("no", "yes"))))
    False
    """
    return all(_is_pair(column) or (column.kind == "number" and column.written is None) for column in columns)


def table_inputs(place: Place, learnt: Learnt) -> Inputs:
    """Return what the graph of a table model takes: one matrix if all columns are numbers, else one input a column."""
    columns = learnt.encoder.columns
    if is_matrix(columns):
        return {MATRIX: (np.dtype(np.float64), (len(columns),))}
    for name in OUTPUTS:  # a column of such a name is numbered
        place.graph.own_name(name)
    return {place.graph.own_name(column.name or "column"): (_dtype(column), (1,)) for column in columns}


def table_outputs(place: Place, learnt: Learnt, inputs: Inputs) -> Outputs:
    """Write a table model for these inputs, and return what it puts out."""
    doubles = replace(place, dtype=np.float64)
    x = _standardised(doubles, learnt.encoder, _filled(doubles, learnt.encoder, list(inputs)))
    # In doubles up to the first layer with parameters: a narrow bin of the encoding makes much of little.
    output = write_network(place, learnt.network, x, in_doubles=_first_with_parameters(learnt.network))  # [B,O]
    target, here = learnt.target, doubles.within("target", ())
    if not target.classes:
        return _numbers(here, learnt, here.cast(output, np.float64))
    if target.kind == "binary":
        # As in predict_proba: 1 - p would lose the digits of a small chance.
        chances = [place.add("Sigmoid", place.add("Neg", output)), place.add("Sigmoid", output)]
        probabilities = place.add("Concat", *chances, axis=1)  # [B,1], [B,1] -> [B,2]
        least = place.constant("threshold", math.log(learnt.threshold / (1 - learnt.threshold)))
        positive = place.cast(place.add("Greater", output, least), np.int64)
        code = _flat(place, positive)
    else:
        probabilities = place.add("Softmax", output, axis=-1)
        code = place.add("ArgMax", output, axis=1, keepdims=0)  # [B,C] -> [B]
    labels = target.labels(np.arange(len(target.classes)))
    return {
        "label": (place.add("Gather", place.constant("classes", labels, labels.dtype), code), labels.dtype, ()),
        "probabilities": (probabilities, np.dtype(np.float32), (len(target.classes),)),
    }


def table_facts(learnt: Learnt, inputs: Inputs) -> dict[str, str]:
    """Return what a person who finds the file will ask, as texts; lists as JSON."""
    target, columns, last = learnt.target, learnt.encoder.columns, learnt.network.layers[-1]
    facts: dict[str, object] = {
        "columns": [column.name for column in columns],
        "kinds": [column.kind for column in columns],
        "inputs": list(inputs),
        "target": target.name,
        "kind": target.kind,
    }
    if target.classes:
        facts["classes"] = target.classes
    if target.kind == "binary":
        facts["threshold"] = learnt.threshold
    if target.quantiles:
        facts["quantiles"] = target.quantiles
    if isinstance(last, MeanOfMembers) and last.of == "probabilities":
        facts["temperature"] = last.temperature
    return {
        name: fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False) for name, fact in facts.items()
    }


# From the columns to the network's inputs


def _is_pair(column: Column) -> bool:
    return column.kind == "yes/no" and column.levels == (0, 1)  # which False and True are, too


def _dtype(column: Column) -> "np.dtype[np.generic]":
    if column.kind == "date":
        return np.dtype(np.int64)
    return np.dtype(object if column.levels and isinstance(column.levels[0], str) else np.float64)


def _filled(place: Place, encoder: Encoder, names: list[str]) -> str:
    """Write the network's inputs in the columns' own units, gaps filled, and return their name: [B,S]."""
    values, gaps = [], []
    places: dict[tuple[int, str], int] = {}  # of what is told, by column and input
    for told, value, gap in _told(place, encoder, names):
        values.append(value)
        gaps.append(gap)
        for one in told:
            places[one] = len(places)
    asked = {(one.column, one.name): fill for one, fill in zip(encoder.inputs, encoder.fill, strict=True)}
    missing = place.add("Concat", *gaps, axis=1)  # [B,T]: T things told of the columns
    fill = place.constant("fill", [asked.get(one, 0.0) for one in places])  # of a date, some parts are no inputs
    filled = place.add("Where", missing, fill, place.add("Concat", *values, axis=1))
    both = place.add("Concat", filled, place.cast(missing, np.float64), axis=1)  # [B,T], [B,T] -> [B,2T]
    gap_of = {column: len(places) + at for (column, _), at in places.items()}  # of a date alike for all parts
    order = [gap_of[one.column] if one.part == "missing" else places[one.column, one.name] for one in encoder.inputs]
    return place.add("Gather", both, place.constant("inputs", order, np.int64), axis=1)  # [B,2T] -> [B,S]


def _told(place: Place, encoder: Encoder, names: list[str]) -> Iterator[tuple[list[tuple[int, str]], str, str]]:
    """Write what is told of the columns; yield which inputs it is, its name, and that of where it is missing: [B,n]."""
    columns = encoder.columns
    vectors = [one.column for one in encoder.inputs if one.part == "vector"]
    numbers = [at for at, column in enumerate(columns) if column.kind == "number"]
    pairs = [at for at, column in enumerate(columns) if _is_pair(column)]
    for together in (numbers, pairs):  # a table may have thousands
        if not together:
            continue
        if is_matrix(columns):
            x = place.add("Gather", names[0], place.constant("columns", together, np.int64), axis=1)
        else:
            x = place.add("Concat", *(names[at] for at in together), axis=1)
        gap = place.add("IsNaN", x) if together is numbers else _neither(place, x)
        yield [(at, columns[at].name) for at in together], x, gap
    done = {*numbers, *pairs}
    for at, (column, x) in enumerate(zip(columns, names, strict=False)):
        if at in done:
            continue
        own = place.within(column.name or "column", ())
        if column.kind == "date":
            gap = own.add("Equal", x, own.constant("gap", GAP_OF_DATES, np.int64))
            parts = _date(own, own.add("Where", gap, own.constant("no day", 0, np.int64), x), column.times)
            for name, part in parts.items():
                yield [(at, f"{column.name}: {name}")], part, gap
            continue
        code = _looked_up(own, column, x)
        # What is neither yes nor no, or none of a scale, is as good as nothing.
        known = own.constant("least", UNSEEN if column.kind == "category" else 0)
        gap = own.add("Less", code, known)
        # The vector 0 is that of all unseen ones.
        value = own.add("Add", code, own.constant("one", 1)) if at in vectors else code
        yield [(at, column.name)], value, gap


def _neither(place: Place, x: str) -> str:
    """Write where there is neither 0 nor 1."""
    zero, one = (place.add("Equal", x, place.constant(name, value)) for name, value in (("no", 0.0), ("yes", 1.0)))
    return place.add("Not", place.add("Or", zero, one))


def _looked_up(place: Place, column: Column, x: str) -> str:
    """Write a level's number from 0, in doubles."""
    codes = list(range(len(column.levels)))
    if isinstance(column.levels[0], str):
        found = place.add(
            "LabelEncoder",
            x,
            domain=LOOKING_UP,
            keys_strings=[*column.levels, ""],
            values_int64s=[*codes, GAP],
            default_int64=UNSEEN,
        )
        return place.cast(found, np.float64)
    levels, unseen = np.array(column.levels, dtype=np.float64), place.constant("unseen", UNSEEN)
    if (levels == np.floor(levels)).all():
        whole = place.cast(x, np.int64)
        found = place.add(
            "LabelEncoder",
            whole,
            domain=LOOKING_UP,
            keys_int64s=levels.astype(np.int64).tolist(),
            values_int64s=codes,
            default_int64=UNSEEN,
        )
        is_whole = place.add("Equal", x, place.cast(whole, np.float64))
        code = place.add("Where", is_whole, place.cast(found, np.float64), unseen)
    else:  # no operator looks up doubles
        same = place.cast(place.add("Equal", x, place.constant("levels", levels[None])), np.float64)  # [B,1] -> [B,L]
        counted = place.add("MatMul", same, place.constant("numbers", np.array(codes)[:, None] + 1))  # [B,L] -> [B,1]
        code = place.add("Add", counted, unseen)
    return place.add("Where", place.add("IsNaN", x), place.constant("gap", GAP), code)


def _date(place: Place, seconds: str, times: bool) -> dict[str, str]:
    """Write the parts of dates that are whole seconds since the beginning of 1970, and return their names.

    The calendar is worked out in whole numbers: years of twelve months from March on repeat every 400, and within one,
    months of 31 and 30 days take turns so regularly that a division tells them.
    """

    def whole(value: int) -> str:
        return place.constant("whole", value, np.int64)

    def divided(x: str, by: int) -> str:
        return place.add("Div", x, whole(by))  # of what is not negative: downwards for all runtimes

    time = place.add("Mod", seconds, whole(DAY))  # not negative, as what it is divided by
    days = divided(place.add("Sub", seconds, time), DAY)  # without a remainder
    day = place.add("Mod", place.add("Add", days, whole(DAYS_BEFORE_1970)), whole(DAYS_OF_400_YEARS))
    # Without the 29 Februaries before it, and there is one in the last year of every 4, though not of 100, but of 400.
    leaps = place.add("Sub", divided(day, DAYS_OF_4_YEARS - 1), divided(day, DAYS_OF_100_YEARS))
    leaps = place.add("Add", leaps, divided(day, DAYS_OF_400_YEARS - 1))
    year = divided(place.add("Sub", day, leaps), 365)
    before = place.add("Add", place.add("Mul", year, whole(365)), divided(year, 4))
    before = place.add("Sub", before, divided(year, 100))
    day = place.add("Sub", day, before)  # of the year, from 0
    # Five months from March, and from August, have 153 days.
    month = divided(place.add("Add", place.add("Mul", day, whole(5)), whole(2)), 153)  # from 0, March
    first = divided(place.add("Add", place.add("Mul", month, whole(153)), whole(2)), 5)
    from_january = place.add("Mod", place.add("Add", month, whole(2)), whole(12))
    # The first day of 1970 was a Thursday.
    weekday = place.add("Mod", place.add("Add", days, whole(3)), whole(7))
    one = place.constant("one", 1)
    parts = {
        "day": place.add("Div", place.cast(seconds, np.float64), place.constant("seconds of a day", DAY)),
        "month": place.add("Add", place.cast(from_january, np.float64), one),
        "day of month": place.add("Add", place.cast(place.add("Sub", day, first), np.float64), one),
        "weekday": place.add("Add", place.cast(weekday, np.float64), one),
    }
    if times:
        hour = place.constant("seconds of an hour", 3600)
        parts["hour"] = place.add("Div", place.cast(time, np.float64), hour)
    return parts


def _standardised(place: Place, encoder: Encoder, x: str) -> str:
    """Write (x - mean) / std, with 0 for the inputs that were constant, and return its name."""
    here, scaler = place.within("standardise", ()), encoder.scaler
    scaled = here.add("Div", here.add("Sub", x, here.constant("mean", scaler.mean)), here.constant("std", scaler.std))
    if not scaler.constant.any():
        return scaled
    return here.add("Where", here.constant("constant", scaler.constant, np.bool_), here.constant("zero", 0.0), scaled)


def _first_with_parameters(network: Network) -> int:
    """Return the place of the first layer that something was learnt in."""
    shapes = zip(network.layers, network.shapes, strict=False)
    return next(place for place, (layer, shape) in enumerate(shapes) if layer.parameters(shape))


# From what the network puts out to the target


def _numbers(place: Place, learnt: Learnt, output: str) -> Outputs:
    """Write a number's prediction in the target's own units, as `Learnt.in_units` has it, from doubles [B,O]."""
    target, summary = learnt.target, learnt.summary
    if target.kind == "count":
        mean = place.add("Mul", place.add("Exp", output), place.constant("mean", summary["mean"]))
        most = place.constant("most", 10 * summary["high"])
        return {"prediction": (_flat(place, place.add("Min", mean, most)), np.dtype(np.float64), ())}
    scaled = place.add("Mul", output, place.constant("std", summary["std"]))
    moved = place.add("Add", scaled, place.constant("mean", summary["mean"]))
    range_ = [place.constant(name, float(summary[name][0])) for name in ("low", "high")]
    found = place.add("Clip", moved, *range_)  # [B,O]
    if target.kind == "numeric":
        return {"prediction": (_flat(place, found), np.dtype(np.float64), ())}
    count = place.constant("count", [len(target.quantiles)], np.int64)
    in_order = place.add("TopK", found, count, unused=1, axis=1, largest=0)  # [B,Q]
    nearest = place.constant("nearest to the median", middle(target.quantiles), np.int64)
    return {
        "prediction": (place.add("Gather", in_order, nearest, axis=1), np.dtype(np.float64), ()),
        "quantiles": (in_order, np.dtype(np.float64), (len(target.quantiles),)),
    }


def _flat(place: Place, x: str) -> str:
    return place.add("Squeeze", x, place.constant("axis", [1], np.int64))  # [B,1] -> [B]

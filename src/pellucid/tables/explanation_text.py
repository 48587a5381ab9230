"""An explanation as text of at most 100 columns, and as plain values."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.insight.renderings.data import equation
from pellucid.insight.story.parts import Line

if TYPE_CHECKING:
    from pellucid.tables.explanation import Explanation

WIDTH = 96
COLUMNS_LISTED = 10
CLASSES_LISTED = 6
LONGEST_NAME = 28
BAR = 12


def summary(explanation: Explanation) -> str:
    """Return the prediction, the largest pushes, the check of their sum, and the nearest other answer."""
    blocks = [_prediction(explanation), _pushes(explanation), _check(explanation)]
    if explanation.target.classes:
        blocks.append(_change(explanation))
    return "\n\n".join(blocks)


def to_dict(explanation: Explanation) -> dict[str, Any]:
    """Return all but the trace as plain values for JSON."""
    change = explanation.change
    columns = [_column(explanation, place) for place in range(len(explanation.columns))]
    return {
        "row": explanation.row + explanation.wording.first_row,
        "target": explanation.target.name,
        "kind": explanation.target.kind,
        "prediction": _finite(explanation.prediction),
        "probabilities": [{"class": label, "probability": chance} for label, chance in explanation.probabilities],
        "network_output": explanation.trace.output[0].tolist(),
        "steps": [
            {"title": section.title, "equations": [equation(item) for item in section.items if isinstance(item, Line)]}
            for outer in explanation.story().sections
            for section in outer.everything()
        ],
        "units": explanation.units,
        "baseline": explanation.wording.baseline,
        "output_at_row": _finite(explanation.output_at_row),
        "output_at_baseline": _finite(explanation.output_at_mean),
        "columns": columns,
        "inputs": [
            {
                "input": one.name,
                "column": explanation.columns[one.column],
                "value": _finite(float(explanation.input_values[place])),
                "mean": float(explanation.scaler.mean[place]),
                "std": float(explanation.scaler.std[place]),
                "standardised": float(explanation.standardised[place]),
            }
            for place, one in enumerate(explanation.inputs)
        ],
        "remarks": list(explanation.remarks),
        "completeness_error": _finite(explanation.completeness_error),
        "nearest_change": None if change is None else dict(vars(change)),
        "unusual_columns": list(explanation.unusual),
    }


def _column(explanation: Explanation, place: int) -> dict[str, Any]:
    """Return a column's value, what is usual, and its push."""
    found = {
        "column": explanation.columns[place],
        "value": _finite(explanation.values[place]),
        "push": _finite(float(explanation.parts[place])),
    }
    if explanation.inputs:
        return found | {"usual": explanation.usual[place]}
    scaler = explanation.scaler
    return found | {
        "mean": float(scaler.mean[place]),
        "std": float(scaler.std[place]),
        "standardised": float(explanation.standardised[place]),
    }


def shown(value: Any) -> str:
    """Return a cell in a sentence or a table: texts in quotation marks, numbers rounded.

    Examples
    --------
    >>> shown("Graz"), shown(1234.5), shown(None)
    ("'Graz'", '1,234.5', 'no value')
    """
    if value is None:
        return "no value"
    return shortened(repr(value)) if isinstance(value, str) else figure(value)


def figure(value: float, digits: int = 5) -> str:
    """Return a number with so many digits that count; whole numbers and booleans as they are.

    Examples
    --------
    >>> figure(75), figure(True), figure(1234567.8), figure(0.25), figure(-1.0 / 3), figure(1e-9)
    ('75', 'true', '1,234,568', '0.25', '-0.33333', '1e-09')
    """
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if value == 0 or not 1e-4 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def printable(text: str) -> str:
    """Return a text in one line; a terminal must not obey what a name or a cell of a table holds."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def shortened(text: str) -> str:
    """Return a name in one line, cut where it is long."""
    text = printable(text)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 3]}..."


def row_name(explanation: Explanation) -> str:
    """Return what a row is called in a sentence."""
    return f"{explanation.row + explanation.wording.first_row} of {printable(explanation.source)}"


def _prediction(explanation: Explanation) -> str:
    row, name = f"Row {row_name(explanation)}", shortened(explanation.target.name)
    if not explanation.target.classes:
        lines = [f"{row}: {name} is predicted to be {figure(explanation.prediction)}."]
    elif not explanation.probabilities:
        lines = [f"{row}: {name} is predicted to be {shortened(repr(explanation.prediction))}."]
    else:
        ranked = sorted(explanation.probabilities, key=lambda each: -each[1])
        label = shortened(repr(explanation.prediction))
        chance = next(chance for own, chance in ranked if own == explanation.prediction)
        lines = [f"{row}: {name} is predicted to be {label}, with probability {_chance(chance)}."]
        named = ", ".join(f"{shortened(repr(label))} {_chance(chance)}" for label, chance in ranked[:CLASSES_LISTED])
        more = len(ranked) - CLASSES_LISTED
        lines += _wrapped(f"Probabilities: {named}{f', and {more} classes less likely' if more > 0 else ''}.")
    for remark in explanation.remarks:
        lines += _wrapped(remark)
    for column in () if explanation.inputs else explanation.unusual:
        place = explanation.columns.index(column)
        low, high = (figure(float(bound[place])) for bound in (explanation.scaler.low, explanation.scaler.high))
        lines += _wrapped(
            f"{shortened(column)} is {shown(explanation.values[place])}, far outside {explanation.wording.usual} "
            f"({low} to {high}): the prediction is a guess."
        )
    return "\n".join(lines)


def _chance(probability: float) -> str:
    return "above 0.999" if 0.9995 <= probability < 1 else figure(probability, 3)


def _pushes(explanation: Explanation) -> str:
    scaler, parts = explanation.scaler, explanation.parts
    order = np.argsort(-np.abs(parts), kind="stable")
    listed = order if len(order) <= COLUMNS_LISTED + 1 else order[:COLUMNS_LISTED]
    largest = float(np.abs(parts).max(initial=0.0))
    decimals = max(0, 3 - math.floor(math.log10(largest))) if 0 < largest < math.inf else 0
    extreme = decimals > 8 or largest >= 1e15

    def push(value: float) -> str:
        return f"{value:+.3e}" if extreme else f"{value + 0.0:+,.{decimals}f}"

    rows: list[tuple[str, ...]] = [("column", "value", "usual" if explanation.inputs else "mean", "push", "")]
    for place in listed.tolist():
        part = float(parts[place])
        if explanation.inputs:
            mean = explanation.usual[place]
        else:
            mean = "constant" if scaler.constant[place] else figure(float(scaler.mean[place]))
        name = shortened(explanation.columns[place])
        rows.append((name, shown(explanation.values[place]), mean, push(part), _bar(part, largest)))
    if len(listed) < len(order):
        rest = float(parts[order[len(listed) :]].sum())
        rows.append((f"{len(order) - len(listed)} others, together", "", "", push(rest), ""))
    means, measure = explanation.wording.means, explanation.measure
    if measure:
        those = "those" if measure == "log-odds" else "that"
        start = (
            f"How each column moved the {measure} of {shortened(repr(explanation.prediction))} from "
            f"{figure(explanation.output_at_mean)}, {those} of a row of {means}, to "
            f"{figure(explanation.output_at_row)}."
        )
        if measure == "log-odds":
            start += " (Log-odds of 0 are a probability of 0.5, +1 of 0.73, -1 of 0.27.)"
    else:
        start = (
            f"How each column moved {shortened(explanation.target.name)} from "
            f"{figure(explanation.output_at_mean)}, the "
            f"prediction for a row of {means}, to {figure(explanation.output_at_row)}:"
        )
    return "\n".join([*_wrapped(start), *_table(rows)])


def _check(explanation: Explanation) -> str:
    before, after = explanation.output_at_mean, explanation.output_at_row
    sides = f"{figure(after, 7)} - {f'({figure(before, 7)})' if before < 0 else figure(before, 7)}"
    return "\n".join(
        _wrapped(
            f"Check: the pushes add up to {figure(float(explanation.parts.sum()), 7)}; the output differs from that of "
            f"the means by {sides} = {figure(after - before, 7)}; completeness error "
            f"{explanation.completeness_error:.0e}."
        )
    )


def _change(explanation: Explanation) -> str:
    change = explanation.change
    if change is None:
        return "\n".join(
            _wrapped(
                f"No change of a single column, within {explanation.wording.range} or as far again beyond it, "
                "changes the answer."
            )
        )
    outside = ""
    if change.outside:
        assert change.low is not None
        assert change.high is not None
        outside = f" That lies outside {explanation.wording.seen} ({figure(change.low)} to {figure(change.high)})."
    before, after = change.before, change.after
    if change.low is None or before is None or isinstance(before, str) or isinstance(after, str) or after is None:
        return "\n".join(
            _wrapped(
                f"Nearest other answer: if {shortened(change.column)} were {shown(after)} instead of "
                f"{shown(before)}, the answer would be {shortened(repr(change.prediction))}."
            )
        )
    by = f"{figure(change.deviations, 2)}" if change.deviations < 0 else f"+{figure(change.deviations, 2)}"
    return "\n".join(
        _wrapped(
            f"Nearest other answer: if {shortened(change.column)} were {_apart(after, before)} instead "
            f"of {_apart(before, after)} ({by} standard deviations), the answer would be "
            f"{shortened(repr(change.prediction))}.{outside}"
        )
    )


def _apart(value: float, other: float) -> str:
    """Return a number with as many digits as tell it from the other."""
    return next((figure(value, digits) for digits in range(5, 17) if _differ(value, other, digits)), repr(value))


def _differ(value: float, other: float, digits: int) -> bool:
    # What is shown must be what was tried, or typing it in would not change the answer.
    shown = figure(value, digits)
    exact = isinstance(value, bool) or float(shown.replace(",", "")) == value
    return shown != figure(other, digits) and exact


def _bar(part: float, largest: float) -> str:
    halves = round(2 * BAR * abs(part) / largest) if 0 < largest < math.inf else 0
    full, half = divmod(halves, 2)
    if part < 0:
        return ("▐" * half + "█" * full).rjust(BAR) + "│"
    return " " * BAR + "│" + "█" * full + "▌" * half


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows of words in columns: the first to the left, the others to the right, bars as they are."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.ljust(width) if "│" in cell else cell.rjust(width)
            for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

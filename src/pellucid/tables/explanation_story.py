"""The way from a row to its prediction, every number of it: standardising, the network, and back to the units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.insight.names import Names
from pellucid.insight.story import tell
from pellucid.insight.story.parts import Item, Remark, Section, Story, line, sum_of
from pellucid.insight.terms import Add, Apply, Divide, Multiply, Negative, Number, Over, Symbol, Term
from pellucid.tables.explanation_text import COLUMNS_LISTED, printable, shortened

if TYPE_CHECKING:
    from pellucid.tables.explanation import Explanation

MEAN, STD = Symbol("mean"), Symbol("std")


def story(explanation: Explanation) -> Story:
    """Return the story of the network's prediction, with what comes before it and after it."""
    told = tell(explanation.trace)
    title = f"The prediction for row {explanation.row + 1} of {printable(explanation.source)}"
    names = Names(explanation.trace.layers)
    return Story(
        title,
        told.subject,
        told.about,
        [_standardising(explanation, names), *told.sections, _to_units(explanation, names)],
    )


def _standardising(explanation: Explanation, names: Names) -> Section:
    """Return how each column's value becomes what the network takes; of many columns, those that pushed most."""
    scaler = explanation.scaler
    order = np.argsort(-np.abs(explanation.parts), kind="stable")
    shown = order if len(order) <= COLUMNS_LISTED + 1 else order[:COLUMNS_LISTED]
    items: list[Item] = [Remark("Mean and standard deviation are those of the rows that were learnt from.")]
    for place in sorted(shown.tolist()):
        left, column = names.passing(0, (place,)), Symbol(shortened(explanation.columns[place]))
        value = float(explanation.standardised[place])
        if scaler.constant[place]:
            items.append(line(left, (), None, value, remark=f"{column.letter} had one value only, and counts nothing"))
            continue
        numbers = Divide(
            Add((Number(float(explanation.values[place])), Number(-float(scaler.mean[place])))),
            Number(float(scaler.std[place])),
        )
        items.append(line(left, (Divide(Add((column, Negative(MEAN))), STD),), numbers, value))
    if len(shown) < len(order):
        items.append(Remark(f"So do the {len(order) - len(shown)} columns that moved the prediction less."))
    return Section("Standardising", "standardising", "", items)


def _to_units(explanation: Explanation, names: Names) -> Section:
    """Return how the network's output becomes the prediction."""
    output, target = explanation.trace.output[0].tolist(), explanation.target
    last = len(explanation.trace.layers)
    symbols = [names.passing(last, (place,)) for place in range(len(output))]
    section = Section("From the output to the prediction", "prediction", "")
    if target.kind == "numeric":
        mean, std = (float(explanation.target_summary[name][0]) for name in ("mean", "std"))
        form = Add((MEAN, Multiply((STD, symbols[0]))))
        numbers: Term = Add((Number(mean), Multiply((Number(std), Number(output[0])))))
        left = Symbol(shortened(target.name))
        section.items.append(line(left, (form,), numbers, float(explanation.prediction)))
        return section
    label, chance = max(explanation.probabilities, key=lambda each: each[1])
    left = Symbol("P", "", (shortened(str(label)),))
    if target.kind == "binary":
        sign = 1.0 if label == target.classes[1] else -1.0
        one = Number(1.0)
        form_of = Divide(one, Add((one, Apply("exp", (Negative(symbols[0]) if sign > 0 else symbols[0],)))))
        numbers = Divide(one, Add((one, Apply("exp", (Number(-sign * output[0]),)))))
        section.items.append(line(left, (form_of,), numbers, chance))
        return section
    code = target.classes.index(label)
    all_outputs = Over("sum", "k", Apply("exp", (names.passing(last, ("k",)),)))
    form_of = Divide(Apply("exp", (symbols[code],)), all_outputs)
    powers = sum_of([Apply("exp", (Number(value),)) for value in output])
    numbers = Divide(Apply("exp", (Number(output[code]),)), powers)
    section.items.append(line(left, (form_of,), numbers, chance))
    return section

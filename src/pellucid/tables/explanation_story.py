"""The way from a row to its prediction, every number of it: standardising, the network, and back to the units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.insight.names import Names
from pellucid.insight.story import tell
from pellucid.insight.story.parts import Item, Remark, Section, Story, line, sum_of
from pellucid.insight.terms import Add, Apply, Divide, Multiply, Negative, Number, Over, Symbol, Term
from pellucid.tables.explanation_text import COLUMNS_LISTED, figure, row_name, shortened
from pellucid.tables.explanation_text import shown as shown_cell

if TYPE_CHECKING:
    from pellucid.tables.explanation import Explanation
    from pellucid.tables.explanation_subject import Scaling

MEAN, STD = Symbol("mean"), Symbol("std")


def story(explanation: Explanation) -> Story:
    """Return the story of the network's prediction, with what comes before it and after it."""
    told = tell(explanation.trace, unit=explanation.output)
    title = f"The prediction for row {row_name(explanation)}"
    watched = explanation.trace
    names = Names(watched.layers, watched.feature_names, watched.output_names)
    sections = [*told.sections, _to_units(explanation, names)]
    if explanation.scaling is not None:
        sections.insert(0, _standardising(explanation, explanation.scaling, names))
    return Story(title, told.subject, told.about, sections)


def _standardising(explanation: Explanation, scaling: Scaling, names: Names) -> Section:
    """Return how each value becomes what the network takes; of many, those of the columns that pushed most."""
    inputs = explanation.inputs
    called = tuple(one.name for one in inputs) or explanation.columns
    of_column = np.array([one.column for one in inputs]) if inputs else np.arange(len(called))
    order = np.argsort(-np.abs(explanation.parts[of_column]), kind="stable")
    shown = order if len(order) <= COLUMNS_LISTED + 1 else order[:COLUMNS_LISTED]
    items: list[Item] = [Remark(scaling.source)]
    shift, scale = (Symbol(name) for name in scaling.names)
    for place in sorted(shown.tolist()):
        left, column = names.passing(0, (place,)), Symbol(shortened(called[place]))
        value = float(explanation.standardised[place])
        if inputs and inputs[place].part in ("code", "vector"):
            cell = explanation.values[inputs[place].column]
            items.append(line(left, (), None, value, remark=f"the number of {shown_cell(cell)} among the categories"))
            continue
        if inputs and inputs[place].part == "missing":
            items.append(line(left, (), None, value, remark="1 where there is no value, else 0"))
            continue
        if scaling.dropped[place]:
            items.append(line(left, (), None, value, remark=f"{column.letter} had one value only, and counts nothing"))
            continue
        numbers = Divide(
            Add((Number(float(explanation.input_values[place])), Number(-float(scaling.shift[place])))),
            Number(float(scaling.scale[place])),
        )
        items.append(line(left, (Divide(Add((column, Negative(shift))), scale),), numbers, value))
    if len(shown) < len(order):
        items.append(Remark(f"So do the {len(order) - len(shown)} columns that moved the prediction less."))
    return Section("Standardising", "standardising", "", items)


def _to_units(explanation: Explanation, names: Names) -> Section:
    """Return how the network's output becomes the prediction."""
    output, target = explanation.trace.output[0].tolist(), explanation.target
    last = len(explanation.trace.layers)
    symbols = [names.passing(last, (place,)) for place in range(len(output))]
    symbol, value = symbols[explanation.output], output[explanation.output]
    section = Section("From the output to the prediction", "prediction", "")
    if not target.classes:
        form, numbers = _number(explanation, symbol, value)
        left = Symbol(shortened(target.name))
        found = float(explanation.output_at_row)
        section.items.append(line(left, (form,), numbers, found))
        if found != explanation.prediction and abs(found - explanation.prediction) > 1e-9 * abs(found):
            said = f"{figure(explanation.prediction)}, the end of the range that was learnt from"
            section.items.append(Remark(f"That is beyond all that was learnt from: the prediction is {said}."))
        return section
    if not explanation.probabilities:
        largest = target.kind == "multiclass"
        rule = "The class with the largest output is" if largest else "An output above 0 stands for"
        label = explanation.prediction if largest else target.classes[1]
        section.items.append(Remark(f"{rule} {shortened(repr(label))}."))
        return section
    label = explanation.prediction
    chance = next(chance for own, chance in explanation.probabilities if own == label)
    left = Symbol("P", "", (shortened(str(label)),))
    if target.kind == "binary":
        sign = 1.0 if label == target.classes[1] else -1.0
        one = Number(1.0)
        form_of = Divide(one, Add((one, Apply("exp", (Negative(symbol) if sign > 0 else symbol,)))))
        numbers = Divide(one, Add((one, Apply("exp", (Number(-sign * value),)))))
        section.items.append(line(left, (form_of,), numbers, chance))
        return section
    code = target.classes.index(label)
    all_outputs = Over("sum", "k", Apply("exp", (names.passing(last, ("k",)),)))
    form_of = Divide(Apply("exp", (symbols[code],)), all_outputs)
    powers = sum_of([Apply("exp", (Number(value),)) for value in output])
    numbers = Divide(Apply("exp", (Number(output[code]),)), powers)
    section.items.append(line(left, (form_of,), numbers, chance))
    return section


def _number(explanation: Explanation, symbol: Symbol, value: float) -> tuple[Term, Term]:
    """Return what makes a number of the network's output, in symbols and in figures."""
    if explanation.target.kind == "count":
        mean = float(explanation.target_summary["mean"][0])
        return Multiply((MEAN, Apply("exp", (symbol,)))), Multiply((Number(mean), Apply("exp", (Number(value),))))
    if explanation.target_summary:
        mean, std = (float(explanation.target_summary[name][0]) for name in ("mean", "std"))
        return Add((MEAN, Multiply((STD, symbol)))), Add((Number(mean), Multiply((Number(std), Number(value)))))
    if explanation.link is not None:
        return Apply("exp", (symbol,)), Apply("exp", (Number(value),))
    return symbol, Number(value)

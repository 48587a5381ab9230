"""The update: what the optimizer makes of the gradient, and where the parameters come to."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.configuration import as_code
from pellucid.insight.formulas import Index, Reader, read
from pellucid.insight.names import LOSS
from pellucid.insight.records import UpdateRecord
from pellucid.insight.story.back import followed_parameters
from pellucid.insight.story.followed import UNUSABLE, Followed
from pellucid.insight.story.forward import differing
from pellucid.insight.story.parts import DIGITS, Item, Remark, Section, line, size_of, strip
from pellucid.insight.terms import (
    Add,
    Apply,
    Derivative,
    Divide,
    Multiply,
    Negative,
    Number,
    Symbol,
    Term,
    figure,
    worked_out,
)
from pellucid.insight.worked import Worked, settings_of
from pellucid.layout import Slot
from pellucid.penalties import Penalty

STEP = Symbol("step")
GRADIENT = Symbol("g")
CLIPPED = Symbol("g", marks=1)


def of_update(way: Followed, update: UpdateRecord) -> Section:
    """Return the optimizer's part of the story: in full for the lowest layer's followed parameters."""
    section = Section(f"Update: {as_code(update.plan.optimizer)}", "update", "")
    section.items.append(
        Remark(
            f"This is update {int(update.state_before.step) + 1} (t, in formulas that need it), at the learning rate "
            f"{figure(update.rate, DIGITS)}."
        )
    )
    network = way.trace.network
    slots = {f"{network.names[slot.layer]}.{slot.name}": slot for slot in network.layout.slots}
    learning = [name for name, slot in slots.items() if network.names[slot.layer] not in network.frozen]
    if not learning:
        section.items.append(Remark("Nothing learns: there are no parameters that are not frozen."))
    told: Counter[str] = Counter()
    symbols: dict[str, Symbol] = {}
    for inner, place in way.everything():
        layer = inner.layers[place]
        symbols |= {f"{layer.name}.{name}": inner.names.of(place, name, ()) for name in layer.own(layer.parameters)}
        for name, at in [] if told else followed_parameters(inner, place):
            full = f"{layer.name}.{name}"
            if full not in slots:
                continue  # within a block of one's own that calls its parameters something else
            told[full] += 1
            section.items += _moved(inner, update, place, name, at, slots[full])
    for full in learning:
        slot = slots[full]
        if told[full] == slot.stop - slot.start:
            continue  # every value has been told
        after = update.after[slot.start : slot.stop].reshape(slot.shape)
        section.items.append(strip(_primed(symbols[full]), f"{full} after the step", after))
    assert way.trace.loss is not None
    before = way.trace.loss.value + way.trace.loss.penalty
    what = "loss" if update.plan.objective.penalty is None else "cost"
    section.items.append(
        Remark(
            f"With the new parameters the {what} of these records is {figure(update.loss_after, DIGITS)}; "
            f"it was {figure(before, DIGITS)}."
        )
    )
    return section


def _primed(symbol: Symbol) -> Symbol:
    return Symbol(symbol.letter, symbol.level, symbol.index, symbol.marks + 1)


def _moved(way: Followed, update: UpdateRecord, place: int, name: str, at: Index, slot: Slot) -> list[Item]:
    """Return the optimizer's formula for one parameter, and where the parameter comes to."""
    position = slot.start + (int(np.ravel_multi_index(at, slot.shape)) if at else 0)
    symbol = way.names.of(place, name, at)
    of_loss = Derivative(LOSS, symbol)
    gradient: Term = of_loss
    found: list[Item] = []
    penalty = update.plan.objective.penalty
    if penalty is not None and (penalty.biases or not slot.is_bias):
        value, before = float(way.layers[place].gradients[name][at]), float(update.before[position])
        form, numbers = _with_penalty(penalty, of_loss, symbol), _with_penalty(penalty, Number(value), Number(before))
        found.append(line(GRADIENT, (form,), numbers, float(update.gradient[position])))
        gradient = GRADIENT
    if not np.array_equal(update.gradient, update.clipped, equal_nan=True):
        found += _clipping(update, gradient, position)
        gradient = CLIPPED
    multiplier = float(np.broadcast_to(update.plan.rate_factors, update.before.shape)[position])
    if multiplier != 1:
        form = Multiply((Symbol("learning rate"), Symbol("multiplier")))
        product = Multiply((Number(update.rate), Number(multiplier)))
        found.append(line(Symbol("rate"), (form,), product, update.rate * multiplier))
    step = float(update.step[position])
    try:
        found += _rule(update, position, gradient, symbol)
    except UNUSABLE as problem:
        found += [Remark(f"Its formula cannot be used ({problem})."), line(STEP, (), None, step)]
    moved = Add((Number(float(update.before[position])), Number(-step)))
    found.append(line(_primed(symbol), (Add((symbol, Negative(STEP))),), moved, float(update.after[position])))
    return found


def _rule(update: UpdateRecord, position: int, gradient: Term, symbol: Symbol) -> list[Item]:
    """Return the optimizer's formula for one parameter, and whether it made the same step."""
    rule, step = update.plan.optimizer, float(update.step[position])
    if not rule.formula:
        return [line(STEP, (), None, step)]
    worked = Worked(read(rule.formula), _values(update, position), (position,))
    reader = _reader({"gradient": gradient, "theta": symbol}, worked)
    found: list[Item] = []
    numbers: Term = Number(step)
    for equation in worked.equations:
        numbers, last = worked.numbers(equation.right), equation.name == STEP.letter
        left = STEP if last else Symbol(equation.name.removesuffix("_new"), marks=int(equation.name.endswith("_new")))
        found.append(line(left, (reader.symbols(equation.right, {}),), numbers, step if last else worked_out(numbers)))
    again = worked_out(numbers)
    return [*found, *differing("Its formula gives", again, "update", step, update.step, size_of(found))]


def _clipping(update: UpdateRecord, gradient: Term, position: int) -> list[Item]:
    """Return what clipping makes of one parameter's gradient: by value first, then by length."""
    plan, whole = update.plan, update.gradient
    found: list[Item] = []
    now = Number(float(whole[position]))
    if plan.clip_value is not None:
        limit, whole = plan.clip_value, np.clip(whole, -plan.clip_value, plan.clip_value)
        form: Term = Apply("min", (Apply("max", (gradient, Negative(Symbol("clip_value")))), Symbol("clip_value")))
        numbers: Term = Apply("min", (Apply("max", (now, Number(-limit))), Number(limit)))
        found.append(line(CLIPPED, (form,), numbers, float(whole[position])))
        gradient, now = CLIPPED, Number(float(whole[position]))
    length = float(np.linalg.norm(whole.astype(np.float64)))
    if plan.clip_norm is not None and length > plan.clip_norm:
        form = Multiply((gradient, Divide(Symbol("clip_norm"), Symbol("length of all gradients"))))
        numbers = Multiply((now, Divide(Number(plan.clip_norm), Number(length))))
        found.append(line(CLIPPED, (form,), numbers, float(update.clipped[position])))
    return found


def _with_penalty(penalty: Penalty, gradient: Term, parameter: Term) -> Term:
    """Return a gradient with what the penalty adds to it: in numbers for numbers, otherwise in symbols."""

    def strength(name: str, value: float) -> Term:
        return Number(value) if isinstance(parameter, Number) else Symbol(name)

    terms = [gradient]
    if penalty.l2:
        terms.append(Multiply((strength("l2", penalty.l2), parameter)))
    if penalty.l1:
        terms.append(Multiply((strength("l1", penalty.l1), Apply("sign", (parameter,)))))
    return Add(tuple(terms))


def _reader(names: Mapping[str, Term], worked: Worked) -> Reader:
    def named(name: str, index: tuple[Any, ...]) -> Term:
        return names.get(name) or Symbol(name.removesuffix("_new"), marks=int(name.endswith("_new")))

    return Reader(named, worked.size)


def _values(update: UpdateRecord, position: int) -> dict[str, Any]:
    """Return what the names in an optimizer's formula stand for."""

    def of_parameter(factor: Any) -> float:
        return float(np.broadcast_to(factor, update.before.shape)[position])

    state = {name: value for name, value in update.state_before._asdict().items() if value is not None}
    return {
        **settings_of(update.plan.optimizer),
        **state,
        "gradient": update.clipped,
        "theta": update.before,
        "t": float(int(update.state_before.step) + 1),
        "rate": update.rate * of_parameter(update.plan.rate_factors),
        "decay": of_parameter(update.plan.decay_factors),
    }

"""The loss: how wrong the followed record is, how the losses become one number, and the gradient it sends back."""

import math
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import as_code
from pellucid.insight.formulas import TERMS_SHOWN, Index, Reader, read, read_derivative
from pellucid.insight.names import LOSS, record_loss, shown_index
from pellucid.insight.records import LossRecord
from pellucid.insight.story.followed import UNUSABLE, Followed
from pellucid.insight.story.forward import differing
from pellucid.insight.story.parts import Item, Line, Remark, Section, line, product_of, size_of, sum_of, sum_of_values
from pellucid.insight.terms import (
    Add,
    Apply,
    Derivative,
    Divide,
    Multiply,
    Number,
    Over,
    Power,
    Rest,
    Symbol,
    Term,
    worked_out,
)
from pellucid.insight.worked import Worked, settings_of
from pellucid.penalties import Penalty


def of_loss(way: Followed, found: LossRecord, penalty: Penalty | None) -> Section:
    """Return the loss's part of the story, to the gradient that it sends back."""
    section = Section(f"Loss: {as_code(found.loss)}", "loss", "")
    section.items.append(way.values("target", "", found.target))
    try:
        section.items += _formula(way, found)
    except UNUSABLE as problem:
        section.items.append(Remark(f"Its formula cannot be used ({problem})."))
        section.items.append(_bare(way, found))
    section.items += _reduced(way, found)
    if penalty is not None:
        section.items += _penalised(way, found, penalty)
    section.items += sent_back(way, found)
    return section


def _penalised(way: Followed, found: LossRecord, penalty: Penalty) -> list[Item]:
    """Return what large parameters cost, and the cost in all."""
    network = way.trace.network
    layers = [place for place in range(len(network.layers)) if place not in network._frozen_indices()]
    paying = [
        way.trace.layers[slot.layer].parameters[slot.name] for slot in network.layout.chosen(layers, penalty.biases)
    ]
    flat = np.concatenate([np.empty(0), *(array.ravel() for array in paying)]).astype(np.float64)
    terms: list[Term] = []
    numbers: list[Term] = []
    if penalty.l2:
        squares = Over("sum", "i", Power(Symbol("w", "", ("i",)), Number(2.0)))
        terms.append(Divide(Multiply((Symbol("l2"), squares)), Number(2.0)))
        numbers.append(Divide(Multiply((Number(penalty.l2), Number(float(flat @ flat)))), Number(2.0)))
    if penalty.l1:
        terms.append(Multiply((Symbol("l1"), Over("sum", "i", Apply("abs", (Symbol("w", "", ("i",)),))))))
        numbers.append(Multiply((Number(penalty.l1), Number(float(np.abs(flat).sum())))))
    price, cost = Symbol("penalty"), Add((Number(found.value), Number(found.penalty)))
    which = "all parameters" if penalty.biases else "all parameters but biases"
    return [
        line(price, (sum_of(terms or [Number(0.0)]),), sum_of(numbers or [Number(0.0)]), found.penalty, remark=which),
        line(Symbol("cost"), (Add((LOSS, price)),), cost, found.value + found.penalty),
    ]


def _formula(way: Followed, found: LossRecord) -> list[Item]:
    """Return the loss's formula for the record that is followed, and whether forward computed the same."""
    entry = _entry(way, found)
    worked = _worked(way, found, entry)
    if worked is None:
        return [_bare(way, found)]
    reader, at, value = _symbols(way, found, worked, entry), _at(worked, entry), float(found.losses[way.record][entry])
    items: list[Item] = []
    numbers: Term = Number(value)
    for equation in worked.equations:
        if not at.keys() >= set(equation.index):
            continue  # it has an index of its own: its values are worked out where they are used
        numbers = worked.numbers(equation.right, at)
        last = equation is worked.equations[-1]
        left = _own(way, found, entry) if last else Symbol(equation.name)
        forms = (reader.symbols(equation.right, at),)
        items.append(line(left, forms, numbers, value if last else worked_out(numbers)))
    again = worked_out(numbers)
    return [*items, *differing("Its formula gives", again, "forward", value, found.losses, size_of(items))]


def _bare(way: Followed, found: LossRecord) -> Line:
    """Return the followed record's loss, without formula."""
    entry = _entry(way, found)
    return line(_own(way, found, entry), (), None, float(found.losses[way.record][entry]))


def _own(way: Followed, found: LossRecord, entry: Index) -> Symbol:
    """Return the symbol of the followed record's loss."""
    index = shown_index(entry, found.losses.shape[1:])
    return record_loss(str(way.record + 1) if way.records > 1 or index else None, index)


def _reduced(way: Followed, found: LossRecord) -> list[Item]:
    """Return how the losses of all records become one number."""
    counts = np.broadcast_to(found.factor, found.losses.shape).ravel()
    losses = found.losses.ravel()
    a_record, count = math.prod(found.losses.shape[1:]), len(losses)
    letters = (("n",) if way.records > 1 or a_record > 1 else ()) + (("j",) if a_record > 1 else ())
    own = record_loss(letters[0] if letters else None, letters[1:])
    over = ",".join(letters)
    form: Term = Over("sum", over, own) if letters else own
    remark = f"over {count} losses" + (f", {a_record} a record" if a_record > 1 else "") if letters else ""
    items: list[Item] = []
    if np.all(counts == 1):
        numbers = sum_of_values(losses)
    elif _is_mean(found):
        form, numbers = Divide(form, Number(float(count))), Divide(sum_of_values(losses), Number(float(count)))
        if found.loss.scale != 1:
            scale = Number(found.loss.scale)
            form, numbers = Multiply((scale, form)), Multiply((scale, numbers))
    else:
        share = Symbol("share", "", letters)
        form = Over("sum", over, Multiply((share, own))) if letters else Multiply((share, own))
        numbers = _weighted(counts, losses)
        followed = np.broadcast_to(found.factor, found.losses.shape)[way.record][_entry(way, found)]
        in_all = "its weight" + (" over the sum of all weights" if found.loss.reduction == "mean" else "")
        in_all += f", times {found.loss.scale:g}" if found.loss.scale != 1 else ""
        symbol = Symbol("share", "", _own(way, found, _entry(way, found)).index)
        items.append(line(symbol, (), None, float(followed), remark=f"what the record counts: {in_all}"))
    return [*items, line(LOSS, (form,), numbers, found.value, remark=remark)]


def _weighted(counts: Array, losses: Array) -> Term:
    """Return the sum of each loss times what it counts; of many, the largest and what the others come to."""
    with np.errstate(invalid="ignore", over="ignore"):
        products = counts * losses
    order = np.argsort(-np.where(np.isnan(products), np.inf, np.abs(products)), kind="stable")
    shown = np.sort(order[:TERMS_SHOWN] if len(order) > TERMS_SHOWN + 1 else order)
    terms: list[Term] = [Multiply((Number(float(counts[at])), Number(float(losses[at])))) for at in shown]
    if len(shown) < len(order):
        terms.append(Rest(len(order) - len(shown), float(products[order[len(shown) :]].sum())))
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def _is_mean(found: LossRecord) -> bool:
    each = found.loss.scale * (1 / found.losses.size)
    return found.loss.reduction == "mean" and bool(np.all(np.asarray(found.factor) == each))


def _entry(way: Followed, found: LossRecord) -> Index:
    """Return which of the record's losses is followed: the only one, or that of the output unit.

    Where there are more outputs than losses (a mean and a variance for each target), they come in rows of them.
    """
    return tuple(at % size for at, size in zip(way.units[-1], found.losses.shape[1:], strict=True))


def _at(worked: Worked, entry: Index) -> dict[str, int]:
    """Return where the indices of the loss stand."""
    return dict(zip(worked.equations[-1].index, entry, strict=False))


def _worked(way: Followed, found: LossRecord, entry: Index) -> Worked | None:
    if not found.loss.formula:
        return None
    values = {**settings_of(found.loss), "output": way.trace.output[way.record], "target": found.target[way.record]}
    return Worked(read(found.loss.formula), values, entry)


def _symbols(way: Followed, found: LossRecord, worked: Worked, entry: Index) -> Reader:
    def named(name: str, index: tuple[Any, ...]) -> Term:
        if name == "output":
            return way.names.passing(len(way.trace.layers), index or entry)
        if name == "target":
            return Symbol("target", "", way.names.of_output(index or entry, found.target.shape[1:]))
        return Symbol(name, "", shown_index(index, None))

    return Reader(named, worked.size)


def sent_back(way: Followed, found: LossRecord) -> list[Item]:
    """Return the gradient with which the way back begins."""
    unit = way.units[-1]
    left = way.names.arriving(len(way.trace.layers), unit)
    value = float(found.d_output[way.record][unit])
    try:
        items = _slope(way, found, left, value)
    except UNUSABLE as problem:
        items = [Remark(f"Its derivative cannot be used ({problem})."), line(left, (), None, value)]
    return items


def _slope(way: Followed, found: LossRecord, left: Derivative, value: float) -> list[Item]:
    """Return the gradient with which the way back begins, by the loss's derivative."""
    unit, entry = way.units[-1], _entry(way, found)
    worked = _worked(way, found, entry)
    if worked is None or not found.loss.derivatives:
        return [line(left, (), None, value)]
    ((what, text),) = found.loss.derivatives.items()
    equation = read_derivative(what, text)
    at = _at(worked, entry) | dict(zip(equation.index, unit, strict=False))
    if not equation.index:
        worked.here = unit
    share = float(np.broadcast_to(found.factor, found.losses.shape)[way.record][entry])
    own = _own(way, found, entry)
    before: list[Term] = [] if share == 1 else [Number(share)]
    named: list[Term] = [Symbol("share", "", own.index)] if before else []
    if before and _is_mean(found):
        before = named = [Divide(Number(found.loss.scale), Number(float(found.losses.size)))]
    slope = Derivative(own, left.by)
    forms = (
        product_of([Derivative(LOSS, own), slope] if before else [slope]),
        product_of([*named, _symbols(way, found, worked, unit).symbols(equation.right, at)]),
    )
    numbers = product_of([*before, worked.numbers(equation.right, at)])
    items: list[Item] = [line(left, forms, numbers, value)]
    again = worked_out(numbers)
    return [
        *items,
        *differing("By its derivative the gradient is", again, "backward", value, found.d_output, size_of(items)),
    ]

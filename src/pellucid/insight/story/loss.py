"""The loss: how wrong the followed record is, how the losses become one number, and the gradient it sends back."""

import math
from typing import Any

import numpy as np

from pellucid.configuration import as_code
from pellucid.insight.formulas import Index, Reader, read, read_derivative
from pellucid.insight.names import LOSS, record_loss, shown_index
from pellucid.insight.recording import LossRecord
from pellucid.insight.story.followed import UNUSABLE, Followed
from pellucid.insight.story.forward import differing
from pellucid.insight.story.parts import Item, Line, Remark, Section, line, product_of, size_of, sum_of
from pellucid.insight.terms import Add, Derivative, Divide, Multiply, Number, Over, Symbol, Term, worked_out
from pellucid.insight.worked import Worked, settings_of


def of_loss(way: Followed, found: LossRecord) -> Section:
    """Return the loss's part of the story."""
    section = Section(f"Loss: {as_code(found.loss)}", "loss", 0)
    section.items.append(way.values("t", "", found.target))
    try:
        section.items += _formula(way, found)
    except UNUSABLE as problem:
        section.items.append(Remark(f"Its formula cannot be used ({problem})."))
        section.items.append(_bare(way, found))
    section.items.append(_reduced(found))
    if found.penalty:
        total = Add((Number(found.value), Number(found.penalty)))
        form = Add((LOSS, Symbol("penalty")))
        section.items.append(line(Symbol("cost"), (form,), total, found.value + found.penalty))
    return section


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
    return record_loss(str(way.record + 1) if way.records > 1 else None, index)


def _reduced(found: LossRecord) -> Line:
    """Return how the losses of all records become one number."""
    counts = np.broadcast_to(found.factor, found.losses.shape).ravel()
    each = [Number(float(one)) for one in found.losses.ravel()]
    own = record_loss("n" if len(each) > 1 else None)
    form: Term = Over("sum", "n", own) if len(each) > 1 else own
    if np.all(counts == 1):
        numbers = sum_of(each)
    elif _is_mean(found):
        form, numbers = Divide(form, Number(float(len(each)))), Divide(sum_of(each), Number(float(len(each))))
    else:
        share = Symbol("share", "", ("n",) if len(each) > 1 else ())
        form = Over("sum", "n", Multiply((share, own))) if len(each) > 1 else Multiply((share, own))
        numbers = sum_of([Multiply((Number(float(one)), loss)) for one, loss in zip(counts, each, strict=True)])
    a_record = math.prod(found.losses.shape[1:])
    remark = f"over {len(each)} losses" + (f", {a_record} a record" if a_record > 1 else "") if len(each) > 1 else ""
    return line(LOSS, (form,), numbers, found.value, remark=remark)


def _is_mean(found: LossRecord) -> bool:
    return found.loss.reduction == "mean" and bool(np.all(np.asarray(found.factor) == 1 / found.losses.size))


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
            return Symbol("t", "", shown_index(index or entry, found.target.shape[1:]))
        return Symbol(name, "", shown_index(index, None))

    return Reader(named, worked.size)


def sent_back(way: Followed, found: LossRecord) -> Line:
    """Return the gradient with which the way back begins."""
    try:
        return _slope(way, found)
    except UNUSABLE:  # said where the loss is told
        left = way.names.arriving(len(way.trace.layers), way.units[-1])
        return line(left, (), None, float(found.d_output[way.record][way.units[-1]]))


def _slope(way: Followed, found: LossRecord) -> Line:
    """Return the gradient with which the way back begins, by the loss's derivative."""
    unit, entry = way.units[-1], _entry(way, found)
    left = way.names.arriving(len(way.trace.layers), unit)
    value = float(found.d_output[way.record][unit])
    by: tuple[tuple[Term, str], ...] = ((left, type(found.loss).__name__),)
    worked = _worked(way, found, entry)
    if worked is None or not found.loss.derivatives:
        return line(left, (), None, value, by=by)
    ((what, text),) = found.loss.derivatives.items()
    equation = read_derivative(what, text)
    at = _at(worked, entry) | dict(zip(equation.index, unit, strict=False))
    if not equation.index:
        worked.here = unit
    share = float(np.broadcast_to(found.factor, found.losses.shape)[way.record][entry])
    before: list[Term] = [] if share == 1 else [Number(share)]
    if before and _is_mean(found):
        before = [Divide(Number(1.0), Number(float(found.losses.size)))]
    own = _own(way, found, entry)
    slope = Derivative(own, left.by)
    forms = (
        product_of([Derivative(LOSS, own), slope] if before else [slope]),
        product_of([*before, _symbols(way, found, worked, unit).symbols(equation.right, at)]),
    )
    return line(left, forms, product_of([*before, worked.numbers(equation.right, at)]), value, by=by)

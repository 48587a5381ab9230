"""The story of a trace: which record, which units, and every equation on their way; then written by `renderings`."""

from typing import TYPE_CHECKING

from pellucid.configuration import brief_code
from pellucid.insight.not_finite import NotFinite, first_not_finite
from pellucid.insight.story.back import back
from pellucid.insight.story.followed import Followed, Unit, follow
from pellucid.insight.story.forward import forward, of_input
from pellucid.insight.story.loss import of_loss
from pellucid.insight.story.parts import Line, Remark, Section, Story, Strip, is_listed
from pellucid.insight.story.update import of_update
from pellucid.insight.terms import Rest, parts_of
from pellucid.layers.chain import Chain
from pellucid.network import Network

if TYPE_CHECKING:
    from pellucid.insight.tracing import Trace

LONGEST_SUBJECT = 400
UNITS_LISTED = 16

FORWARD = "x is the input, w and b are weights and bias, z is what comes of them, a what an activation makes of z."
JOINED = "h is what a block joins."
PARTS = "dL[change]/dx is the part of dL/dx that comes back through a block's layers, dL[branch_1]/dx through a branch."
STEP_OF_ONE = "L is the loss; w1' is w1 after the step."
STEP = "L is the loss, l[n] that of record n, dL[n]/dw the part of record n in dL/dw; w1' is w1 after the step."
COUNTING = "Layers, units and records are counted from 1."
ROUNDING = "≈ stands where a line, written so, keeps fewer digits than the layer's own arithmetic."
REST = "{n others} are the n smaller terms of a sum, together."
BARS = "Bars show an array from its lowest value to its highest."

__all__ = ["Line", "Remark", "Section", "Story", "Strip", "Unit", "tell"]


def tell(trace: "Trace", record: int | None = None, unit: Unit = None) -> Story:
    """Return the story of one record on its way through one unit of each layer.

    Parameters
    ----------
    trace : Trace
    record : int, optional
        From 0; by default the first, or the first with a value that is not finite.
    unit : int or dict of str to int, optional
        A unit of the output, or units by layer, from 0. By default in each layer the one with the largest gradient,
        or in a prediction with the largest value.

    Raises
    ------
    ValueError
        If there is no such record, layer or unit.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> from pellucid.insight import trace
    >>> story = tell(trace(Network(2, [Dense(1)], seed=0), [[1.0, 2.0]]))
    >>> [section.title for section in story.sections]
    ['Input', 'dense_1: Dense(1)']
    """
    bad = first_not_finite(trace)
    if record is None:
        record = bad.record if bad is not None and bad.record is not None else 0
    way = follow(trace, record, unit)
    places = range(len(trace.layers))
    sections = [of_input(way), *(forward(way, place) for place in places)]
    if trace.loss is not None:
        penalty = None if trace.update is None else trace.update.plan.objective.penalty
        sections += [of_loss(way, trace.loss, penalty), *(back(way, place) for place in reversed(places))]
    if trace.update is not None:
        sections.append(of_update(way, trace.update))
    what = "One training step" if trace.loss is not None else "One prediction"
    return Story(what, _subject(trace.network), _about(way, sections, bad), sections)


def _subject(network: Network) -> str:
    """Return what makes the network anew; of layers that would fill a screen, only what they are."""
    text = repr(network)
    if len(text) <= LONGEST_SUBJECT:
        return text
    layers = ", ".join(brief_code(layer, longest=40) for layer in network.layers)
    return f"Network({network.inputs[0] if len(network.inputs) == 1 else network.inputs}, [{layers}], ...)"


def _about(way: Followed, sections: list[Section], bad: NotFinite | None) -> list[Remark]:
    """Return what a person needs to know before reading on, and nothing else; mark where it goes wrong."""
    items = [item for section in sections for one in section.everything() for item in one.items]
    lines = [item for item in items if isinstance(item, Line)]
    long_sums = any(isinstance(part, Rest) for one in lines if one.numbers for part in parts_of(one.numbers))
    legend = [FORWARD]
    if way.trace.loss is not None:
        legend.append(STEP if way.records > 1 else STEP_OF_ONE)
    if any(layer.inside for layer in way.layers):
        legend += [JOINED, PARTS] if way.trace.loss is not None else [JOINED]
    legend += [COUNTING]
    legend += [REST] if long_sums else []
    legend += [BARS] if any(isinstance(item, Strip) and not is_listed(item) for item in items) else []
    legend += [ROUNDING] if any(one.sign == "≈" for one in lines) else []
    about = [Remark(" ".join(legend))]
    if way.records > 1:
        about.append(Remark(f"Followed is record {way.record + 1} of {way.records}{_units(way)}."))
    elif _units(way):
        about.append(Remark(f"Followed is the way{_units(way).removeprefix(',')}."))
    if bad is not None:
        about.append(Remark(bad.text, warning=True))
        for section in sections:
            for one in section.everything():
                one.marked = (one.kind, one.layer) == bad.section
    return about


def _units(way: Followed) -> str:
    """Return the units that are followed, where layers have several."""
    chosen = []
    for inner, place in way.everything():
        layer, unit = inner.layers[place], inner.units[place]
        if layer.y[way.record].size > 1 and not isinstance(layer.layer, Chain):
            chosen.append(f"unit {','.join(str(at + 1) for at in unit)} of {layer.name}")
    listed = chosen if len(chosen) <= UNITS_LISTED else [*chosen[:UNITS_LISTED], f"{len(chosen) - UNITS_LISTED} others"]
    return f", through {', '.join(listed)}" if chosen else ""

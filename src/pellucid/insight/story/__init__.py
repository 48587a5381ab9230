"""The story of a trace: which record, which units, and every equation on their way; then written by `renderings`."""

from typing import TYPE_CHECKING

from pellucid.insight.not_finite import first_not_finite
from pellucid.insight.story.back import back
from pellucid.insight.story.followed import Unit, follow
from pellucid.insight.story.forward import forward, of_input
from pellucid.insight.story.loss import of_loss
from pellucid.insight.story.parts import Line, Remark, Section, Story, Strip
from pellucid.insight.story.update import of_update

if TYPE_CHECKING:
    from pellucid.insight.tracing import Trace

FORWARD = "x: input; w, b: weights and bias; z: what a layer with parameters gives; a: what an activation makes of it"
STEP = f"{FORWARD}; t: target; l[n]: loss of record n; L: loss; ': after the step"

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
        sections += [of_loss(way, trace.loss), *(back(way, place) for place in reversed(places))]
    if trace.update is not None:
        sections.append(of_update(way, trace.update))
    about = [Remark(f"{STEP if trace.loss is not None else FORWARD}. All are counted from 1.")]
    if way.records > 1:
        about.append(Remark(f"Record {record + 1} of {way.records} is followed."))
    if bad is not None:
        about.append(Remark(bad.text, warning=True))
        for section in sections:
            section.marked = (section.kind, section.place) == bad.section
    what = "One training step" if trace.loss is not None else "One prediction"
    return Story(f"{what} of {trace.network!r}", about, sections)

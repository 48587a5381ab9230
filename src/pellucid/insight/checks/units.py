"""Units that do not work: dead ones and saturated ones."""

from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding, counted, listed
from pellucid.insight.checks.thresholds import (
    DEAD_UNITS,
    DEAD_UNITS_PROBLEM,
    SATURATED_RECORDS,
    SATURATED_SLOPE,
    SATURATED_UNITS,
    SATURATED_UNITS_PROBLEM,
)
from pellucid.insight.records import LayerRecord


def slopes(record: LayerRecord) -> Array | None:
    """Return dy/dx of each unit for each record, or None where the layer's units depend on more than one input.

    The layer's own ``backward`` is asked twice. If each unit looks at its own input alone, its answer to some gradient
    is that gradient times the answer to ones. So it works for any layer, whatever its class.

    Examples
    --------
    >>> from pellucid import Dense, Network, Tanh
    >>> from pellucid.insight import trace
    >>> dense, tanh = trace(Network(2, [Dense(2), Tanh()], seed=0), [[0.0, 0.0]]).layers
    >>> slopes(dense), slopes(tanh)
    (None, array([[1., 1.]]))
    """
    mixes = any(array.ndim > 1 for array in record.parameters.values())  # also where the weights happen to be 0
    if record.x.shape != record.y.shape or mixes:
        return None
    some = np.random.default_rng(0).uniform(1.0, 2.0, record.y.shape).astype(record.y.dtype)
    answer, _ = record.layer.backward(record.parameters, record.cache, np.ones_like(record.y))
    other, _ = record.layer.backward(record.parameters, record.cache, some)
    alone = answer.shape == some.shape and np.allclose(other, some * answer, rtol=1e-4, atol=1e-12)
    return answer if alone else None


def _by_unit(seen: Examination) -> list[tuple[LayerRecord, Array, Array]]:
    """Return the layers that work unit by unit, each with its slopes [N, units], and where its units are off.

    The values of a channel, at all places of an image, count as one unit that has seen so many more records: behind a
    convolution they share their weights, and are dead together or not at all.
    """
    found = []
    for record in seen.prediction.everything():
        slope = None if record.inside else slopes(record)
        if slope is not None:
            units = record.y.shape[-1]
            found.append((record, slope.reshape(-1, units), _off(record, slope).reshape(-1, units)))
    if not found:
        raise CannotCheckError("no layer works unit by unit, as activations do")
    if len(seen.watched.x) < 2:
        raise CannotCheckError("one record cannot show whether a unit ever moves")
    return found


def _unit(record: LayerRecord) -> str:
    return "unit" if record.y.ndim == 2 else "channel"


def _near_0(record: LayerRecord) -> tuple[Array, dict[str, Any]]:
    """Return what a layer makes of its inputs, shrunk into -1 to 1, and what backward needs there."""
    largest = np.abs(record.x).max() or 1.0
    return record.layer.forward(record.parameters, record.x / largest, record.context)


def _slope_near_0(record: LayerRecord) -> Array:
    """Return dy/dx there."""
    near, cache = _near_0(record)
    return record.layer.backward(record.parameters, cache, np.ones_like(near))[0]


def _off(record: LayerRecord, slope: Array) -> Array:
    """Return where a unit gives 0 as a rectifier does, whose inputs could be moved and would still give 0.

    A sigmoid far below 0 gives 0 too, but not if its inputs are shrunk into -1 to 1.
    """
    near, _ = _near_0(record)
    return np.asarray((slope == 0) & (record.y == 0) & (near == 0))


def dead_units(seen: Examination) -> list[Finding]:
    """Find units that are 0 for every record and pass no gradient on, so that they can never change."""
    findings = []
    for record, slope, off in _by_unit(seen):
        dead = np.flatnonzero(off.all(axis=0))
        units, records, unit = slope.shape[1], len(record.y), _unit(record)
        if len(dead) < max(1, DEAD_UNITS * units):
            continue
        findings.append(
            Finding(
                "dead_units",
                f"{record.name}, {listed(unit, dead)}",
                "problem" if len(dead) >= DEAD_UNITS_PROBLEM * units else "warning",
                f"{len(dead)} of {counted(units, unit)} of {record.name} give 0 for all {counted(records, 'record')} "
                "and pass no gradient on.",
                "A dead unit adds nothing, and as no gradient reaches its weights it cannot recover by itself.",
                "A lower learning rate, scaled inputs, fewer units, or LeakyReLU in place of ReLU; then train anew.",
                {"layer": record.name, "units": dead, "of": units, "records": records},
            )
        )
    return findings


def saturated_units(seen: Examination) -> list[Finding]:
    """Find hidden units that sit at the flat end of their curve for nearly all records."""
    findings = []
    last = seen.network.names[-1]
    for record, slope, off in _by_unit(seen):
        if record.name == last:
            continue  # an output at its end is a sure prediction, which is what training aims at
        if np.array_equal(slope, _slope_near_0(record).reshape(slope.shape)):
            continue  # a factor for each unit, as a normalisation's in prediction, is no curve that flattens
        flat = np.abs(slope) < SATURATED_SLOPE
        share = flat.mean(axis=0)  # [units]
        # A rectifier is flat where it is off: that is what it is for.
        elsewhere = (flat & ~off).any(axis=0)
        saturated = np.flatnonzero((share >= SATURATED_RECORDS) & elsewhere)
        units, unit = slope.shape[1], _unit(record)
        if len(saturated) < max(1, SATURATED_UNITS * units):
            continue
        size = float(np.median(np.abs(slope[:, saturated])))
        findings.append(
            Finding(
                "saturated_units",
                f"{record.name}, {listed(unit, saturated)}",
                "problem" if len(saturated) >= SATURATED_UNITS_PROBLEM * units else "warning",
                f"{len(saturated)} of {counted(units, unit)} of {record.name} pass on less than "
                f"{SATURATED_SLOPE:.0%} of the gradient for at least {SATURATED_RECORDS:.0%} of the records "
                f"(median slope {size:.2g}).",
                "At the flat end of its curve a unit lets hardly any gradient through: it and the layers below learn "
                "very slowly.",
                "Scaled inputs, smaller first weights (GlorotUniform for sigmoid and tanh), or a lower learning rate.",
                {"layer": record.name, "units": saturated, "of": units, "share": share[saturated].round(3)},
            )
        )
    return findings

"""Units that do not work: dead ones and saturated ones."""

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
from pellucid.insight.recording import LayerRecord


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
    if record.x.shape != record.y.shape:
        return None
    some = np.random.default_rng(0).uniform(1.0, 2.0, record.y.shape).astype(record.y.dtype)
    answer, _ = record.layer.backward(record.parameters, record.cache, np.ones_like(record.y))
    other, _ = record.layer.backward(record.parameters, record.cache, some)
    alone = answer.shape == some.shape and np.allclose(other, some * answer, rtol=1e-4, atol=1e-12)
    return answer if alone else None


def _by_unit(seen: Examination) -> list[tuple[LayerRecord, Array, Array]]:
    """Return the layers that work unit by unit, each with its slopes [N, units], and where its units are off."""
    found = []
    for record in seen.prediction.layers:
        slope = slopes(record)
        if slope is not None:
            found.append((record, slope.reshape(len(slope), -1), _off(record, slope).reshape(len(slope), -1)))
    if not found:
        raise CannotCheckError("no layer works unit by unit, as activations do")
    if len(seen.watched.x) < 2:
        raise CannotCheckError("one record cannot show whether a unit ever moves")
    return found


def _off(record: LayerRecord, slope: Array) -> Array:
    """Return where a unit gives 0 as a rectifier does, whose inputs could be moved and would still give 0.

    A sigmoid far below 0 gives 0 too, but not if its inputs are shrunk into -1 to 1.
    """
    largest = np.abs(record.x).max() or 1.0
    near, _ = record.layer.forward(record.parameters, record.x / largest, record.context)
    return np.asarray((slope == 0) & (record.y == 0) & (near == 0))


def dead_units(seen: Examination) -> list[Finding]:
    """Find units that are 0 for every record and pass no gradient on, so that they can never change."""
    findings = []
    for record, slope, off in _by_unit(seen):
        dead = np.flatnonzero(off.all(axis=0))
        units, records = slope.shape[1], len(slope)
        if len(dead) < max(1, DEAD_UNITS * units):
            continue
        findings.append(
            Finding(
                "dead_units",
                f"{record.name}, {listed('unit', dead)}",
                "problem" if len(dead) >= DEAD_UNITS_PROBLEM * units else "warning",
                f"{len(dead)} of {counted(units, 'unit')} of {record.name} give 0 for all {counted(records, 'record')} "
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
        flat = np.abs(slope) < SATURATED_SLOPE
        share = flat.mean(axis=0)  # [units]
        # A rectifier is flat where it is off: that is what it is for.
        elsewhere = (flat & ~off).any(axis=0)
        saturated = np.flatnonzero((share >= SATURATED_RECORDS) & elsewhere)
        units = slope.shape[1]
        if len(saturated) < max(1, SATURATED_UNITS * units):
            continue
        size = float(np.median(np.abs(slope[:, saturated])))
        findings.append(
            Finding(
                "saturated_units",
                f"{record.name}, {listed('unit', saturated)}",
                "problem" if len(saturated) >= SATURATED_UNITS_PROBLEM * units else "warning",
                f"{len(saturated)} of {counted(units, 'unit')} of {record.name} pass on less than "
                f"{SATURATED_SLOPE:.0%} of the gradient for at least {SATURATED_RECORDS:.0%} of the records "
                f"(median slope {size:.2g}).",
                "At the flat end of its curve a unit lets hardly any gradient through: it and the layers below learn "
                "very slowly.",
                "Scaled inputs, smaller first weights (GlorotUniform for sigmoid and tanh), or a lower learning rate.",
                {"layer": record.name, "units": saturated, "of": units, "share": share[saturated].round(3)},
            )
        )
    return findings

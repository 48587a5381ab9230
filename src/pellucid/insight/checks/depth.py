"""What happens through the layers: values that are not finite, gradients and activations that fade or grow."""

from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.checks.examination import NOT_FINITE, Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding, counted
from pellucid.insight.checks.thresholds import ACTIVATION_RATIO, GRADIENT_RATIO, GRADIENT_RATIO_PROBLEM
from pellucid.insight.records import LayerRecord
from pellucid.layers.chain import Chain
from pellucid.layers.parallel import Parallel


def not_finite(seen: Examination) -> list[Finding]:
    """Find the first place whose values are not finite: parameters, running statistics, records, outputs, gradients."""
    remedy = "Train anew with a lower learning rate, scaled inputs or clip_norm=1.0."
    for layer, parameters in seen.network.parameters.items():
        for name, array in parameters.items():
            if not np.isfinite(array).all():
                return [_not_finite(f"{layer}.{name}", array, remedy)]
    for layer, statistics in zip(seen.network.names, seen.network.state, strict=True):
        for name, array in statistics.items():
            if not np.isfinite(array).all():
                return [_not_finite(f"the running {name} of {layer}", array, remedy)]
    if seen.records is None:
        return []
    x = seen.records.x
    if not np.isfinite(x).all():
        place = np.argwhere(~np.isfinite(x))[0]
        where = f"X, row {seen.records.rows[place[0]]}"
        where += f", {seen.column(int(place[1]))}" if x.ndim == 2 else ""
        return [_not_finite(where, x, "Leave those records out, or fill in what is missing.", "X")]
    remedy = "Scaled inputs, and a loss on logits in place of an exponential or logarithm in the network."
    found = seen.any_prediction if seen.loss is None else seen.any_step
    arrays = [(f"the output of {record.name}", record.y) for record in found.everything()]
    if found.loss is not None:
        arrays.append(("the loss", found.loss.losses))
    for record in reversed(list(found.everything())):
        own = record.own(record.gradients).items()
        arrays += [(f"the gradient of {record.name}.{name}", array) for name, array in own]
    for where, array in arrays:
        if not np.isfinite(array).all():
            return [_not_finite(where, array, remedy)]
    return []


def _not_finite(where: str, array: Array, remedy: str, whole: str = "") -> Finding:
    bad = int((~np.isfinite(array)).sum())
    verb = "is" if bad == 1 else "are"
    first = f"; the first is {where}" if whole else "; everything before is finite"
    return Finding(
        "not_finite",
        where,
        "problem",
        f"{bad:,} of {counted(array.size, 'value')} of {whole or where} {verb} not finite{first}.",
        "Everything that is computed from such a value is not a number either.",
        remedy,
        {"first": where, "values": bad, "of": array.size},
    )


def gradients_through_depth(seen: Examination) -> list[Finding]:
    """Find gradients that fade or grow on their way from the loss to the lowest layer."""
    found = [_gradients(way) for way in _ways(seen.step.layers)]
    return next((findings for findings in found if findings), [])


def _gradients(way: Sequence[LayerRecord]) -> list[Finding]:
    norms = {
        record.name: float(np.linalg.norm(record.dy))
        for record in _one_after_another(way)
        if record.parameters and record.dy is not None
    }
    if len(norms) < 2:
        raise CannotCheckError("it needs two layers that learn")
    names = list(norms)
    lowest, highest = norms[names[0]], norms[names[-1]]
    if not np.isfinite(lowest + highest):
        raise CannotCheckError(NOT_FINITE)
    if highest == 0:
        raise CannotCheckError("the gradient is 0 at the output already")
    ratio = lowest / highest
    if 1 / GRADIENT_RATIO <= ratio <= GRADIENT_RATIO:
        return []
    vanishing = ratio < 1
    size = (1 / ratio if ratio else np.inf) if vanishing else ratio
    said = f"is {size:.2g} times {'smaller' if vanishing else 'larger'} than that at {names[-1]}"
    if ratio == 0:
        said = f"is 0, and that at {names[-1]} is not"
    return [
        Finding(
            "vanishing_gradients" if vanishing else "exploding_gradients",
            f"from {names[-1]} down to {names[0]}",
            "problem" if size >= GRADIENT_RATIO_PROBLEM else "warning",
            f"The gradient that reaches {names[0]} {said} ({lowest:.2g} against {highest:.2g}).",
            "The lowest layers stand still while the highest learn."
            if vanishing
            else "One step moves the lowest layers far more than the highest: training is easily thrown off.",
            "Fewer layers, ReLU in place of sigmoid or tanh, and the start that suits it (HeNormal for ReLU, "
            "GlorotUniform for tanh)."
            if vanishing
            else "Smaller first weights (HeNormal for ReLU, GlorotUniform for tanh), scaled inputs, or clip_norm=1.0.",
            {"norms": norms},
        )
    ]


def _ways(layers: Sequence[LayerRecord]) -> list[Sequence[LayerRecord]]:
    """Return the ways through the network: one, or where all that learns stands side by side, that by each branch."""
    learning = [record for record in layers if record.parameters]
    if len(learning) == 1 and isinstance(learning[0].layer, Parallel):
        return [[branch] for branch in learning[0].inside]
    return [layers]


def _one_after_another(layers: Sequence[LayerRecord]) -> Iterator[LayerRecord]:
    """Give the layers that all that comes through must pass: those of a chain too, and other blocks as a whole.

    What fades in a branch, or in the layers that a residual block leads past, may well come through beside it.
    """
    for record in layers:
        if isinstance(record.layer, Chain):
            yield from _one_after_another(record.inside)
        else:
            yield record


def activations_through_depth(seen: Examination) -> list[Finding]:
    """Find activations whose spread over the records fades or grows from layer to layer."""
    found = [_activations(seen, way) for way in _ways(seen.prediction.layers)]
    return next((findings for findings in found if findings), [])


def _activations(seen: Examination, way: Sequence[LayerRecord]) -> list[Finding]:
    hidden = [record for record in _one_after_another(way) if record.parameters][:-1]
    if len(hidden) < 2:
        raise CannotCheckError("it needs two hidden layers")
    if len(seen.watched.x) < 2:
        raise CannotCheckError("one record has no spread")
    # What all records share carries nothing, so each unit's spread is taken over the records.
    spreads = {record.name: float(np.sqrt(record.y.var(axis=0, dtype=np.float64).mean())) for record in hidden}
    names = list(spreads)
    lowest, highest = spreads[names[0]], spreads[names[-1]]
    if lowest == 0:
        raise CannotCheckError(f"{names[0]} gives the same for every record")
    ratio = highest / lowest
    if 1 / ACTIVATION_RATIO <= ratio <= ACTIVATION_RATIO:
        return []
    shrinks = ratio < 1
    return [
        Finding(
            "activations_shrink" if shrinks else "activations_grow",
            f"from {names[0]} up to {names[-1]}",
            "warning",
            f"The outputs spread over the records by {lowest:.2g} in {names[0]} and by {highest:.2g} in {names[-1]} "
            "(standard deviations).",
            "Records that differ at the input are all but alike further up: the layers above cannot tell them apart."
            if shrinks
            else "Values that grow from layer to layer make the loss and its gradients huge.",
            "The start that suits the activation: HeNormal for ReLU, GlorotUniform for tanh; or fewer layers.",
            {"spreads": spreads},
        )
    ]

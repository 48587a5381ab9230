"""The checks of the diagnosis: each is a function of an Examination that returns what it found."""

from collections.abc import Callable

from pellucid.insight.checks import classes, columns, curves, depth, loss, records, units, updates
from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import Finding

CHECKS: dict[str, Callable[[Examination], list[Finding]]] = {
    "values that are not finite": depth.not_finite,
    "leaking columns": columns.leaking_columns,
    "rows in both parts": records.rows_in_both_parts,
    "scale of the inputs": columns.features_not_scaled,
    "learning rate too high": curves.learning_rate_too_high,
    "learning rate too low": updates.learning_rate_too_low,
    "size of updates": updates.updates_too_large,
    "dead units": units.dead_units,
    "saturated units": units.saturated_units,
    "gradients through the layers": depth.gradients_through_depth,
    "activations through the layers": depth.activations_through_depth,
    "loss at the start": loss.loss_at_start,
    "one class predicted": classes.one_class_predicted,
    "underfitting": loss.underfitting,
    "overfitting": curves.overfitting,
    "convergence": curves.not_converged,
    "constant columns": columns.constant_columns,
    "duplicate columns": columns.duplicate_columns,
    "duplicate rows": records.duplicate_rows,
    "contradicting labels": records.contradicting_labels,
    "class balance": classes.class_imbalance,
}
"""Every check by the name that a diagnosis calls it by: causes before what follows from them, the gravest first."""

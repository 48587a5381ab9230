"""What the history says: overfitting, an end too early, a learning rate too high."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding, Severity
from pellucid.insight.checks.thresholds import (
    LAST_TENTH,
    LOSS_ROSE,
    OSCILLATING_EPOCHS,
    OSCILLATION,
    OVERFITTING,
    OVERFITTING_RISE,
)


def _level_at_end(values: Array) -> float:
    """Return where a curve is at its end: the median of its last tenth, as single epochs jump."""
    return float(np.median(values[-max(1, len(values) // 10) :]))


def _level_at_start(seen: Examination, first: float) -> float:
    """Return the loss that falls and rises are measured by: the first one, or that of the best constant if higher.

    A training that goes on from an earlier one begins low already; what is noise there must not look like a fall.
    """
    try:
        constant = seen.baseline
    except CannotCheckError:
        return first
    # An epoch of a loss that is summed up adds one value a record, or more.
    return max(first, constant * (len(seen.known.x) if seen.known_loss.reduction == "sum" else 1))


def overfitting(seen: Examination) -> list[Finding]:
    """Find a validation loss that rose above its minimum while the training loss went on falling."""
    history = seen.history
    if "validation_loss" not in history:
        raise CannotCheckError(f"the history has no validation loss: {seen.words.validation} writes one")
    if history.best_epoch is not None:
        return []  # early stopping saw the minimum, and went back to it
    training, validation = history["loss"], history["validation_loss"]
    best = int(np.argmin(validation))
    lowest, now = float(validation[best]), _level_at_end(validation)
    rise, gained = now - lowest, float(validation[0]) - lowest
    falls = _level_at_end(training) < training[best]
    if not falls or rise <= max(OVERFITTING * gained, OVERFITTING_RISE * abs(lowest)):
        return []
    return [
        Finding(
            "overfitting",
            f"after epoch {best + 1}",
            "problem" if rise > gained else "warning",
            f"The validation loss was lowest in epoch {best + 1} of {len(history)} ({lowest:.4g}) and is {now:.4g} at "
            f"the end, while the training loss fell from {training[best]:.4g} to {_level_at_end(training):.4g}.",
            "The network learns its training records by heart, and gets worse for all others.",
            f"{seen.words.stopping}, fewer units, or more records.",
            {"best_epoch": best + 1, "epochs": len(history), "lowest": lowest, "at_end": now},
        )
    ]


def not_converged(seen: Examination) -> list[Finding]:
    """Find a loss that was still falling steeply when training ended."""
    history = seen.history
    name = "validation_loss" if "validation_loss" in history else "loss"
    values = history[name]
    if not np.isfinite(values).all():
        raise CannotCheckError("the history holds losses that are not finite")
    tenth = max(1, len(values) // 10)
    if history.best_epoch is not None and history.best_epoch <= len(values) - tenth:
        return []  # early stopping waited, and nothing better came
    # In noise the last tenth may well be the lowest, but not the last four in order.
    levels = [
        float(np.median(values[len(values) - (back + 1) * tenth : len(values) - back * tenth])) for back in (3, 2, 1, 0)
    ]
    before, now = levels[-2:]
    fall, last = _level_at_start(seen, float(values[0])) - now, before - now
    if (np.diff(levels) >= 0).any() or last < LAST_TENTH * fall:
        return []
    words = name.replace("_", " ")
    return [
        Finding(
            "not_converged",
            f"the last {tenth} of {len(values)} epochs",
            "warning",
            f"The last tenth of the epochs brought {last / fall:.0%} of the whole fall of the {words} (now {now:.4g}).",
            "The loss was still falling when training ended: the network could be better.",
            f"{seen.words.more_epochs}. Or a higher {seen.words.rate}.",
            {"last_tenth": last, "whole": fall, "epochs": len(values)},
        )
    ]


def learning_rate_too_high(seen: Examination) -> list[Finding]:
    """Find a loss that left the range of numbers, rose, or goes up and down."""
    fitted = seen.network.fitted
    if fitted is None or fitted.history is None:
        raise CannotCheckError("there is no history: the network was never trained")
    stopped = fitted.history.stopped
    if stopped is not None and "no longer finite" in stopped:
        return [_too_high(seen, "problem", f"Training {stopped.partition('. ')[0]}.", "training", {"stopped": stopped})]
    losses = seen.history["loss"]
    if not np.isfinite(losses).all():
        return [_too_high(seen, "problem", "The loss was not finite in some epochs.", "the loss", {})]
    first, last = float(losses[0]), _level_at_end(losses)
    evidence = {"first": first, "last": last, "lowest": float(losses.min())}
    level = abs(_level_at_start(seen, first))
    if last > first + LOSS_ROSE * level:
        said = f"The loss rose from {first:.4g} in the first epoch to {last:.4g} at the end."
        return [_too_high(seen, "problem", said, "the loss", evidence)]
    steps = np.diff(losses[len(losses) // 2 :])
    ups = steps[steps > 0]
    if len(ups) >= max(2, OSCILLATING_EPOCHS * len(steps)) and ups.mean() > OSCILLATION * level:
        said = (
            f"In the second half the loss went up in {len(ups)} of {len(steps)} epochs, by {ups.mean():.2g} on average "
            f"(first loss {first:.4g})."
        )
        return [_too_high(seen, "warning", said, "the second half of the epochs", {**evidence, "ups": len(ups)})]
    return []


def _too_high(seen: Examination, severity: Severity, measured: str, where: str, evidence: Mapping[str, Any]) -> Finding:
    words = seen.words
    return Finding(
        "learning_rate_too_high",
        where,
        severity,
        measured,
        "Steps that are too long jump over the minimum, or climb out of it.",
        f"A {words.rate} 3 to 10 times lower{words.range_of_rates}, a schedule that lowers it, or clip_norm=1.0.",
        evidence,
    )

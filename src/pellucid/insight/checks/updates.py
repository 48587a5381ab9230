"""How long the optimizer's steps are: against the weights, and against what a longer step would bring."""

import numpy as np

from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding
from pellucid.insight.checks.thresholds import (
    LONGER_STEP,
    LONGER_STEP_FALL,
    LONGER_STEP_GAIN,
    LONGER_STEPS,
    UPDATE_RATIO_LARGE,
    UPDATE_RATIO_SMALL,
)
from pellucid.insight.records import UpdateRecord
from pellucid.training.lbfgs import LBFGS


def _next_step(seen: Examination) -> tuple[UpdateRecord, dict[str, float]]:
    """Return the step that training would make next, and its length against that of each array of weights."""
    fitted = seen.network.fitted
    if fitted is None or fitted.optimizer is None:
        never = ": the network was never trained" if fitted is None else ""
        raise CannotCheckError(f"the optimizer is not known{never}")
    if isinstance(fitted.optimizer, LBFGS):
        raise CannotCheckError("L-BFGS chooses the length of its steps itself")
    if fitted.optimizer_state is None:
        # Made from an empty memory, the step would be a first one, not the next one.
        raise CannotCheckError("the optimizer's memory was not kept, and without it its next step is not known")
    update = seen.step.update
    assert update is not None
    ratios = {}
    for slot in seen.network.layout.slots:
        name, part = seen.network.names[slot.layer], slice(slot.start, slot.stop)
        size = float(np.linalg.norm(update.before[part]))
        # Biases start at 0, so their ratio says nothing.
        if name not in seen.network.frozen and not slot.is_bias and size > 0:
            ratios[f"{name}.{slot.name}"] = float(np.linalg.norm(update.step[part])) / size
    if not ratios:
        raise CannotCheckError("no weights learn")
    return update, ratios


def updates_too_large(seen: Examination) -> list[Finding]:
    """Find steps that are long against the weights that they change."""
    _, ratios = _next_step(seen)
    large = {name: ratio for name, ratio in ratios.items() if ratio > UPDATE_RATIO_LARGE}
    if not large:
        return []
    worst = max(large, key=lambda name: large[name])
    return [
        Finding(
            "updates_too_large",
            ", ".join(large),
            "problem" if large[worst] > 1 else "warning",
            f"The next step changes {worst} by {large[worst]:.0%} of its size; about 0.1% is usual, and more than "
            f"{UPDATE_RATIO_LARGE:.0%} is much.",
            "Such a step rewrites the weights rather than moves them: what was learnt is lost.",
            f"A lower {seen.words.rate}{seen.words.range_of_rates}, or clip_norm=1.0.",
            {"ratios": ratios},
        )
    ]


def learning_rate_too_low(seen: Examination) -> list[Finding]:
    """Find steps so short that one a hundred times as long, or longer, would help by as much more."""
    update, ratios = _next_step(seen)
    typical = float(np.median(list(ratios.values())))
    if typical >= UPDATE_RATIO_SMALL:
        return []
    trial, watched = seen.network.copy(), seen.watched

    def loss_after(steps: float) -> float:
        trial.theta = update.before - steps * update.step
        return seen.mean_loss(trial.predict(watched.x), watched)

    now = loss_after(0.0)
    gain = now - loss_after(1.0)
    if gain <= 0 or now - loss_after(LONGER_STEP) < LONGER_STEP_GAIN * LONGER_STEP * gain:
        return []
    gains = {times: now - loss_after(times) for times in LONGER_STEPS}
    best = max(gains, key=lambda times: gains[times] if np.isfinite(gains[times]) else -np.inf)
    if gains[best] < LONGER_STEP_FALL * abs(now):
        return []
    return [
        Finding(
            "learning_rate_too_low",
            "the next step",
            "warning",
            f"The next step changes the weights by {typical:.1e} of their size and lowers the loss ({now:.4g}) by "
            f"{gain:.2g}; one {best:,.0f} times as long would lower it by {gains[best]:.2g}.",
            "Training takes many times as many epochs as it needs.",
            f"A {seen.words.rate} at least 10 times higher{seen.words.range_of_rates}.",
            {"ratios": ratios, "loss": now, "gain": gain, "times": best, "longer_gain": gains[best]},
        )
    ]

"""What the loss says by itself: at the start, and against the best that a constant could do."""

import numpy as np

from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding
from pellucid.insight.checks.thresholds import (
    START_LOSS_CLASSES,
    START_LOSS_OTHERS,
    START_LOSS_PROBLEM,
    UNDERFITTING,
    WORSE_THAN_CONSTANT,
)
from pellucid.network import Network


def loss_at_start(seen: Examination) -> list[Finding]:
    """Find a first loss far above what a network that knows nothing should have.

    For classes from logits that is the loss of all logits 0: log C for C classes. For others it is the loss of the best
    constant: the variance of y for the squared error. The start of a trained network is made again from its
    configuration and seed.
    """
    known, network = seen.known, seen.network
    if network.fitted is not None:
        network = Network(**network.config)
    seen.check_not_negative()
    found = seen.mean_loss(network.predict(known.x), known)
    logits = bool(seen.known_loss.from_logits)
    if logits:
        expected, limit = seen.mean_loss(np.zeros((1, network.outputs[0]), network.dtype), known), START_LOSS_CLASSES
        what = "that of equal chances"
    else:
        expected, limit, what = seen.baseline, START_LOSS_OTHERS, "that of the best constant output"
    if found <= limit * expected:
        return []
    made_again = "" if seen.network.fitted is None else " (made again from its configuration and seed)"
    return [
        Finding(
            "start_loss_too_high",
            "the start",
            "problem" if not found <= START_LOSS_PROBLEM * expected else "warning",
            f"The loss of the untrained network{made_again} is {found:.4g}, {found / expected:.2g} times {what} "
            f"({expected:.4g}).",
            "A network that knows nothing should not be sure of anything: its first epochs undo the start."
            if logits
            else "What the network puts out has another scale than the target: its first epochs undo the start.",
            "Scaled inputs, or smaller first weights."
            if logits
            else "A standardised target, or an output bias that starts at the target's mean; scaled inputs.",
            {"loss": found, "expected": expected},
        )
    ]


def underfitting(seen: Examination) -> list[Finding]:
    """Find a trained network that is hardly better than the best constant output, or worse."""
    if seen.network.fitted is None:
        raise CannotCheckError("the network was never trained")
    seen.check_not_negative()
    found, baseline = seen.mean_loss(seen.output, seen.known), seen.baseline
    if found <= UNDERFITTING * baseline:
        return []
    worse = found > WORSE_THAN_CONSTANT * baseline
    return [
        Finding(
            "underfitting",
            "the loss",
            "problem" if worse else "warning",
            f"The loss is {found:.4g}; an output that is the same for every record would have {baseline:.4g}.",
            "The network is worse than one that ignores its inputs."
            if worse
            else "The network has learnt hardly anything from its inputs.",
            f"More epochs, another {seen.words.rate}{seen.words.range_of_rates}, scaled inputs, a wider network, "
            "less penalty; or the inputs say little about the target.",
            {"loss": found, "baseline": baseline},
        )
    ]

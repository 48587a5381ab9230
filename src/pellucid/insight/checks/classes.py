"""Classes: one that is rare, and a network that always predicts the same one."""

import numpy as np

from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding
from pellucid.insight.checks.thresholds import SMALLEST_CLASS


def class_imbalance(seen: Examination) -> list[Finding]:
    """Find a class with far fewer records than an equal share, unless weights make up for it."""
    classes, known = seen.classes, seen.known
    shares = np.bincount(classes, minlength=seen.class_count) / len(classes)
    rare = int(np.argmin(shares))
    if shares[rare] * seen.class_count >= SMALLEST_CLASS:
        return []
    if known.weights is not None or getattr(seen.known_loss, "class_weights", None) is not None:
        return []  # somebody has thought of it
    return [
        Finding(
            "class_imbalance",
            f"class {rare}",
            "warning",
            f"Class {rare} has {shares[rare]:.2%} of the records; always predicting class {int(shares.argmax())} would "
            f"be right for {shares.max():.1%}.",
            "Accuracy looks high whatever the network does for the rare class, which hardly counts in the loss.",
            f"Class weights ({seen.words.class_weights}), and balanced accuracy, F1 or AUC in place of accuracy.",
            {"shares": shares},
        )
    ]


def one_class_predicted(seen: Examination) -> list[Finding]:
    """Find a trained network that predicts the same class for every record, though there are several."""
    if seen.network.fitted is None:
        raise CannotCheckError("the network was never trained")
    classes, output = seen.classes, seen.output
    if len(np.unique(classes)) < 2:
        raise CannotCheckError("all records are of one class")
    if output.shape[1] == 1:
        # A logit, and the hinge's margin, says yes above 0; what is a probability already, above a half.
        name = type(seen.known_loss).__name__
        limit = 0.0 if seen.known_loss.from_logits or name == "Hinge" else 0.5
        predicted = (output[:, 0] > limit).astype(int)
    else:
        predicted = output.argmax(axis=1)
    if (predicted != predicted[0]).any():
        return []
    one = int(predicted[0])
    return [
        Finding(
            "one_class_predicted",
            "the output",
            "problem",
            f"The network predicts class {one} for all {len(classes):,} records; {np.mean(classes == one):.1%} are of "
            "that class.",
            "Such a network knows nothing of the other classes, whatever its accuracy.",
            "Class weights if the other classes are rare; otherwise scaled inputs, and another learning rate.",
            {"class": one, "share": float(np.mean(classes == one))},
        )
    ]

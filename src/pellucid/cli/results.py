"""How good a model's predictions are, as a person and as a machine reads it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import metrics
from pellucid.cli.screen import show, show_table
from pellucid.tables.description import describe_baseline, figure_text, what_is_best
from pellucid.tables.reading import to_frame
from pellucid.tables.wording import shown

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables import TableModel
    from pellucid.tables.evaluation import Evaluation

MOST_CLASSES_CONFUSED = 10
LONGEST_LABEL = 16


def show_figures(model: "TableModel", evaluation: "Evaluation") -> None:
    """Print the figures beside those of someone who never looked at the inputs."""
    rows = [("", "model", "baseline", "")]
    for name, values in evaluation.figures.items():
        own, baseline = (figure_text(name, value) for value in values)
        rows.append((name, own, baseline, what_is_best(model, name)))
    show_table(rows, right=(1, 2))
    show((f"  baseline: {describe_baseline(model)}", "dim"))


def show_worst(model: "TableModel", evaluation: "Evaluation") -> None:
    """Print the rows that were predicted worst."""
    numbers = not model.classes_
    all_right = not numbers and all(worst.true == worst.predicted for worst in evaluation.worst)
    title = "No row was predicted wrong; least sure were" if all_right else "Predicted worst"
    show((title, "bold"), " (row 1 is the first below the column names):")
    rows = [("row", "true", "predicted", "off by" if numbers else "how sure")]
    for worst in evaluation.worst:
        sure = f"{'+' if worst.sure > 0 else ''}{shown(float(worst.sure))}" if numbers else f"{100 * worst.sure:.1f} %"
        rows.append((str(worst.row + 1), shown(worst.true), shown(worst.predicted), sure))
    show_table(rows, right=(0, 1, 2, 3) if numbers else (0, 3))


def confusion(model: "TableModel", frame: "pl.DataFrame", rows: Any, source: str) -> list[list[int]] | None:
    """Return how many rows of each class were taken for each, [C][C]; None for numbers and for a great many classes."""
    if not 2 <= len(model.classes_) <= MOST_CLASSES_CONFUSED:
        return None
    target, codes = model.learnt.target, np.arange(len(model.classes_))
    places = {label: place for place, label in enumerate(model.classes_)}
    said = np.array([places[label] for label in model.predict(frame, source=source).tolist()], dtype=np.intp)
    found = metrics.confusion_matrix(target.encode(to_frame(frame), source)[rows], said[rows], labels=codes)
    counts: list[list[int]] = found.tolist()
    return counts


def show_confusion(model: "TableModel", counts: list[list[int]]) -> None:
    """Print how many rows of each class were taken for each."""
    labels = [shown(label) for label in model.classes_]
    labels = [label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 3]}..." for label in labels]
    show(("Classes", "bold"), " (a row for each true class, a column for each predicted one):")
    rows = [("true", *labels), *((label, *map(_count, own)) for label, own in zip(labels, counts, strict=True))]
    show_table(rows, right=range(1, len(labels) + 1))


def _count(count: int) -> str:
    return f"{count:,}"


def figures_for_machines(evaluation: "Evaluation") -> dict[str, dict[str, float]]:
    """Return the figures by name."""
    return {name: {"model": own, "baseline": other} for name, (own, other) in evaluation.figures.items()}


def worst_for_machines(evaluation: "Evaluation") -> list[dict[str, Any]]:
    """Return the rows predicted worst, from 1."""
    return [vars(worst) | {"row": worst.row + 1} for worst in evaluation.worst]


def target_for_machines(model: "TableModel") -> dict[str, Any]:
    """Return what is known of the target."""
    target, summary = model.learnt.target, model.learnt.summary
    found: dict[str, Any] = {"name": target.name, "kind": target.kind}
    if target.classes:
        shares = summary["shares"].tolist()
        return found | {"classes": list(target.classes), "shares": shares, "threshold": model.learnt.threshold}
    found |= {name: float(summary[name][0]) for name in ("low", "mean", "high")}
    return found | ({"quantiles": list(target.quantiles)} if target.quantiles else {})

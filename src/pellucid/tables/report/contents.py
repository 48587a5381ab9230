"""What a report says: every figure and sentence, before it is set."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from pellucid._version import __version__
from pellucid.layers.mean_of_members import MeanOfMembers
from pellucid.tables.description import (
    describe_baseline,
    describe_network,
    describe_target,
    described,
    figure_text,
    what_is_best,
)
from pellucid.tables.diagnosis import diagnose_table
from pellucid.tables.evaluation import Crossed, Evaluation, Rows, choice
from pellucid.tables.importance import MOST_ROWS, Importance, importance
from pellucid.tables.model import TableModel
from pellucid.tables.report import drawings
from pellucid.tables.scaler import Numbers
from pellucid.tables.wording import percent, shown

MOST_COLUMNS = 60
MOST_LEVELS = 6
MOST_CELLS = 12
SHUFFLES = 5
_FOLDS = "each was predicted by a model that had not seen it, in a cross-validation with {} folds"

Table = list[list[str]]


def contents(
    model: TableModel,
    frame: nw.DataFrame[Any],
    rows: Rows,
    judged_by: str,
    folds: Crossed | None,
    source: str,
    command: Sequence[str],
    weights: str | None,
) -> dict[str, Any]:
    """Return what the page is made of; the arguments are those of `pellucid.tables.report.write_report`."""
    learnt = model.learnt
    read, y = model.read(frame, source=source), learnt.target.encode(frame, source)
    output = model._output(read, source)
    if folds is not None:
        judged_by = _FOLDS.format(folds.folds)
    evaluation = learnt.judged(y[rows], output[rows], rows) if folds is None else folds.evaluation
    # One row has nothing to be shuffled with.
    important = importance(model, frame, rows=rows, repeats=SHUFFLES, source=source) if len(rows) > 1 else []
    columns = _columns(model, [one.column for one in important])
    said: dict[str, Any] = {
        "title": f"A model of {model.target}",
        "source": source,
        "target": describe_target(model),
        "judged_by": judged_by,
        "judged": evaluation.rows,
        "rows": len(frame),
        "learnt_rows": model.split.rows - model.split.test_rows,
        "verdict": _verdict(evaluation),
        "verdict_on": f"{evaluation.rows:,} row{'s' * (evaluation.rows != 1)}: {judged_by}",
        "shares": _shares(model, y),
        "columns": columns[:MOST_COLUMNS],
        "more_columns": columns[MOST_COLUMNS:],
        "left_out": [[name, reason] for name, reason in model.left_out.items()],
        "notes": list(model.notes),
        "curves": drawings.curves(model.history),
        "stopped": model.history.stopped or "",
        "figures": _figures(model, evaluation),
        "baseline": describe_baseline(model),
        "importance": _importance(important),
        "importance_of": important[0].figure if important else "",
        "importance_rows": f"{min(len(rows), MOST_ROWS):,} of the {'rows learnt from' if folds else 'rows above'}",
        "shuffles": SHUFFLES,
        "bars": drawings.bars(important) if important else None,
        "worst": _worst(model, frame, evaluation, [one.column for one in important]),
        "diagnosis": diagnose_table(model, frame, source=source),
        "network": _network(model),
        "again": _again(model, source, command, weights, folds is not None),
    }
    if folds is not None:
        rows = np.arange(len(frame))
    if model.classes_:
        chances = learnt.probabilities(output[rows]) if folds is None else folds.chances
        predicted = choice(output[rows], learnt.threshold) if folds is None else folds.predicted
        assert chances is not None
        return said | _of_classes(model, y[rows], predicted, chances)
    return said | _of_numbers(model, y[rows], model._answers(output[rows]) if folds is None else folds.predicted)


def _verdict(evaluation: Evaluation) -> str:
    """Return the first figure beside that of someone who never looked."""
    name = next(iter(evaluation.figures))
    own, baseline = (figure_text(name, value) for value in evaluation.figures[name])
    return f"{name} {own}, against {baseline} without looking at the columns"


def _figures(model: TableModel, evaluation: Evaluation) -> Table:
    return [
        [name, *(figure_text(name, value) for value in values), what_is_best(model, name)]
        for name, values in evaluation.figures.items()
    ]


def _shares(model: TableModel, y: Any) -> Table:
    """Return how the target is distributed: the classes, or the eighths of the rows learnt from."""
    if model.classes_:
        counts = np.bincount(y, minlength=len(model.classes_))
        found = zip(model.classes_, counts.tolist(), strict=True)
        return [[shown(label), f"{count:,}", percent(count / max(len(y), 1)) or "0 %"] for label, count in found]
    summary = model.learnt.summary
    return [[f"{100 * place / 8:g} %", shown(float(value))] for place, value in enumerate(summary["eighths"])]


def _columns(model: TableModel, order: Sequence[str]) -> Table:
    """Return what is known of each column, the important ones first."""
    learnt = model.learnt
    found = {}
    for place, one in enumerate(described(learnt.encoder)):
        if one["kind"] in ("number", "date"):
            low, high = (each if isinstance(each, str) else shown(each) for each in (one["low"], one["high"]))
            values = " ".join(filter(None, [f"{low} to {high}", one.get("unit", "")]))
        else:
            values = _levels(learnt.encoder.shares[learnt.encoder.first_input(place)], one["levels"])
        found[one["name"]] = [one["name"], one["kind"], values, percent(one["gaps"]), "; ".join(one["notes"])]
    return [found[name] for name in [*order, *(name for name in found if name not in order)]]


def _levels(shares: Numbers, levels: Sequence[Any]) -> str:
    """Return the most frequent categories with their shares."""
    if not len(shares):
        return ", ".join(map(shown, levels[:MOST_LEVELS]))
    if len(shares) > len(levels):  # the first stands for all without a vector of their own
        shares = shares[1:]
    order = np.argsort(-shares, kind="stable")[:MOST_LEVELS].tolist()
    listed = ", ".join(f"{shown(levels[place])} {percent(float(shares[place])) or '0 %'}" for place in order)
    more = len(levels) - len(order)
    return f"{listed}, and {more:,} more" if more else listed


def _importance(found: Sequence[Importance]) -> Table:
    return [[one.column, f"{one.mean:.4g}", f"{one.std:.2g}"] for one in found]


def _worst(model: TableModel, frame: nw.DataFrame[Any], evaluation: Evaluation, order: Sequence[str]) -> dict[str, Any]:
    """Return the rows predicted worst with their cells, the important columns first."""
    names = list(order or model.columns)[:MOST_CELLS]
    numbers = not model.classes_
    lines = []
    for worst in evaluation.worst:
        sure = f"{'+' if worst.sure > 0 else ''}{shown(float(worst.sure))}" if numbers else f"{100 * worst.sure:.1f} %"
        cells = [frame.get_column(name)[worst.row : worst.row + 1].to_list()[0] for name in names]
        lines.append(
            [
                f"{worst.row + 1:,}",
                shown(worst.true),
                shown(worst.predicted),
                sure,
                *("" if cell is None else shown(cell) if isinstance(cell, float) else str(cell) for cell in cells),
            ]
        )
    heads = ["row", f"true {model.target}", "predicted", "off by" if numbers else "how sure", *names]
    return {"heads": heads, "lines": lines}


def _of_classes(model: TableModel, codes: Rows, predicted: Rows, chances: Numbers) -> dict[str, Any]:
    counts = np.zeros((len(model.classes_),) * 2, dtype=int)
    np.add.at(counts, (codes, predicted), 1)
    names = [shown(label) for label in model.classes_]
    few = len(names) <= drawings.MOST_CLASSES
    return {
        "how_good": drawings.confused(model, codes, predicted),
        "confusion": {"heads": names, "lines": [[f"{count:,}" for count in own] for own in counts.tolist()]}
        if few
        else None,
        "calibration": drawings.calibrated(model, codes, chances),
    }


def _of_numbers(model: TableModel, y: Numbers, found: Numbers) -> dict[str, Any]:
    return {
        "how_good": drawings.off(model, y, found),
        "confusion": None,
        "calibration": drawings.beside(model, y, found),
    }


def _network(model: TableModel) -> list[tuple[str, str]]:
    network, learnt = model.network, model.learnt
    joined = network.layers[-1]
    said = [("network", describe_network(network)), ("parameters", f"{network.theta.size:,}")]
    if isinstance(joined, MeanOfMembers):
        said.append(("members", f"{joined.members}, joined by the mean of their {joined.of}"))
        if joined.temperature != 1:
            said.append(("temperature", f"{joined.temperature:.4g}, by which logits are divided"))
    if model.kind == "binary":
        said.append(("threshold", f"{model.classes_[1]} is predicted from a probability of {learnt.threshold:.4g} on"))
    said.append(("layers", " → ".join(type(layer).__name__ for layer in network.layers)))
    return said


def _again(
    model: TableModel, source: str, command: Sequence[str], weights: str | None, crossed: bool
) -> dict[str, Any]:
    """Return how the model is made anew."""
    split = model.split
    settings = {name: repr(value) for name, value in model.settings.items()}
    held = f", test_share={split.test_share:g}" if split.test_share else ""
    counted = f", sample_weight=frame[{weights!r}].to_numpy()" if weights is not None else ""
    rows = ", rows=model.test_rows" if held else ""
    lines = [
        "from pellucid import TableModel",
        "from pellucid.tables.reading import read_table",
        "",
        f"frame = read_table({'-' if source == 'standard input' else source!r})",
        f"model = {model!r}",
        f"model.fit(frame{held}{counted})",
    ]
    # Figures of rows that were learnt from would not be those of this page.
    code = "\n".join(lines if crossed else [*lines, f"print(model.evaluate(frame{rows}).figures)"])
    return {
        "command": shlex.join(command),
        "code": code,
        "settings": settings,
        "split": [
            ("seed", str(split.seed)),
            ("rows", f"{split.rows:,}"),
            ("kept for testing", f"{split.test_rows:,} (a share of {split.test_share:g})"),
            ("held out by each member", f"{split.validation_rows:,}"),
            ("SHA-256 of the test rows' numbers", split.sha256),
        ],
        "versions": [
            ("Pellucid", __version__),
            ("NumPy", np.__version__),
            ("Python", platform.python_version()),
            ("machine", f"{platform.system()} {platform.machine()}"),
        ],
    }

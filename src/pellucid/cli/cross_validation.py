"""Cross-validation: every row is predicted once, by a model that did not learn from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.cli.app import CommandError
from pellucid.cli.screen import show, show_table
from pellucid.tables.description import describe_baseline, figure_text, what_is_best
from pellucid.tables.evaluation import WORST_ROWS, Crossed, Evaluation, Rows, Worst
from pellucid.tables.model import TableModel
from pellucid.tables.reading import to_frame
from pellucid.tables.wording import shown

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables.scaler import Numbers
    from pellucid.training.callbacks import Callback

FOLDS_LISTED = 10


@dataclass(frozen=True)
class CrossValidation:
    """What came of it.

    Attributes
    ----------
    folds : list of Evaluation
        Of each fold, by the model that learnt from the others.
    evaluation : Evaluation
        The folds' figures on average, and the rows predicted worst of all.
    predictions : polars.DataFrame
        Of each row: its number from 1, its fold from 1, the true value, and what was predicted.
    """

    folds: list[Evaluation]
    evaluation: Evaluation
    predictions: "pl.DataFrame"

    def crossed(self, model: TableModel) -> Crossed:
        """Return the same for a report."""
        chances = [name for name in self.predictions.columns if name.startswith("probability_")]
        answers = np.array(self.predictions["prediction"].to_list(), dtype=object)
        if model.classes_:
            places = {label: place for place, label in enumerate(model.classes_)}
            predicted = np.array([places[label] for label in answers], dtype=np.intp)
            return Crossed(len(self.folds), self.evaluation, predicted, self.predictions[chances].to_numpy())
        return Crossed(len(self.folds), self.evaluation, answers.astype(np.float64))


def cross_validate(
    model: TableModel,
    frame: "pl.DataFrame",
    folds: int,
    *,
    weights: "Numbers | None" = None,
    engine: Any = "numpy",
    source: str = "the table",
    callbacks: "Callable[[int], list[Callback]]" = lambda fold: [],
) -> CrossValidation:
    """Train a model for each fold of a table, on all other rows, and let it predict that fold.

    Parameters
    ----------
    model : TableModel
        Trained on the whole table; gives the settings and the kind of the target.
    frame : polars.DataFrame
    folds : int
    weights : array [N], optional
        What each row counts in learning.
    engine, source
        As for `TableModel.fit`.
    callbacks : function of a fold, from 0
        Gives the callbacks of its training.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0) % 2 == 0})
    >>> model = TableModel("y", hidden=(), epochs=1, members=1).fit(frame)
    >>> found = cross_validate(model, frame, 3)
    >>> [one.rows for one in found.folds], found.predictions.height
    ([20, 20, 20], 60)
    """
    import polars as pl

    target = model.learnt.target
    codes = target.encode(to_frame(frame), source) if target.classes else None
    of_rows = divided_into(folds, frame.height, codes, model.seed)
    _check(of_rows, codes, folds, model, source)
    judged, parts = [], []
    for fold in range(folds):
        held, rest = np.flatnonzero(of_rows == fold), np.flatnonzero(of_rows != fold)
        own = TableModel(model.target, **(model.settings | {"kind": target.kind}))
        part = frame[held.tolist()]
        try:
            own.fit(
                frame[rest.tolist()],
                sample_weight=None if weights is None else weights[rest],
                callbacks=callbacks(fold),
                engine=engine,
                source=source,
            )
            found = own.evaluate(part, source=source)
            predicted = own.predict_table(part, source=source)
        except ValueError as problem:
            raise CommandError(f"fold {fold + 1} (rows are counted within it): {problem}") from None
        worst = [Worst(int(held[one.row]), one.true, one.predicted, one.sure) for one in found.worst]
        judged.append(Evaluation(found.rows, found.figures, worst))
        known = pl.DataFrame({"row": held + 1, "fold": fold + 1, "true": part[model.target]})
        parts.append(known.hstack(predicted))
    return CrossValidation(judged, _joined(judged), pl.concat(parts).sort("row"))


def divided_into(folds: int, rows: int, codes: Rows | None, seed: int) -> Rows:
    """Return the fold of each row, from 0, [N]: of each class its share, and of all as many as can be.

    Examples
    --------
    >>> found = divided_into(2, 6, np.array([0, 0, 0, 0, 1, 1]), seed=0)
    >>> np.bincount(found).tolist(), sorted(found[4:].tolist())
    ([3, 3], [0, 1])
    """
    order = np.random.default_rng([seed, folds]).permutation(rows)
    if codes is not None:
        order = order[np.argsort(codes[order], kind="stable")]
    found = np.empty(rows, dtype=np.intp)
    found[order] = np.arange(rows) % folds
    return found


def _check(of_rows: Rows, codes: Rows | None, folds: int, model: TableModel, source: str) -> None:
    if folds > len(of_rows):
        raise CommandError(f"{source} has {len(of_rows)} rows, too few for {folds} folds; give --cv {len(of_rows)}")
    counts = np.array([2]) if codes is None else np.bincount(codes, minlength=len(model.classes_))
    if counts.min() < 2:
        label = shown(model.classes_[int(counts.argmin())])
        raise CommandError(
            f"{source}: the class {label} has one row, and the fold that holds it could not learn it; add rows, or "
            "leave out --cv"
        )


def _joined(folds: list[Evaluation]) -> Evaluation:
    figures = {}
    for name in dict.fromkeys(name for fold in folds for name in fold.figures):
        both = np.array([fold.figures[name] for fold in folds if name in fold.figures])  # [folds,2]
        figures[name] = (float(both[:, 0].mean()), float(both[:, 1].mean()))
    # Rows predicted wrong first, the surest of them foremost; of numbers, those farthest off.
    worst = sorted((one for fold in folds for one in fold.worst), key=_how_bad)
    return Evaluation(sum(fold.rows for fold in folds), figures, worst[:WORST_ROWS])


def _how_bad(worst: Worst) -> tuple[bool, float]:
    right = worst.true == worst.predicted
    return right, worst.sure if right else -abs(worst.sure)


def spread(found: CrossValidation) -> dict[str, tuple[list[float], float]]:
    """Return each figure in each fold where it has one, and its standard deviation over them."""
    each = {
        name: [fold.figures[name][0] for fold in found.folds if name in fold.figures]
        for name in found.evaluation.figures
    }
    return {
        name: (values, float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"))
        for name, values in each.items()
    }


def show_cross_validation(model: TableModel, found: CrossValidation) -> None:
    """Print the figures on average, how much they vary, and those of each fold."""
    rows: list[Sequence[str]] = [("", "mean", "deviation", "baseline", "")]
    figures = spread(found)
    for name, (own, baseline) in found.evaluation.figures.items():
        texts = [figure_text(name, value) for value in (own, figures[name][1], baseline)]
        rows.append((name, *texts, what_is_best(model, name)))
    show_table(rows, right=(1, 2, 3))
    show((f"  baseline: {describe_baseline(model)}", "dim"))
    show("")
    show(("Each fold:", "bold"))
    each: list[Sequence[str]] = [("fold", "rows", *figures)]
    for number, fold in enumerate(found.folds[:FOLDS_LISTED], start=1):
        texts = [figure_text(name, fold.figures[name][0]) if name in fold.figures else "" for name in figures]
        each.append((str(number), f"{fold.rows:,}", *texts))
    show_table(each, right=range(len(each[0])))
    if len(found.folds) > FOLDS_LISTED:
        show(f"  and {len(found.folds) - FOLDS_LISTED} more")


def for_machines(found: CrossValidation) -> dict[str, Any]:
    """Return the figures by name: mean, standard deviation, those of each fold, and the baseline's mean."""
    return {
        "folds": [fold.rows for fold in found.folds],
        "figures": {
            name: {
                "mean": found.evaluation.figures[name][0],
                "deviation": deviation,
                "baseline": found.evaluation.figures[name][1],
                "folds": values,
            }
            for name, (values, deviation) in spread(found).items()
        },
    }

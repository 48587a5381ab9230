"""``pellucid train``: a network for a table, how well it predicts, and the file that holds it."""

import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pellucid.cli.app import CommandError, UsageError, say, typed, whole_number
from pellucid.cli.columns import OpenTableModel, leak_notes, show_columns
from pellucid.cli.cross_validation import CrossValidation, cross_validate, for_machines, show_cross_validation
from pellucid.cli.files import called, check_output, shown_path
from pellucid.cli.results import figures_for_machines, show_figures, show_worst, target_for_machines, worst_for_machines
from pellucid.cli.screen import folds_progress, quoted, show, training_progress, write_json
from pellucid.cli.training_request import (
    kinds_asked,
    levels_between,
    row_weights,
    settings_to_go_on,
    start_model,
    threshold_asked,
    widths,
)
from pellucid.errors import PellucidError, TableError
from pellucid.tables.description import describe_network, describe_target, described, figure_text
from pellucid.tables.model import TableModel
from pellucid.tables.reading import TABLE_SUFFIXES, check_table_file, read_table, table_suffix, write_table
from pellucid.tables.wording import shown
from pellucid.training import CheckpointWarning, TrainingInterrupted, TrainingWarning
from pellucid.training.callbacks import duration

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables.evaluation import Evaluation

__all__ = ["check_output", "shown_path", "train"]

TEST_SHARE = 0.25
FEWEST_ROWS_TO_TEST = 40
Switch = Parameter(negative=(), show_default=False)
Whole = Parameter(converter=whole_number)
Again = Parameter(negative=())


def train(
    table: Path,
    /,
    *,
    target: str,
    ignore: Annotated[list[str] | None, Again] = None,
    kinds: Annotated[list[str] | None, Parameter(name="--as", negative=())] = None,
    output: Path | None = None,
    test: float | None = None,
    cv: Annotated[int | None, Whole] = None,
    cv_predictions: Path | None = None,
    kind: Literal["binary", "multiclass", "numeric", "count", "quantiles"] | None = None,
    quantiles: str | None = None,
    effort: Literal["low", "normal", "high"] | None = None,
    time_limit: float | None = None,
    class_weight: Literal["balanced"] | None = None,
    threshold: str | None = None,
    weights: str | None = None,
    members: Annotated[int | None, Whole] = None,
    hidden: str | None = None,
    epochs: Annotated[int | None, Whole] = None,
    batch_size: Annotated[int | None, Whole] = None,
    learning_rate: float | None = None,
    seed: Annotated[int | None, Whole] = None,
    start: Annotated[Path | None, Parameter(name="--from")] = None,
    checkpoint: Path | None = None,
    engine: Literal["numpy", "jax"] = "numpy",
    report: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
    force: Annotated[bool, Switch] = False,
    quiet: Annotated[bool, Switch] = False,
) -> None:
    """Train a network on a table, say how well it predicts, and write it to a file.

    The table is taken as it is: numbers, categories, yes or no, dates and gaps. What each column is taken for is shown
    before the training; --as overrides it.

    Parameters
    ----------
    table
        A CSV, JSON Lines or Parquet file, packed by gzip or not; - is standard input.
    target
        The column to predict.
    ignore
        A column to leave out; may be given again and again.
    kinds
        What a column is to be taken for: rooms=category, also number, yes/no, ordered, date, left-out, a date's format
        as in sold=date:%d/%m/%Y, or ordered levels as in size=small<middle<large. May be given again and again.
    output
        The model file. By default the table's name, ending in .pellucid, in the current folder.
    test
        The share of the rows that is kept from learning, to test on. By default 0.25, or none if the table has fewer
        than 40 rows.
    cv
        Judge by cross-validation in place of test rows: in so many folds every row is predicted once by a model that
        did not learn from it. The model that is written learns from all rows.
    cv_predictions
        A table to write these predictions to.
    kind
        What the target is. By default two distinct values are binary; texts, and whole numbers that are few and come
        again and again, are multiclass; other numbers are numeric.
    quantiles
        Which quantiles to learn, in ascending order; of --kind quantiles 0.1,0.5,0.9 by default.
    effort
        How much time good predictions are worth. By default normal.
    time_limit
        Seconds that training may take.
    class_weight
        Lets every class count alike, however rare.
    threshold
        From which probability on the second of two classes is predicted; f1 and balanced choose where the F1 of the
        rarer class, or the mean of both recalls, is highest. By default 0.5.
    weights
        A column that says what each row counts; it is no input then.
    members
        How many networks are trained side by side. By default as the effort says.
    hidden
        The widths of the hidden layers, with commas between; "none" makes a linear model. By default as the effort
        says.
    epochs
        How often all rows are seen. By default what suits their number.
    batch_size
        Rows in one step. By default 128.
    learning_rate
        The highest of the training. By default what suits the target.
    seed
        Fixes the choice of the test rows, the start and the order of the rows. By default 0.
    start
        A model of this table, or of one with the same columns, to go on from.
    checkpoint
        A folder to keep the training in while it goes on. After Ctrl-C, a crash or a power cut, the same command
        goes on from there.
    engine
        What executes the training: NumPy, or the same steps compiled by XLA, which takes a moment to compile and pays
        for itself on longer runs.
    report
        A page to write, ending in .html, with all there is to know of the model.
    as_json
        Write the result as JSON.
    force
        Replace files that exist.
    quiet
        Show neither columns nor progress nor result.
    """
    name = called(table)
    if test is not None and not 0 <= test < 1:
        raise UsageError(f"--test must lie between 0 and 1, found {test:g}")
    if cv is not None and cv < 2:
        raise UsageError(f"--cv takes the number of folds, 2 at least, found {cv}")
    if cv is not None and test:
        raise UsageError("--cv tests every row once: leave out --test")
    if quantiles is not None and kind not in (None, "quantiles"):
        raise UsageError(f"--quantiles are learnt of --kind quantiles, not of {kind}; leave one of them out")
    if weights == target:
        raise UsageError("--weights and --target name the same column")
    settings = {
        "kind": kind if quantiles is None else "quantiles",
        "ignore": list(ignore or ()) + ([weights] if weights is not None and start is None else []),
        "kinds": kinds_asked(kinds or ()),
        "effort": effort,
        "members": members,
        "hidden": widths(hidden),
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        # All folds and the model that is written share it.
        "time_limit": time_limit if time_limit is None or cv is None else time_limit / (cv + 1),
        "class_weight": class_weight,
        "threshold": threshold_asked(threshold),
        "quantiles": levels_between(quantiles),
        "seed": seed,
    }
    settings = {option: value for option, value in settings.items() if value is not None}
    make = TableModel if quiet else OpenTableModel
    _made(make, target, settings)  # a mistake is told before any file is looked at
    if output is None:
        output = _output_of(table)
    _check_files(table, output, cv, cv_predictions, report, checkpoint, start, force)
    first = None
    if start is not None:
        given = {"kind": kind, "as": kinds, "ignore": ignore, "effort": effort, "members": members, "hidden": hidden}
        first = start_model(start, target, given | {"quantiles": quantiles, "cv": cv})
    dated = [name for name, wanted in kinds_asked(kinds or ()).items() if str(wanted).startswith("date:")]
    frame = read_table(table, dated if first is None else first.text_columns)
    if first is not None:
        settings = settings | settings_to_go_on(first, frame, settings)
    model = _made(make, target, settings)
    counts = None if weights is None else row_weights(frame, weights, name)
    if test is None:
        test = _test_share(frame.height, cv, first)
    if first is not None and not quiet:
        show_columns(first.learnt.encoder, first.learnt.left_out)

    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", TrainingWarning)
        warnings.simplefilter("always", CheckpointWarning)
        with training_progress(quiet) as callbacks:
            options: dict[str, Any] = {"callbacks": callbacks, "checkpoint": checkpoint, "engine": engine}
            _fit(model, frame, test_share=test, sample_weight=counts, start=first, source=name, **options)
        folds = None
        if cv is not None and len(model.history):
            with folds_progress(quiet, cv) as of_fold:
                folds = cross_validate(model, frame, cv, weights=counts, engine=engine, source=name, callbacks=of_fold)
    seconds = time.perf_counter() - began
    for warning in caught:
        if issubclass(warning.category, CheckpointWarning):
            _warn(str(warning.message))
    stopped = list(dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, TrainingWarning)))
    if not len(model.history):
        raise CommandError(f"{''.join(stopped)}\nNothing was learnt, and nothing was written")
    if folds is not None:
        evaluation = folds.evaluation
    else:
        evaluation = model.evaluate(frame, rows=model.test_rows if test else None, source=name)
    # Before the result is shown: a pipe that closes meanwhile must not cost the model.
    _write(model, output, force)
    if folds is not None and cv_predictions is not None:
        write_table(folds.predictions, cv_predictions, overwrite=force)
    if report is not None:
        try:
            _write_report(model, frame, folds, report, force, name, weights)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{output} was written, {report} was not") from None
    for text in stopped:
        _warn(text)
    told = list(stopped)
    own = first is None or (first.split.rows == frame.height and first.split.sha256 == model.split.sha256)
    if not own and model.split.test_rows:
        told.append(
            f"{start} may have learnt from some of these test rows, which then look better predicted than new ones: "
            "judge by a table that is new to both, with pellucid evaluate"
        )
    told += _no_better(evaluation)
    for text in told[len(stopped) :]:
        _warn(text)
    if as_json:
        write_json(result_for_machines(model, evaluation, folds, table, output, seconds, told))
    elif not quiet:
        try:
            show_result(model, evaluation, folds, table, output, own)
            for other in (cv_predictions, report):
                if other is not None:
                    show("Wrote ", (shown_path(other), "bold"), ".")
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{output} was written") from None


def _warn(text: str) -> None:
    say(text, start="warning: ", style="bold yellow")


def _output_of(table: Path) -> Path:
    if str(table) == "-":
        raise UsageError("--output is missing: standard input has no name that the model file could have")
    return Path(f"{table.name.removesuffix('.gz').rpartition('.')[0] or table.stem}.pellucid")


def _check_files(
    table: Path,
    output: Path,
    cv: int | None,
    cv_predictions: Path | None,
    report: Path | None,
    checkpoint: Path | None,
    start: Path | None,
    force: bool,
) -> None:
    check_table_file(table)
    if table_suffix(output) in TABLE_SUFFIXES:
        raise CommandError(
            f"cannot write {output}: a model is no table; choose an --output that ends in .pellucid, or leave it out"
        )
    if cv_predictions is not None and cv is None:
        raise UsageError("--cv-predictions needs --cv: there are no folds to predict")
    if cv_predictions is not None and table_suffix(cv_predictions) not in TABLE_SUFFIXES:
        raise UsageError(f"--cv-predictions takes a table to write, such as folds.csv, found {cv_predictions}")
    if cv is not None and checkpoint is not None:
        raise UsageError("--checkpoint cannot be given with --cv: it keeps one training, and there are several")
    if report is not None and report.suffix.lower() != ".html":
        raise UsageError(f"--report takes a file that ends in .html, found {report}")
    written = [path for path in (output, cv_predictions, report) if path is not None]
    if len({path.resolve() for path in written}) < len(written):
        raise UsageError("two results would be written to the same file; give each its own")
    for path in written:
        check_output(path, force, *(read for read in (table, start) if read is not None))


def _made(make: type[TableModel], target: str, settings: dict[str, Any]) -> TableModel:
    try:
        return make(target, **settings)
    except ValueError as problem:
        raise UsageError(str(problem)) from None


def _test_share(rows: int, cv: int | None, start: TableModel | None) -> float:
    if cv is not None:
        return 0.0
    if start is not None and start.split.rows == rows:
        return start.split.test_share  # of the same table the same rows must be held out once more
    return TEST_SHARE if rows >= FEWEST_ROWS_TO_TEST else 0.0


def _fit(model: TableModel, frame: "pl.DataFrame", **options: Any) -> None:
    try:
        model.fit(frame, **options)
    except TrainingInterrupted as interrupted:
        raise interrupted.in_words("command") from None
    except TableError as problem:
        raise CommandError(_with_options(str(problem), frame.columns)) from None
    except ValueError as problem:
        if isinstance(problem, PellucidError):
            raise
        raise UsageError(str(problem)) from None


def _with_options(problem: str, columns: list[str]) -> str:
    """Say how to do on the command line what a message about a column advises."""
    named = [name for name in columns if f"column {name!r}" in problem]
    if "choose the kind category" not in problem or not named:
        return problem
    return f"{problem}\nTo go on as it is: {quoted('--as', f'{named[0]}=category')}, or {quoted('--ignore', named[0])}"


def _write(model: TableModel, output: Path, force: bool) -> None:
    try:
        model.save(output, overwrite=force)
    except OSError as problem:
        if problem.strerror is None:
            raise
        raise CommandError(f"cannot write {output}: {problem.strerror}") from None


def _no_better(evaluation: "Evaluation") -> list[str]:
    """Say if the predictions are no better than those of someone who never looks."""
    lower = next((name for name in ("log-loss", "pinball loss", "deviance", "RMSE") if name in evaluation.figures), "")
    if not lower or evaluation.figures[lower][0] < evaluation.figures[lower][1]:
        return []
    own, baseline = (figure_text(lower, value) for value in evaluation.figures[lower])
    return [f"the model is no better than not looking at the columns at all: {lower} {own} against {baseline}"]


def _write_report(
    model: TableModel,
    frame: "pl.DataFrame",
    folds: CrossValidation | None,
    path: Path,
    force: bool,
    source: str,
    weights: str | None,
) -> None:
    from pellucid.tables.report import write_report

    crossed = None if folds is None else folds.crossed(model)
    options: dict[str, Any] = {"source": source, "command": ["pellucid", *typed], "weights": weights}
    try:
        write_report(model, frame, path, folds=crossed, overwrite=force, **options)
    except OSError as problem:
        if problem.strerror is None:
            raise
        raise CommandError(f"the model was written, but cannot write {path}: {problem.strerror}") from None


# ---- the result -----------------------------------------------------------------------------------------------------


def show_result(
    model: TableModel,
    evaluation: "Evaluation",
    folds: CrossValidation | None,
    table: Path,
    output: Path,
    own: bool,
) -> None:
    """Print what was learnt, how well, and what to type next; `own`: whether no earlier model saw the test rows."""
    split, learnt = model.split, model.learnt
    parts = [f"{split.rows - split.test_rows:,} to learn from"]
    parts += [f"{split.test_rows:,} to test on"] if split.test_rows else []
    show(("table    ", "dim"), "standard input" if str(table) == "-" else shown_path(table))
    show(("rows     ", "dim"), f"{split.rows:,}: {', '.join(parts)}" if len(parts) > 1 else f"{split.rows:,}")
    show(("columns  ", "dim"), f"{len(model.columns):,} used, {len(model.left_out):,} left out")
    show(("target   ", "dim"), describe_target(model))
    show(("network  ", "dim"), describe_network(model.network))
    show(("training ", "dim"), _training(model))
    if model.kind == "binary" and learnt.threshold != 0.5:
        second = shown(model.classes_[1])
        show(("threshold", "dim"), f" {second} is predicted from a probability of {learnt.threshold:.3g} on")
    if model.history.advice:
        advice = model.history.advice.replace('engine="', "--engine ").replace('" would', " would")
        show(("note     ", "dim"), advice)
    for leak in leak_notes(learnt.encoder, learnt.left_out, model.notes):
        show(("warning  ", "bold red"), leak)
    show("")
    if folds is not None:
        show((f"In {len(folds.folds)} folds, each predicted by a model that learnt from the others:", "bold"))
        show_cross_validation(model, folds)
    elif split.test_rows:
        seen = "which training never saw" if own else "which this training did not see, but an earlier one may have"
        show((f"On {evaluation.rows:,} test rows, {seen}:", "bold"))
        show_figures(model, evaluation)
    else:
        few = split.rows < FEWEST_ROWS_TO_TEST
        why = f"with fewer than {FEWEST_ROWS_TO_TEST} rows none were held out" if few else "none were held out"
        show((f"On the {evaluation.rows:,} rows of the training itself ({why}):", "bold"))
        show("  This shows what was memorised, and does not tell how new rows will be predicted.")
        show_figures(model, evaluation)
    show("")
    show_worst(model, evaluation)
    show("")
    show("Wrote ", (shown_path(output), "bold"), ". To predict the rows of another table:")
    show("  ", (f"pellucid predict {quoted(output)} TABLE.csv --output predictions.csv", "bold"))


def _training(model: TableModel) -> str:
    history = model.history
    text = f"{len(history)} epoch{'s' * (len(history) != 1)} in {duration(float(history['seconds'][-1]))}"
    if history.best_epoch:
        text += f", of which {history.best_epoch} was the best and is kept"
    elif history.best_epoch == 0:
        text += ", none of which was better than the start, which is kept"
    reason = (history.stopped or "").replace("_", " ")
    # Of a loss that is no longer finite a warning has told.
    return text + (f"; {reason}" if reason and "finite" not in reason else "")


def result_for_machines(
    model: TableModel,
    evaluation: "Evaluation",
    folds: CrossValidation | None,
    table: Path,
    output: Path,
    seconds: float,
    stopped: list[str],
) -> dict[str, Any]:
    """Return all that a program may want to know of a training."""
    split, learnt, history = model.split, model.learnt, model.history
    judged = "test rows" if split.test_rows else "rows of the training"
    return {
        "table": table,
        "rows": split.rows,
        "test_rows": split.test_rows,
        "validation_rows": split.validation_rows,
        "target": target_for_machines(model),
        "columns": described(learnt.encoder),
        "left_out": model.left_out,
        "ignored": model.ignore,
        "notes": model.notes,
        "warnings": [*leak_notes(learnt.encoder, learnt.left_out, model.notes), *stopped],
        "judged_on": "folds" if folds is not None else judged,
        "figures": figures_for_machines(evaluation),
        "worst": worst_for_machines(evaluation),
        "cross_validation": None if folds is None else for_machines(folds),
        "parameters": model.network.theta.size,
        "epochs": len(history),
        "best_epoch": history.best_epoch,
        "stopped": history.stopped,
        "seconds": seconds,
        "output": output,
    }

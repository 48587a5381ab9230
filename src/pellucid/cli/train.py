"""``pellucid train``: learn from a table, say how well it went, and write the model."""

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pellucid.cli.app import CommandError, UsageError, say, whole_number
from pellucid.cli.screen import quoted, show, show_table, shown, training_progress
from pellucid.errors import TableError
from pellucid.layers.dense import Dense
from pellucid.network import Network
from pellucid.tables.reading import (
    PARQUET_SUFFIXES,
    TEXT_SUFFIXES,
    check_table_file,
    find_column,
    numeric_columns,
    read_table,
)
from pellucid.training import CheckpointWarning, TrainingInterrupted, TrainingWarning
from pellucid.training.callbacks import duration

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables import TableModel
    from pellucid.tables.evaluation import Evaluation

TEST_SHARE = 0.25
FEWEST_ROWS_TO_TEST = 40
BEST = {
    "accuracy": "larger is better",
    "log-loss": "smaller is better",
    "AUC": "1 is best",
    "RMSE": "smaller is better",
    "MAE": "smaller is better",
    "R2": "1 is best",
}
Switch = Parameter(negative=(), show_default=False)
Whole = Parameter(converter=whole_number)


def train(
    table: Path,
    /,
    *,
    target: str,
    ignore: Annotated[list[str] | None, Parameter(negative=())] = None,
    output: Path | None = None,
    test: float | None = None,
    kind: Literal["binary", "multiclass", "numeric"] | None = None,
    hidden: str = "64,64",
    epochs: Annotated[int | None, Whole] = None,
    batch_size: Annotated[int, Whole] = 128,
    learning_rate: float | None = None,
    seed: Annotated[int, Whole] = 0,
    checkpoint: Path | None = None,
    engine: Literal["numpy", "jax"] = "numpy",
    force: Annotated[bool, Switch] = False,
    quiet: Annotated[bool, Switch] = False,
) -> None:
    """Train a network on a table, say how well it predicts, and write it to a file.

    All columns but the target and those to ignore must hold numbers.

    Parameters
    ----------
    table
        A CSV or Parquet file.
    target
        The column to predict.
    ignore
        A column to leave out; may be given again and again.
    output
        The model file. By default the table's name, ending in .pellucid, in the current folder.
    test
        The share of the rows that is kept from learning, to test on. By default 0.25, or none if the table has fewer
        than 40 rows.
    kind
        What the target is. By default two distinct values are binary; texts, and whole numbers that are few and come
        again and again, are multiclass; other numbers are numeric.
    hidden
        The widths of the hidden layers, with commas between; "none" makes a linear model.
    epochs
        How often all rows are seen. By default what suits their number.
    batch_size
        Rows in one step.
    learning_rate
        How large the first steps are. By default 0.005.
    seed
        Fixes the choice of the test rows, the start and the order of the rows.
    checkpoint
        A folder to keep the training in while it goes on. After Ctrl-C, a crash or a power cut, the same command
        goes on from there.
    engine
        What executes the training: NumPy, or the same steps compiled by XLA, which takes a moment to compile and pays
        for itself on longer runs.
    force
        Replace the model file if it exists.
    quiet
        Show neither progress nor result.
    """
    from pellucid.tables import TableModel

    output = Path(f"{table.stem}.pellucid") if output is None else output
    check_table_file(table)
    if output.suffix.lower() in TEXT_SUFFIXES + PARQUET_SUFFIXES:
        raise CommandError(
            f"cannot write {output}: a model is no table; choose an --output that ends in .pellucid, or leave it out"
        )
    check_output(output, force, table)
    if test is not None and not 0 <= test < 1:
        raise UsageError(f"--test must lie between 0 and 1, found {test:g}")
    settings = {} if learning_rate is None else {"learning_rate": learning_rate}
    try:
        model = TableModel(
            target,
            kind=kind,
            ignore=ignore or (),
            hidden=widths(hidden),
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            **settings,
        )
    except ValueError as problem:
        raise UsageError(str(problem)) from None

    frame = read_table(table)
    refuse_unusable(frame, model, table)
    if test is None:
        test = TEST_SHARE if frame.height >= FEWEST_ROWS_TO_TEST else 0.0
    with training_progress(quiet) as callbacks, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", TrainingWarning)
        warnings.simplefilter("always", CheckpointWarning)
        try:
            model.fit(frame, test_share=test, callbacks=callbacks, checkpoint=checkpoint, engine=engine, source=table)
        except TrainingInterrupted as interrupted:
            raise interrupted.in_words("command") from None
    for warning in caught:
        if issubclass(warning.category, CheckpointWarning):
            say(str(warning.message), start="warning: ", style="bold yellow")
    stopped = "".join(str(one.message) for one in caught if issubclass(one.category, TrainingWarning))
    if not len(model.history):
        raise CommandError(f"{stopped}\nNothing was learnt, and nothing was written")
    evaluation = model.evaluate(frame, rows=model.test_rows if test else None, source=table)
    # Before the result is shown: a pipe that closes meanwhile must not cost the model.
    try:
        model.save(output, overwrite=force)
    except OSError as problem:
        if problem.strerror is None:
            raise
        raise CommandError(f"cannot write {output}: {problem.strerror}") from None
    if stopped:
        say(stopped, start="warning: ", style="bold yellow")
    if not quiet:
        try:
            show_result(model, evaluation, table, output)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{output} was written") from None


def check_output(output: Path, force: bool, *sources: Path) -> None:
    """Refuse, before any work is done, a file that could not be written or must not be replaced."""
    if output.is_dir():
        raise CommandError(f"cannot write {output}: it is a folder")
    if not output.resolve().parent.is_dir():
        raise CommandError(f"cannot write {output}: the folder {output.parent} does not exist; create it first")
    if output.exists():
        if any(source.exists() and output.samefile(source) for source in sources):
            raise CommandError(f"{output} is what is to be read; choose another --output")
        if not force:
            raise CommandError(f"{output} exists; choose another name with --output, or add --force to replace it")
    # Another name in the folder is needed first, whether or not the file itself is there: try it.
    try:
        with tempfile.TemporaryFile(dir=output.resolve().parent):
            pass
    except OSError as problem:
        raise CommandError(f"cannot write {output}: {problem.strerror or problem}") from None


def widths(hidden: str) -> tuple[int, ...]:
    """Return the widths of the hidden layers.

    Examples
    --------
    >>> widths("64,32"), widths("none")
    ((64, 32), ())
    """
    if hidden.strip().lower() == "none":
        return ()
    try:
        return tuple(int(width) for width in hidden.split(","))
    except ValueError:
        raise UsageError(f'--hidden takes whole numbers with commas between, or "none", found {hidden!r}') from None


def refuse_unusable(frame: "pl.DataFrame", model: "TableModel", table: Path) -> None:
    """Refuse columns that hold no numbers; in place of general advice, say what to add to the command."""
    find_column(frame.columns, model.target, table, role="target")
    for name in model.ignore:
        find_column(frame.columns, name, table, role="column to ignore")
    columns = [name for name in frame.columns if name != model.target and name not in model.ignore]
    try:
        numeric_columns(frame, columns, table)
    except TableError as problem:
        unusable = [name for name in columns if not _usable(frame, name)]
        if len(unusable) == len(columns):
            first = str(problem).splitlines()[1].strip()
            raise CommandError(f"{table} has no column of numbers to learn from, beside its target: {first}") from None
        what, first, *_ = str(problem).splitlines()
        options = " ".join(quoted("--ignore", name) for name in unusable)
        which = "the first is " if len(unusable) > 1 else ""
        raise CommandError(f"{what} {which}{first.strip()}\nCorrect the table, or go on without: {options}") from None


def _usable(frame: "pl.DataFrame", name: str) -> bool:
    try:
        numeric_columns(frame, [name])
    except TableError:
        return False
    return True


# ---- the result -----------------------------------------------------------------------------------------------------


def show_result(model: "TableModel", evaluation: "Evaluation", table: Path, output: Path) -> None:
    """Print what was learnt, how well, and what to type next."""
    split, history = model.split, model.history
    learnt = split.rows - split.test_rows - split.validation_rows
    parts = [f"{learnt:,} to learn from"]
    parts += [f"{split.validation_rows:,} to choose the best epoch"] if split.validation_rows else []
    parts += [f"{split.test_rows:,} to test on"] if split.test_rows else []
    show(("table    ", "dim"), shown_path(table))
    show(("rows     ", "dim"), f"{split.rows:,}: {', '.join(parts)}" if len(parts) > 1 else f"{split.rows:,}")
    show(("target   ", "dim"), describe_target(model))
    show(("network  ", "dim"), describe_network(model.network))
    kept = f", of which {history.best_epoch} was the best and is kept" if history.best_epoch else ""
    reason = (history.stopped or "").replace("_", " ")
    stopped = f"; {reason}" if "did not improve" in reason else ""  # of any other reason a warning has told
    show(
        ("training ", "dim"),
        f"{len(history)} epoch{'s' * (len(history) != 1)} in {duration(float(history['seconds'][-1]))}{kept}{stopped}",
    )
    if history.advice:
        show(("note     ", "dim"), history.advice.replace('engine="', "--engine ").replace('" would', " would"))
    if model.constant_columns:
        names = ", ".join(map(shown, model.constant_columns[:8]))
        more = f" and {len(model.constant_columns) - 8} more" if len(model.constant_columns) > 8 else ""
        show(("note     ", "dim"), f"one value only in the rows learnt from, and so of no use: {names}{more}")
    show("")
    if split.test_rows:
        show((f"On {evaluation.rows:,} test rows, which training never saw:", "bold"))
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


def describe_target(model: "TableModel") -> str:
    """Return the target in one line."""
    name, classes = shown(model.target), model.classes_
    if model.kind == "numeric":
        summary = model.learnt.summary
        low, mean, high = (shown(float(summary[figure][0])) for figure in ("low", "mean", "high"))
        return f"{name}, numeric: {low} to {high}, {mean} on average"
    if model.kind == "binary":
        return f"{name}, binary: {shown(classes[0])} or {shown(classes[1])}"
    listed = ", ".join(map(shown, classes[:6])) + (", ..." if len(classes) > 6 else "")
    other = "" if isinstance(classes[0], str) or model.asked_kind else " (if it is a quantity, add --kind numeric)"
    return f"{name}, {len(classes)} classes: {listed}{other}"


def describe_network(network: Network) -> str:
    """Return a chain of layers in one line.

    Examples
    --------
    >>> from pellucid import Dense, Network, ReLU
    >>> describe_network(Network(8, [Dense(64), ReLU(), Dense(1)], seed=0))
    '8 inputs, 64 ReLU, 1 output; 641 parameters'
    """
    inputs, outputs = network.inputs[0], network.outputs[0]
    parts = [f"{inputs} input{'s' * (inputs != 1)}"]
    for layer in network.layers[:-1]:
        if isinstance(layer, Dense):
            parts.append(str(layer.units))
        else:
            parts[-1] += f" {type(layer).__name__}"
    parts.append(f"{outputs} output{'s' * (outputs != 1)}")
    return f"{', '.join(parts)}; {network.theta.size:,} parameters"


def show_figures(model: "TableModel", evaluation: "Evaluation") -> None:
    """Print the figures beside those of someone who never looked at the inputs."""
    rows = [("", "model", "baseline", "")]
    for name, values in evaluation.figures.items():
        if name == "accuracy":
            own, baseline = (f"{100 * value:.1f} %" for value in values)
        else:
            own, baseline = map(shown, values) if name in ("RMSE", "MAE") else (f"{value:.4f}" for value in values)
        rows.append((name, own, baseline, BEST[name]))
    show_table(rows, right=(1, 2))
    summary = model.learnt.summary
    if model.kind == "numeric":
        show(("  baseline: always the mean of the rows learnt from, " + shown(float(summary["mean"][0])), "dim"))
    else:
        largest = model.classes_[int(summary["shares"].argmax())]
        show((f"  baseline: always {shown(largest)}; for the log-loss, each class by its share", "dim"))


def show_worst(model: "TableModel", evaluation: "Evaluation") -> None:
    """Print the rows that were predicted worst."""
    numeric = model.kind == "numeric"
    all_right = not numeric and all(worst.true == worst.predicted for worst in evaluation.worst)
    title = "No row was predicted wrong; least sure were" if all_right else "Predicted worst"
    show((title, "bold"), " (row 1 is the first below the column names):")
    rows = [("row", "true", "predicted", "off by" if numeric else "how sure")]
    for worst in evaluation.worst:
        sure = f"{'+' if worst.sure > 0 else ''}{shown(float(worst.sure))}" if numeric else f"{100 * worst.sure:.1f} %"
        rows.append((str(worst.row + 1), shown(worst.true), shown(worst.predicted), sure))
    show_table(rows, right=(0, 1, 2, 3) if numeric else (0, 3))


def shown_path(path: Path) -> str:
    """Return a file's name, in quotation marks only where it needs them."""
    text = str(path)
    return text if text.isprintable() else repr(text)

"""TableModel: a network, and what a table needs around it."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from pellucid import checks
from pellucid.configuration import child_seeds
from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.layers.dense import Dense
from pellucid.layers.layer import Layer
from pellucid.layers.relu import ReLU
from pellucid.losses.classification import BinaryCrossEntropyFromLogits, CrossEntropyFromLogits
from pellucid.losses.loss import Loss
from pellucid.losses.regression import SquaredError
from pellucid.network import Network
from pellucid.optimizers.adam import Adam
from pellucid.schedules import CosineDecay
from pellucid.tables.evaluation import Evaluation, Rows, choice, judge_classes, judge_numbers
from pellucid.tables.reading import COLUMNS_LISTED, find_column, numeric_columns, to_frame
from pellucid.tables.scaler import FIGURES, Numbers, Scaler
from pellucid.tables.target import KINDS, Kind, Label, Target, held_out
from pellucid.training import EarlyStopping, History
from pellucid.training.callbacks import Callback
from pellucid.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

    from pellucid.insight.diagnosis import Diagnosis
    from pellucid.tables.explanation import Explanation

Source = str | os.PathLike[str]

LEARNING_RATE = 0.005
# With fewer rows than this, all are needed to learn from, and none is held out to choose the best epoch.
FEWEST_ROWS_TO_VALIDATE = 50
VALIDATION_SHARE = 0.15

LOSSES: dict[Kind, type[Loss]] = {
    "binary": BinaryCrossEntropyFromLogits,
    "multiclass": CrossEntropyFromLogits,
    "numeric": SquaredError,
}


@dataclass(frozen=True)
class Split:
    """Which rows of the table were kept from learning: enough to make the split again, and to recognise it.

    Attributes
    ----------
    seed, rows, test_share
        What it was made from.
    test_rows, validation_rows : int
        How many rows each part has.
    sha256 : str
        Of the test rows' numbers, from 0, as 64-bit integers, the lowest byte first.
    """

    seed: int
    rows: int
    test_share: float
    test_rows: int
    validation_rows: int
    sha256: str


@dataclass(frozen=True, eq=False)
class Learnt:
    """All that a model has learnt, in one piece: a training that fails halfway leaves the old one whole.

    ``summary`` is of the target in the training rows: the classes' ``shares`` [C], or ``mean``, ``std``, ``low`` and
    ``high`` [1].
    """

    target: Target
    columns: tuple[str, ...]
    scaler: Scaler
    summary: dict[str, Numbers]
    network: Network
    split: Split


class TableModel:
    """A network for a table of named columns: it standardises, learns, and predicts in the target's own terms.

    Inputs are numeric columns (booleans count as 0 and 1), standardised in float64 by the mean and standard deviation
    of the rows that are learnt from; so is a numeric target. The kind of the target is found out from its values:

    - two distinct values of any type are *binary*;
    - texts are *multiclass*, and so are whole numbers of an integer type with at most 20 distinct values, each met in
      at least 10 rows on average;
    - other numbers are *numeric*.

    Parameters
    ----------
    target : str
        The name of the column to predict.
    kind : "binary", "multiclass" or "numeric", optional
        Overrides what the values suggest.
    ignore : str or sequence of str
        Columns to leave out.
    hidden : sequence of int
        The widths of the hidden layers, each followed by a ReLU; none makes a linear model.
    epochs : int, optional
        How often all rows are seen. By default between 16 and 64, and more for small tables: see Notes.
    batch_size : int
        Rows in one step.
    learning_rate : float
        Where Adam's rate begins; it falls to 0 along a half cosine.
    seed : int
        Fixes the split, the start and the shuffling.

    Attributes
    ----------
    columns : tuple of str
        The inputs, in the order in which the network takes them.
    constant_columns : tuple of str
        Those among them that have one value only in the rows that were learnt from; they contribute nothing.
    classes_ : tuple
        The classes in the order of `predict_proba`'s columns, in the target's own type; empty for a numeric target.
    network : Network
        The trained network; ``network.history`` holds its figures.
    test_rows : array of int
        The rows that were held out in `fit` as test part, from 0; not kept in a file.
    split : Split
        The fingerprint of that choice.

    Raises
    ------
    ValueError, TypeError
        If a setting is not usable; the text names it.

    Notes
    -----
    Every setting that is not given is a sensible choice, not a tuned one. A table of n training rows is seen about
    320,000 / n times, but 16 times at least and 64 times at most; a small one more often, until the network has been
    updated 1,000 times, and at most 300 times.

    Examples
    --------
    >>> import numpy as np, polars
    >>> generator = np.random.default_rng(0)
    >>> area, age = generator.uniform(30, 150, 400), generator.uniform(0, 50, 400)
    >>> homes = polars.DataFrame({"area": area, "age": age, "price": 3000 * area - 800 * age})
    >>> model = TableModel("price").fit(homes, test_share=0.25)
    >>> model.kind, model.columns
    ('numeric', ('area', 'age'))
    >>> error, of_the_mean = model.evaluate(homes, rows=model.test_rows).figures["RMSE"]
    >>> error < 0.05 * of_the_mean
    True
    >>> bool(abs(model.predict(polars.DataFrame({"age": [10], "area": [100.0]}))[0] - 292_000) < 8_000)
    True
    """

    def __init__(
        self,
        target: str,
        *,
        kind: Kind | None = None,
        ignore: str | Sequence[str] = (),
        hidden: Sequence[int] = (64, 64),
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float = LEARNING_RATE,
        seed: int = 0,
    ) -> None:
        self.target = _text("target", target)
        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, or None, found {kind!r}")
        self.asked_kind = kind
        ignored = (ignore,) if isinstance(ignore, str) else ignore
        self.ignore = tuple(dict.fromkeys(_text("ignore", name) for name in ignored))
        if self.target in self.ignore:
            raise ValueError(f"the target {self.target!r} cannot be ignored")
        self.hidden = tuple(_whole("hidden", width, 1) for width in hidden)
        self.epochs = None if epochs is None else _whole("epochs", epochs, 1)
        self.batch_size = _whole("batch_size", batch_size, 1)
        if isinstance(learning_rate, bool) or not isinstance(learning_rate, int | float | np.number):
            raise TypeError(f"learning_rate must be a number, found {learning_rate!r}")
        if not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive and finite, found {learning_rate!r}")
        self.learning_rate = float(learning_rate)
        self.seed = _whole("seed", seed, 0)
        self._learnt: Learnt | None = None
        self.test_rows: Rows = np.empty(0, dtype=np.intp)

    def __repr__(self) -> str:
        parts = [repr(self.target)]
        defaults = TableModel(self.target)
        for name in ("asked_kind", "ignore", "hidden", "epochs", "batch_size", "learning_rate", "seed"):
            value = getattr(self, name)
            if value != getattr(defaults, name):
                parts.append(f"{name.removeprefix('asked_')}={value!r}")
        return f"TableModel({', '.join(parts)})"

    # What was learnt

    @property
    def kind(self) -> Kind:
        """The kind of the target: "binary", "multiclass" or "numeric"."""
        return self.learnt.target.kind

    @property
    def columns(self) -> tuple[str, ...]:
        """The inputs, in the order in which the network takes them."""
        return self.learnt.columns

    @property
    def constant_columns(self) -> tuple[str, ...]:
        """The inputs with a single value in the rows that were learnt from."""
        constant = self.learnt.scaler.constant
        return tuple(name for name, same in zip(self.columns, constant, strict=True) if same)

    @property
    def classes_(self) -> tuple[Label, ...]:
        """The classes, in the order of the columns of `predict_proba`."""
        return self.learnt.target.classes

    @property
    def network(self) -> Network:
        """The trained network; it takes standardised columns."""
        return self.learnt.network

    @property
    def history(self) -> History:
        """The figures of the training, epoch by epoch."""
        history = self.network.history
        assert history is not None
        return history

    @property
    def split(self) -> Split:
        """The fingerprint of the rows that were held out."""
        return self.learnt.split

    @property
    def learnt(self) -> Learnt:
        """All that was learnt."""
        if self._learnt is None:
            raise ValueError("this TableModel has not been trained: call fit(frame) first")
        return self._learnt

    @learnt.setter
    def learnt(self, learnt: Learnt) -> None:
        self._learnt = learnt

    # Learning

    def fit(
        self,
        frame: Any,
        *,
        test_share: float = 0.0,
        validation_share: float | None = None,
        sample_weight: npt.ArrayLike | None = None,
        callbacks: Iterable[Callback] = (),
        checkpoint: Checkpoint | str | Path | None = None,
        progress: bool = False,
        engine: Literal["numpy", "jax"] = "numpy",
        devices: int | Literal["all"] | None = None,
        source: Source = "the table",
    ) -> TableModel:
        """Learn from a table, and return the model; what it knew before is replaced once all went well.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
            N rows; every column but the target and those to ignore is an input.
        test_share : float
            The part of the rows that learning never sees, for `evaluate`; for classes, of each its share.
        validation_share : float, optional
            The part of the remaining rows whose loss chooses the best epoch. By default 0.15, or none if fewer than
            50 rows remain; with none, the last epoch is kept.
        sample_weight : array [N], optional
            What each row counts.
        callbacks : functions of a report
            Called after each epoch.
        checkpoint : str, Path or Checkpoint, optional
            A folder to keep the training in while it goes on, as for :meth:`pellucid.Network.fit`.
        progress : bool
            Whether to write progress, with the time left, to standard error.
        engine, devices
            What executes the training, as for :meth:`pellucid.Network.fit`.
        source : str or path-like
            What messages call the table.

        Raises
        ------
        TableError
            If a column cannot be used, the target is missing or has one value only, or the rows are too few to be
            divided. The text names column and row, counted from 1.
        ValueError, TypeError
            If an argument is not usable.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "fits": [False, False, True, True]})
        >>> TableModel("fits", epochs=200).fit(frame).predict(frame).tolist()
        [False, False, True, True]
        """
        for name, share in (("test_share", test_share), ("validation_share", validation_share)):
            if share is not None and not 0 <= share < 1:
                raise ValueError(f"{name} must lie in [0, 1), found {share!r}")
        wrapped = to_frame(frame)
        find_column(wrapped.columns, self.target, source, role="target")
        for name in self.ignore:
            find_column(wrapped.columns, name, source, role="column to ignore")
        columns = tuple(name for name in wrapped.columns if name != self.target and name not in self.ignore)
        if not columns:
            raise TableError(f"{os.fspath(source)} has no column left to learn from beside the target {self.target!r}")
        if not len(wrapped):
            raise TableError(f"{os.fspath(source)} has no rows")
        target = Target.find(wrapped, self.target, self.asked_kind, source)
        y = target.encode(wrapped, source)  # [N]
        remedy = "Correct the table, or leave columns out: ignore=[...]"
        X = numeric_columns(wrapped, columns, source, remedy=remedy)  # [N,C]
        checked = checks.weights(sample_weight, len(X), np.dtype(np.float64))
        weights = None if checked is None else checked[:, 0]

        classes = y if target.classes else None
        chosen_by = [np.random.default_rng(child) for child in child_seeds(self.seed)[3].spawn(2)]
        rest, test = _divide(np.arange(len(X)), classes, test_share, chosen_by[0], "a test part", source)
        if weights is not None:
            rest = rest[weights[rest] > 0]  # rows that count nothing must not choose the best epoch either
            if not len(rest):
                raise ValueError("sample_weight is 0 for every row outside the test part")
        if validation_share is None:
            validation_share = VALIDATION_SHARE if len(rest) >= FEWEST_ROWS_TO_VALIDATE else 0.0
        train, validation = _divide(rest, classes, validation_share, chosen_by[1], "a validation part", source)

        scaler = Scaler.measure(X[train], None if weights is None else weights[train])
        summary: dict[str, Numbers]
        if target.classes:
            counted = np.bincount(y[train], None if weights is None else weights[train], len(target.classes))
            summary = {"shares": counted / counted.sum()}
            learnt = y
        else:
            of_target = Scaler.measure(y[train, None], None if weights is None else weights[train])
            summary = {name: getattr(of_target, name) for name in FIGURES}
            learnt = of_target.standardise(y[:, None])[:, 0]

        network = Network(len(columns), self._layers(target), seed=self.seed)
        steps = -(-len(train) // self.batch_size)
        epochs = default_epochs(len(train), steps) if self.epochs is None else self.epochs
        watching: list[Callback] = list(callbacks)
        held = None
        if len(validation):
            # Waiting long: as the rate falls to 0, late epochs are often better than a lucky early one.
            watching.insert(0, EarlyStopping(patience=max(16, epochs // 3)))
            held = (scaler.standardise(X[validation]), learnt[validation])
            if weights is not None:
                held = (*held, weights[validation])  # type: ignore[assignment]
        network.fit(
            scaler.standardise(X[train]),
            learnt[train],
            loss=LOSSES[target.kind](),
            optimizer=Adam(CosineDecay(self.learning_rate, steps=epochs * steps)),
            epochs=epochs,
            batch_size=self.batch_size,
            sample_weight=None if weights is None else weights[train],
            validation_data=held,
            callbacks=watching,
            checkpoint=checkpoint,
            progress=progress,
            engine=engine,
            devices=devices,
        )
        if network.fitted is not None:
            network.fitted.optimizer_state = None  # it belongs to the last epoch, not to the one that was kept
        split = Split(self.seed, len(X), float(test_share), len(test), len(validation), _fingerprint(test))
        self.learnt = Learnt(target, columns, scaler, summary, network, split)
        self.test_rows = test
        return self

    def _layers(self, target: Target) -> list[Layer]:
        layers: list[Layer] = []
        for width in self.hidden:
            layers += [Dense(width), ReLU()]
        return [*layers, Dense(len(target.classes) if target.kind == "multiclass" else 1)]

    # Predicting

    def predict(self, frame: Any, *, source: Source = "the table") -> NDArray[Any]:
        """Return a prediction for each row: a label in the target's own type, or a number in its units.

        Columns are matched by name, in any order; those that the model does not need (the target among them) are
        not looked at.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
            N rows; for no rows the result is empty.
        source : str or path-like
            What messages call the table.

        Returns
        -------
        array [N]
            Texts come as Python objects.

        Raises
        ------
        TableError
            If columns are missing (all are named) or cannot be used as numbers.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "size": ["S", "S", "L", "L"]})
        >>> TableModel("size", epochs=200).fit(frame).predict(polars.DataFrame({"x": [-1.0, 4.0]}))
        array(['S', 'L'], dtype=object)
        """
        output, learnt = self._output(frame, source), self.learnt
        if learnt.target.kind == "numeric":
            return self._in_units(output)
        return learnt.target.labels(choice(output))

    def predict_proba(self, frame: Any, *, source: Source = "the table") -> Numbers:
        """Return the probability of each class, in the order of `classes_`, for each row: [N, C].

        The arguments and errors are those of `predict`; a numeric target has no probabilities, which is a ValueError.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "size": ["S", "S", "L", "L"]})
        >>> TableModel("size", epochs=200).fit(frame).predict_proba(frame).round().tolist()
        [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
        """
        if not self.learnt.target.classes:
            raise ValueError(f"the target {self.target!r} is numeric, and has no classes to give probabilities of")
        return self._probabilities(self._output(frame, source))

    def explain(self, frame: Any, row: int, *, source: Source = "the table") -> Explanation:
        """Explain the prediction of one row: every number of it, what each column pushed, the nearest other answer.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
            The table that the row is in.
        row : int
            Its place in the table, from 0.
        source : str or path-like
            What messages call the table.

        Returns
        -------
        Explanation

        Raises
        ------
        TableError
            If columns are missing or cannot be used as numbers, as for `predict`.
        ValueError
            If there is no such row.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "size": ["S", "S", "L", "L"]})
        >>> found = TableModel("size", epochs=200).fit(frame).explain(frame, row=0)
        >>> found.prediction, found.change.prediction
        ('S', 'L')
        """
        from pellucid.tables.explanation import explain_row

        return explain_row(self, frame, row, source=source)

    def diagnose(self, frame: Any = None, *, source: Source = "the table") -> Diagnosis:
        """Look for what may be wrong with the network, its training, and the table it was trained on.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame, optional
            The table that the model learnt from, or another with its columns and target. Without one the checks that
            need rows are not made, and the result says so.
        source : str or path-like
            What messages call the table.

        Returns
        -------
        Diagnosis

        Raises
        ------
        TableError
            If columns are missing or cannot be used.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0] * 15, "same": [7] * 60, "y": [0, 1, 4, 9] * 15})
        >>> found = TableModel("y", kind="numeric").fit(frame).diagnose(frame)
        >>> "constant_columns" in [finding.kind for finding in found.findings]
        True
        """
        from pellucid.tables.diagnosis import diagnose_table

        return diagnose_table(self, frame, source=source)

    def predict_table(self, frame: Any, *, probabilities: bool = True, source: Source = "the table") -> pl.DataFrame:
        """Return predictions as a table: the column ``prediction``, and one ``probability_...`` for each class.

        The errors are those of `predict`.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
            N rows.
        probabilities : bool
            Whether each class's probability stands beside the prediction.
        source : str or path-like
            What messages call the table.

        Returns
        -------
        polars.DataFrame
            N rows in the same order.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "large": [False, False, True, True]})
        >>> TableModel("large", epochs=200).fit(frame).predict_table(frame).columns
        ['prediction', 'probability_false', 'probability_true']
        """
        require("polars", "tables", purpose="tables of predictions")
        import polars as pl

        columns = {"prediction": pl.Series(self.predict(frame, source=source).tolist())}
        if probabilities and self.classes_:
            chances = self.predict_proba(frame, source=source)  # [N,C]
            for place, label in enumerate(self.classes_):
                # As polars writes the label itself.
                text = str(label).lower() if isinstance(label, bool) else str(label)
                columns[f"probability_{text}"] = pl.Series(chances[:, place])
        return pl.DataFrame(columns)

    def extra_columns(self, frame: Any) -> tuple[str, ...]:
        """Return the columns that the model has never heard of, and so does not look at.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
        >>> TableModel("y").fit(frame).extra_columns(frame.with_columns(z=1))
        ('z',)
        """
        known = {self.target, *self.ignore, *self.columns}
        return tuple(name for name in to_frame(frame).columns if name not in known)

    def unusual_values(self, frame: Any, *, source: Source = "the table") -> dict[str, Rows]:
        """Return, for each column with values far outside what was learnt from, their rows, from 0.

        Far is farther from the nearest training value than the training values are from each other; constant columns
        do not count. A prediction for such a row is a guess.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
        >>> TableModel("y").fit(frame).unusual_values(polars.DataFrame({"x": [1.5, 1e30]}))
        {'x': array([1])}
        """
        learnt = self.learnt
        X = self._inputs(to_frame(frame), source)
        with np.errstate(over="ignore"):
            width = learnt.scaler.high - learnt.scaler.low
            lowest, highest = learnt.scaler.low - width, learnt.scaler.high + width  # [C]
        far = ((lowest > X) | (highest < X)) & ~learnt.scaler.constant  # [N,C]
        return {learnt.columns[place]: np.flatnonzero(far[:, place]) for place in np.flatnonzero(far.any(axis=0))}

    def _inputs(self, frame: nw.DataFrame[Any], source: Source) -> Numbers:
        """Return the model's columns side by side, [N, C]."""
        learnt = self.learnt
        present = set(frame.columns)
        missing = [name for name in learnt.columns if name not in present]
        if len(missing) == 1:
            find_column(frame.columns, missing[0], source, role="input of the model")
        if missing:
            listed = ", ".join(map(repr, missing[:COLUMNS_LISTED]))
            more = f" and {len(missing) - COLUMNS_LISTED} more" if len(missing) > COLUMNS_LISTED else ""
            raise TableError(
                f"{os.fspath(source)} lacks {len(missing)} of the {len(learnt.columns)} columns that the model needs: "
                f"{listed}{more}"
            )
        remedy = "Correct the table: the model needs this column"
        return numeric_columns(frame, learnt.columns, source, remedy=remedy)

    def _output(self, frame: Any, source: Source) -> Numbers:
        """Return the network's raw output, [N, O]."""
        learnt = self.learnt
        X = self._inputs(to_frame(frame), source)
        scaled = learnt.scaler.standardise(X)
        if not np.isfinite(scaled).all():
            row, column = (int(place) for place in np.argwhere(~np.isfinite(scaled))[0])
            raise TableError(
                f"{os.fspath(source)}: column {learnt.columns[column]!r}, row {row + 1}: {X[row, column]} is too far "
                f"from the values learnt from ({learnt.scaler.low[column]:.6g} to {learnt.scaler.high[column]:.6g})"
            )
        return learnt.network.predict(scaled)

    def _in_units(self, output: Numbers) -> Numbers:
        summary = self.learnt.summary
        with np.errstate(over="ignore"):
            predicted: Numbers = summary["mean"] + summary["std"] * output[:, 0]
        return predicted

    def _probabilities(self, output: Numbers) -> Numbers:
        link = LOSSES[self.kind]().link
        with np.errstate(over="ignore"):
            if self.kind == "multiclass":
                return np.asarray(link(output))
            # 1 - p would lose the digits of a small chance.
            return np.hstack([link(-output), link(output)])  # [N,1], [N,1] -> [N,2]

    # Judging

    def evaluate(self, frame: Any, *, rows: npt.ArrayLike | None = None, source: Source = "the table") -> Evaluation:
        """Predict rows whose target is known, and say how good the predictions are.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        rows : array of int, optional
            The rows to judge by, from 0, such as `test_rows`; by default all.
        source : str or path-like
            What messages call the table.

        Returns
        -------
        Evaluation

        Raises
        ------
        TableError
            As for `predict`, and if the target is not there, is missing in a row, or is a class that was not learnt.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "size": ["S", "S", "L", "L"]})
        >>> TableModel("size", epochs=200).fit(frame).evaluate(frame).figures["accuracy"]
        (1.0, 0.5)
        """
        learnt, wrapped = self.learnt, to_frame(frame)
        y, output = learnt.target.encode(wrapped, source), self._output(wrapped, source)
        chosen: Rows = np.arange(len(y)) if rows is None else np.asarray(rows, dtype=np.intp)
        if not len(chosen):
            raise TableError(f"{os.fspath(source)}: there are no rows to judge by")
        y, output = y[chosen], output[chosen]
        if learnt.target.classes:
            loss, probability = LOSSES[learnt.target.kind](), self._probabilities(output)
            return judge_classes(learnt.target, learnt.summary["shares"], loss, y, output, probability, chosen)
        mean, std = (float(learnt.summary[name][0]) for name in ("mean", "std"))
        return judge_numbers(mean, std, y, output[:, 0], self._in_units(output), chosen)

    # Files

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to one file, which `pellucid.load` reads; nothing in it ever runs.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Whether a file that exists may be replaced; by default it is left untouched.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is False.

        Examples
        --------
        >>> import pathlib, tempfile, pellucid, polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 2.0]})
        >>> model = TableModel("y").fit(frame)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.pellucid"
        >>> model.save(path)
        >>> bool((pellucid.load(path).predict(frame) == model.predict(frame)).all())
        True
        """
        from pellucid.files import save

        save(self, path, overwrite=overwrite)

    def to_file(self) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the kind of file, the configuration as plain JSON values, and the tensors: for `pellucid.files`."""
        from pellucid.tables.model_file import describe

        return describe(self)


def default_epochs(rows: int, steps: int) -> int:
    """Return how often rows are seen: often enough to learn, seldom enough to be done soon.

    Parameters
    ----------
    rows : int
        Rows to learn from.
    steps : int
        Updates in one epoch.

    Examples
    --------
    >>> default_epochs(20_000, 157), default_epochs(3_450, 27), default_epochs(100, 1)
    (16, 64, 300)
    """
    usual = min(max(round(320_000 / rows), 16), 64)
    return max(usual, min(math.ceil(1_000 / steps), 300))


def _divide(
    rows: Rows, classes: Rows | None, share: float, generator: np.random.Generator, part: str, source: Source
) -> tuple[Rows, Rows]:
    if not share:
        return rows, np.empty(0, dtype=np.intp)
    stay, held = held_out(rows, None if classes is None else classes[rows], share, generator)
    if not len(held) or not len(stay):
        raise TableError(
            f"{os.fspath(source)} has too few rows: of {len(rows)}, a share of {share:g} leaves {len(held)} for {part} "
            f"and {len(stay)} to learn from; both need one at least"
        )
    return stay, held


def _fingerprint(rows: Rows) -> str:
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be the name of a column, found {value!r}")
    return value


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number, found {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, found {value}")
    return int(value)

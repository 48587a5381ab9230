"""TableModel: the networks of a table, and what a table needs around them."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from pellucid import checks
from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.losses.loss import Loss
from pellucid.network import Network
from pellucid.tables.encoding import Encoder, eighths
from pellucid.tables.evaluation import Evaluation, Rows, choice, judge_classes, judge_numbers
from pellucid.tables.kinds import Column, recognise
from pellucid.tables.learning import EFFORTS, Recipe, Trained, learn, loss_of
from pellucid.tables.read_table import ReadTable
from pellucid.tables.reading import COLUMNS_LISTED, find_column, to_frame
from pellucid.tables.reading.words import some
from pellucid.tables.scaler import FIGURES, Numbers, Scaler
from pellucid.tables.screening import leaks, spelt_alike, without_duplicates
from pellucid.tables.split import Split, divided, fingerprint
from pellucid.tables.target import KINDS, Kind, Label, Target
from pellucid.tables.thresholds import THRESHOLDS, best_threshold
from pellucid.training import History
from pellucid.training.callbacks import Callback
from pellucid.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

    from pellucid.insight.diagnosis import Diagnosis
    from pellucid.tables.explanation import Explanation

Source = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Learnt:
    """All that a model has learnt, in one piece: a training that fails halfway leaves the old one whole.

    Attributes
    ----------
    target : Target
    encoder : Encoder
        The columns that are used, and how they become the network's inputs.
    left_out : tuple of Column
        The columns that are not, each with its reason as a note.
    summary : dict
        Of the target in the training rows: the classes' ``shares`` [C], or ``mean``, ``std``, ``low`` and ``high`` [1],
        and the ``eighths`` [9].
    network : Network
        From the inputs, standardised, to the logits of the classes, or to the target as it was learnt: it encodes a
        row, asks every member, and joins what they say.
    threshold : float
        From which probability on the second of two classes is predicted.
    split : Split
    notes : tuple of str
        What was noticed in the table.
    """

    target: Target
    encoder: Encoder
    left_out: tuple[Column, ...]
    summary: dict[str, Numbers]
    network: Network
    threshold: float
    split: Split
    notes: tuple[str, ...] = ()

    @property
    def loss(self) -> Loss:
        """What the network's output is judged by."""
        return loss_of(self.target.kind, self.target.quantiles)

    def in_units(self, output: Numbers) -> Numbers:
        """Return the network's output [N, O] in the target's units: [N], or [N, Q] of quantiles.

        A number never leaves the range of the training rows: beyond it nothing was learnt.
        """
        summary = self.summary
        with np.errstate(over="ignore"):
            if self.target.kind == "count":
                return np.minimum(summary["mean"] * np.exp(output[:, 0]), 10 * summary["high"])
            found = np.clip(summary["mean"] + summary["std"] * output, summary["low"], summary["high"])  # [N,O]
        return found[:, 0] if self.target.kind == "numeric" else np.sort(found, axis=1)

    def probabilities(self, output: Numbers) -> Numbers:
        """Return the probability of each class, [N, C], from the logits [N, O]."""
        link = self.loss.link
        with np.errstate(over="ignore"):
            if self.target.kind == "multiclass":
                return np.asarray(link(output))
            # 1 - p would lose the digits of a small chance.
            return np.hstack([link(-output), link(output)])  # [N,1], [N,1] -> [N,2]

    def judged(self, y: NDArray[Any], output: Numbers, rows: Rows) -> Evaluation:
        """Return how good the network's output [N, O] is for these rows of a table, whose target is known."""
        if self.target.classes:
            shares, chances = self.summary["shares"], self.probabilities(output)
            return judge_classes(self.target, shares, self.loss, y, output, chances, rows, self.threshold)
        return judge_numbers(self.target, self.summary, y, self.in_units(output), rows)


class TableModel:
    """Networks for a table of named columns: they take it as it is, and predict in the target's own terms.

    Which kind each column is is found out from its values in the training rows: numbers (also those written as text,
    with decimal commas, thousands separators, currencies or percent signs), yes or no, categories, ordered categories,
    dates; identifiers and remarks are left out. Gaps may be anywhere but in the target, whose kind is found out too:

    - two distinct values of any type are *binary*;
    - texts are *multiclass*, and so are whole numbers of an integer type with at most 20 distinct values, each met in
      at least 10 rows on average;
    - other numbers are *numeric*; *count* (whole numbers from 0, by their mean) and *quantiles* are to be asked for.

    Parameters
    ----------
    target : str
        The name of the column to predict.
    kind : "binary", "multiclass", "numeric", "count" or "quantiles", optional
        Overrides what the target's values suggest.
    ignore : str or sequence of str
        Columns to leave out.
    kinds : dict of str to str or list, optional
        Overrides what the values of a column suggest: "number", "yes/no", "category", "ordered", "date", "left out",
        a date's format as in "date:%d/%m/%Y", or a list of levels from least to most.
    effort : "low", "normal" or "high"
        How much time good predictions are worth; see Notes.
    members : int, optional
        How many networks are trained side by side, whose mean is the model; by default as `effort` says.
    hidden : sequence of int, optional
        The widths of the hidden layers, each followed by a ReLU; none makes linear models. By default as `effort` says.
    epochs : int, optional
        How often all rows are seen. By default between 16 and 64: small tables more often.
    batch_size : int
        Rows in one step.
    learning_rate : float, optional
        The highest of the schedule; by default 0.04 for classes and counts, and 0.07 for other numbers.
    time_limit : float, optional
        Seconds that `fit` may take: epochs, and then rows, are left out for it.
    class_weight : "balanced", optional
        Lets every class count alike, however rare.
    threshold : float, "f1" or "balanced"
        From which probability on the second of two classes is predicted. By name: where, on rows that a member did not
        learn from, the F1 of the rarer class or the mean of both classes' recalls was highest.
    quantiles : sequence of float
        Those of the kind "quantiles", in ascending order.
    seed : int
        Fixes the split, the start and the shuffling.

    Attributes
    ----------
    columns : tuple of str
        Those that are used, in the order of the table.
    left_out : dict of str to str
        Those that are not, each with the reason.
    notes : tuple of str
        What was noticed in the table.
    classes_ : tuple
        The classes in the order of `predict_proba`'s columns, in the target's own type; empty for numbers.
    network : Network
        From the encoded columns to the logits, or to the standardised target; ``network.history`` holds its figures.
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
    By default ("normal") four networks with two hidden layers of 128 are trained at once, each on its own three
    quarters of the rows; the quarter that it does not see tells the best epoch, and how sure its probabilities may be.
    "low" trains two with layers of 64, "high" eight with layers of 256.

    Examples
    --------
    >>> import numpy as np, polars
    >>> generator = np.random.default_rng(0)
    >>> area, age = generator.uniform(30, 150, 400), generator.uniform(0, 50, 400)
    >>> city = generator.choice(["Graz", "Linz"], 400)
    >>> price = 3000 * area - 800 * age + 40_000 * (city == "Linz")
    >>> homes = polars.DataFrame({"area": area, "age": age, "city": city, "price": price})
    >>> model = TableModel("price").fit(homes, test_share=0.25)
    >>> model.kind, model.columns
    ('numeric', ('area', 'age', 'city'))
    >>> error, of_the_mean = model.evaluate(homes, rows=model.test_rows).figures["RMSE"]
    >>> error < 0.05 * of_the_mean
    True
    """

    def __init__(
        self,
        target: str,
        *,
        kind: Kind | None = None,
        ignore: str | Sequence[str] = (),
        kinds: Mapping[str, Any] | None = None,
        effort: Literal["low", "normal", "high"] = "normal",
        members: int | None = None,
        hidden: Sequence[int] | None = None,
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float | None = None,
        time_limit: float | None = None,
        class_weight: Literal["balanced"] | None = None,
        threshold: float | Literal["f1", "balanced"] = 0.5,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        seed: int = 0,
    ) -> None:
        self.target = _text("target", target)
        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, or None, found {kind!r}")
        self.asked_kind = kind
        ignored = (ignore,) if isinstance(ignore, str) else _several("ignore", ignore)
        self.ignore = tuple(dict.fromkeys(_text("ignore", name) for name in ignored))
        if self.target in self.ignore:
            raise ValueError(f"the target {self.target!r} cannot be ignored")
        self.kinds = _kinds(kinds, self.target)
        if effort not in tuple(EFFORTS):
            raise ValueError(f"effort must be one of {', '.join(EFFORTS)}, found {effort!r}")
        self.effort = effort
        self.members = None if members is None else _whole("members", members, 1)
        widths = None if hidden is None else _several("hidden", hidden)
        self.hidden = None if widths is None else tuple(_whole("hidden", width, 1) for width in widths)
        self.epochs = None if epochs is None else _whole("epochs", epochs, 1)
        self.batch_size = _whole("batch_size", batch_size, 1)
        self.learning_rate = None if learning_rate is None else _positive("learning_rate", learning_rate)
        self.time_limit = None if time_limit is None else _positive("time_limit", time_limit)
        if class_weight not in (None, "balanced"):
            raise ValueError(f'class_weight must be "balanced" or None, found {class_weight!r}')
        self.class_weight = class_weight
        self.threshold = _threshold(threshold)
        self.quantiles = _ascending(quantiles)
        self.seed = _whole("seed", seed, 0)
        self._learnt: Learnt | None = None
        self.test_rows: Rows = np.empty(0, dtype=np.intp)

    @property
    def settings(self) -> dict[str, Any]:
        """What the model was made with, as the arguments that make it anew."""
        return {"kind": self.asked_kind} | {name: getattr(self, name) for name in SETTINGS if name != "kind"}

    def __repr__(self) -> str:
        parts, defaults = [repr(self.target)], TableModel(self.target).settings
        parts += [f"{name}={value!r}" for name, value in self.settings.items() if value != defaults[name]]
        return f"TableModel({', '.join(parts)})"

    # What was learnt

    @property
    def kind(self) -> Kind:
        """The kind of the target: "binary", "multiclass", "numeric", "count" or "quantiles"."""
        return self.learnt.target.kind

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are used, in the order of the table."""
        return tuple(column.name for column in self.learnt.encoder.columns)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that are read as they are written, for :func:`pellucid.tables.reading.read_table`.

        Whether ``1.500`` is a number of thousands, or ``007`` a code, was found out from all rows that the model learnt
        from. A file that holds only some of them may look as if it held other numbers.
        """
        names = [column.name for column in self.learnt.encoder.columns if column.in_text]
        return (*names, self.target) if self.learnt.target.type == "text" else tuple(names)

    @property
    def left_out(self) -> dict[str, str]:
        """The columns that are not used, each with the reason; those to ignore are not among them."""
        return {column.name: "; ".join(column.notes) for column in self.learnt.left_out}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed in the table when the model learnt from it."""
        return self.learnt.notes

    @property
    def classes_(self) -> tuple[Label, ...]:
        """The classes, in the order of the columns of `predict_proba`."""
        return self.learnt.target.classes

    @property
    def network(self) -> Network:
        """The trained network; it takes what the encoder makes of the columns."""
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
        start: TableModel | None = None,
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
            N rows; every column but the target and those to ignore may be an input.
        test_share : float
            The part of the rows that learning never sees, for `evaluate`; for classes, of each its share.
        validation_share : float, optional
            The part of the remaining rows that each member does not learn from: it tells the best epoch, and how sure
            the probabilities may be. By default each row is held out by one of the members (by a single one 0.2 of
            them), or none if fewer than 50 rows remain; with 0, the last epoch is kept.
        sample_weight : array [N], optional
            What each row counts.
        start : TableModel, optional
            A trained model to go on from: its columns, encoding and networks are taken over. The settings of its
            networks (`hidden`, `members`) must be this model's.
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
        >>> TableModel("fits").fit(frame).predict(frame).tolist()
        [False, False, True, True]
        """
        began = time.perf_counter()
        for name, share in (("test_share", test_share), ("validation_share", validation_share)):
            if share is None and name == "validation_share":
                continue
            if isinstance(share, bool) or not isinstance(share, int | float | np.number):
                raise TypeError(f"{name} must be a number, found {share!r}")
            if not 0 <= share < 1:
                raise ValueError(f"{name} must lie in [0, 1), found {share!r}")
        if start is not None and not isinstance(start, TableModel):
            raise TypeError(f"start must be a trained TableModel, found {start!r}")
        wrapped, source = to_frame(frame), os.fspath(source)
        names = self._inputs_of(wrapped, source)
        if start is None:
            target = Target.find(wrapped, self.target, self.asked_kind, source, self.quantiles)
        else:
            target = self._target_of(start)
        if self.threshold != 0.5 and target.kind != "binary":
            raise ValueError(f"threshold={self.threshold!r} is for a target of two classes, found a {target.kind} one")
        y = target.encode(wrapped, source)  # [N]
        checked = checks.weights(sample_weight, len(wrapped), np.dtype(np.float64))
        weights = None if checked is None else checked[:, 0]
        rest, test = divided(self.seed, len(y), y if target.classes else None, test_share, source)
        if weights is not None:
            rest = rest[weights[rest] > 0]  # rows that count nothing must not choose the best epoch either
            if not len(rest):
                raise ValueError("sample_weight is 0 for every row outside the test part")
            weights = weights[rest] / weights[rest].max()  # only their ratios matter, and no sum may overflow
            weights = weights / weights.mean()
        if self.class_weight is not None and not target.classes:
            raise ValueError(f"class_weight={self.class_weight!r} is for classes, and the target is {target.kind}")
        counts = weights  # of the rows as they are; what is learnt from may count classes alike
        if self.class_weight == "balanced":
            weights = _balanced(y[rest], weights)

        # From here on, of the training rows alone.
        train, y = wrapped[rest.tolist()] if len(rest) < len(wrapped) else wrapped, y[rest]
        if start is None:
            encoder, inputs, left_out, notes = self._measured(train, rest, names, y, target, weights, source)
        else:
            encoder, left_out, notes = start.learnt.encoder, start.learnt.left_out, start.learnt.notes
            inputs = encoder.apply(start._values(train, source))
        summary = summary_of(target, y, counts) if start is None else start.learnt.summary
        trained = learn(
            encoder,
            inputs,
            as_learnt(target, summary, y),
            target.kind,
            self._recipe(validation_share),
            classes=len(target.classes),
            quantiles=target.quantiles,
            weights=weights,
            start=None if start is None else start.network.theta,
            began=began,
            callbacks=callbacks,
            checkpoint=checkpoint,
            progress=progress,
            engine=engine,
            devices=devices,
        )
        split = Split(self.seed, len(wrapped), float(test_share), len(test), trained.held_by_each, fingerprint(test))
        threshold = self._chosen_threshold(target, trained, y, weights)
        self._learnt = Learnt(target, encoder, left_out, summary, trained.network, threshold, split, notes)
        self.test_rows = test
        return self

    def _inputs_of(self, frame: nw.DataFrame[Any], source: str) -> list[str]:
        """Return the columns that may be inputs."""
        find_column(frame.columns, self.target, source, role="target")
        for name in self.ignore:
            find_column(frame.columns, name, source, role="column to ignore")
        for name in self.kinds:
            find_column(frame.columns, name, source, role="column whose kind is given")
        names = [name for name in frame.columns if name != self.target and name not in self.ignore]
        if not names:
            raise TableError(f"{source} has no column left to learn from beside the target {self.target!r}")
        if not len(frame):
            raise TableError(f"{source} has no rows")
        return names

    def _measured(
        self,
        train: nw.DataFrame[Any],
        rows: Rows,
        names: Sequence[str],
        y: NDArray[Any],
        target: Target,
        weights: Numbers | None,
        source: str,
    ) -> tuple[Encoder, Numbers, tuple[Column, ...], tuple[str, ...]]:
        """Look at the columns of the training rows; return the encoder, the inputs, and what was noticed.

        ``rows`` are the training rows' numbers in the whole table, for messages.
        """
        columns = recognise(train, names, self.kinds, source, rows=rows)
        used = [column for column in columns if column.kind != "left out"]
        read = [column.read(train.get_column(column.name), source, rows) for column in used]
        used, read, same = without_duplicates(used, read)
        left_out = (*(column for column in columns if column.kind == "left out"), *same)
        if not used:
            reasons = "; ".join(f"{column.name!r}: {', '.join(column.notes)}" for column in left_out[:COLUMNS_LISTED])
            raise TableError(f"{source} has no column that can be learnt from ({reasons})")
        encoder, inputs = Encoder.measure(used, read, weights)
        if encoder.scaler.constant.all():
            listed = some((repr(column.name) for column in used), COLUMNS_LISTED)
            raise TableError(f"{source} has no column that can be learnt from: in {listed} there is one value only")
        notes = [f"{column.name}: {note}" for column in encoder.columns for note in column.notes]
        notes += [f"{column.name}: {note}" for column in left_out for note in column.notes]
        notes += [*leaks(used, read, y, target), *spelt_alike(target)]
        return encoder, inputs, left_out, tuple(notes)

    def _recipe(self, validation_share: float | None) -> Recipe:
        """Return what the training is told."""
        usual = EFFORTS[self.effort]
        return Recipe(
            hidden=usual.hidden if self.hidden is None else self.hidden,
            members=self.members or usual.members,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            validation_share=validation_share,
            time_limit=self.time_limit,
            seed=self.seed,
        )

    def _target_of(self, start: TableModel) -> Target:
        """Return the target of the model to go on from, if it is this one's."""
        known, asked = start.learnt.target, self.asked_kind
        if known.name != self.target or asked not in (None, known.kind):
            wanted = f"{self.target!r}" if asked is None else f"{self.target!r} ({asked})"
            raise ValueError(f"the model to go on from predicts {known.name!r} ({known.kind}), not {wanted}")
        return known

    def _chosen_threshold(self, target: Target, trained: Trained, y: NDArray[Any], weights: Numbers | None) -> float:
        """Return the probability from which on the second class is predicted."""
        if isinstance(self.threshold, float):
            return self.threshold
        if not len(trained.held):
            raise ValueError(
                f"threshold={self.threshold!r} is chosen by rows that are held out, and none were: there are too few, "
                "or validation_share is 0"
            )
        own = None if weights is None or self.class_weight else weights[trained.held]
        logits, codes = trained.logits[:, 0], y[trained.held]
        if self.threshold == "f1" and np.average(codes, weights=own) > 0.5:
            return 1 - best_threshold("f1", -logits, 1 - codes, own)  # of the rarer class, which is the first
        return best_threshold(self.threshold, logits, codes, own)

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
        return self._answers(self._output(frame, source))

    def _answers(self, output: Numbers) -> NDArray[Any]:
        learnt = self.learnt
        if learnt.target.classes:
            return learnt.target.labels(choice(output, learnt.threshold))
        found = learnt.in_units(output)
        return found if found.ndim == 1 else found[:, middle(learnt.target.quantiles)]

    def predict_quantiles(self, frame: Any, *, source: Source = "the table") -> Numbers:
        """Return the `quantiles` of each row, in ascending order, [N, Q]; for a target of the kind "quantiles".

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": np.arange(200) % 2, "y": np.arange(200.0)})
        >>> model = TableModel("y", kind="quantiles", quantiles=(0.1, 0.9)).fit(frame)
        >>> model.predict_quantiles(polars.DataFrame({"x": [0]})).shape
        (1, 2)
        """
        if self.kind != "quantiles":
            raise ValueError(
                f'the target {self.target!r} was learnt as {self.kind}; give kind="quantiles" to learn them'
            )
        return self.learnt.in_units(self._output(frame, source))

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
            raise ValueError(f"the target {self.target!r} is {self.kind}, and has no classes to give probabilities of")
        return self.learnt.probabilities(self._output(frame, source))

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
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0] * 15, "y": [0, 1, 4, 9] * 15})
        >>> found = TableModel("y", kind="numeric").fit(frame).diagnose(frame)
        >>> print(found.headline)
        nothing found: 14 checks made, 7 could not be made
        """
        from pellucid.tables.diagnosis import diagnose_table

        return diagnose_table(self, frame, source=source)

    def predict_table(self, frame: Any, *, probabilities: bool = True, source: Source = "the table") -> pl.DataFrame:
        """Return predictions as a table: the column ``prediction``, and one for each class or quantile.

        These are called ``probability_...`` and ``quantile_...``. The errors are those of `predict`.

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

        output = self._output(frame, source)
        columns = {"prediction": pl.Series(self._answers(output).tolist())}
        if probabilities and self.classes_:
            chances = self.learnt.probabilities(output)  # [N,C]
            for place, label in enumerate(self.classes_):
                # As polars writes the label itself.
                text = str(label).lower() if isinstance(label, bool) else str(label)
                columns[f"probability_{text}"] = pl.Series(chances[:, place])
        if probabilities and self.kind == "quantiles":
            found = self.learnt.in_units(output)  # [N,Q]
            for place, quantile in enumerate(self.learnt.target.quantiles):
                columns[f"quantile_{quantile}"] = pl.Series(found[:, place])
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
        known = {self.target, *self.ignore, *self.columns, *self.left_out}
        return tuple(name for name in to_frame(frame).columns if name not in known)

    def unusual_values(self, frame: Any, *, source: Source = "the table") -> dict[str, Rows]:
        """Return, for each column with values far outside what was learnt from, their rows, from 0.

        Of a number, far is farther from the nearest training value than the training values are from each other; of a
        category, any that was not met. A prediction for such a row is a guess.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0], "city": ["Graz", "Linz", "Graz"], "y": [0.0, 1.0, 3.0]})
        >>> model = TableModel("y").fit(frame)
        >>> model.unusual_values(polars.DataFrame({"x": [1.5, 1e30], "city": ["Wien", "Linz"]}))
        {'x': array([1]), 'city': array([0])}
        """
        return self.read(frame, source=source).unusual

    def read(self, frame: Any, *, source: Source = "the table") -> ReadTable:
        """Return a table as the model reads it; `predict_table`, `unusual_values` and the like take it in its place.

        The arguments and errors are those of `predict`.

        Examples
        --------
        >>> import polars
        >>> frame = polars.DataFrame({"x": [0.0, 1.0, None], "city": ["Graz", "Linz", "Graz"], "y": [0.0, 1.0, 3.0]})
        >>> model = TableModel("y").fit(frame)
        >>> read = model.read(polars.DataFrame({"x": [None, 1.0], "city": ["Graz", "Wien"]}))
        >>> read.gaps, read.unseen, len(model.predict(read))
        ({'x': 1}, {'city': array([1])}, 2)
        """
        if isinstance(frame, ReadTable):
            return frame
        wrapped = to_frame(frame)
        self._check_columns(wrapped, os.fspath(source))
        return ReadTable.of(wrapped, self.learnt.encoder, os.fspath(source))

    def _values(self, frame: nw.DataFrame[Any], source: str, rows: Rows | None = None) -> Numbers:
        """Return what the model's columns hold, input by input and in their own units, [N, S]; NaN in gaps."""
        self._check_columns(frame, source)
        return self.learnt.encoder.values(frame, source, rows)

    def _check_columns(self, frame: nw.DataFrame[Any], source: str) -> None:
        present, columns = set(frame.columns), self.columns
        missing = [name for name in columns if name not in present]
        if len(missing) == 1:
            find_column(frame.columns, missing[0], source, role="input of the model")
        if missing:
            listed = ", ".join(map(repr, missing[:COLUMNS_LISTED]))
            more = f" and {len(missing) - COLUMNS_LISTED} more" if len(missing) > COLUMNS_LISTED else ""
            raise TableError(
                f"{source} lacks {len(missing)} of the {len(columns)} columns that the model needs: {listed}{more}"
            )

    def _standardised(self, frame: nw.DataFrame[Any], source: str, rows: Rows | None = None) -> Numbers:
        """Return the rows as the network takes them, [N, S]; ``rows`` are what messages call them by, from 0."""
        return self._applied(self._values(frame, source, rows), source, rows)

    def _applied(self, values: Numbers, source: str, rows: Rows | None = None) -> Numbers:
        encoder = self.learnt.encoder
        inputs = encoder.apply(values)
        if not np.isfinite(inputs).all():
            place, column = (int(found[0]) for found in np.nonzero(~np.isfinite(inputs)))
            row = place if rows is None else int(rows[place])
            low, high = encoder.scaler.low[column], encoder.scaler.high[column]
            raise TableError(
                f"{source}: column {encoder.inputs[column].name!r}, row {row + 1}: {values[place, column]} is too far "
                f"from the values learnt from ({low:.6g} to {high:.6g})"
            )
        return inputs

    def _output(self, frame: Any, source: Source) -> Numbers:
        """Return the network's raw output, [N, O]."""
        source = os.fspath(source)
        values = frame.values if isinstance(frame, ReadTable) else self._values(to_frame(frame), source)
        return self.learnt.network.predict(self._applied(values, source))

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
        chosen: Rows = np.arange(len(y)) if rows is None else _rows(rows, len(y))
        if not len(chosen):
            raise TableError(f"{os.fspath(source)}: there are no rows to judge by")
        return learnt.judged(y[chosen], output[chosen], chosen)

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


SETTINGS = (
    "kind",
    "ignore",
    "kinds",
    "effort",
    "members",
    "hidden",
    "epochs",
    "batch_size",
    "learning_rate",
    "time_limit",
    "class_weight",
    "threshold",
    "quantiles",
    "seed",
)


def middle(quantiles: Sequence[float]) -> int:
    """Return which of several quantiles is nearest to the median: what a single prediction is.

    Examples
    --------
    >>> middle((0.1, 0.5, 0.9)), middle((0.9,))
    (1, 0)
    """
    return int(np.argmin(np.abs(np.asarray(quantiles) - 0.5)))


def summary_of(target: Target, y: NDArray[Any], weights: Numbers | None) -> dict[str, Numbers]:
    """Return what is known of the target in the training rows."""
    if target.classes:
        counted = np.bincount(y, weights, len(target.classes))
        return {"shares": counted / counted.sum()}
    measured = Scaler.measure(y[:, None], weights)
    with np.errstate(over="ignore"):
        if not np.isfinite(measured.high - measured.low).all():
            low, high = measured.low[0], measured.high[0]
            raise TableError(
                f"the target {target.name!r} runs from {low:g} to {high:g}, too far apart; divide it by 10"
            )
    return {name: getattr(measured, name) for name in FIGURES} | {"eighths": eighths(y[:, None], weights)[:, 0]}


def as_learnt(target: Target, summary: Mapping[str, Numbers], y: NDArray[Any]) -> NDArray[Any]:
    """Return the target as the network learns it: class numbers, standardised numbers, or counts over their mean.

    Examples
    --------
    >>> summary = {"mean": np.array([10.0]), "std": np.array([2.0])}
    >>> as_learnt(Target("y", "numeric", "float"), summary, np.array([8.0, 14.0]))
    array([-1.,  2.])
    """
    if target.classes:
        return y
    if target.kind == "count":
        return np.asarray(y / summary["mean"])
    return np.asarray((y - summary["mean"]) / summary["std"])


def _balanced(codes: Rows, weights: Numbers | None) -> Numbers:
    """Return weights with which every class counts alike."""
    own = np.ones(len(codes)) if weights is None else weights
    counted = np.bincount(codes, own)
    return np.asarray(own * (own.sum() / np.count_nonzero(counted) / np.maximum(counted, 1e-300))[codes])


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be the name of a column, found {value!r}")
    return value


def _kinds(kinds: Any, target: str) -> dict[str, Any]:
    """Return the kinds of columns that were asked for; what they are is checked when the columns are there."""
    if kinds is None:
        return {}
    if not isinstance(kinds, Mapping):
        raise TypeError(f'kinds must be a dict such as {{"size": "category"}}, found {kinds!r}')
    if target in kinds:
        raise ValueError(f"kinds is about inputs; {target!r} is the target: give kind")
    return {_text("kinds", name): list(kind) if isinstance(kind, tuple) else kind for name, kind in kinds.items()}


def _several(name: str, values: Any) -> Iterable[Any]:
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence, found {values!r}")
    return values


def _rows(rows: npt.ArrayLike, count: int) -> Rows:
    """Return numbers of rows, once they are those of a table with so many."""
    found = np.asarray(rows)
    if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
        raise TypeError(f"rows must be row numbers, from 0, found {found.dtype} of shape {found.shape}")
    wrong = np.flatnonzero((found < 0) | (found >= count))
    if len(wrong):
        raise ValueError(f"rows holds {found[wrong[0]]}, and the table's {count} rows are numbered from 0")
    return found.astype(np.intp)


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number, found {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, found {value}")
    return int(value)


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number, found {value!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, found {value!r}")
    return float(value)


def _threshold(value: Any) -> Any:
    if isinstance(value, str):
        if value not in THRESHOLDS:
            raise ValueError(f"threshold must be a probability, or one of {', '.join(THRESHOLDS)}, found {value!r}")
        return value
    found = _positive("threshold", value)
    if found >= 1:
        raise ValueError(f"threshold must lie between 0 and 1, found {value!r}")
    return found


def _ascending(quantiles: Any) -> tuple[float, ...]:
    try:
        found = tuple(float(one) for one in quantiles)
    except (TypeError, ValueError):
        raise TypeError(f"quantiles must be numbers such as (0.1, 0.5, 0.9), found {quantiles!r}") from None
    ordered = all(low < high for low, high in itertools.pairwise(found))
    if not found or not ordered or not all(0 < one < 1 for one in found):
        raise ValueError(f"quantiles must lie between 0 and 1 in ascending order, found {quantiles!r}")
    return found

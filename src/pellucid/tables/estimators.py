"""TabularClassifier and TabularRegressor: the model of a table with scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from numbers import Integral, Number, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_random_state, compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from pellucid.errors import TableError
from pellucid.network import Network
from pellucid.tables.evaluation import Rows, choice
from pellucid.tables.learning import EFFORTS
from pellucid.tables.model import TableModel
from pellucid.tables.reading import to_frame
from pellucid.tables.reading.words import shortened
from pellucid.tables.target import Kind
from pellucid.tables.thresholds import THRESHOLDS

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from pellucid.insight.diagnosis import Diagnosis
    from pellucid.tables.explanation import Explanation

Numbers = NDArray[np.float64]


class Tabular(BaseEstimator):
    """What both share; use :class:`TabularClassifier` or :class:`TabularRegressor`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "kinds": [Mapping, None],
        "ignore": [str, list, tuple],
        "effort": [StrOptions(set(EFFORTS))],
        "members": [Interval(Integral, 1, None, closed="left"), None],
        "hidden_layer_sizes": [list, tuple, None],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "engine": [StrOptions({"numpy", "jax"})],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    if TYPE_CHECKING:
        kinds: Mapping[str, Any] | None
        ignore: str | Sequence[str]
        effort: Literal["low", "normal", "high"]
        members: int | None
        hidden_layer_sizes: Sequence[int] | None
        max_iter: int | None
        batch_size: int
        learning_rate_init: float | None
        validation_fraction: float | None
        time_limit: float | None
        engine: Literal["numpy", "jax"]
        verbose: Any
        random_state: Any
        n_features_in_: int
        model_: TableModel

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    # What was learnt

    @property
    def network_(self) -> Network:
        """The trained network: it encodes a row, asks every member, and joins what they say."""
        return self._fitted.network

    @property
    def n_iter_(self) -> int:
        """How many epochs were trained."""
        return len(self._fitted.history)

    @property
    def loss_curve_(self) -> Numbers:
        """The mean of the members' training losses, epoch by epoch."""
        return self._fitted.history["loss"]

    @property
    def left_out_(self) -> dict[str, str]:
        """The columns that are not used, each with the reason."""
        return self._fitted.left_out

    @property
    def notes_(self) -> tuple[str, ...]:
        """What was noticed in the table."""
        return self._fitted.notes

    @property
    def _fitted(self) -> TableModel:
        check_is_fitted(self, "model_")
        return self.model_

    # Learning

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> tuple[nw.DataFrame[Any], NDArray[Any], Any]:
        """Return the table, the target and the weights, once they fit together."""
        self._validate_params()
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        frame = self._frame(X, fits=True)
        # PyArrow's own way to NumPy refuses texts.
        target = column_or_1d(y.to_numpy() if hasattr(y, "to_numpy") and not hasattr(y, "to_pylist") else y, warn=True)
        if len(frame) != len(target):
            raise ValueError(f"X and y must have the same number of rows, found {len(frame)} and {len(target)}")
        if len(frame) < 2:
            raise ValueError(f"n_samples={len(frame)}: there is nothing to learn from fewer than two rows")
        gaps = np.flatnonzero([_is_gap(value) for value in target.tolist()])
        if len(gaps):
            raise ValueError(
                f"y contains NaN or infinity: {target[gaps[0]]} in row {gaps[0] + 1}; leave such rows out "
                f"({len(gaps)} of {len(target)} rows have no value)"
            )
        weights = sample_weight if sample_weight is None else _check_sample_weight(sample_weight, target)
        return frame, target, weights

    def _fit(
        self, frame: nw.DataFrame[Any], y: NDArray[Any], name: str, sample_weight: Any, kind: Kind, **settings: Any
    ) -> None:
        """Fit the model of a table; ``name`` is the target's."""
        import narwhals.stable.v2 as nw

        while name in frame.columns:
            name += "_"
        labels = y.tolist() if y.dtype.kind in "OUS" else y
        target = nw.new_series(name, labels, backend=nw.get_native_namespace(frame))
        model = TableModel(
            name,
            kind=kind,
            ignore=self.ignore,
            kinds=self.kinds,
            effort=self.effort,
            members=None if self.members is None else int(self.members),
            hidden=self.hidden_layer_sizes,
            epochs=None if self.max_iter is None else int(self.max_iter),
            batch_size=int(self.batch_size),
            learning_rate=self.learning_rate_init,
            time_limit=self.time_limit,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
            **settings,
        )
        self.model_ = model.fit(
            frame.with_columns(target),
            validation_share=self.validation_fraction,
            sample_weight=sample_weight,
            progress=bool(self.verbose),
            engine=self.engine,
            source="X",
        )

    def _frame(self, X: Any, fits: bool = False) -> nw.DataFrame[Any]:
        """Return X as a frame; an array's columns are called x0, x1 and so on."""
        if X is None or (isinstance(X, str | Mapping) and not hasattr(X, "shape")):  # some sparse ones are mappings
            raise TypeError(f"X must be a DataFrame or an array [N, C], found {type(X).__name__}")
        if hasattr(X, "collect"):
            to_frame(X)  # it refuses a table that is not in memory
        if hasattr(X, "columns") or hasattr(X, "column_names") or hasattr(X, "to_native"):
            if hasattr(X, "set_axis") and not all(isinstance(name, str) for name in X.columns):
                named = [name if isinstance(name, str) else f"x{name}" for name in X.columns]
                return self._frame(X.set_axis(named, axis=1), fits)
            frame = to_frame(X)
            if not frame.columns:
                raise ValueError("X has 0 feature(s) while a minimum of 1 is required")
            if fits:
                self.n_features_in_ = len(frame.columns)
                self.feature_names_in_ = np.array(frame.columns, dtype=object)
            return frame
        if isinstance(X, np.ma.MaskedArray):  # what is masked is a gap
            numeric = X.dtype.kind in "biuf"
            values = X.data.astype(np.float64 if numeric else object)
            values[np.ma.getmaskarray(X)] = np.nan if numeric else None
            X = values
        checked = validate_data(self, X, reset=fits, dtype=None, ensure_all_finite=False)
        import narwhals.stable.v2 as nw

        names = getattr(self, "feature_names_in_", None)
        if fits or names is None:
            names = [f"x{place}" for place in range(checked.shape[1])]
            if fits and hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        if checked.dtype.kind == "c":
            raise ValueError("Complex data not supported")
        columns = {}
        for place, name in enumerate(names):
            values = checked[:, place]
            columns[str(name)] = (
                _plain(str(name), values) if values.dtype.kind in "OUS" else np.ascontiguousarray(values)
            )
        return nw.from_dict(columns, backend="polars")

    # What it shows

    def explain(self, X: Any, row: int) -> Explanation:
        """Explain the prediction of one row of a table: every number of it, and what each column pushed.

        Parameters
        ----------
        X : DataFrame or array [N, C]
        row : int
            From 0.

        Raises
        ------
        TableError, ValueError
            As for :meth:`pellucid.TableModel.explain`.
        """
        return self._fitted.explain(self._frame(X), row, source="X")

    def diagnose(self, X: Any = None, y: Any = None) -> Diagnosis:
        """Look for what commonly goes wrong in a model, its training and its table.

        Parameters
        ----------
        X : DataFrame or array [N, C], optional
            The table that was learnt from, or another. Without one, what needs records is not checked.
        y : array [N], optional
            Its target; needed with X.

        Raises
        ------
        TableError, ValueError
            If X is given without y, or cannot be used.
        """
        model = self._fitted
        if X is None:
            return model.diagnose()
        if y is None:
            raise ValueError("diagnose needs y with X: what the network says is compared with what is true")
        import narwhals.stable.v2 as nw

        frame = self._frame(X)
        truth = np.asarray(y)
        labels = truth.tolist() if truth.dtype.kind in "OUS" else truth
        target = nw.new_series(model.target, labels, backend=nw.get_native_namespace(frame))
        return model.diagnose(frame.with_columns(target), source="X")

    # Files

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the estimator to one file, which :func:`pellucid.load` reads; nothing in it ever runs.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Whether a file that exists may be replaced; by default it is left untouched.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is False.
        ValueError
            If a parameter cannot be kept in a file, such as a ``random_state`` that is a generator.
        """
        from pellucid.files import save

        self._fitted  # noqa: B018 - it refuses an estimator that has learnt nothing
        save(self, path, overwrite=overwrite)

    def to_file(self) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the kind of file, the configuration as plain JSON values, and the tensors: for `pellucid.files`."""
        from pellucid.tables.model_file import describe_estimator

        return describe_estimator(self)


class TabularClassifier(ClassifierMixin, Tabular):
    """Classify the rows of a table as it is: categories, dates and gaps included, and nothing to be tuned.

    A scikit-learn estimator around :class:`pellucid.TableModel`, with the same defaults: four networks trained
    at once, each on its own three quarters of the rows, whose calibrated probabilities are averaged.

    Parameters
    ----------
    kinds : dict of str to str or list, optional
        Overrides what the values of a column suggest: "number", "yes/no", "category", "ordered", "date", "left out",
        a date's format as in "date:%d/%m/%Y", or a list of levels from least to most.
    ignore : str or sequence of str
        Columns to leave out.
    effort : "low", "normal" or "high"
        How much time good predictions are worth.
    members : int, optional
        How many networks are trained side by side; by default as `effort` says.
    hidden_layer_sizes : sequence of int, optional
        The widths of the hidden layers; by default as `effort` says.
    max_iter : int, optional
        How often all rows are seen; by default between 16 and 64, small tables more often.
    batch_size : int
        Rows in one step.
    learning_rate_init : float, optional
        The highest of the schedule; by default 0.04.
    validation_fraction : float, optional
        The part of the rows that each member does not learn from; by default each row is held out by one member.
    time_limit : float, optional
        Seconds that `fit` may take.
    class_weight : "balanced" or dict, optional
        As in scikit-learn.
    threshold : float, "f1" or "balanced"
        From which probability on the second of two classes is predicted. By name: where, on rows that a member did not
        learn from, the F1 of the rarer class or the mean of both classes' recalls was highest.
    engine : "numpy" or "jax"
    verbose : bool or int
        Whether to write progress, with the time left, to standard error.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : array [classes]
    model_ : TableModel
    network_ : Network
    threshold_ : float
        From which probability on the second of two classes is predicted.
    left_out_ : dict of str to str
        The columns that are not used, each with the reason.
    notes_ : tuple of str
        What was noticed in the table.
    n_features_in_, feature_names_in_, n_iter_, loss_curve_
        As in scikit-learn.

    Examples
    --------
    >>> import numpy as np, polars
    >>> from pellucid.tables import TabularClassifier
    >>> generator = np.random.default_rng(0)
    >>> city, age = generator.choice(["Graz", "Linz", None], 300), generator.integers(18, 80, 300)
    >>> X = polars.DataFrame({"city": city.tolist(), "age": age})
    >>> y = np.where((city == "Linz") | (age > 60), "late", "in time")
    >>> model = TabularClassifier(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95, model.predict_proba(X).shape
    (True, (300, 2))
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Tabular._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), Mapping, None],
        "threshold": [Interval(Real, 0, 1, closed="neither"), StrOptions(set(THRESHOLDS))],
    }

    def __init__(
        self,
        *,
        kinds: Mapping[str, Any] | None = None,
        ignore: str | Sequence[str] = (),
        effort: Literal["low", "normal", "high"] = "normal",
        members: int | None = None,
        hidden_layer_sizes: Sequence[int] | None = None,
        max_iter: int | None = None,
        batch_size: int = 128,
        learning_rate_init: float | None = None,
        validation_fraction: float | None = None,
        time_limit: float | None = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        threshold: float | Literal["f1", "balanced"] = 0.5,
        engine: Literal["numpy", "jax"] = "numpy",
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.kinds = kinds
        self.ignore = ignore
        self.effort = effort
        self.members = members
        self.hidden_layer_sizes = hidden_layer_sizes
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.validation_fraction = validation_fraction
        self.time_limit = time_limit
        self.class_weight = class_weight
        self.threshold = threshold
        self.engine = engine
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from a table, and return the estimator.

        Parameters
        ----------
        X : DataFrame or array [N, C]
            Any columns; gaps are welcome.
        y : array [N]
            The classes.
        sample_weight : array [N], optional

        Raises
        ------
        TableError, ValueError
            If the table or a parameter cannot be used; the text names column and row.
        """
        frame, labels, weights = self._checked(X, y, sample_weight)
        if labels.dtype == object:
            texts = np.array([isinstance(label, str) for label in labels.tolist()])
            if texts.any() and not texts.all():
                row = int(np.argmin(texts))
                raise ValueError(
                    f"y holds texts, but {shortened(labels[row])} ({type(labels[row]).__name__}) in row {row + 1}; "
                    "make them one kind"
                )
        check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes at least, found one class only: {classes.tolist()[0]!r}"
            )
        if self.class_weight is not None:
            own = compute_sample_weight(self.class_weight, labels)
            weights = own if weights is None else own * weights
        kind: Kind = "binary" if len(classes) == 2 else "multiclass"
        self._fit(frame, _labels(classes)[codes], _name(y), weights, kind, threshold=self.threshold)
        self.classes_ = classes
        return self

    @property
    def threshold_(self) -> float:
        """From which probability on the second of two classes is predicted."""
        return self._fitted.learnt.threshold

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row, [N].

        Parameters
        ----------
        X : DataFrame or array [N, C]
        """
        codes: Rows = choice(self._fitted._output(self._frame(X), "X"), self.threshold_)
        found: NDArray[Any] = self.classes_[codes]
        return found

    def predict_proba(self, X: Any) -> Numbers:
        """Return the probability of each class, in the order of `classes_`, for each row: [N, classes].

        Parameters
        ----------
        X : DataFrame or array [N, C]
        """
        return self._fitted.predict_proba(self._frame(X), source="X")


class TabularRegressor(RegressorMixin, Tabular):
    """Predict a number for the rows of a table as it is: categories, dates and gaps included, nothing to be tuned.

    A scikit-learn estimator around :class:`pellucid.TableModel`, with the same defaults: four networks trained
    at once, each on its own three quarters of the rows, whose predictions are averaged.

    Parameters
    ----------
    loss : "squared_error", "poisson" or "quantile"
        For the mean of a number; for the mean of a count; for quantiles.
    quantiles : sequence of float
        With ``loss="quantile"``: which, in ascending order. `predict` gives the one nearest to the median.
    kinds, ignore, effort, members, hidden_layer_sizes, max_iter, batch_size
        As in :class:`TabularClassifier`.
    learning_rate_init : float, optional
        The highest of the schedule; by default 0.07, and 0.04 for counts.
    validation_fraction, time_limit, engine, verbose, random_state
        As in :class:`TabularClassifier`.

    Attributes
    ----------
    model_ : TableModel
    network_ : Network
    left_out_ : dict of str to str
        The columns that are not used, each with the reason.
    notes_ : tuple of str
        What was noticed in the table.
    n_features_in_, feature_names_in_, n_iter_, loss_curve_
        As in scikit-learn.

    Examples
    --------
    >>> import numpy as np, polars
    >>> from pellucid.tables import TabularRegressor
    >>> generator = np.random.default_rng(0)
    >>> area, garden = generator.uniform(30, 150, 300), generator.choice(["yes", "no"], 300)
    >>> X, y = polars.DataFrame({"area": area, "garden": garden}), 3000 * area + 40_000 * (garden == "yes")
    >>> TabularRegressor(random_state=0).fit(X, y).score(X, y) > 0.99
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "loss": [StrOptions({"squared_error", "poisson", "quantile"})],
        "quantiles": ["array-like"],
        **Tabular._parameter_constraints,
    }

    def __init__(
        self,
        loss: Literal["squared_error", "poisson", "quantile"] = "squared_error",
        *,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        kinds: Mapping[str, Any] | None = None,
        ignore: str | Sequence[str] = (),
        effort: Literal["low", "normal", "high"] = "normal",
        members: int | None = None,
        hidden_layer_sizes: Sequence[int] | None = None,
        max_iter: int | None = None,
        batch_size: int = 128,
        learning_rate_init: float | None = None,
        validation_fraction: float | None = None,
        time_limit: float | None = None,
        engine: Literal["numpy", "jax"] = "numpy",
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.loss = loss
        self.quantiles = quantiles
        self.kinds = kinds
        self.ignore = ignore
        self.effort = effort
        self.members = members
        self.hidden_layer_sizes = hidden_layer_sizes
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.validation_fraction = validation_fraction
        self.time_limit = time_limit
        self.engine = engine
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from a table, and return the estimator.

        Parameters
        ----------
        X : DataFrame or array [N, C]
            Any columns; gaps are welcome.
        y : array [N]
            Numbers.
        sample_weight : array [N], optional

        Raises
        ------
        TableError, ValueError
            If the table or a parameter cannot be used; the text names column and row.
        """
        frame, target, weights = self._checked(X, y, sample_weight)
        if target.dtype.kind in "mM":
            raise ValueError(
                f"y must hold numbers, found dates or times ({target.dtype}); turn them into numbers first"
            )
        try:
            numbers = target.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            row, value = next((row, one) for row, one in enumerate(target.tolist(), start=1) if not _is_number(one))
            raise ValueError(f"y must hold numbers, found {shortened(value)} in row {row}") from None
        if not np.isfinite(numbers).all():
            row = int(np.argmin(np.isfinite(numbers)))
            raise ValueError(f"y contains NaN or infinity: {numbers[row]} in row {row + 1}; leave such rows out")
        if len(numbers) and (numbers == numbers[0]).all():
            raise TableError(f"y is {numbers[0]:g} in every row; there is nothing to learn")
        kinds: dict[str, Kind] = {"squared_error": "numeric", "poisson": "count", "quantile": "quantiles"}
        self._fit(frame, numbers, _name(y), weights, kinds[self.loss], quantiles=self.quantiles)
        return self

    def predict(self, X: Any) -> Numbers:
        """Return the number predicted for each row, [N].

        Parameters
        ----------
        X : DataFrame or array [N, C]
        """
        return self._fitted.predict(self._frame(X), source="X")

    def predict_quantiles(self, X: Any) -> Numbers:
        """Return the `quantiles` of each row, [N, Q]; after ``loss="quantile"``.

        Parameters
        ----------
        X : DataFrame or array [N, C]
        """
        return self._fitted.predict_quantiles(self._frame(X), source="X")


def _name(y: Any) -> str:
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "target"


def _labels(classes: NDArray[Any]) -> NDArray[Any]:
    """Return classes as a column of a table holds them."""
    if classes.dtype.kind in "OUS" and not all(
        isinstance(label, (str, bool, int, float)) for label in classes.tolist()
    ):
        raise ValueError(f"classes must be texts, numbers or booleans, found {type(classes.tolist()[0]).__name__}")
    return classes


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _is_gap(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA is neither like itself nor unlike
        return True


def _plain(name: str, values: NDArray[Any]) -> list[Any]:
    """Return a column of objects as a list that a frame can hold: numbers as floats, everything else as text."""
    found: list[Any] = [None if _is_gap(value) else value for value in values.tolist()]
    present = [value for value in found if value is not None]
    if all(isinstance(value, bool) for value in present):
        return found
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        huge = next((row for row, value in enumerate(found, start=1) if value is not None and not _is_number(value)), 0)
        if huge:
            raise TableError(f"X: column {name!r}, row {huge}: {shortened(found[huge - 1])} is too large for float64")
        return [None if value is None else float(value) for value in found]
    for row, value in enumerate(found, start=1):
        if not (value is None or isinstance(value, str | bytes | Number | np.generic | date)):
            raise TableError(
                f"X: column {name!r}, row {row}: {shortened(value)} ({type(value).__name__}) is neither a number nor "
                "text nor a date; convert the column"
            )
    return [None if value is None else str(value) for value in found]

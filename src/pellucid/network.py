"""Network: an ordered chain of layers over one flat vector theta, with named views into it."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pellucid import checks, walk
from pellucid.arrays import Array
from pellucid.configuration import (
    as_code,
    checked_dtype,
    checked_seed,
    checked_shape,
    child_seeds,
)
from pellucid.layers import EVALUATION, LAYERS, Context, Layer
from pellucid.layers.chain import checked_layers, numbered
from pellucid.layers.layer import Shape
from pellucid.layout import Layout, Views
from pellucid.losses import SHORT_NAMES, Loss
from pellucid.penalties import Penalty
from pellucid.summary import Summary
from pellucid.trial import try_layer

if TYPE_CHECKING:
    from pellucid.optimizers import Optimizer
    from pellucid.training.averages import Average
    from pellucid.training.callbacks import Callback
    from pellucid.training.checkpoint import Checkpoint
    from pellucid.training.history import History
    from pellucid.training.lbfgs import LBFGS
    from pellucid.training.mixup import Mixup

PREDICTED_VALUES_AT_ONCE = 2**18
"""In prediction, no layer's output takes more than about so many values at a time: they stay near the processor.

Measured on 100,000 records and a 64-100-10 network: 80 ms, against 148 ms with 2**22; on 3,594 images of 8 x 8 pixels
and two convolutions, 0.17 s against 0.42 s.
"""


@dataclass
class Fitted:
    """What a network remembers of its training, as the defaults for what comes next."""

    loss: Loss
    penalty: Penalty | None = None
    optimizer: "Optimizer | LBFGS | None" = None
    optimizer_state: Any = None
    history: "History | None" = None
    began: tuple[Path, str] | None = None
    """The folder of a run with checkpoints, and what it began with, as long as it is not finished."""


class Network:
    """A chain of layers, each fed by the one before it.

    Parameters
    ----------
    inputs : int or tuple of int
        The width of one record, or its shape.
    layers : sequence of Layer
        In the order in which data flows. Those of one kind are numbered: ``dense_1``, ``tanh_1``, ``dense_2``.
    seed : int, optional
        Fixes the first weights, the shuffling and what random layers draw. Without one, a seed is drawn, and
        ``repr`` shows it.
    dtype : "float64" or "float32"
        Of theta and of all arithmetic; inputs are converted to it.
    members : int, optional
        K networks of this shape at once, trained in batched matrix products: theta is then [K, P]. Member k is
        what ``seed + k`` alone would give.
    frozen : sequence of str
        Names of layers whose parameters training leaves as they are.

    Attributes
    ----------
    theta : array [P] or [K, P]
        All trainable parameters in one vector. Assigning copies values into it.
    parameters : dict
        ``parameters["dense_1"]["weights"]`` is a view into theta: writing to it changes the network.
    names : tuple of str
        The layers' names.
    fitted : Fitted or None
        Loss, optimizer and history of the last training.

    Raises
    ------
    ValueError, TypeError
        If a width, layer, seed or name is not usable; the text names the argument.

    Examples
    --------
    >>> from pellucid import Dense, Network, Tanh
    >>> network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    >>> network.theta.shape
    (13,)
    >>> network.predict([[0.0, 1.0], [1.0, 1.0]]).shape
    (2, 1)
    >>> eval(repr(network)) == network
    True
    """

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        layers: Sequence[Layer],
        *,
        seed: int | None = None,
        dtype: npt.DTypeLike = "float64",
        members: int | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        self.inputs: Shape = checked_shape(inputs)
        self.layers: tuple[Layer, ...] = checked_layers(layers)
        self.seed: int = checked_seed(seed)
        self.dtype: np.dtype[Any] = checked_dtype(dtype)
        whole = isinstance(members, (int, np.integer)) and not isinstance(members, bool)
        if members is not None and (not whole or members < 1):
            raise ValueError(f"members must be a positive whole number or None, found {members!r}")
        self.members: int | None = None if members is None else int(members)
        self.fitted: Fitted | None = None

        self.names: tuple[str, ...] = numbered(self.layers)
        self.shapes: tuple[Shape, ...] = self._shapes()
        for name, layer, before, after in zip(self.names, self.layers, self.shapes, self.shapes[1:], strict=False):
            if any(type(one) not in LAYERS.values() for one in layer.everything()):
                try_layer(name, layer, before, after)
        wanted = [layer.parameters(shape) for layer, shape in zip(self.layers, self.shapes, strict=False)]
        self.layout: Layout = Layout(wanted)
        self.frozen: tuple[str, ...] = ()
        if isinstance(frozen, str):
            raise TypeError(f"frozen must be a list of layers' names; write [{frozen!r}]")
        self.freeze(*frozen)

        starts = []
        for member in range(members or 1):
            # One child generator each for the start, the shuffling and the draws: none disturbs another.
            generator = np.random.default_rng(child_seeds(self.seed + member)[0])
            parts = [p.initializer(generator, p.shape).reshape(-1) for named in wanted for p in named.values()]
            starts.append(np.concatenate([np.empty(0), *parts]).astype(self.dtype))
        self._theta: Array = starts[0] if members is None else np.stack(starts)
        states = [layer.state(shape) for layer, shape in zip(self.layers, self.shapes, strict=False)]
        self.state: list[dict[str, Array]] = [
            {name: np.broadcast_to(value, self._lead + value.shape).astype(self.dtype) for name, value in named.items()}
            for named in states
        ]
        self._look()

    # What it is made of

    @property
    def theta(self) -> Array:
        """All trainable parameters in one vector: [P], or [K, P] for K members."""
        return self._theta

    @theta.setter
    def theta(self, values: npt.ArrayLike) -> None:
        given = np.asarray(values)
        if given.shape != self._theta.shape:
            raise ValueError(f"theta has shape {self._theta.shape}, found {given.shape}")
        if given.dtype.kind not in "biuf":
            raise TypeError(f"theta holds real numbers, found {given.dtype.name}")
        self._theta[...] = given

    @property
    def parameters(self) -> dict[str, Views]:
        """Every parameter by layer and name, as a view into theta; layers without any are left out."""
        return {name: Views(views) for name, views in zip(self.names, self._views, strict=True) if views}

    @property
    def outputs(self) -> Shape:
        """The shape of one record of the output."""
        return self.shapes[-1]

    @property
    def history(self) -> "History | None":
        """The history of the last training, or None."""
        return None if self.fitted is None else self.fitted.history

    @property
    def config(self) -> dict[str, Any]:
        """What was configured, as the arguments that make it anew."""
        return {
            "inputs": self.inputs[0] if len(self.inputs) == 1 else self.inputs,
            "layers": list(self.layers),
            "seed": self.seed,
            "dtype": self.dtype.name,
            "members": self.members,
            "frozen": list(self.frozen),
        }

    @property
    def _lead(self) -> tuple[int, ...]:
        return () if self.members is None else (self.members,)

    def __eq__(self, other: object) -> bool:
        """Two networks are equal if their configuration is; their parameters may differ."""
        return self.config == other.config if isinstance(other, Network) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        config = self.config
        layers = ", ".join(as_code(layer) for layer in self.layers)
        parts = [repr(config["inputs"]), f"[{layers}]", f"seed={self.seed}"]
        parts += [f"dtype={self.dtype.name!r}"] if self.dtype != np.float64 else []
        parts += [f"members={self.members}"] if self.members is not None else []
        parts += [f"frozen={list(self.frozen)}"] if self.frozen else []
        return f"Network({', '.join(parts)})"

    def copy(self) -> "Network":
        """Return an independent copy: configuration, parameters, and what it remembers of its training.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> other = network.copy()
        >>> other.theta = [0.0, 0.0]
        >>> bool(network.theta[0] == 0)
        False
        """
        return copy.deepcopy(self)

    def __copy__(self) -> "Network":
        return self.copy()  # a shallow copy would share theta, which nobody who copies a network wants

    def __getstate__(self) -> dict[str, Any]:
        # Views and contexts are made anew: copied one by one, views would no longer look into theta.
        return {name: value for name, value in self.__dict__.items() if name not in ("_views", "_evaluation")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._look()

    def set_state(self, state: Sequence[Mapping[str, Array]]) -> None:
        """Replace the running statistics of the layers that keep any, one mapping a layer."""
        self.state = [dict(named) for named in state]
        several = self.members is not None
        without = Context(members=True) if several else EVALUATION
        self._evaluation: list[Context] = [
            Context(state=named, members=several) if named else without for named in self.state
        ]

    def _look(self) -> None:
        """Make the views into theta, and the contexts of prediction."""
        self._views: list[dict[str, Array]] = self.layout.views(self._theta)
        self.set_state(self.state)

    def _shapes(self) -> tuple[Shape, ...]:
        shapes = [self.inputs]
        for name, layer in zip(self.names, self.layers, strict=True):
            try:
                shapes.append(tuple(layer.output_shape(shapes[-1])))
            except ValueError as problem:
                raise ValueError(f"layer {name}: {problem}") from None
        return tuple(shapes)

    # What it computes

    def forward(self, X: Any) -> Array:
        """Return the raw output for all records at once.

        Parameters
        ----------
        X : array [N, inputs]

        Returns
        -------
        array [N, outputs], or [K, N, outputs] for K members

        Raises
        ------
        ValueError, TypeError
            If the shape does not fit, or a value is not a finite number: how many, and where the first is.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(2, [Dense(1)], seed=0)
        >>> network.theta = [1.0, 10.0, 0.5]
        >>> network.forward([[1, 1], [2, 0]])
        array([[11.5],
               [ 2.5]])
        """
        return self._forward(checks.inputs(X, self.inputs, self.dtype, members=self.members))

    def _forward(self, x: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.members is not None and x.ndim == len(self.inputs) + 1:
                x = np.broadcast_to(x, (self.members, *x.shape))
            return walk.forward(self.layers, self._views, x, self._evaluation)[0]

    def predict(self, X: Any) -> Array:
        """Return the raw output, computed a part of the records at a time, so that memory stays bounded.

        The arguments, the result and the errors are those of :meth:`forward`.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(2, [Dense(1)], seed=0)
        >>> network.predict([[1, 1]]).shape
        (1, 1)
        """
        return self._predict(checks.inputs(X, self.inputs, self.dtype, members=self.members))

    def _predict(self, x: Array) -> Array:
        """Return the raw output for records that are checked already, a part of them at a time."""
        axis = x.ndim - len(self.inputs) - 1
        records = x.shape[axis]
        at_once = max(1, PREDICTED_VALUES_AT_ONCE // (self._widest() * (self.members or 1)))
        if records <= at_once:
            return self._forward(x)
        output = np.empty((*self._lead, records, *self.outputs), dtype=np.result_type(x.dtype, self.dtype))
        for start in range(0, records, at_once):
            part = slice(start, start + at_once)
            rows: tuple[Any, ...] = (..., part, *[slice(None)] * len(self.outputs))
            output[rows] = self._forward(x[part] if axis == 0 else x[:, part])
        return output

    def _widest(self) -> int:
        return max(math.prod(shape) for shape in self.shapes)

    def predict_proba(self, X: Any) -> Array:
        """Return the output through the link of the loss that the network was trained with.

        The sigmoid for binary cross-entropy, the softmax for classes; exp, which gives the mean, for counts.

        Raises
        ------
        ValueError
            If the network has not been trained, so that there is no loss to ask, or its loss has no link.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> history = network.fit([[0.0], [1.0]], [0, 1], loss="binary_cross_entropy_from_logits", epochs=1)
        >>> bool(0 < network.predict_proba([[0.5]])[0, 0] < 1)
        True
        """
        if self.fitted is None:
            raise ValueError("predict_proba needs the loss that the network was trained with: call fit first")
        if type(self.fitted.loss).link is Loss.link:
            raise ValueError(
                f"the network was trained with {type(self.fitted.loss).__name__}, whose output is no probability: "
                "use predict"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            return self.fitted.loss.link(self.predict(X))

    def loss(self, X: Any, y: Any, *, loss: Loss | str | None = None, sample_weight: Any = None) -> Any:
        """Return the loss of the network on a table, without any penalty.

        Parameters
        ----------
        X : array [N, inputs]
        y : array [N] or [N, outputs]
        loss : Loss or its short name; by default that of the last training
        sample_weight : array [N], optional

        Returns
        -------
        float, or array [K] for K members

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> network.theta = [2.0, 0.0]
        >>> network.loss([[1.0], [2.0]], [1.0, 2.0], loss="squared_error")
        2.5
        """
        from pellucid.gradients import loss_of

        return loss_of(self, X, y, loss=loss, sample_weight=sample_weight)

    def gradient(
        self,
        X: Any,
        y: Any,
        *,
        loss: Loss | str | None = None,
        sample_weight: Any = None,
        penalty: Penalty | None = None,
    ) -> Array:
        """Return the gradient of the loss (and penalty) with respect to theta, of theta's shape.

        The arguments are those of :meth:`loss`. Frozen layers have gradient 0. Layers that draw or
        keep statistics are taken as in prediction.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> network.theta = [2.0, 0.0]
        >>> network.gradient([[1.0], [2.0]], [1.0, 2.0], loss="squared_error")
        array([5., 3.])
        """
        from pellucid.gradients import gradient_of

        return gradient_of(self, X, y, loss=loss, sample_weight=sample_weight, penalty=penalty)

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        loss: Loss | str | None = None,
        optimizer: "Optimizer | LBFGS | str | None" = None,
        epochs: int = 100,
        batch_size: int | None = 32,
        sample_weight: Any = None,
        validation_data: tuple[Any, ...] | None = None,
        validation_fraction: float = 0.0,
        penalty: Penalty | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        rate_multipliers: Mapping[str, float] | None = None,
        decay_multipliers: Mapping[str, float] | None = None,
        max_norm: float | None = None,
        accumulate: int = 1,
        mixup: "Mixup | float | None" = None,
        average: "Average | None" = None,
        class_balanced: bool = False,
        shuffle: bool = True,
        batches: Literal["own", "shared"] = "own",
        member_rows: npt.ArrayLike | None = None,
        seed: int | None = None,
        callbacks: Iterable["Callback"] = (),
        checkpoint: "Checkpoint | str | Path | None" = None,
        progress: bool = False,
        engine: Literal["numpy", "jax"] = "numpy",
        devices: int | Literal["all"] | None = None,
    ) -> "History":
        """Train the network, and return the history of its figures, epoch by epoch.

        Called again, it goes on from the parameters it has reached, by default with the same loss,
        optimizer and optimizer state; the shuffling begins anew from the seed.

        Parameters
        ----------
        X : array [N, inputs]
            The records.
        y : array [N] or [N, outputs]
            Targets; class numbers from 0 for losses on classes.
        loss : Loss or its short name, such as "squared_error"
            Needed the first time.
        optimizer : Optimizer, LBFGS, or its name in small letters, such as "adam"
            By default Adam.
        epochs : int
            How often all records are seen (for L-BFGS: iterations).
        batch_size : int or None
            Records in one step; None for all of them at once. The last batch of an epoch may be shorter.
        sample_weight : array [N], optional
            What each record counts.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Records whose loss is reported each epoch but that are never trained on.
        validation_fraction : float
            In place of it: the share of the records that is held out, chosen by the seed.
        penalty : Penalty, optional
            L1 and L2 strengths.
        clip_norm, clip_value : float, optional
            Shorten the gradient to this length; cut each of its values to this size.
        rate_multipliers, decay_multipliers : dict, optional
            Factors of the learning rate and of the weight decay for a layer ("dense_1") or one parameter
            ("dense_1.bias"; within a block "residual_1.dense_1"). Weight decay leaves biases alone unless they are
            given a factor here.
        max_norm : float, optional
            After each step, shorten each unit's incoming weights to this length.
        accumulate : int
            Batches whose gradients are put together into one step: as if ``batch_size`` were so many times larger,
            while only one batch at a time takes memory.
        mixup : Mixup or float, optional
            Train on records mixed of two; a number is the alpha of :class:`~pellucid.Mixup`.
        average : ExponentialMovingAverage or StochasticWeightAverage, optional
            What the network holds whenever it is looked at, and in the end, in place of the last step's parameters.
        class_balanced : bool
            For losses on classes: whether each epoch sees every class equally often (as many records as there are in
            all, of rare classes several times).
        shuffle : bool
            Whether each epoch sees the records in a new order.
        batches : "own" or "shared"
            For K members: whether each has an order of its own.
        member_rows : array [K, M] of int, optional
            For K members: the M records that each learns from, from 0, as for cross-validation; then each has an order
            of its own. By default all learn from all records.
        seed : int, optional
            For shuffling, the held-out share and random layers; by default the network's.
        callbacks : functions of a report
            Called after each epoch; see :mod:`pellucid.training.callbacks`.
        checkpoint : str, Path or Checkpoint, optional
            A folder to keep the run in while it goes on. The same call goes on from there, to the same parameters and
            history to the last bit; Ctrl-C and SIGTERM then finish the batch, save, and say so.
        progress : bool
            Whether to write progress, with the time left, to standard error.
        engine : "numpy" or "jax"
            What executes the steps: NumPy, or the same lines compiled by XLA (extra ``jax``), which pays for itself
            in longer runs. Both see the records in the same order and come to the same parameters, up to rounding.
        devices : int or "all", optional
            With ``engine="jax"``: how many devices share each batch; by default one.

        Returns
        -------
        History

        Raises
        ------
        ValueError, TypeError
            If an argument, a shape or a value is not usable; the text names it.
        CheckpointError
            If the folder's checkpoints are of another run (the text names the difference), or cannot be used.

        Examples
        --------
        >>> from pellucid import Dense, Network, SGD
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> history = network.fit([[0.0], [1.0]], [1.0, 3.0], loss="squared_error", optimizer=SGD(0.3), epochs=200)
        >>> network.theta.round(3), len(history)
        (array([2., 1.]), 200)
        """
        from pellucid.training import fit

        return fit(
            self,
            X,
            y,
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            validation_fraction=validation_fraction,
            penalty=penalty,
            clip_norm=clip_norm,
            clip_value=clip_value,
            rate_multipliers=rate_multipliers,
            decay_multipliers=decay_multipliers,
            max_norm=max_norm,
            accumulate=accumulate,
            mixup=mixup,
            average=average,
            class_balanced=class_balanced,
            shuffle=shuffle,
            batches=batches,
            member_rows=member_rows,
            seed=seed,
            callbacks=callbacks,
            checkpoint=checkpoint,
            progress=progress,
            engine=engine,
            devices=devices,
        )

    # What it shows

    def summary(self) -> Summary:
        """Return a table of the layers, their output shapes and their parameters, for a terminal or a notebook.

        Examples
        --------
        >>> from pellucid import Dense, Network, Tanh
        >>> Network(2, [Dense(3), Tanh(), Dense(1)], seed=0).summary()
        layer    kind   output  parameters
        -------  -----  ------  ----------
        inputs          2                0
        dense_1  Dense  3                9
        tanh_1   Tanh   3                0
        dense_2  Dense  1                4
        13 parameters, float64
        """
        rows = [("inputs", "", _shape_text(self.inputs), 0)]
        counts = [0] * len(self.layers)
        for slot in self.layout.slots:
            counts[slot.layer] += slot.stop - slot.start
        for name, layer, shape, count in zip(self.names, self.layers, self.shapes[1:], counts, strict=True):
            frozen = " (frozen)" if name in self.frozen else ""
            rows.append((name + frozen, type(layer).__name__, _shape_text(shape), count))
        each = f" in each of {self.members} members" if self.members is not None else ""
        frozen_count = sum(s.stop - s.start for s in self.layout.chosen(self._frozen_indices()))
        held = f", {frozen_count:,} of them frozen" if frozen_count else ""
        return Summary(rows, f"{self.layout.size:,} parameters{each}, {self.dtype.name}{held}")

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    # Freezing, and starting from another network

    def freeze(self, *names: str) -> "Network":
        """Keep the parameters of these layers as they are in every training from now on; return the network.

        The optimizer's memory, and with it the place in a schedule, is forgotten.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> Network(2, [Dense(3), Dense(1)], seed=0).freeze("dense_1").frozen
        ('dense_1',)
        """
        self._known(names)
        self.frozen = tuple(name for name in self.names if name in self.frozen or name in names)
        self._forget_optimizer_state()
        return self

    def unfreeze(self, *names: str) -> "Network":
        """Let these layers learn again (all of them if none is named); return the network.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> Network(2, [Dense(3), Dense(1)], seed=0, frozen=["dense_1"]).unfreeze().frozen
        ()
        """
        self._known(names)
        self.frozen = tuple(name for name in self.frozen if names and name not in names)
        self._forget_optimizer_state()
        return self

    def start_from(self, other: "Network", *names: str) -> "Network":
        """Take over the parameters and statistics of another network's layers of the same names; return this network.

        The optimizer's memory, and with it the place in a schedule, is forgotten.

        Parameters
        ----------
        other : Network
        names : str
            The layers to take over; by default all whose name and shapes both networks share.

        Raises
        ------
        ValueError
            If a named layer is missing in one of them or its shapes differ, or nothing fits.

        Examples
        --------
        >>> from pellucid import Dense, Network, Tanh
        >>> old = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
        >>> new = Network(2, [Dense(3), Tanh(), Dense(5)], seed=1).start_from(old)  # dense_2 differs: left alone
        >>> bool((new.parameters["dense_1"]["weights"] == old.parameters["dense_1"]["weights"]).all())
        True
        """
        mine, theirs = self.parameters, other.parameters

        def fits(name: str) -> bool:
            have = {key: value.shape for key, value in mine.get(name, {}).items()}
            offered = {key: value.shape for key, value in theirs.get(name, {}).items()}
            return bool(have) and have == offered

        wrong = [name for name in names if not fits(name)]
        if wrong:
            raise ValueError(f"start_from: layer {wrong[0]} is not in both networks with the same shapes")
        chosen = names or tuple(name for name in mine if fits(name))
        if not chosen:
            raise ValueError("start_from: the two networks have no layer in common by name and shapes")
        for name in chosen:
            for key, value in theirs[name].items():
                mine[name][key][...] = value
        states = dict(zip(other.names, other.state, strict=True))
        self.set_state(
            [states[name] if name in chosen else state for name, state in zip(self.names, self.state, strict=True)]
        )
        self._forget_optimizer_state()
        return self

    def _forget_optimizer_state(self) -> None:
        if self.fitted is not None:
            self.fitted.optimizer_state = None

    def _known(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.names:
                raise ValueError(f"there is no layer {name!r}; the layers are {', '.join(self.names)}")

    def _frozen_indices(self) -> list[int]:
        return [index for index, name in enumerate(self.names) if name in self.frozen]

    # Files

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the network to one file: configuration, parameters, loss, optimizer and history.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Whether a file that exists may be replaced; by default it is left untouched.

        Raises
        ------
        FileExistsError
            If the file exists and ``overwrite`` is False.

        Examples
        --------
        >>> import tempfile, pathlib, pellucid
        >>> network = pellucid.Network(2, [pellucid.Dense(1)], seed=0)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.pellucid"
        >>> network.save(path)
        >>> bool((pellucid.load(path).theta == network.theta).all())
        True
        """
        from pellucid.files import save

        save(self, path, overwrite=overwrite)


def resolve_loss(loss: Loss | str | None, network: Network) -> Loss:
    """Return the loss that is meant: the one given, by its name, or that of the last training; check that it fits."""
    if loss is None:
        if network.fitted is None:
            raise ValueError(f"name a loss the first time: a Loss or one of {', '.join(SHORT_NAMES)}")
        return network.fitted.loss
    if isinstance(loss, str):
        if loss not in SHORT_NAMES:
            raise ValueError(f"there is no loss {loss!r}; the names are {', '.join(SHORT_NAMES)}")
        loss = SHORT_NAMES[loss]()
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a Loss or the name of one, found {loss!r}")
    last = type(network.layers[-1]).__name__
    if loss.from_logits and last in ("Sigmoid", "Softmax"):
        raise ValueError(
            f"{type(loss).__name__} takes logits and holds the {loss.from_logits.lower()} within itself, but the "
            f"network ends with {last}: drop that last layer (predict_proba applies it)"
        )
    return loss


def _shape_text(shape: Shape) -> str:
    return " x ".join(map(str, shape))

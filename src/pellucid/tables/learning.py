"""How the network of a table is trained: several members at once, each on its own part of the rows, on one schedule."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import Array
from pellucid.configuration import child_seeds
from pellucid.initializers import Normal, Zeros
from pellucid.layers.chain import Chain
from pellucid.layers.dense import Dense
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.layer import Layer
from pellucid.layers.mean_of_members import MeanOfMembers
from pellucid.layers.parallel import Parallel
from pellucid.layers.relu import ReLU
from pellucid.layers.select import Select
from pellucid.losses.classification import BinaryCrossEntropyFromLogits, CrossEntropyFromLogits
from pellucid.losses.loss import Loss
from pellucid.losses.quantile import Quantile
from pellucid.losses.regression import Poisson, SquaredError
from pellucid.network import Fitted, Network
from pellucid.optimizers.adam import Adam
from pellucid.schedules import CosineLog
from pellucid.tables.encoding import Encoder
from pellucid.tables.scaler import Numbers
from pellucid.tables.target import Kind, held_out
from pellucid.training.callbacks import Callback
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.history import Column, History, Report
from pellucid.training.loop import run

Rows = NDArray[np.intp]

# With fewer rows than this, all are needed to learn from, and none is held out to choose the best epoch.
FEWEST_ROWS_TO_VALIDATE = 50
SHARE_OF_ONE_MEMBER = 0.2
"""What a single member holds out. Of several each holds out a part of its own, so that every row is held out once."""
SMOOTHING = 0.1
BETA2 = 0.95
RATES: dict[Kind, float] = {"binary": 0.04, "multiclass": 0.04, "numeric": 0.07, "count": 0.04, "quantiles": 0.07}
BIAS_START, BIAS_RATE = 1.0, 0.1
"""The standard deviation that biases start with, and what their learning rate is multiplied by."""
CYCLES = 4
NO_LONGER_HELPS = 1.02
"""Times the best loss of the rows held out: a cycle whose lowest is above it is the last."""
RATE_TO_GO_ON = 0.25
"""Times the usual rate: a model that is gone on with has found its way already."""
SPENT = 0.8
"""The part of a time limit that is planned to be used: other programs may want the processor, too."""
STEPS_TO_TELL = 12
WITH_HELD_OUT = 1.2
"""What judging the rows held out adds to the time of an epoch."""
VECTOR_WIDTH = 4
SHARPEST, SOFTEST = 0.05, 20.0
"""The temperatures between which one is looked for."""


@dataclass(frozen=True)
class Recipe:
    """What the training of a table's network is told.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers, each followed by a ReLU.
    members : int
        How many networks are trained side by side; their mean is the model.
    epochs : int or None
        None: as many as the rows suggest, see :func:`default_epochs`.
    batch_size : int
    learning_rate : float or None
        The schedule's highest; None: 0.04, and 0.07 for numbers.
    validation_share : float or None
        What each member holds out. None: its share among the members, so that each row is held out by one of them.
    time_limit : float or None
        Seconds.
    seed : int
    """

    hidden: tuple[int, ...] = (128, 128)
    members: int = 4
    epochs: int | None = None
    batch_size: int = 128
    learning_rate: float | None = None
    validation_share: float | None = None
    time_limit: float | None = None
    seed: int = 0


EFFORTS = {
    "low": Recipe(members=2, hidden=(64, 64)),
    "normal": Recipe(),
    "high": Recipe(members=8, hidden=(256, 256)),
}
"""What each level of effort trains."""


class Trained(NamedTuple):
    """What came of a training: the whole network, and of the rows held out by some member what it says of them.

    ``held_by_each`` is how many rows each member held out; ``held`` [M] are these rows (a row as often as it was), and
    ``logits`` [M, O] what the member that held one out puts out for it, with the temperature applied.
    """

    network: Network
    held_by_each: int
    held: Rows
    logits: Numbers


def default_epochs(rows: int) -> int:
    """Return how often rows are seen: small tables more often than large ones.

    Examples
    --------
    >>> default_epochs(50_000), default_epochs(10_000), default_epochs(200)
    (16, 32, 64)
    """
    return min(max(round(320_000 / rows), 16), 64)


def loss_of(kind: Kind, quantiles: Sequence[float] = (), smoothing: float = 0.0) -> Loss:
    """Return the loss that a target of this kind is learnt with.

    Examples
    --------
    >>> loss_of("numeric"), loss_of("binary", smoothing=0.1)
    (SquaredError(...), BinaryCrossEntropyFromLogits(...label_smoothing=0.1))
    """
    if kind == "quantiles":
        return Quantile(q=tuple(quantiles))
    plain: dict[Kind, Loss] = {"numeric": SquaredError(), "count": Poisson()}
    if kind in plain:
        return plain[kind]
    return (BinaryCrossEntropyFromLogits if kind == "binary" else CrossEntropyFromLogits)(label_smoothing=smoothing)


def learn(
    encoder: Encoder,
    inputs: Numbers,
    target: NDArray[Any],
    kind: Kind,
    recipe: Recipe,
    *,
    classes: int = 0,
    quantiles: Sequence[float] = (),
    weights: Numbers | None = None,
    start: Numbers | None = None,
    began: float | None = None,
    callbacks: Iterable[Callback] = (),
    checkpoint: Checkpoint | str | Path | None = None,
    progress: bool = False,
    engine: Literal["numpy", "jax"] = "numpy",
    devices: int | Literal["all"] | None = None,
) -> Trained:
    """Train the network of a table.

    Each member starts anew, holds out its own part of the rows, and takes its own way through the others. After each
    epoch the loss of all rows held out, each judged by the member that has not seen it, tells how good the members
    are; the epoch where it was lowest is kept, for all of them alike.

    Parameters
    ----------
    encoder : Encoder
    inputs : array [N, S]
        What the encoder makes of the training rows.
    target : array [N]
        Class numbers, or the target as the network learns it.
    kind, classes, quantiles
        Of the target.
    recipe : Recipe
    weights : array [N], optional
    start : array [K, P], optional
        Parameters to go on from.
    began : float, optional
        When the time limit began to run, by ``time.perf_counter``.
    callbacks, checkpoint, progress, engine, devices
        As for :meth:`pellucid.Network.fit`.

    Source: Holzmueller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", 2024, section 3 (start, rates, schedule, smoothing); Gorishniy, Rubachev and Babenko, "On embeddings
    for numerical features in tabular deep learning", 2022 (piecewise-linear encoding).
    """
    began = time.perf_counter() if began is None else began
    encoding = encoder.layers()
    encoded = _encoded(encoding, inputs)  # [N,F]
    outputs = {"multiclass": classes, "quantiles": len(quantiles)}.get(kind, 1)
    rows, held = _parts(len(encoded), target if classes else None, recipe)
    smoothing = SMOOTHING if classes and held.shape[1] else 0.0  # where a temperature can take it back
    body, factors = _body(encoded, weights, encoder.vectors, recipe.hidden, outputs)
    network = Network(encoded.shape[1], body, seed=recipe.seed, dtype="float32", members=recipe.members)
    rate = recipe.learning_rate or RATES[kind]
    if start is not None:
        network.theta = _members_theta(start, network)
        rate *= RATE_TO_GO_ON
    steps = -(-rows.shape[1] // recipe.batch_size)
    epochs = wanted = recipe.epochs or default_epochs(len(encoded))
    cut = ""
    watch = Watch(encoded, target, held, loss_of(kind, quantiles), weights)
    settings: dict[str, Any] = {
        "loss": loss_of(kind, quantiles, smoothing),
        "batch_size": recipe.batch_size,
        "sample_weight": weights,
        "rate_multipliers": factors,
    }
    if start is not None and len(watch.rows):
        watch.look(network, 0)  # what it was may be better than all that comes of it
    own: list[Callback] = [watch]
    if recipe.time_limit is not None:
        deadline = began + recipe.time_limit
        epoch = _seconds_of_an_epoch(network, encoded, target, rows, steps, settings)
        affordable = SPENT * (deadline - time.perf_counter()) / epoch
        epochs = min(epochs, max(int(affordable), 1))
        if epochs < wanted:
            cut = f"the time limit of {recipe.time_limit:g} s left time for {epochs} of {wanted} epochs"
        if affordable < 1:  # not even once all rows: then as many of them, chosen by chance
            few = max(int(affordable * rows.shape[1]), min(recipe.batch_size, rows.shape[1]))
            rows = np.random.default_rng(recipe.seed).permuted(rows, axis=1)[:, :few]
            steps = -(-few // recipe.batch_size)
            cut = f"the time limit of {recipe.time_limit:g} s left time to see {few:,} of {len(encoded):,} rows once"
        own.append(Deadline(deadline, recipe.time_limit))
    network.fit(
        encoded,
        target,
        **settings,
        optimizer=Adam(CosineLog(rate, epochs * steps, CYCLES), beta2=BETA2),
        epochs=epochs,
        member_rows=rows,
        callbacks=[*own, *callbacks],
        checkpoint=checkpoint,
        progress=progress,
        engine=engine,
        devices=devices,
    )
    if network.history is not None and cut:
        network.history.stopped = network.history.stopped or cut
    logits, temperature = watch.logits, 1.0
    if classes and len(watch.rows):
        temperature = fitted_temperature(logits, target[watch.rows], None if weights is None else weights[watch.rows])
        logits = logits / temperature
    whole = whole_network(encoding, inputs.shape[1], network, classes > 0, temperature)
    whole.fitted = Fitted(loss_of(kind, quantiles), None, None, None, _of_all(network.history))
    return Trained(whole, held.shape[1], watch.rows, logits)


def whole_network(encoding: list[Layer], inputs: int, members: Network, classes: bool, temperature: float) -> Network:
    """Return the one network that encodes a row, asks every member, and joins what they say.

    Examples
    --------
    >>> three = Network(2, [Dense(4), ReLU(), Dense(1)], seed=0, members=3)
    >>> whole = whole_network([], 2, three, classes=False, temperature=1.0)
    >>> whole.names
    ('parallel_1', 'mean_of_members_1')
    >>> x = np.array([[0.5, -1.0]])
    >>> bool(np.isclose(whole.predict(x), three.predict(x).mean(axis=0)).all())
    True
    """
    count = members.members or 1
    layers = list(encoding)
    if count > 1:
        layers.append(Parallel([Chain(members.layers) for _ in range(count)]))
    else:
        layers.extend(members.layers)
    if count > 1 or classes:
        layers.append(MeanOfMembers(count, "probabilities" if classes else "outputs", temperature))
    whole = Network(inputs, layers, seed=members.seed)
    whole.theta = members.theta.reshape(-1)
    return whole


def _members_theta(start: Numbers, network: Network) -> Numbers:
    """Return the parameters of a whole network as those of its members, [K, P]."""
    if start.size != network.theta.size:
        raise ValueError(
            f"the model to go on from has {start.size:,} parameters, and these settings make {network.theta.size:,}: "
            "give the members and hidden layers that it was made with"
        )
    return start.reshape(network.theta.shape)


def _encoded(encoding: list[Layer], inputs: Numbers) -> NDArray[np.float32]:
    """Return the rows as the members see them, [N, F]; they are encoded once, as nothing in it is learnt."""
    found: NDArray[np.float32] = Network(inputs.shape[1], encoding, seed=0, dtype="float32").predict(inputs)
    return found


def _parts(count: int, codes: Rows | None, recipe: Recipe) -> tuple[Rows, Rows]:
    """Return the rows that each member learns from, [K, M], and those that it holds out, [K, H]."""
    members, share = recipe.members, recipe.validation_share
    if share is None:
        share = 0.0 if count < FEWEST_ROWS_TO_VALIDATE else SHARE_OF_ONE_MEMBER if members == 1 else 1 / members
    everything = np.arange(count)
    if not share:
        return np.tile(everything, (members, 1)), np.empty((members, 0), dtype=np.intp)
    generator = np.random.default_rng(child_seeds(recipe.seed)[3])
    each_once = abs(share * members - 1) < 1e-9
    groups = np.zeros(count, dtype=np.intp) if codes is None else codes
    if each_once and np.unique(groups, return_counts=True)[1].min() < members:
        held = _dealt(groups, members, generator)
        return _cut([np.setdiff1d(everything, own) for own in held], held, generator)
    learnt, held = [], []
    left = everything
    for member in range(members):
        own = left
        if not each_once or member < members - 1:
            pool = left if each_once else everything
            part = share * count / len(pool)
            _, own = held_out(pool, None if codes is None else codes[pool], part, generator)
        left = np.setdiff1d(left, own)
        held.append(own)
        learnt.append(np.setdiff1d(everything, own))
    return _cut(learnt, held, generator)


def _dealt(codes: Rows, members: int, generator: np.random.Generator) -> list[Rows]:
    """Deal the rows out to the members, class by class; a class's only row is one to learn from for all of them."""
    order = generator.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    order = order[np.bincount(codes)[codes[order]] > 1]
    return [np.sort(order[member::members]) for member in range(members)]


def _cut(learnt: list[Rows], held: list[Rows], generator: np.random.Generator) -> tuple[Rows, Rows]:
    """Make the members' rows equally many: what is too long loses rows by chance."""
    fewest, least = min(map(len, learnt)), min(map(len, held))
    cut = [np.sort(generator.permutation(rows)[:fewest]) if len(rows) > fewest else rows for rows in learnt]
    return np.stack(cut), np.stack([np.sort(generator.permutation(rows)[:least]) for rows in held])


def _body(
    encoded: NDArray[np.float32],
    weights: Numbers | None,
    vectors: Sequence[int],
    hidden: Sequence[int],
    outputs: int,
) -> tuple[list[Layer], dict[str, float]]:
    """Return the layers of a member, and what the learning rate of each parameter is multiplied by.

    Weights start at a size, and learn at a rate, that fall with the root of how much comes in to a unit: of the first
    layer the sum of its inputs' mean squares, as most bins of an encoding are quiet at any one time.
    """
    plain = encoded.shape[1] - len(vectors)
    layers: list[Layer] = []
    factors: dict[str, float] = {}
    of_rows = np.einsum("nf,nf->n", encoded[:, :plain], encoded[:, :plain], dtype=np.float64)  # [N]: sums of squares
    squares = float(np.average(of_rows, weights=weights)) + len(vectors)
    if vectors:
        branches: list[Layer] = [Select(range(plain))] if plain else []
        for place, count in enumerate(vectors):
            start = Normal(std=VECTOR_WIDTH**-0.5)
            branches.append(Chain([Select([plain + place]), Embedding(count, VECTOR_WIDTH, start), Flatten()]))
        layers.append(Parallel(branches) if len(branches) > 1 else branches[0])
    incoming = [max(squares, 1e-3), *map(float, hidden)]
    for place, (width, amount) in enumerate(zip([*hidden, outputs], incoming, strict=True), start=1):
        last = place == len(incoming)
        start_of = Zeros() if last else Normal(std=amount**-0.5)
        layers.append(
            Dense(width, weights_initializer=start_of, bias_initializer=Zeros() if last else Normal(std=BIAS_START))
        )
        if not last:
            layers.append(ReLU())
        factors[f"dense_{place}.weights"] = amount**-0.5
        factors[f"dense_{place}.bias"] = BIAS_RATE
    return layers, factors


def _seconds_of_an_epoch(
    network: Network,
    encoded: NDArray[np.float32],
    target: NDArray[Any],
    rows: Rows,
    steps: int,
    settings: dict[str, Any],
) -> float:
    """Return about how long an epoch takes, from a few steps with a copy of the network."""
    reports = run(network.copy(), encoded, target, **settings, member_rows=rows, epochs=1, every="batch")
    times = [report.seconds for report, _ in zip(reports, range(STEPS_TO_TELL), strict=False)]
    reports.close()  # type: ignore[attr-defined]
    # The first step makes room in memory, which later ones find.
    each = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else times[0]
    return max(each, 1e-6) * steps * WITH_HELD_OUT


class Deadline:
    """A callback that ends the training when another epoch would end after the time limit."""

    def __init__(self, deadline: float, limit: float) -> None:
        self.deadline, self.limit = deadline, limit

    def __call__(self, report: Report) -> None:
        if report.end_of_epoch and report.epoch < report.epochs:
            each = report.seconds / report.epoch
            if time.perf_counter() + each > self.deadline:
                report.stop(f"the time limit of {self.limit:g} s")


class Watch:
    """A callback that judges the members by the rows that each of them holds out, and goes back to the best epoch.

    It also ends a training whose cycles no longer help. Each cycle of the schedule takes about as long as all before
    it; if nowhere in one the loss came within 2 % of the best before, the members have begun to learn their rows by
    heart, and the next ones would only go on with that.

    Attributes
    ----------
    rows : array [M]
        The rows held out, member after member.
    logits : array [M, O]
        What the members put out for them, in the best epoch.
    """

    def __init__(
        self, encoded: NDArray[np.float32], target: NDArray[Any], held: Rows, loss: Loss, weights: Numbers | None
    ) -> None:
        self.rows = held.reshape(-1)
        self.loss = loss
        self._classes = isinstance(loss, BinaryCrossEntropyFromLogits | CrossEntropyFromLogits)
        self._target = target[self.rows]
        self._weights = None if weights is None else weights[self.rows]
        self._x = encoded[held]  # [K,H,F]
        self.best, self.best_epoch = np.inf, 0
        self.logits: Numbers = np.empty((0, 1))
        self._theta: Array | None = None
        self._temperature = 1.0  # of the epoch before: that of the next is not far from it
        self._lowest = np.full(CYCLES, np.inf)  # of each cycle

    def look(self, network: Network, epoch: int) -> float:
        """Judge the network as it is after an epoch; 0 is before the first."""
        output = network.forward(self._x)  # [K,H,O]
        logits = output.reshape(-1, output.shape[-1]).astype(np.float64)  # [K,H,O] -> [M,O]
        found = self._judged(logits)
        if found < self.best:
            self.best, self.best_epoch = found, epoch
            self.logits, self._theta = logits, network.theta.copy()
        return found

    def __call__(self, report: Report) -> None:
        if not report.end_of_epoch or not len(self.rows):
            return
        found = self.look(report.network, report.epoch)
        members = len(report.network.theta)
        report.history.validated(np.full(members, found))
        report.history.best_epoch = [self.best_epoch] * members
        cycle = cycle_of(report.epoch, report.epochs)
        self._lowest[cycle] = min(self._lowest[cycle], found)
        over = report.epoch < report.epochs and cycle_of(report.epoch + 1, report.epochs) > cycle
        if over and cycle > 0 and self._lowest[cycle] > NO_LONGER_HELPS * self._lowest[:cycle].min():
            report.stop(f"cycle {cycle + 1} of the learning rate came no nearer to the best loss of the rows held out")

    def _judged(self, logits: Numbers) -> float:
        """Return the mean loss of the rows held out; of classes, with the temperature that suits them best.

        Label smoothing keeps logits small on purpose. Without the temperature, which the model will have in the end, an
        epoch would seem the best because it is early and still unsure.
        """
        if self._classes:
            if not np.isfinite(logits).all():
                return math.nan  # no temperature suits them, and none must be kept for the next epoch
            found = fitted_temperature(logits, self._target, self._weights, start=self._temperature, tolerance=1e-3)
            logits, self._temperature = logits / found, found
        wanted = self.loss.encode(self._target, logits.shape[1], np.dtype(np.float64))
        losses, _ = self.loss.forward(logits, wanted)  # [M,O]
        each = losses.mean(axis=1)
        if self._weights is not None and self._weights.sum() > 0:
            return float(np.average(each, weights=self._weights))
        return float(each.mean())

    def finish(self, report: Report) -> None:
        """Put the best parameters back."""
        if self._theta is not None:
            report.network.theta = self._theta

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep for the run to go on."""
        if self._theta is None:
            return {"begun": False}
        return {
            "begun": True,
            "best": np.array(self.best),
            "best_epoch": self.best_epoch,
            "theta": self._theta,
            "logits": self.logits,
            "lowest": self._lowest,
            "temperature": np.array(self._temperature),
        }

    def restore(self, run: object, state: dict[str, Any]) -> None:
        """Take up again what :meth:`state` gave, in the run that goes on."""
        if state["begun"]:
            self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])
            self._theta, self.logits, self._lowest = state["theta"], state["logits"], state["lowest"]
            self._temperature = float(state["temperature"])


def cycle_of(epoch: int, epochs: int) -> int:
    """Return which cycle of the learning rate an epoch lies in, from 0; it counts from 1.

    Examples
    --------
    >>> [cycle_of(epoch, 15) for epoch in (1, 2, 3, 4, 7, 8, 15)]
    [0, 1, 1, 2, 2, 3, 3]
    """
    return max(math.ceil(math.log2(1 + (2**CYCLES - 1) * epoch / epochs) - 1e-9) - 1, 0)


def fitted_temperature(
    logits: Numbers, codes: Rows, weights: Numbers | None = None, *, start: float = 1.0, tolerance: float = 1e-9
) -> float:
    """Return the temperature T that makes softmax(z / T) fit the true classes best.

    The log-likelihood is concave in 1 / T, and Newton's method finds its maximum in a few steps. A class that none of
    the rows has, as when its only row is one to learn from, counts as met once more, in a row like all others: that it
    did not occur among a few rows does not make it impossible.

    Parameters
    ----------
    logits : array [M, O]
        A single column holds the logits of the second of two classes.
    codes : array [M]
        The true classes.
    weights : array [M], optional
    start : float
        Where to begin.
    tolerance : float
        The relative step at which to end.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> z = generator.normal(0, 2, 20_000)
    >>> codes = (generator.random(20_000) < 1 / (1 + np.exp(-z))).astype(int)
    >>> round(fitted_temperature(3 * z[:, None], codes), 1)
    3.0

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017, section 4.2.
    """
    z = np.hstack([np.zeros_like(logits), logits]) if logits.shape[1] == 1 else logits  # [M,C]
    codes = codes.astype(np.intp)
    if weights is not None and not weights.sum() > 0:
        weights = None
    absent = np.setdiff1d(np.arange(z.shape[1]), codes)  # [A]
    if len(absent):
        usual = np.average(z, axis=0, weights=weights)  # [M,C] -> [C]
        z, codes = np.vstack([z, np.tile(usual, (len(absent), 1))]), np.concatenate([codes, absent])
        weights = None if weights is None else np.concatenate([weights, np.full(len(absent), weights.mean())])
    of_truth = z[np.arange(len(z)), codes]  # [M]
    factor = 1 / start
    for _ in range(50):
        scaled = factor * z
        chance = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        mean = (chance * z).sum(axis=1)  # [M]
        slope = np.average(mean - of_truth, weights=weights)
        curve = np.average((chance * z * z).sum(axis=1) - mean**2, weights=weights)
        new = min(max(factor - slope / (curve + 1e-12), factor / 2, 1 / SOFTEST), factor * 2, 1 / SHARPEST)
        factor, moved = new, abs(new - factor)
        if moved < tolerance * factor:
            break
    return float(1 / factor)


def _of_all(history: History | None) -> History:
    """Return the members' figures as those of the one network that they are: their means."""
    assert history is not None
    own = History()
    own.columns = {name: Column() for name in history}
    for name, column in own.columns.items():
        values = history[name]
        column.extend(values.mean(axis=1) if values.ndim > 1 else values)
    own.stopped, own.advice = history.stopped, history.advice
    own.best_epoch = history.best_epoch[0] if isinstance(history.best_epoch, list) else history.best_epoch
    return own

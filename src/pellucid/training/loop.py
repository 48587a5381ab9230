"""The training loop: a generator of reports, one an epoch (or a batch)."""

import hashlib
import signal
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid import checks
from pellucid.arrays import Array
from pellucid.configuration import checked_seed, child_seeds
from pellucid.gradients import Batch, Objective, batch_of, loss_of_batch
from pellucid.layers import Context, Embedding, OneHot
from pellucid.losses import Loss
from pellucid.network import Fitted, Network, resolve_loss
from pellucid.optimizers import OPTIMIZERS, Adam, Optimizer
from pellucid.penalties import Penalty
from pellucid.training.asked import Asked, listening
from pellucid.training.averages import Average
from pellucid.training.batches import Batches, checked_rows
from pellucid.training.callbacks import Callback, Progress
from pellucid.training.checkpoint import Checkpoint, Keeper, circumstances, run_identity, start_of
from pellucid.training.history import History, Report
from pellucid.training.lbfgs import LBFGS
from pellucid.training.mixup import Mixup
from pellucid.training.step import Plan

if TYPE_CHECKING:
    from pellucid.engines import Engine, Figures, Work


class TrainingWarning(UserWarning):
    """Training ended early because the loss was no longer finite; the text says where and what to try.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.TrainingWarning, UserWarning)
    True
    """


def fit(
    network: Network,
    X: Any,
    y: Any,
    *,
    progress: bool = False,
    callbacks: Iterable[Callback] = (),
    checkpoint: Checkpoint | str | Path | None = None,
    **settings: Any,
) -> History:
    """Exhaust :func:`run`, and return the history."""
    chosen = _checked_callbacks(callbacks)
    if progress:
        chosen.append(Progress())
    validates = settings.get("validation_data") is not None or settings.get("validation_fraction")
    looked_at = bool(chosen or validates)
    with (
        np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        nullcontext(Asked()) if checkpoint is None else listening() as asked,
    ):
        settings |= {"callbacks": chosen, "checkpoint": checkpoint, "looked_at": looked_at, "asked": asked}
        for _ in _run(network, X, y, **settings):
            pass
    if asked.signal is not None:  # it came when all was done: now it may act as it always does
        signal.raise_signal(asked.signal)
    assert network.history is not None
    return network.history


def run(network: Network, X: Any, y: Any, **settings: Any) -> Iterator[Report]:
    """Train the network, giving one report an epoch (or a batch) to look at; break out at any time.

    The arguments are those of :meth:`pellucid.Network.fit`, and ``every``: "epoch" or "batch". All are
    checked before the first step. Leaving the loop keeps what has been learnt so far.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> from pellucid.training import run
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> for report in run(network, [[0.0], [1.0]], [0.0, 1.0], loss="squared_error", epochs=1000):
    ...     if report.loss < 0.1:
    ...         break
    >>> report.epoch < 1000, len(network.history) == report.epoch
    (True, True)
    """
    return _silently(_run(network, X, y, looked_at=True, **settings))


def _silently(reports: Iterator[Report]) -> Iterator[Report]:
    """Pass reports on; overflow is not NumPy's to warn of, as the loop itself watches the loss.

    The setting holds while a report is made, not while the caller looks at it.
    """
    try:
        while True:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                report = next(reports, None)
            if report is None:
                return
            yield report
    finally:
        reports.close()  # type: ignore[attr-defined]


def _run(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: Loss | str | None = None,
    optimizer: Optimizer | LBFGS | str | None = None,
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
    mixup: Mixup | float | None = None,
    average: Average | None = None,
    class_balanced: bool = False,
    shuffle: bool = True,
    batches: Literal["own", "shared"] = "own",
    member_rows: Any = None,
    seed: int | None = None,
    callbacks: Iterable[Callback] = (),
    checkpoint: Checkpoint | str | Path | None = None,
    engine: Literal["numpy", "jax"] = "numpy",
    devices: int | Literal["all"] | None = None,
    every: Literal["epoch", "batch"] = "epoch",
    looked_at: bool,
    asked: Asked | None = None,
) -> Iterator[Report]:
    from pellucid import engines  # they lie below training: they execute its steps

    resolved, penalty = resolve_loss(loss, network), remembered_penalty(network, loss, penalty)
    rule, state = resolve_optimizer(network, optimizer)
    _check_numbers(epochs, batch_size, accumulate, validation_fraction, clip_norm, clip_value, max_norm, batches, every)
    mixup, average, checkpoint = _checked_methods(network, mixup, average, checkpoint)
    kind = engines.find(engine)
    seed = network.seed if seed is None else checked_seed(seed)
    if network.members is not None and checks.as_array(X, "X").ndim == len(network.inputs) + 2:
        raise ValueError("fit takes one table of records, shared by all members")
    data = batch_of(network, resolved, X, y, sample_weight)
    data, held_out = _hold_out(network, resolved, data, validation_data, validation_fraction, seed)
    objective = Objective(network.layers, network.layout, resolved, penalty, tuple(network._frozen_indices()))
    this = Run(network, resolved, penalty, rule, epochs, objective, data, held_out, _checked_callbacks(callbacks))
    if isinstance(rule, LBFGS):
        if network.members is not None:
            raise ValueError("L-BFGS trains one network; train the members one by one, or use another optimizer")
        ignored = {
            "clip_norm": clip_norm,
            "clip_value": clip_value,
            "rate_multipliers": rate_multipliers,
            "decay_multipliers": decay_multipliers,
            "max_norm": max_norm,
            "mixup": mixup,
            "average": average,
            "accumulate": None if accumulate == 1 else accumulate,
            "class_balanced": class_balanced or None,
            "member_rows": member_rows,
        }
        if checkpoint is not None:
            raise ValueError(
                "L-BFGS keeps its memory within SciPy, where no checkpoint can be taken of it: leave it out"
            )
        for name, value in ignored.items():
            if value is not None:
                raise ValueError(f"L-BFGS chooses its own steps: {name} does nothing with it; leave it out")
        evaluate = kind.loss_and_gradient(network, objective, data, devices)
        return this.reports(rule.epochs(this, objective, data, evaluate))
    plan = plan_of(
        network,
        objective,
        rule,
        clip_norm=clip_norm,
        clip_value=clip_value,
        rate_multipliers=rate_multipliers,
        decay_multipliers=decay_multipliers,
    )
    rows = None
    if member_rows is not None:
        rows = checked_rows(member_rows, network.members, len(data.target))
        if class_balanced:
            raise ValueError("class_balanced and member_rows both say which records an epoch sees: give one of them")
    size = len(data.target) if batch_size is None else batch_size
    plan = replace(plan, max_norm=max_norm, piece=size if accumulate > 1 else None, mixup=mixup, average=average)
    cut = Batches(
        network,
        resolved,
        data,
        size=size * accumulate,
        shuffle=shuffle,
        own=batches == "own",
        seed=seed,
        balanced=class_balanced,
        rows=rows,
    )
    memory = rule.init(network.theta) if state is None else state
    work = engines.Work(
        network,
        plan,
        cut,
        memory,
        [child_seeds(seed + member)[2] for member in range(network.members or 1)],
        devices,
        looked_at,
        every,
        epochs,
        asked=asked or Asked(),
    )
    if checkpoint is None:
        return this.reports(Steps(this, kind(work), work).epochs())
    settings = {
        "loss": resolved,
        "penalty": penalty,
        "epochs": epochs,
        "batch_size": batch_size,
        "accumulate": accumulate,
        "shuffle": shuffle,
        "batches": batches,
        "class_balanced": class_balanced,
        "member_rows": None if rows is None else hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest(),
        "mixup": mixup,
        "average": average,
        "clip_norm": clip_norm,
        "clip_value": clip_value,
        "max_norm": max_norm,
        "rate_multipliers": rate_multipliers,
        "decay_multipliers": decay_multipliers,
        "seed": str(seed),
        "engine": engine,
        "devices": devices,
    }
    folder = Path(checkpoint.folder).absolute()
    start = start_of(network, state, folder)
    identity = run_identity(network, start, rule, settings, this.callbacks, data, held_out)
    keeper = Keeper(checkpoint, identity, circumstances(kind.circumstances()))
    try:
        this.fitted.began = None if keeper.finished else (folder, start)
        memory, standing = keeper.resume(this, memory) or (memory, None)
        work = replace(work, optimizer_state=memory, standing=standing, may_pause=True)
        return this.reports(Steps(this, kind(work), work, keeper).epochs(), keeper)
    except BaseException:
        keeper.close()
        raise


class Run:
    """One training run: what its reports and callbacks share."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        penalty: Penalty | None,
        optimizer: Optimizer | LBFGS,
        epochs: int,
        objective: Objective,
        data: Batch,
        held_out: Batch | None,
        callbacks: list[Callback],
    ) -> None:
        self.network = network
        self.objective = objective
        self.data = data
        self.loss = loss
        self.epochs = epochs
        self.held_out = held_out
        self.callbacks = callbacks
        self.history = History()
        self.rate_factor = 1.0
        self.elapsed = 0.0  # seconds, before the run was left and gone on with
        self.told = True  # whether all callbacks have been told of the report at hand
        self.stopped = False
        self.stopped_early = False  # because the loss was no longer finite
        # For each member, the epoch at whose end its parameters were such that the loss was no longer finite, or 0.
        self.spoiled_epoch: Array = np.zeros(network.theta.shape[:-1], dtype=int)
        self.fitted = Fitted(loss, penalty, optimizer, None, self.history)
        self.began = time.perf_counter()

    def reports(self, reports: Iterator[Report], keeper: Keeper | None = None) -> Iterator[Report]:
        """Pass the reports on to the callbacks and to the caller, until one of them has seen enough."""
        report = None
        self.network.fitted = self.fitted
        self.began = time.perf_counter() - self.elapsed
        try:
            for report in reports:
                self.told = False
                for callback in self.callbacks:
                    callback(report)
                self.told = True
                yield report
                if self.network.fitted is not self.fitted:
                    raise RuntimeError("another training of this network has begun since: this one cannot go on")
                if self.stopped:
                    break
            if report is None and keeper is not None:
                report = self.last_report()  # it went on from its end: callbacks that finish it have to do so once more
        finally:
            try:
                reports.close()  # type: ignore[attr-defined]
            finally:
                if keeper is not None:
                    keeper.close()
            if report is not None and self.network.fitted is self.fitted:
                for callback in self.callbacks:
                    finish = getattr(callback, "finish", None)
                    if finish is not None:
                        finish(report)

    def last_report(self) -> Report | None:
        """Return the report of the last epoch in the history, of a run that was finished before."""
        if not len(self.history):
            return None
        figures = {name: number(self.history[name][-1]) for name in self.history}
        epoch, batches = len(self.history), 1
        return Report(
            epoch,
            self.epochs,
            batches,
            batches,
            figures["loss"],
            figures.get("validation_loss"),
            figures["learning_rate"],
            figures["seconds"],
            True,
            self,
        )

    def training_loss(self) -> Any:
        """Return the loss and penalty on all training records, with the parameters of this moment."""
        price: Any = 0.0
        for slot in self.objective.penalised:
            assert self.objective.penalty is not None
            array = self.network._views[slot.layer][slot.name]
            price = price + self.objective.penalty.value(array, len(slot.shape))
        return number(loss_of_batch(self.network, self.loss, self.data) + price)

    def stop(self, reason: str) -> None:
        """End the run after the report at hand."""
        self.stopped = True
        self.history.stopped = reason

    def could_not_begin(self, data: Batch) -> None:
        """End a run of L-BFGS whose very first loss is not finite: it has nowhere to go from there."""
        culprit = first_out_of_range(self.network, self.network._evaluation, data.x)
        self.stopped_early = True
        self.stop(
            f"L-BFGS could not begin: the loss is not finite. {culprit}. The parameters are as they were. "
            "Try scaled inputs, or other first parameters"
        )
        warnings.warn(str(self.history.stopped), TrainingWarning, stacklevel=2)

    def end_of_epoch(self, epoch: int, batches: int, loss: Any, learning_rate: float) -> Report:
        """Write the epoch into the history, and return its report."""
        validation = None if self.held_out is None else number(loss_of_batch(self.network, self.loss, self.held_out))
        loss = number(loss)
        seconds = time.perf_counter() - self.began
        self.history.append(loss, validation, learning_rate, seconds)
        return Report(epoch, self.epochs, batches, batches, loss, validation, learning_rate, seconds, True, self)

    def within_epoch(self, epoch: int, batch: int, batches: int, loss: Any, learning_rate: float) -> Report:
        """Return the report of a batch."""
        seconds = time.perf_counter() - self.began
        return Report(epoch, self.epochs, batch, batches, number(loss), None, learning_rate, seconds, False, self)


class Steps:
    """The epochs of a run, made by an engine: reports, and what happens when the loss stops being finite."""

    def __init__(self, run: Run, engine: "Engine", work: "Work", keeper: Keeper | None = None) -> None:
        self.run, self.engine, self.work, self.network = run, engine, work, run.network
        self.batches, self.keeper = work.batches, keeper
        # Losses, counts and penalties of the epoch under way.
        self.open: tuple[Any, ...] = () if keeper is None else keeper.open_epoch()

    def epochs(self) -> Iterator[Report]:
        """Give one report an epoch, or one a batch; where nobody looks, only the last.

        The engine makes as many steps at once as nobody looks between.
        """
        from pellucid.engines.costs import advice

        run, engine, per_epoch = self.run, self.engine, self.batches.count
        last = run.epochs * per_epoch
        each_epoch = self.work.looked_at or (self.keeper is not None and self.keeper.checkpoint.seconds == 0)
        stride = 1 if self.work.every == "batch" else per_epoch if each_epoch else last
        consistent = True  # whether theta, memory and place belong together
        try:
            while engine.place < last and not run.stopped:
                start, consistent = engine.place, False
                begun = () if self.work.every == "batch" else self.open
                figures = engine.advance(min(last, start + stride - start % stride), run.rate_factor, begun)
                consistent = True
                if engine.place == last:
                    self._judge_last()
                yield from self._reports(start, figures)
                if engine.place < last and engine.not_finite.any():
                    self._not_finite(engine.place)
                    if run.stopped_early:
                        break
                if self.keeper is not None and engine.place < last:
                    self.keeper.look(self)
            if self.keeper is not None and not self.keeper.finished:
                self.keeper.write(self, finished=True)
                run.fitted.began = None
        except GeneratorExit:  # somebody has seen enough
            if self.network.fitted is run.fitted:
                self._left(last)
            raise
        finally:
            run.fitted.optimizer_state = None if run.stopped_early else engine.optimizer_state
            run.history.advice = advice(self.work, engine)
            if consistent and engine.average is not None and self.network.fitted is run.fitted:
                self._show_average()

    def _left(self, last: int) -> None:
        """Keep where the run is left, and judge the step made last.

        A report that some callbacks have not been told of is made again: what was kept before it stays the newest.
        """
        run, finished = self.run, self.run.stopped or self.engine.place == last
        if self.keeper is not None and run.told and not finished:
            self.keeper.write(self, finished=False)  # before it is judged: gone on with, the next step does that
        self._judge_last()
        if self.keeper is not None and run.told and finished:
            self.keeper.write(self, finished=True)
            run.fitted.began = None

    def goes_well(self) -> bool:
        """Return whether the loss of the next step will be finite, as far as NumPy can tell."""
        from pellucid.engines.engine import contexts_of
        from pellucid.engines.numpy import numpy_draws

        epoch, batch = divmod(self.engine.place, self.batches.count)
        x, target, weights, *_ = self.batches.portion(self.batches.order(epoch), batch)
        contexts = contexts_of(self.work, self.engine.place, x, numpy_draws(self.work))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            loss = np.asarray(self.run.objective.value(self.network._views, x, target, weights, contexts))
        return bool((np.isfinite(loss) | ~self.engine.active).all())

    def standing_in_words(self) -> str:
        """Return how far the run is: ``epoch 3 of 10``."""
        epoch, batch = divmod(self.engine.place, self.batches.count)
        of_epochs = f"of {self.run.epochs}"
        return (
            f"epoch {epoch} {of_epochs}"
            if not batch
            else (f"batch {batch} of {self.batches.count} in epoch {epoch + 1} {of_epochs}")
        )

    def _show_average(self) -> None:
        """Let the network hold the averages of parameters and statistics."""
        self.network.theta = self.engine.average  # type: ignore[assignment]
        self.network.set_state(self.engine.average_states)

    @contextmanager
    def _looked_at(self) -> Iterator[None]:
        """While somebody looks, let the network hold the averages, if there are any."""
        average = self.engine.average
        if average is None:
            yield
            return
        theta, state = self.network.theta.copy(), self.network.state
        self._show_average()
        try:
            yield
        finally:
            if self.network.fitted is self.run.fitted:  # and not that of another training, begun meanwhile
                average[...] = self.network.theta  # whoever looks may write, too
                self.network.theta = theta
                self.network.set_state(state)

    def _reports(self, start: int, figures: "Figures") -> Iterator[Report]:
        """Turn what an engine did from step ``start`` on into history and reports."""
        run, per_epoch, place = self.run, self.batches.count, self.engine.place
        if place == start:
            return
        first, finished = start // per_epoch, place // per_epoch - start // per_epoch
        losses, counts, penalties = columns = figures.columns()  # each [entries], or [entries, K]
        in_epochs = self._means(losses[:finished], counts[:finished], penalties[:finished], per_epoch)
        # Where each batch is looked at, the figures are of that one batch, and the epoch is added up here.
        earlier = self.open if self.work.every == "batch" and self.open else (0.0, 0.0, 0.0)
        if finished and self.work.every == "batch":
            begun, count, price = (now[0] + before for now, before in zip(columns, earlier, strict=True))
            in_epochs = np.asarray(self._means(begun, count, price, per_epoch))[None]
        self.open = ()
        if len(losses) > finished:
            self.open = tuple(now[finished] + before for now, before in zip(columns, earlier, strict=True))
        silent = 0 if self.work.looked_at else finished - (first + finished == run.epochs)
        rates = self._rates(first, finished)
        run.history.extend(in_epochs[:silent], rates[:silent], np.asarray(figures.seconds[:silent]) - run.began)
        for index in range(silent, finished):
            with self._looked_at():
                yield run.end_of_epoch(first + index + 1, per_epoch, in_epochs[index], float(rates[index]))
        if self.work.every == "batch" and place % per_epoch:
            loss = self._means(losses[0], counts[0], penalties[0], 1)
            rate = self._rate(place - 1)
            with self._looked_at():
                yield run.within_epoch(first + 1, place % per_epoch, per_epoch, loss, rate)

    def _means(self, losses: Any, counts: Any, penalties: Any, batches: int) -> Any:
        """Return mean losses, with the penalty, from what was added up over so many batches."""
        if self.batches.averages:
            losses = losses / (counts + (counts == 0))  # where nothing counted, 0
        if self.run.objective.penalty is not None:
            losses = losses + penalties / batches
        return losses

    def _rate(self, step: int) -> float:
        """Return the learning rate of a step of this run."""
        rate = self.work.plan.optimizer.rate(self.work.updates_before + max(step, 0))
        return rate * self.run.rate_factor

    def _rates(self, first: int, epochs: int) -> Array:
        """Return the learning rate of the last step of each of these epochs."""
        if not callable(self.work.plan.optimizer.learning_rate):
            return np.full(epochs, self._rate(0))
        each = [self._rate((epoch + 1) * self.batches.count - 1) for epoch in range(first, first + epochs)]
        return np.array(each)

    def _judge_last(self) -> None:
        """Look once more when the run is over: each step is judged by the next one's loss, and the last has no next."""
        engine, network = self.engine, self.network
        (x, target, weights, *_), contexts = engine.last()
        contexts = [replace(old, state=now) for old, now in zip(contexts, network.state, strict=True)]
        objective = self.run.objective
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            loss = np.asarray(objective.value(network._views, x, target, weights, contexts))
            engine.not_finite = ~np.isfinite(loss) & engine.active
            if engine.not_finite.any():
                self._not_finite(engine.place - 1)

    # When the loss stops being finite

    def _not_finite(self, step: int) -> None:
        """Take the members concerned back to their last parameters with a finite loss; stop when none goes on.

        The loss of a step shows what the step before it did, so the step made last is undone. ``step`` is the one
        whose loss told.
        """
        engine, per_epoch = self.engine, self.batches.count
        spoiled = engine.place // per_epoch if engine.place % per_epoch == 0 else 0  # the epoch that ended with it
        self.run.spoiled_epoch = np.where(engine.not_finite, spoiled, self.run.spoiled_epoch)
        reason = self._reason(step, engine.not_finite)
        engine.undo()
        if not engine.active.any():
            self.run.stopped_early = True
            self.run.stop(reason)
        warnings.warn(reason, TrainingWarning, stacklevel=2)

    def _reason(self, step: int, bad: Array) -> str:
        epoch, batch = divmod(step, self.batches.count)
        portion, contexts = self.engine.last()
        culprit = first_out_of_range(self.network, contexts, portion.x)
        who = "" if self.network.members is None else f" of member(s) {', '.join(map(str, np.flatnonzero(bad)))}"
        place = f"epoch {epoch + 1}" + (
            f", batch {batch + 1} of {self.batches.count}" if self.batches.count > 1 else ""
        )
        tries = [f"a lower learning rate (it was {self._rate(self.engine.place - 1):.3g})"]
        largest = float(np.abs(self.run.data.x).max(initial=0.0))
        if largest > 100:
            tries.append(f"scaled inputs (the largest value in X is {largest:.3g})")
        if self.work.plan.clip_norm is None:
            tries.append("clip_norm=1.0")
        return (
            f"stopped in {place}: the loss{who} is no longer finite. {culprit}. The parameters are those from before "
            f"that step. Try {', or '.join(tries)}"
        )


def first_out_of_range(network: Network, contexts: Sequence[Context], x: Array) -> str:
    """Say which layer's values leave the range of numbers first, on the way forward."""
    largest, widest = 0.0, ""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for index, (name, layer) in enumerate(zip(network.names, network.layers, strict=True)):
            for parameter, array in network._views[index].items():
                count = int((~np.isfinite(array)).sum())
                if count:
                    what = f"{count} of {array.size} values, by an update too large"
                    return f"First out of range: {name}.{parameter} ({what})"
            x, _ = layer.forward(network._views[index], x, contexts[index])
            count = int((~np.isfinite(x)).sum())
            if count:
                return f"First out of range: the output of {name} ({count} of {x.size} values)"
            if np.abs(x).max() >= largest:
                largest, widest = float(np.abs(x).max()), name
    return f"First out of range: the loss itself, after values up to {largest:.3g} in the output of {widest}"


def number(value: Any) -> Any:
    """Return a float for a single value, an array for one a member."""
    return float(value) if isinstance(value, float) or np.ndim(value) == 0 else value


def _checked_callbacks(callbacks: Iterable[Callback]) -> list[Callback]:
    """Return the callbacks as a list, or say what in it is none."""
    if callable(callbacks) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a list of functions of a report, found {callbacks!r}")
    chosen = list(callbacks)
    for callback in chosen:
        if isinstance(callback, type):
            raise TypeError(f"callbacks holds the class {callback.__name__}; write {callback.__name__}(...)")
        if not callable(callback):
            raise TypeError(f"callbacks must be functions of a report, found {callback!r}")
    return chosen


def remembered_penalty(network: Network, loss: Loss | str | None, penalty: Penalty | None) -> Penalty | None:
    """Return the penalty that is meant: the one given, or that of the last training where its loss is meant too."""
    return network.fitted.penalty if penalty is None and loss is None and network.fitted is not None else penalty


def resolve_optimizer(network: Network, optimizer: Optimizer | LBFGS | str | None) -> tuple[Optimizer | LBFGS, Any]:
    """Return the optimizer that is meant, and the state to go on from, if there is one."""
    remembered = network.fitted
    if optimizer is None:
        if remembered is None or remembered.optimizer is None:
            return Adam(), None
        return remembered.optimizer, remembered.optimizer_state
    if isinstance(optimizer, str):
        names = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
        if optimizer == "lbfgs":
            return LBFGS(), None
        if optimizer not in names:
            raise ValueError(f"there is no optimizer {optimizer!r}; the names are {', '.join([*names, 'lbfgs'])}")
        return names[optimizer](), None
    if isinstance(optimizer, type):
        raise TypeError(f"optimizer is the class {optimizer.__name__}; write {optimizer.__name__}()")
    if not isinstance(optimizer, (Optimizer, LBFGS)):
        raise TypeError(f"optimizer must be an Optimizer, LBFGS or the name of one, found {optimizer!r}")
    return optimizer, None


def _check_numbers(
    epochs: int,
    batch_size: int | None,
    accumulate: int,
    validation_fraction: float,
    clip_norm: float | None,
    clip_value: float | None,
    max_norm: float | None,
    batches: str,
    every: str,
) -> None:
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("accumulate", accumulate)):
        if value is None and name == "batch_size":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a positive whole number, found {value!r}")
    if not 0 <= validation_fraction < 1:
        raise ValueError(f"validation_fraction must lie in [0, 1), found {validation_fraction!r}")
    for name, limit in (("clip_norm", clip_norm), ("clip_value", clip_value), ("max_norm", max_norm)):
        if limit is not None and not 0 < limit < np.inf:
            raise ValueError(f"{name} must be positive and finite, or None, found {limit!r}")
    if accumulate > 1 and batch_size is None:
        raise ValueError(f"accumulate={accumulate} puts batches together, and batch_size=None makes one of all records")
    if batches not in ("own", "shared"):
        raise ValueError(f'batches must be "own" or "shared", found {batches!r}')
    if every not in ("epoch", "batch"):
        raise ValueError(f'every must be "epoch" or "batch", found {every!r}')


def _checked_methods(
    network: Network, mixup: Mixup | float | None, average: Average | None, checkpoint: Checkpoint | str | Path | None
) -> tuple[Mixup | None, Average | None, Checkpoint | None]:
    """Return what is meant by these arguments."""
    if isinstance(mixup, (int, float)) and not isinstance(mixup, bool):
        mixup = Mixup(mixup)
    if mixup is not None and not isinstance(mixup, Mixup):
        raise TypeError(f"mixup must be a Mixup, its alpha, or None, found {mixup!r}")
    for name, layer in zip(network.names, network.layers, strict=True):
        if mixup is not None and any(isinstance(one, (Embedding, OneHot)) for one in layer.everything()):
            raise ValueError(f"mixup lays records between two others, which {name} has no categories for: leave it out")
    if average is not None and not isinstance(average, Average):
        raise TypeError(f"average must be an ExponentialMovingAverage or a StochasticWeightAverage, found {average!r}")
    if isinstance(checkpoint, (str, Path)):
        checkpoint = Checkpoint(checkpoint)
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"checkpoint must be a folder or a Checkpoint, found {checkpoint!r}")
    return mixup, average, checkpoint


def _hold_out(
    network: Network, loss: Loss, data: Batch, validation_data: tuple[Any, ...] | None, fraction: float, seed: int
) -> tuple[Batch, Batch | None]:
    """Return the records to train on, and those to validate on, if any."""
    if validation_data is not None:
        if fraction:
            raise ValueError("give either validation_data or validation_fraction, not both")
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        try:
            return data, batch_of(network, loss, *validation_data)
        except (ValueError, TypeError) as problem:
            raise type(problem)(f"validation_data: {problem}") from None
    if not fraction:
        return data, None
    records = len(data.target)
    held = round(records * fraction)
    if held < 1 or held >= records:
        raise ValueError(
            f"validation_fraction={fraction} of {records} records leaves {held} to validate on and "
            f"{records - held} to train on: both need at least one"
        )
    order = np.random.default_rng(child_seeds(seed)[3]).permutation(records)
    train, valid = np.sort(order[held:]), np.sort(order[:held])

    def part(rows: Array) -> Batch:
        return Batch(data.x[rows], data.target[rows], None if data.weights is None else data.weights[rows])

    return part(train), part(valid)


def plan_of(
    network: Network,
    objective: Objective,
    rule: Optimizer,
    *,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    rate_multipliers: Mapping[str, float] | None = None,
    decay_multipliers: Mapping[str, float] | None = None,
) -> Plan:
    """Return all that stays the same from step to step."""
    decay_factors = factors_of(network, decay_multipliers, "decay_multipliers", biases=0.0)
    return Plan(
        objective,
        rule,
        clip_norm,
        clip_value,
        factors_of(network, rate_multipliers, "rate_multipliers", frozen=True),
        decay_factors if getattr(rule, "weight_decay", 0) else 1.0,
    )


def factors_of(
    network: Network, multipliers: Mapping[str, float] | None, argument: str, biases: float = 1.0, frozen: bool = False
) -> Any:
    """Return one factor for each parameter in theta, from factors by layer, or layer in a block, or parameter."""
    chosen = dict(multipliers or {})
    factors = np.ones(network.layout.size, dtype=network.dtype)
    known = set()
    for slot in network.layout.slots:
        full = f"{network.names[slot.layer]}.{slot.name}"
        parts = full.split(".")
        groups = [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]  # from the innermost layer out
        known |= {full, *groups}
        of_group = next((chosen[group] for group in groups if group in chosen), 1.0)
        factor = chosen.get(full, of_group * (biases if slot.is_bias else 1.0))
        if frozen and parts[0] in network.frozen:
            factor = 0.0
        factors[slot.start : slot.stop] = factor
    for name, value in chosen.items():
        if name not in known:
            raise ValueError(f"{argument}: there is no {name!r}; the names are {', '.join(sorted(known))}")
        if not 0 <= value < np.inf:
            raise ValueError(f"{argument}: the factor of {name!r} must be finite and not negative, found {value!r}")
    return 1.0 if (factors == 1).all() else factors

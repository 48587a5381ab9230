"""What ``fit`` and ``partial_fit`` do: checked records, an optimizer, and Pellucid's own training loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from pellucid import engines
from pellucid.arrays import Array
from pellucid.configuration import as_code
from pellucid.estimators.callbacks import Told
from pellucid.estimators.construction import adapted, network_for, outputs_for, sizes_of
from pellucid.estimators.objective import ScikitObjective
from pellucid.estimators.order import ScikitBatches
from pellucid.estimators.threads import suited_threads
from pellucid.estimators.watching import HeldOut, Watch, to_go_back_to
from pellucid.gradients import Batch
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from pellucid.penalties import Penalty
from pellucid.schedules import CosineDecay, OneCycle, Schedule
from pellucid.training import LBFGS, Progress, Report, TrainingWarning
from pellucid.training.callbacks import Callback
from pellucid.training.loop import Run, Steps, _checked_callbacks, _silently, plan_of

if TYPE_CHECKING:
    from pellucid.estimators.base import MLP

SOLVERS = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
"""The optimizers by their names; "adam" and "sgd" take scikit-learn's own parameters."""
WHOLE_FIT = {"cosine": CosineDecay, "one_cycle": OneCycle}
"""The schedules that know how long a fit is."""


class Given(NamedTuple):
    """What a person gave to ``fit`` or ``partial_fit``."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None

    @property
    def validated(self) -> bool:
        """Whether there are records to validate on; half of them is refused."""
        if (self.X_val is None) != (self.y_val is None):
            there, missing = ("X_val", "y_val") if self.y_val is None else ("y_val", "X_val")
            raise ValueError(f"{there} is given without {missing}; give both")
        if self.X_val is None and self.sample_weight_val is not None:
            raise ValueError("sample_weight_val is given without X_val and y_val")
        return self.X_val is not None


def fit(estimator: MLP, given: Given, incremental: bool = False) -> None:
    """Check what was given, begin anew or go on, and train.

    Parameters
    ----------
    estimator : MLP
    given : Given
    incremental : bool
        Whether this is ``partial_fit``: one epoch, from what was learnt before.
    """
    sizes_of(estimator.hidden_layer_sizes)
    refuse_what_does_nothing(estimator)
    if incremental:
        refuse_in_parts(estimator, given)
    first = not hasattr(estimator, "coefs_") or (not estimator.warm_start and not incremental)
    X, y = estimator._checked(given.X, given.y, incremental, first)
    weights = None if given.sample_weight is None else _check_sample_weight(given.sample_weight, X)
    weights = estimator._weights_for(y, weights, y)
    target = estimator._target(y, X.dtype)  # [N,T]
    loss, scikits, link = estimator._resolved_loss(target.shape[1])
    outputs = outputs_for(loss, target.shape[1])
    held_out = held_out_of(estimator, given, y, target) if given.validated else None
    random_state = check_random_state(estimator.random_state)
    if first:
        network = network_for(estimator, X.shape[1], outputs, X.dtype, random_state)
    else:
        network = adapted(estimator, estimator._current_network(), outputs)
    refuse_what_lbfgs_cannot_train(estimator, network)
    estimator.n_outputs_, estimator.out_activation_ = target.shape[1], link
    if first:
        estimator._begin(network)
    else:
        estimator._go_on_with(network)
    estimator._make_ready(given.validated)
    objective = ScikitObjective(
        network.layers,
        network.layout,
        loss,
        Penalty(l2=float(estimator.alpha)) if estimator.alpha else None,
        scikits=scikits,
    )
    stops = estimator.early_stopping and estimator.solver != "lbfgs"
    if stops and held_out is None:
        X, y, target, weights, held_out = split(estimator, X, y, target, weights, random_state)
    data = Batch(estimator._records(X), target, None if weights is None else weights.astype(X.dtype)[:, None])
    scorer = scorer_of(estimator) if stops else None
    watch = Watch(estimator, len(target), held_out, stops, scorer)
    run, reports, size = begun(estimator, network, objective, data, watch, random_state, incremental)
    if stops:
        watch.begin(network, run.fitted)
    estimator.n_iter_, estimator.stopped_ = 0, False
    told = Told(estimator, run, stops, incremental, given.X, given.y, given.sample_weight)
    run.callbacks.append(told)
    try:
        with suited_threads(network, size):
            exhaust(reports)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=4)
    finish(estimator, run, watch, incremental)
    told.end_of_fit()


def refuse_what_does_nothing(estimator: MLP) -> None:
    """Refuse what Pellucid adds to scikit-learn's parameters, where it would do nothing."""
    for name in ("dropout", "normalization"):
        value = getattr(estimator, name)
        if estimator.layers is not None and value is not None and np.any(value):
            raise ValueError(f"{name}={value!r} does nothing beside layers; put a layer for it among them")
    for callback in estimator.callbacks or ():
        if hasattr(callback, "on_fit_task_end"):
            raise TypeError(f"callbacks: {callback!r} is one of scikit-learn's, which set_callbacks(...) takes")
    if estimator.solver != "lbfgs":
        if estimator.monitor != "score" and not estimator.early_stopping:
            raise ValueError(f"monitor={estimator.monitor!r} does nothing without early_stopping=True; set that, too")
        return
    asked = {
        "learning_rate": isinstance(estimator.learning_rate, Schedule) or spans_fit(estimator),
        "clip_norm": estimator.clip_norm is not None,
        "dropout": bool(np.any(estimator.dropout)),
        "normalization": estimator.normalization == "batch",
        "monitor": estimator.monitor != "score",
    }
    for name, is_asked in asked.items():
        if is_asked:
            raise ValueError(
                f'{name}={getattr(estimator, name)!r} does nothing with solver="lbfgs", which sees all records at once '
                "and chooses its own steps; leave it out, or take another solver"
            )


def refuse_in_parts(estimator: MLP, given: Given) -> None:
    """Refuse what ``partial_fit`` cannot do, as it sees a table in parts and does not know how many will come."""
    if estimator.early_stopping and not given.validated:
        raise ValueError(
            "partial_fit does not support early_stopping=True unless X_val and y_val are given: it cannot hold out "
            "records of a table that it sees in parts"
        )
    if spans_fit(estimator):
        raise ValueError(
            f'learning_rate="{estimator.learning_rate}" spans a whole fit, and partial_fit cannot know how long that '
            "is; give a Schedule with a number of updates in its place"
        )


def refuse_what_lbfgs_cannot_train(estimator: MLP, network: Network) -> None:
    """Refuse layers that are something else in training than in prediction, which L-BFGS does not know apart."""
    if estimator.solver != "lbfgs":
        return
    for layer, shape, state in zip(network.layers, network.shapes, network.state, strict=False):
        if state or layer.draws_for((1,), shape):
            raise ValueError(
                f'solver="lbfgs" sees all records at once, as in prediction: {as_code(layer)} among layers or '
                "activation would do nothing; leave it out, or take another solver"
            )


# Records to validate on


def held_out_of(estimator: MLP, given: Given, learnt_from: Array, targets: Array) -> HeldOut:
    """Return the validation records that were given, checked beside the targets [N, T] that are learnt from."""
    try:
        X, y = estimator._checked(given.X_val, given.y_val, True, False)
        target = estimator._target(y, targets.dtype)
    except (ValueError, TypeError) as problem:
        raise type(problem)(f"X_val, y_val: {problem}") from None
    if target.shape[1] != targets.shape[1]:
        raise ValueError(f"y_val has {target.shape[1]} column(s), where y has {targets.shape[1]}")
    weights = given.sample_weight_val
    if weights is not None:
        try:
            weights = _check_sample_weight(weights, X)
        except ValueError as problem:
            raise ValueError(f"sample_weight_val: {problem}") from None
    return HeldOut(estimator._records(X), y, target, estimator._weights_for(y, weights, learnt_from))


def split(
    estimator: MLP, X: Any, y: Array, target: Array, weights: Array | None, random_state: np.random.RandomState
) -> tuple[Any, Array, Array, Array | None, HeldOut]:
    """Hold out the records that early stopping watches, as scikit-learn does."""
    # In multilabel and multiclass targets there is more than one column, and nothing to divide evenly by.
    stratify = target.astype(bool) if is_classifier(estimator) and target.shape[1] == 1 else None
    columns = [X, y, target] if weights is None else [X, y, target, weights]
    parts = train_test_split(
        *columns, random_state=random_state, test_size=estimator.validation_fraction, stratify=stratify
    )
    if parts[1].shape[0] < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    weights, held_weights = (None, None) if weights is None else parts[6:8]
    held_out = HeldOut(estimator._records(parts[1]), parts[3], parts[5], held_weights)
    return parts[0], parts[2], parts[4], weights, held_out


def scorer_of(estimator: MLP) -> Callable[..., float] | None:
    """Return the scorer that early stopping watches, unless it is the estimator's own score or the loss."""
    if estimator.monitor in ("score", "loss"):
        return None
    try:
        scorer: Callable[..., float] = check_scoring(estimator, scoring=estimator.monitor)
    except ValueError as problem:
        raise ValueError(f'monitor must be "score", "loss", or a scorer or the name of one. {problem}') from None
    return scorer


# The training


def begun(
    estimator: MLP,
    network: Network,
    objective: ScikitObjective,
    data: Batch,
    watch: Watch,
    random_state: np.random.RandomState,
    incremental: bool,
) -> tuple[Run, Iterator[Report], int]:
    """Return a training run that has not made a step yet, its reports to come, and how many records a step sees."""
    by_lbfgs = estimator.solver == "lbfgs"
    size = len(data.target) if by_lbfgs else batch_size(estimator, len(data.target))
    rule: Optimizer | LBFGS
    if by_lbfgs:
        rule = LBFGS(tolerance=float(estimator.tol), max_evaluations=int(estimator.max_fun))
    else:
        rule = optimizer_of(estimator, network, -(-len(data.target) // size), incremental)
    epochs = 1 if incremental and not by_lbfgs else int(estimator.max_iter)
    callbacks: list[Callback] = [
        watch,
        *_checked_callbacks(estimator.callbacks or ()),
        *([Progress()] if estimator.progress else []),
    ]
    # What the network remembers is the penalty of a whole batch.
    remembered = None if objective.penalty is None else Penalty(l2=objective.penalty.l2 / size)
    run = Run(network, objective.loss, remembered, rule, epochs, objective, data, None, callbacks)
    engine = engines.find(estimator.engine)
    if isinstance(rule, LBFGS):
        evaluate = engine.loss_and_gradient(network, objective, data, None)
        estimator.loss_ = float(evaluate(network.theta)[0])  # which stays, if there is nothing to improve
        return run, run.reports(rule.epochs(run, objective, data, evaluate)), size
    before = network.fitted
    memory = before.optimizer_state if incremental and before is not None and rule is before.optimizer else None
    if memory is None:
        memory, estimator._rate_factor = rule.init(network.theta), 1.0
    run.rate_factor = estimator._rate_factor
    plan = plan_of(network, objective, rule, clip_norm=estimator.clip_norm)
    batches = ScikitBatches(
        network, objective.loss, data, size=size, shuffle=estimator.shuffle, random_state=random_state
    )
    draws = [np.random.SeedSequence(network.seed, spawn_key=(estimator.t_,))]
    work = engines.Work(network, plan, batches, memory, draws, epochs=epochs)
    return run, run.reports(Steps(run, engine(work), work).epochs()), size


def batch_size(estimator: MLP, records: int) -> int:
    """Return how many records one update sees."""
    if isinstance(estimator.batch_size, str):
        return min(200, records)
    if estimator.batch_size > records:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
        )
    return int(min(estimator.batch_size, records))


def optimizer_of(estimator: MLP, network: Network, batches: int, incremental: bool) -> Optimizer:
    """Return the optimizer that the parameters ask for; ``partial_fit`` stays with the one that it began with.

    Unless a schedule over a whole fit has come to its end with it: then there is nothing to stay with.
    """
    if incremental and network.fitted is not None and isinstance(network.fitted.optimizer, Optimizer):
        begun_with = network.fitted.optimizer
        asked = getattr(estimator.solver, "learning_rate", None)
        asked = estimator.learning_rate if isinstance(estimator.learning_rate, Schedule) else asked
        if not isinstance(begun_with.learning_rate, tuple(WHOLE_FIT.values())) or begun_with.learning_rate == asked:
            return begun_with
    rate: Any = float(estimator.learning_rate_init)
    rule: Optimizer
    if isinstance(estimator.solver, Optimizer):
        rule, rate = estimator.solver, estimator.solver.learning_rate
    elif estimator.solver == "adam":
        rule = Adam(rate, float(estimator.beta_1), float(estimator.beta_2), float(estimator.epsilon), True)
    elif estimator.solver == "sgd":
        momentum = float(estimator.momentum)
        rule = SGD(rate, momentum, nesterov=bool(estimator.nesterovs_momentum and momentum > 0), rate_in_velocity=True)
    else:
        rule = SOLVERS[estimator.solver](rate)
    schedule = estimator.learning_rate
    if spans_fit(estimator):
        schedule = WHOLE_FIT[schedule](rate(0) if callable(rate) else rate, int(estimator.max_iter) * batches)
    return replace(rule, learning_rate=schedule) if isinstance(schedule, Schedule) else rule


def spans_fit(estimator: MLP) -> bool:
    """Return whether the learning rate is a schedule over the whole fit."""
    return isinstance(estimator.learning_rate, str) and estimator.learning_rate in WHOLE_FIT


def exhaust(reports: Iterator[Report]) -> None:
    """Go through all epochs; a loss that is not finite is told of by :func:`finish`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        for _ in _silently(reports):
            pass


def finish(estimator: MLP, run: Run, watch: Watch, incremental: bool) -> None:
    """Put the best weights back, and say what there is to say."""
    network, best = run.network, estimator._best if run.stopped_early else to_go_back_to(estimator)
    reason = run.history.stopped
    told = "" if reason is None else reason[:1].upper() + reason[1:]
    estimator._rate_factor = run.rate_factor
    if run.stopped_early:
        watch.could_not_go_on()
    if watch.stops and best is not None and (estimator.stopped_ or not incremental):
        best.put_back(network)
        in_this_run = best.epoch - (len(estimator.loss_curve_) - estimator.n_iter_)
        run.history.best_epoch = in_this_run if in_this_run > 0 else None
        if incremental:  # whoever goes on begins to wait anew
            estimator._no_improvement_count = 0
    elif watch.stops and best is None and not incremental:
        warnings.warn(
            f"monitor={estimator.monitor!r} gave no number for the validation records in any epoch, so none is the "
            'best: the weights of the last one are kept. Validate on other records, or watch "loss".',
            stacklevel=4,
        )
    estimator._show_weights()
    if not np.isfinite(network.theta).all() or (run.stopped_early and not watch.stops):
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed. {told}".strip()
        )
    if run.stopped_early:
        warnings.warn(f"{told}.", ConvergenceWarning, stacklevel=5)
    elif not incremental or estimator.solver == "lbfgs":
        warn_of_the_end(estimator, reason)


def warn_of_the_end(estimator: MLP, reason: str | None) -> None:
    """Tell that there might have been more to learn, unless the schedule was made for just so long."""
    if estimator.solver == "lbfgs":
        if reason is not None and ("convergence" in reason or not reason.startswith("L-BFGS ended")):
            return
        text = (
            f"lbfgs failed to converge after {estimator.n_iter_} iteration(s): "
            f"{reason or f'max_iter={estimator.max_iter} is reached'}. You might increase max_iter or max_fun, or "
            "scale the data."
        )
    elif reason is not None or estimator.n_iter_ < estimator.max_iter or spans_fit(estimator):
        return
    else:
        text = (
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the optimization hasn't "
            "converged yet."
        )
    warnings.warn(text, ConvergenceWarning, stacklevel=6)

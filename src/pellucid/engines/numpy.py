"""The NumPy engine: one step after the other, theta updated in place."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.arrays import Array, Draw, draw
from pellucid.engines.engine import (
    MEMBERS_IN_TRAINING,
    TRAINING,
    Begun,
    Devices,
    Draws,
    Engine,
    Figures,
    Work,
    contexts_of,
    drawn_for_mixup,
)
from pellucid.gradients import Batch, Objective, Pass
from pellucid.layers import Context
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.optimizers.optimizer import Factor
from pellucid.training.batches import Portion
from pellucid.training.chance import Chance

BLOCK_BYTES = 2**17
"""How much of theta the optimizer works on at a time: its half a dozen temporaries of this size stay in the cache.

Measured for Adam on 78,600 float64 parameters: 0.54 ms, against 1.6 ms for the whole vector at once.
"""
KEPT_BYTES = 2**24
"""Half of the most that the C library agrees to learn from; see :func:`keep_memory`."""
SETTLE_EVERY = 64
AT_ONCE = 0.2
"""Seconds after which the engine comes up for air: what an interruption finds written is not older than that."""


class NumpyEngine(Engine):
    """Runs the plan's steps on NumPy, one after the other.

    The optimizer's step is its one declared fast path: the same pure rule is called on blocks of
    theta that fit the processor's cache, and the result is written back in place.
    """

    name = "numpy"

    def __init__(self, work: Work, draws: Draws | None = None) -> None:
        refuse_devices(work.devices)
        keep_memory()
        self.work, self.network, self.plan, self.batches = work, work.network, work.plan, work.batches
        plan, theta = work.plan, work.network.theta
        layout = plan.objective.layout
        self.theta = theta
        self.parameters = layout.views(theta)
        self.gradient = np.zeros_like(theta)
        views = layout.views(self.gradient)
        self.gradient_views = [(slot.layer, slot.name, views[slot.layer][slot.name]) for slot in layout.slots]
        self.blocks = Blocks(
            plan.optimizer, theta, self.gradient, work.optimizer_state, plan.rate_factors, plan.decay_factors
        )
        self._limited = [(slot, self.parameters[slot.layer][slot.name]) for slot in plan.limited_slots]
        self.average, self.average_states = work.first_average()
        self._special = bool(work.special)
        self._draws = numpy_draws(work) if draws is None else draws
        plain = TRAINING if self.network.members is None else MEMBERS_IN_TRAINING
        self.contexts = [plain] * len(self.network.layers)
        lead = theta.shape[:-1]
        self.not_finite: Array = np.zeros(lead, dtype=bool)
        self.place = 0
        self.rest(np.ones(lead, dtype=bool))
        if work.standing is not None:
            self.place = work.standing.place
            self.blocks.before[...] = work.standing.before
            self.rest(work.standing.active)
        self.preparation = self.stepping = 0.0
        self._portions: dict[int, Portion] = {}  # where the order stays the same, each batch is cut once

    @property
    def optimizer_state(self) -> Any:
        """The optimizer's memory, whole."""
        return self.blocks.state

    @property
    def before(self) -> Array:
        return self.blocks.before

    def advance(self, stop: int, rate_factor: float, begun: Begun = ()) -> Figures:
        batches, figures, per_epoch, step = self.batches, Figures(), self.batches.count, self.step
        asked, may_pause = self.work.asked, self.work.may_pause
        epoch, first = divmod(self.place, per_epoch)
        began = now = time.perf_counter()
        found: Pass | None = None
        pause = False
        while self.place < stop:
            order = batches.order(epoch) if batches.shuffled else None
            losses, counts, penalties = begun or (0.0, 0.0, 0.0)
            begun = ()
            begin = self.place
            for number in range(first, min(per_epoch, first + stop - begin)):
                portion = self._portion(order, number)
                found = step(portion, rate_factor)
                if found is None:
                    break
                count = portion.counts
                losses, counts, penalties = losses + found.loss * count, counts + count, penalties + found.penalty
                if may_pause and (asked.signal is not None or time.perf_counter() - began > AT_ONCE):
                    pause = True
                    break
            now = time.perf_counter()
            if self.place > begin:
                figures.add(losses, counts, penalties, now)
            if found is None or pause or now - began > AT_ONCE:
                break
            epoch, first = epoch + 1, 0
        self.stepping += now - began
        return figures

    @classmethod
    def loss_and_gradient(
        cls, network: Network, objective: Objective, data: Batch, devices: Devices
    ) -> Callable[[Array], tuple[Any, Any]]:
        refuse_devices(devices)

        def evaluate(theta: Array) -> tuple[Any, Any]:
            views = network.layout.views(theta)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                found = objective.evaluate(theta, views, *data, network._evaluation)
            return found.loss + found.penalty, found.gradient

        return evaluate

    def _portion(self, order: Array | None, number: int) -> Portion:
        found = self._portions.get(number) if order is None else None
        if found is None:
            found = self.batches.portion(order, number)
            if order is None:
                self._portions[number] = found
        return found

    def last(self) -> tuple[Portion, Sequence[Context]]:
        return self.portion, self.contexts

    def step(self, portion: Portion, rate_factor: float) -> Pass | None:
        """Make one step on a batch, and return the pass that led there.

        Where the loss (of a member that is still active) is not finite, nothing is changed, ``not_finite``
        says whose it is, and None is returned.
        """
        plan, theta = self.plan, self.theta
        x, target, weights, *_ = self.portion = portion
        if self._special:
            self.contexts = contexts_of(self.work, self.place, x, self._draws)
        drawn = drawn_for_mixup(plan, len(self.contexts), self.place, portion.lead, self._draws)
        found = plan.evaluate(theta, self.parameters, x, target, weights, self.contexts, drawn, self._flat)
        if not (math.isfinite(found.loss) if theta.ndim == 1 else self._all_finite(found.loss)):
            self.not_finite = ~np.isfinite(found.loss) & self.active
            return None
        if plan.clips:
            self.gradient[...] = plan.clipped(self.gradient)
        if self._all_active:
            self._move(rate_factor)
        else:
            resting = self.theta[~self.active]
            self.gradient[~self.active] = 0
            self._move(rate_factor)
            self.theta[~self.active] = resting
        if self._special:
            self._remember(found)
        self.place += 1
        if self.average is not None:
            self._take_into_average()
        if self.place % SETTLE_EVERY == 0:
            self.blocks.settle()
        return found

    def _move(self, rate_factor: float) -> None:
        """Let the optimizer make its step, and shorten weights that are longer than the plan allows."""
        self.blocks.update(rate_factor)
        for slot, weights in self._limited:
            weights[...] = self.plan.limited(slot, weights)

    def _take_into_average(self) -> None:
        """Take the parameters and running statistics of this moment into their averages, in place as a step is."""
        assert self.plan.average is not None
        assert self.average is not None
        share = self.plan.average.share(self.place, self.batches.count)
        if share:
            self.average += self.theta.dtype.type(share) * (self.theta - self.average)
            self.average_states = averaged(self.average_states, self.network.state, share)

    def undo(self) -> None:
        """Take the members whose loss is not finite one step back, and leave them there from now on."""
        self.theta[self.not_finite] = self.blocks.before[self.not_finite]
        if self.average is not None:  # it has seen the step that was wrong: it begins anew
            self.average[self.not_finite] = self.theta[self.not_finite]
        self.blocks.forget(self.not_finite)
        self.rest(self.active & ~self.not_finite)
        self.not_finite = np.zeros_like(self.not_finite)

    def rest(self, active: Array) -> None:
        """Let only these members learn from now on."""
        self.active = active
        self._all_active = bool(active.all())

    def _remember(self, found: Pass) -> None:
        """Keep what layers with a memory have learnt from the batch; members that rest keep what they had."""
        self.network.set_state(
            [
                {name: self._kept(cache.get("state", old)[name], value) for name, value in old.items()}
                for cache, old in zip(found.caches, self.network.state, strict=True)
            ]
        )

    def _kept(self, new: Array, old: Array) -> Array:
        if self._all_active:
            return new
        return np.where(self.active.reshape(self.active.shape + (1,) * (new.ndim - 1)), new, old)

    def _flat(self, gradients: list[dict[str, Array]]) -> Array:
        """Put the gradients into the one vector that this engine keeps for them."""
        for index, name, view in self.gradient_views:
            view[...] = gradients[index][name]
        return self.gradient

    def _all_finite(self, losses: Array) -> bool:
        return bool((np.isfinite(losses) | ~self.active).all())


def averaged(average: list[dict[str, Array]], now: list[dict[str, Array]], share: Any) -> list[dict[str, Array]]:
    """Return running statistics that a share of the newest is taken into.

    Examples
    --------
    >>> averaged([{"mean": np.array([1.0])}], [{"mean": np.array([3.0])}], 0.25)
    [{'mean': array([1.5])}]
    """
    return [
        {name: (old + share * (new[name] - old)).astype(old.dtype) for name, old in named.items()}
        for named, new in zip(average, now, strict=True)
    ]


def keep_memory() -> None:
    """Let the C library keep memory that is given back, rather than return it to the system at once.

    A step makes arrays of a few hundred kilobytes and gives them back. With its usual settings, glibc hands such memory
    to the system and gets it anew in each step, page by page, which takes a fifth of the time of a small network. It
    learns from the largest block it has seen given back: one is shown to it, of which no page is ever touched.

    Source: the manual page mallopt(3), M_MMAP_THRESHOLD.
    """
    np.empty(KEPT_BYTES, dtype=np.uint8)


def refuse_devices(devices: Devices) -> None:
    """Refuse what only another engine can do."""
    if devices is not None:
        raise ValueError(f'devices={devices!r}: sharing a batch among devices needs engine="jax"')


def numpy_draws(work: Work) -> Draws:
    """Return NumPy's draws: a function of step and part, from each member's own seed."""
    drawers = [Chance(seed) for seed in work.draw_seeds] if work.special or work.plan.mixup else []
    dtype = work.network.dtype

    def draws(step: int, part: int, wanted: Draw) -> Array:
        return draw([one.at(step, part) for one in drawers], wanted, dtype)

    return draws


class Blocks:
    """Theta, its gradient and the optimizer's memory, cut into blocks that fit the processor's cache.

    Theta and the gradient are cut into views. The memory is cut into pieces of its own, which the rule
    replaces by new ones: nothing of it is copied back, and it is put together only when it is asked for.

    Parameters
    ----------
    optimizer : Optimizer
    theta, gradient : arrays [P] or [K, P], which stay the same arrays; theta is changed in place
    state : the optimizer's memory at the start
    rate_factors, decay_factors : float or array

    Examples
    --------
    >>> from pellucid.optimizers import SGD
    >>> theta, gradient = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    >>> blocks = Blocks(SGD(0.5), theta, gradient, SGD(0.5).init(theta))
    >>> blocks.update(1.0)
    >>> theta, blocks.before, blocks.state.step
    (array([0.5, 1.5]), array([1., 2.]), 1)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        theta: Array,
        gradient: Array,
        state: Any,
        rate_factors: Factor = 1.0,
        decay_factors: Factor = 1.0,
    ) -> None:
        self.optimizer = optimizer
        self.before = theta.copy()  # the parameters of one step ago
        length = theta.shape[-1]
        width = max(length, 1)
        if theta.nbytes > 2 * BLOCK_BYTES:
            width = max(BLOCK_BYTES // (theta.itemsize * (theta.size // length)), 1)
        parts = [(..., slice(start, start + width)) for start in range(0, max(length, 1), width)]
        self.whole = [isinstance(value, np.ndarray) and value.shape == theta.shape for value in state]
        self.states = [
            type(state)(*[value[part] if cut else value for value, cut in zip(state, self.whole, strict=True)])
            for part in parts
        ]
        self.cuts = [(theta[part], gradient[part], self.before[part]) for part in parts]
        self.rates = [_part(rate_factors, part) for part in parts]
        self.decays = [_part(decay_factors, part) for part in parts]

    def update(self, rate_factor: float) -> None:
        """Subtract the optimizer's step from theta, block by block."""
        for index, (theta, gradient, before) in enumerate(self.cuts):
            np.copyto(before, theta)
            rate = self.rates[index] * rate_factor
            move, self.states[index] = self.optimizer.update(
                gradient, self.states[index], theta, rate, self.decays[index]
            )
            theta -= move

    def forget(self, members: Array) -> None:
        """Begin the memory of these members anew: what made their loss overflow is in it."""
        if members.ndim:
            self.states = [
                forgotten(self.optimizer, state, theta, members)
                for state, (theta, _, _) in zip(self.states, self.cuts, strict=True)
            ]

    def settle(self) -> None:
        """Put 0 for moments that have all but faded."""
        self.states = [settle(state) for state in self.states]

    @property
    def state(self) -> Any:
        """The optimizer's memory, put together."""
        last = self.states[-1]
        if len(self.states) == 1:
            return last
        columns = zip(*self.states, strict=True)
        return type(last)(
            *[
                np.concatenate(column, axis=-1) if cut else value
                for column, cut, value in zip(columns, self.whole, last, strict=True)
            ]
        )


def forgotten(optimizer: Optimizer, state: Any, theta: Array, members: Array) -> Any:
    """Return an optimizer's memory in which some members begin anew.

    Examples
    --------
    >>> from pellucid.optimizers import SGD
    >>> rule, theta = SGD(0.1, momentum=0.9), np.zeros((2, 3))
    >>> state = rule.init(theta)._replace(velocity=np.ones((2, 3)))
    >>> forgotten(rule, state, theta, np.array([True, False])).velocity
    array([[0., 0., 0.],
           [1., 1., 1.]])
    """
    fresh = optimizer.init(theta)
    return type(state)(
        *[
            np.where(members[:, None], new, old) if np.shape(old) == theta.shape else old
            for old, new in zip(state, fresh, strict=True)
        ]
    )


def _part(factor: Factor, part: Any) -> Factor:
    return factor[part] if isinstance(factor, np.ndarray) and factor.shape[-1:] != (1,) else factor


def settle(state: Any) -> Any:
    """Put 0 for moments that have all but faded: subnormal numbers make arithmetic several times slower.

    A moment below 1e8 times the smallest normal number (1e-30 in float32, 1e-300 in float64) counts for
    nothing in any step. Called every 64 updates, it keeps any memory of 0.75 or more clear of subnormal numbers.

    Examples
    --------
    >>> from pellucid.optimizers.sgd import SGDState
    >>> settle(SGDState(3, np.array([1e-305, -0.5])))
    SGDState(step=3, velocity=array([ 0. , -0.5]))
    """

    def settled(value: Any) -> Any:
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            return value
        return value * (np.abs(value) > np.finfo(value.dtype).tiny * 1e8)

    return type(state)(*[settled(value) for value in state])

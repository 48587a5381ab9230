"""The JAX engine: the same steps, compiled by XLA, as many at once as nobody looks between."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pellucid.arrays import Array, Draw
from pellucid.engines.engine import Begun, Devices, Engine, Figures, Standing, Work, contexts_of
from pellucid.engines.jax.program import Carry, Given, Program, Records, compiled_for, drawn, program_for
from pellucid.engines.jax.settings import own_settings
from pellucid.engines.numpy import NumpyEngine, forgotten, numpy_draws
from pellucid.gradients import Batch, Objective
from pellucid.layers import Context
from pellucid.network import Network
from pellucid.training.batches import Portion

__all__ = ["JaxEngine"]

AT_ONCE = 0.5
"""About how many seconds one call may take: an interruption waits for its end."""
EPOCHS_IN_A_CALL = (1024, 32768)
"""How many epochs' figures a call has room for: few sizes, so that runs of another length need no new program."""
FIGURES_AT_ONCE = 2**20
"""How many figures that may be, of all members together."""
ORDERED_AT_ONCE = 2**18
"""How many places in orders, or rates of a schedule, one call is given at most."""


class Start(NamedTuple):
    """Where a call began: enough to make its steps once more."""

    place: int
    theta: Array
    optimizer_state: Any
    states: list[dict[str, Array]]
    average: Array | None
    average_states: list[dict[str, Array]]
    active: Array
    rate_factor: float


class JaxEngine(Engine):
    """Runs the plan's steps compiled by XLA, on one device or shared out among several.

    The records are on the device once, and one program makes any number of steps, from any to any. The network's
    own arrays are brought up to date after each call. Where a loss stops being finite, the epoch is gone through
    again on NumPy, with the same batches and draws, which finds the step and names the layer.

    Raises
    ------
    ValueError
        If ``devices`` asks for more than there are.
    """

    name = "jax"

    def __init__(self, work: Work) -> None:
        self.work, self.network, self.plan, self.batches = work, work.network, work.plan, work.batches
        lead = self.network.theta.shape[:-1]
        self.platform = jax.default_backend()
        self.place = 0
        self.active: Array = np.ones(lead, dtype=bool)
        self.not_finite: Array = np.zeros(lead, dtype=bool)
        self.preparation = self.stepping = 0.0
        self._keys = np.stack([seed.generate_state(2, np.uint32) for seed in work.draw_seeds])
        self._memory = work.optimizer_state
        self._updates_before = work.updates_before
        self.average, self.average_states = work.first_average()
        self._starts: list[Start] = []
        if work.standing is not None:
            self.place, self.active = work.standing.place, work.standing.active
        self._replay: NumpyEngine | None = None
        self._epochs = self._room()
        with own_settings():
            self.program: Program = program_for(work, self._epochs, chosen_devices(work.devices))
            data = self.batches.data
            records = Records(data.x, data.target, data.weights, self.batches.counts)
            self._records: Records = self.program.keep(records)
            self._carry: Carry = self.program.place(self._host_carry())

    def _room(self) -> int:
        """Return how many epochs one call may touch."""
        work, batches = self.work, self.batches
        if work.looked_at:
            return 1
        members = self.network.members or 1
        sizes = [size for size in EPOCHS_IN_A_CALL if size * members <= FIGURES_AT_ONCE] or [64]
        room = next((size for size in sizes if size >= work.epochs), sizes[-1])
        each = batches.records * (members if batches.own else 1) if batches.shuffled else 1
        if callable(work.plan.optimizer.learning_rate):
            each = max(each, batches.count)
        if each > 1:
            room = min(room, max(ORDERED_AT_ONCE // each, 1))
        return room

    # Between the network and the device

    def _host_carry(self) -> Carry:
        """Return theta, the optimizer's memory and the running statistics as the program takes them."""
        parts, theta = self.program.parts, self.network.theta
        state = parts.cut_state(self._memory, theta.shape)
        average = None if self.average is None else parts.cut(self.average.copy())
        return Carry(
            parts.cut(theta.copy()), state, host_states(self.network.state), average, host_states(self.average_states)
        )

    def _put(self) -> None:
        """Put theta, the optimizer's memory and the running statistics on the device."""
        with own_settings():
            self._carry = self.program.place(self._host_carry())

    def _put_network(self) -> None:
        """Put theta and the running statistics on the device; the optimizer's memory stays as it is."""
        network = self.network
        with own_settings():
            theta = self.program.place(self.program.parts.cut(network.theta.copy()))
            states = self.program.place(host_states(network.state)) if self.work.special else self._carry.states
            average = None if self.average is None else self.program.place(self.program.parts.cut(self.average.copy()))
        self._carry = self._carry._replace(theta=theta, states=states, average=average)

    def _fetch(self) -> None:
        """Bring the network's arrays, and the memory, up to date."""
        theta, memory, states = whole(self._carry.theta), host_memory(self._carry.optimizer_state), self._carry.states
        states = host_states(states)
        average = None if self._carry.average is None else whole(self._carry.average)
        average_states = host_states(self._carry.average_states)
        # All is there: an interruption from here on finds the three together, but for a moment.
        self.network.theta[...] = theta
        self._memory = memory
        self.average, self.average_states = average, average_states
        if self.work.special:
            self.network.set_state(states)

    @classmethod
    def circumstances(cls) -> dict[str, str]:
        return {"jax": jax.__version__, "device": jax.default_backend()}

    @property
    def optimizer_state(self) -> Any:
        return self._memory

    @property
    def before(self) -> None:
        return None  # a program keeps no step but the last

    # Steps

    def advance(self, stop: int, rate_factor: float, begun: Begun = ()) -> Figures:
        per_epoch, begin = self.batches.count, self.place
        first = begin // per_epoch
        soon = max(round(AT_ONCE * self.program.steps_a_second), 1)
        stop = min(stop, (first + self._epochs) * per_epoch, begin + soon)
        if self.work.looked_at:
            self._put_network()  # whoever looks may write, too
        states = host_states(self.network.state)
        start = Start(
            begin,
            self.network.theta.copy(),
            self._memory,
            states,
            self.average,
            self.average_states,
            self.active,
            rate_factor,
        )
        self._starts = [*[one for one in self._starts if one.place < begin][-1:], start]

        began = time.perf_counter()
        prepared = self.preparation
        self._carry, sums = self._call(self._carry, start, stop, begun)
        compiled = self.preparation - prepared
        sums = sums[:, : (stop - 1) // per_epoch + 1 - first]
        losses, penalties = sums[0], sums[1] if len(sums) > 1 else np.broadcast_to(0.0, sums[0].shape)
        fine = np.isfinite(losses) | ~self.active
        if fine.all():
            self._fetch()
            self.place = stop
            now = time.perf_counter()
            self.program.steps_a_second = (stop - begin) / max(now - began - compiled, 1e-9)
            self.stepping += now - began - compiled
            seconds: Any = np.linspace(began + compiled, now, len(losses) + 1)[1:]
            return Figures(losses, self._counts(begin, stop, begun), penalties, seconds)
        good = int(np.argmin(fine.reshape(len(fine), -1).all(axis=1)))  # entries before the first that is not finite
        again = max(begin, (first + good) * per_epoch)
        found = self._again_on_numpy(
            again, min(stop, (first + good + 1) * per_epoch), rate_factor, begun if again == begin else ()
        )
        now = time.perf_counter()
        self.stepping += now - began - compiled
        seconds = np.linspace(began + compiled, now, good + 1)[1:]
        counts: Any = self._counts(begin, again, begun) if good else []
        return Figures(
            [*losses[:good], *found.losses],
            [*counts, *found.counts],
            [*penalties[:good], *found.penalties],
            [*seconds, *found.seconds],
        )

    def _call(self, carry: Carry, start: Start, stop: int, begun: Begun = ()) -> tuple[Carry, Array]:
        """Make the steps from a start to ``stop`` on the device; return what they changed, and their figures."""
        figures_begun = np.zeros((self.program.rows, *self.active.shape))
        if begun:
            losses, _, penalties = begun
            figures_begun[0] = losses
            figures_begun[1:] = penalties
        batches, plan, parts = self.batches, self.plan, self.program.parts
        first, last = start.place // batches.count, (stop - 1) // batches.count + 1
        orders = None
        if batches.shuffled:
            one = np.asarray(batches.order(first))
            orders = np.zeros((self._epochs, *one.shape), dtype=np.int32)
            orders[0] = one
            for epoch in range(first + 1, last):
                orders[epoch - first] = batches.order(epoch)

        rate, before, dtype = plan.optimizer.rate, self._updates_before, self.network.dtype
        rates = np.asarray(rate(before + start.place), dtype=dtype) if self.program.rate_comes_in else None
        if self.program.scheduled:
            rates = np.zeros((self._epochs, batches.count), dtype=dtype)
            for step in range(start.place, stop):
                rates[step // batches.count - first, step % batches.count] = rate(before + step)

        def factors(values: Any) -> list[Array] | None:
            return parts.cut(values) if np.ndim(values) else None

        given = Given(
            orders,
            rates,
            figures_begun,
            np.asarray(start.rate_factor, dtype=dtype),
            factors(plan.rate_factors),
            factors(plan.decay_factors),
            None if self.network.members is None else start.active,
            self._keys,
            np.asarray(start.place),
            np.asarray(stop),
        )
        with own_settings():
            given = self.program.place(given)
            self.preparation += self.program.compile(carry, self._records, given)
            carry, sums = self.program(carry, self._records, given)
            return carry, np.asarray(sums)

    def _counts(self, begin: int, stop: int, begun: Begun) -> Array:
        """Return what the batches of these steps count, epoch by epoch, and what had begun before them."""
        batches, per_epoch = self.batches, self.batches.count
        first, last = begin // per_epoch, (stop - 1) // per_epoch + 1
        shape = (last - first, *self.active.shape)
        if batches.alike:
            counts: Array = np.broadcast_to(batches.counts_in_all(first), shape)
        else:
            each = [np.broadcast_to(batches.counts_in_all(epoch), shape[1:]) for epoch in range(first, last)]
            counts = np.array(each, dtype=np.float64)
        for epoch in {first, last - 1}:
            part = range(max(begin - epoch * per_epoch, 0), min(stop - epoch * per_epoch, per_epoch))
            if len(part) < per_epoch:
                counts = counts if counts.flags.writeable else counts.copy()
                order = batches.order(epoch)
                earlier = begun[1] if begun and epoch == first else 0.0
                counts[epoch - first] = earlier + sum(batches.counted(order, number) for number in part)
        return counts

    def last(self) -> tuple[Portion, Sequence[Context]]:
        if self._replay is not None:
            return self._replay.last()
        step = max(self.place - 1, 0)
        epoch, number = divmod(step, self.batches.count)
        portion = self.batches.portion(self.batches.order(epoch), number)
        # What random layers are given here is drawn by NumPy: a look at the batch is not worth another program.
        return portion, contexts_of(self.work, step, portion.x, numpy_draws(self.work))

    @classmethod
    def loss_and_gradient(
        cls, network: Network, objective: Objective, data: Batch, devices: Devices
    ) -> Callable[[Array], tuple[Any, Any]]:
        chosen = chosen_devices(devices)
        share = None
        if chosen and len(data.target) % len(chosen) == 0:
            share = NamedSharding(Mesh(np.array(chosen), ("devices",)), PartitionSpec("devices"))

        def evaluate(theta: Array, x: Array, target: Array, weights: Array | None) -> tuple[Any, Any]:
            views = network.layout.views(theta)
            found = objective.evaluate(theta, views, x, target, weights, network._evaluation)
            return found.loss + found.penalty, found.gradient

        with own_settings():
            records = jax.device_put(tuple(data), share)
            compiled = compiled_for(jax.jit(evaluate), network.theta, *records)

        def on_host(theta: Array) -> tuple[Any, Any]:
            with own_settings():
                loss, gradient = compiled(theta, *records)
                return np.asarray(loss), np.asarray(gradient)

        return on_host

    # When a loss is not finite

    def _again_on_numpy(self, begin: int, stop: int, rate_factor: float, begun: Begun) -> Figures:
        """Make some steps of the last call again, on NumPy, up to the one whose loss is not finite."""
        start = self._at(begin)
        self.network.theta[...] = start.theta
        self.network.set_state(start.states)

        def draws(step: int, part: int, wanted: Draw) -> Array:
            with own_settings():
                return np.asarray(drawn(self._keys, step, part, wanted, self.network.dtype))

        standing = Standing(begin, start.theta, self.active, start.average, start.average_states)
        work = replace(
            self.work, optimizer_state=start.optimizer_state, devices=None, standing=standing, may_pause=False
        )
        replay = NumpyEngine(work, draws)
        figures = replay.advance(stop, rate_factor, begun)
        self.place, self.not_finite, self._memory = replay.place, replay.not_finite, replay.optimizer_state
        self.average, self.average_states = replay.average, replay.average_states
        # Where rounding made the difference and NumPy sees nothing wrong, the run simply goes on from here.
        self._replay = replay if self.not_finite.any() else None
        self._put()
        return figures

    def undo(self) -> None:
        theta, bad = self.network.theta, self.not_finite
        if self.place:
            theta[bad] = self._at(self.place - 1).theta[bad]
            if self.average is not None:
                self.average[bad] = theta[bad]
        if theta.ndim > 1:
            self._memory = forgotten(self.plan.optimizer, self._memory, theta, bad)
        self.active = self.active & ~bad
        self.not_finite = np.zeros_like(bad)
        self._replay = None
        self._put()

    def _at(self, place: int) -> Start:
        """Return how things were after so many steps: those since the last start before it are made again.

        A run that goes on knows nothing of what was before it was left.
        """
        start = max((one for one in self._starts if one.place <= place), key=lambda one: one.place, default=None)
        if start is None:
            return self._starts[0]
        if start.place == place:
            return start
        parts = self.program.parts
        state = parts.cut_state(start.optimizer_state, start.theta.shape)
        with own_settings():
            average = None if start.average is None else parts.cut(start.average)
            carry = Carry(parts.cut(start.theta), state, start.states, average, start.average_states)
            carry = self.program.place(carry)
        carry, _ = self._call(carry, start, place)
        return start._replace(
            place=place,
            theta=whole(carry.theta),
            optimizer_state=host_memory(carry.optimizer_state),
            states=host_states(carry.states),
            average=None if carry.average is None else whole(carry.average),
            average_states=host_states(carry.average_states),
        )


# Between the device and the host


def whole(parts: Sequence[Array]) -> Array:
    """Return a vector, put together from its parts."""
    return np.concatenate([np.asarray(part) for part in parts], axis=-1)


def host_memory(state: Any) -> Any:
    """Return an optimizer's memory as the host keeps it: whole vectors, and Python's own numbers."""

    def on_host(value: Any) -> Any:
        if isinstance(value, list):
            return whole(value)
        if value is None:
            return None
        array = np.array(value)
        return array.item() if array.ndim == 0 else array

    return type(state)(*[on_host(value) for value in state])


def host_states(states: Sequence[dict[str, Array]]) -> list[dict[str, Array]]:
    """Return running statistics as NumPy's arrays."""
    return [{name: np.array(value) for name, value in named.items()} for named in states]


def chosen_devices(devices: Any) -> list[Any]:
    """Return the devices that share each batch; none where JAX's default device is meant.

    Raises
    ------
    ValueError
        If there are not so many.

    Examples
    --------
    >>> chosen_devices(None), chosen_devices(1)
    ([], [])
    """
    there = jax.devices()
    if devices is None:
        return []
    if devices == "all":
        devices = len(there)
    if isinstance(devices, bool) or not isinstance(devices, (int, np.integer)) or devices < 1:
        raise ValueError(f'devices must be a positive whole number or "all", found {devices!r}')
    if devices > len(there):
        hint = ""
        if there[0].platform == "cpu":
            hint = (
                "; one processor passes for several with XLA_FLAGS=--xla_force_host_platform_device_count="
                f"{devices} in the environment before Python starts"
            )
        raise ValueError(f"devices={devices}: JAX sees {len(there)} ({there[0].platform}){hint}")
    return list(there[:devices]) if devices > 1 else []

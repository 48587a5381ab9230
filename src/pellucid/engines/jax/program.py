"""The steps of a run as one compiled function: a loop over epochs, and in it a loop over batches.

Layers, loss, penalty and optimizer are called as they stand; XLA compiles what they do to the arrays that they
are given. Nothing here differentiates: the gradient is the one that the layers' ``backward`` computes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pellucid.arrays import Array, Draw
from pellucid.engines.costs import COSTS, Sizes
from pellucid.engines.engine import DRAWS_OF_A_LAYER, Work, drawn_for_mixup
from pellucid.engines.jax.cache import kept_on_disk
from pellucid.layers import LAYERS, Context, Layer
from pellucid.losses import LOSSES, Loss
from pellucid.optimizers import OPTIMIZERS, Optimizer
from pellucid.penalties import Penalty
from pellucid.schedules import ConstantRate, Schedule
from pellucid.training.averages import AVERAGES
from pellucid.training.mixup import Mixup
from pellucid.training.step import Plan

OWN_PART = 2**15
"""A parameter of at least so many values is a part of theta by itself, which XLA can update where it lies.

Smaller ones are joined: each part costs a step one more kernel.
"""
EPOCHS_IN_A_BLOCK = 64
"""Epochs of a single batch whose figures are collected before they are written into the long list of all.

XLA makes one piece of machine code of a loop that touches little memory: the first network's epochs then take
half the time.
"""
GATHERED_AT_ONCE = 2**26
NARROW_ROW = 2**10
"""Rows of up to 1,024 bytes are put into an epoch's order all at once, in a table of up to 64 MB.

They lie scattered over memory, and a small batch of them is fetched more slowly. Wider rows, and those of larger
tables, are fetched batch by batch.
"""


class Carry(NamedTuple):
    """What a step changes: theta in parts, the optimizer's memory in the same parts, running statistics.

    ``average`` is that of theta, in parts, where the plan asks for one, and ``average_states`` that of the statistics.
    """

    theta: list[Array]
    optimizer_state: Any
    states: list[dict[str, Array]]
    average: list[Array] | None
    average_states: list[dict[str, Array]]


class Records(NamedTuple):
    """The records: on the device once for the whole run. In a batch, ``counts`` is what it counts as a whole."""

    x: Any
    target: Any
    weights: Any
    counts: Any


class Given(NamedTuple):
    """What a call is given besides, and leaves as it is.

    ``orders`` [E, N] or [E, K, N], None where records are not shuffled; ``rates`` [E, batches] under a schedule, else
    one number, or None where the optimizer keeps its own; ``begun`` [rows] or [rows, K], what the figures of the first
    epoch have come to already; ``rate_factor`` what callbacks multiply the rate by;
    ``rate_factors`` and ``decay_factors`` in parts; ``active`` [K], None for a single network; ``keys`` [members, 2]
    for random layers; the step to start at, and the one to stop at.
    """

    orders: Array | None
    rates: Any
    begun: Array
    rate_factor: Array
    rate_factors: list[Array] | None
    decay_factors: list[Array] | None
    active: Array | None
    keys: Array
    start: Array
    stop: Array


class Parts:
    """Theta, and anything of its shape, cut into the parts that the compiled step works on.

    Every optimizer works on each value alone, so it may be given theta in parts.
    """

    def __init__(self, plan: Plan) -> None:
        layout = plan.objective.layout
        groups: list[list[Any]] = []
        small = False
        for slot in layout.slots:
            is_small = slot.stop - slot.start < OWN_PART
            if is_small and small:
                groups[-1].append(slot)
            else:
                groups.append([slot])
            small = is_small
        self.layers = layout.layers
        self.groups = groups
        self.bounds = [(group[0].start, group[-1].stop) for group in groups] or [(0, 0)]

    def cut(self, vector: Array) -> list[Array]:
        """Cut a vector [P] or [K, P]."""
        return [vector[..., start:stop] for start, stop in self.bounds]

    def cut_state(self, state: Any, shape: tuple[int, ...]) -> Any:
        """Cut whatever in an optimizer's memory has theta's shape."""
        return type(state)(*[self.cut(value) if np.shape(value) == shape else value for value in state])

    def views(self, parts: Sequence[Array]) -> list[dict[str, Array]]:
        """Return, for each layer, its parameters by name."""
        views: list[dict[str, Array]] = [{} for _ in range(self.layers)]
        for group, part, (start, _) in zip(self.groups, parts, self.bounds, strict=False):
            for slot in group:
                values = part[..., slot.start - start : slot.stop - start]
                views[slot.layer][slot.name] = values.reshape(part.shape[:-1] + slot.shape)
        return views

    def of_gradients(self, gradients: Sequence[dict[str, Array]], like: Sequence[Array]) -> list[Array]:
        """Return the layers' gradients in parts."""
        if not self.groups:
            return list(like)
        return [
            jnp.concat([gradients[slot.layer][slot.name].reshape((*part.shape[:-1], -1)) for slot in group], axis=-1)
            for group, part in zip(self.groups, like, strict=True)
        ]


class Program:
    """One compiled function for all runs of the same layers, loss, optimizer and sizes.

    Parameters
    ----------
    work : Work
    epochs : int
        The most epochs that one call may touch.
    devices : sequence of JAX devices
        Each batch is shared among these; empty: JAX's default device alone.
    """

    def __init__(self, work: Work, epochs: int, devices: Sequence[Any]) -> None:
        network, batches, plan = work.network, work.batches, work.plan
        self.epochs = epochs
        self.scheduled = callable(plan.optimizer.learning_rate)
        self.own_rule = type(plan.optimizer) in OPTIMIZERS.values()
        self.rate_comes_in = self.scheduled or self.own_rule
        self.plan, self.parts = plan, Parts(plan)
        self.layers, self.shapes, self.dtype = network.layers, network.shapes, network.dtype
        self.members, self.special = network.members, work.special
        self.records, self.size, self.batches = batches.records, batches.size, batches.count
        self.shuffled, self.own, self.averages = batches.shuffled, batches.own, batches.averages
        copies = network.members or 1 if self.own else 1
        narrow = batches.data.x[0].nbytes <= NARROW_ROW and batches.data.x.nbytes * copies <= GATHERED_AT_ONCE
        self.gathers_all = narrow and work.every == "epoch"
        self.rows = 1 if plan.objective.penalty is None else 2  # of figures: losses, and penalties if there are any
        # Long runs of one-batch epochs are counted in blocks.
        self.block = EPOCHS_IN_A_BLOCK if self.batches == 1 and epochs % EPOCHS_IN_A_BLOCK == 0 else 1
        mesh = Mesh(np.array(devices), ("devices",)) if devices else None
        self.everywhere = NamedSharding(mesh, PartitionSpec()) if mesh else None
        self.mesh = mesh
        self._compiled: Callable[..., Any] | None = None
        # Measured by those who call it; until then a low guess, so that no first call takes long.
        self.steps_a_second = 0.2 / COSTS["jax"].of_step(Sizes.of(work))

    def __call__(self, carry: Carry, records: Records, given: Given) -> tuple[Carry, Array]:
        """Make the steps from ``given.start`` to ``given.stop``; return what they changed, and the figures.

        Figures are [1, E] or [1, E, K]: what the losses of an epoch's batches add up to, each times what its batch
        counts; with a penalty there is a second row of what the penalties add up to.
        """
        assert self._compiled is not None
        result: tuple[Carry, Array] = self._compiled(carry, records, given)
        return result

    def compile(self, carry: Carry, records: Records, given: Given) -> float:
        """Compile for arguments like these, unless it is done; return the seconds it took."""
        if self._compiled is not None:
            return 0.0
        began = time.perf_counter()
        function = jax.jit(self._advance, donate_argnums=0, out_shardings=self.everywhere)
        self._compiled = compiled_for(function, carry, records, given)
        return time.perf_counter() - began

    def place(self, tree: Any) -> Any:
        """Put arrays on all devices; where there is one, a call takes NumPy's as they are."""
        return tree if self.mesh is None else jax.device_put(tree, self.everywhere)

    def keep(self, tree: Any) -> Any:
        """Put arrays on the device, or on all of them, for many calls; come back when they are there."""
        return jax.block_until_ready(jax.device_put(tree, self.everywhere))

    # What is compiled

    def _advance(self, carry: Carry, records: Records, given: Given) -> tuple[Carry, Array]:
        first, last = given.start // self.batches, (given.stop - 1) // self.batches + 1
        lead = () if self.members is None else (self.members,)
        figures = jnp.zeros((self.rows, self.epochs // self.block, self.block, *lead))

        def epochs(loop: Any) -> Any:
            """Go through one epoch, or through a block of short ones."""
            begin, carry, figures, _ = loop
            end = jnp.minimum(begin + self.block, last)

            def one(loop: Any) -> Any:
                number, end, carry, block = loop
                carry, sums = self._epoch(carry, records, given, number, number - first)
                return number + 1, end, carry, lax.dynamic_update_index_in_dim(block, sums, number - begin, 1)

            block = jnp.zeros((self.rows, self.block, *lead))
            if self.block == 1:
                _, _, carry, block = one((begin, end, carry, block))
            else:
                _, _, carry, block = lax.while_loop(lambda loop: loop[0] < loop[1], one, (begin, end, carry, block))
            figures = lax.dynamic_update_index_in_dim(figures, block, (begin - first) // self.block, 1)
            fine = jnp.isfinite(block[0])
            if given.active is not None:
                fine = fine | ~given.active
            return begin + self.block, carry, figures, fine.all()

        def more(loop: Any) -> Any:
            return (loop[0] < last) & loop[3]  # once a loss is not finite, what follows means nothing

        _, carry, figures, _ = lax.while_loop(more, epochs, (first, carry, figures, True))
        return carry, figures.reshape(self.rows, self.epochs, *lead)

    def _epoch(self, carry: Carry, records: Records, given: Given, number: Array, index: Array) -> tuple[Carry, Array]:
        """Go through an epoch's batches, as far as they lie between the call's first and last step."""
        order = None if given.orders is None else given.orders[index]
        if order is not None and self.gathers_all:
            records, order = Records(*[self._rows(column, order) for column in records]), None
        begin = jnp.maximum(given.start - number * self.batches, 0)
        end = jnp.minimum(given.stop - number * self.batches, self.batches)
        lead = () if self.members is None else (self.members,)
        sums = jnp.where(index == 0, given.begun, jnp.zeros((self.rows, *lead)))

        def batch(size: int) -> Callable[[Any, Any], Any]:
            def one(batch: Any, loop: Any) -> Any:
                carry, sums = loop
                portion = self._portion(records, order, batch * self.size, size)
                rate = given.rates[index, batch] if self.scheduled else given.rates  # None where it is the rule's own
                carry, figures = self._step(carry, portion, given, rate, number * self.batches + batch)
                return carry, sums + figures

            return one

        whole, rest = divmod(self.records, self.size)
        if whole == 1 and not rest:
            return batch(self.size)(0, (carry, sums))  # type: ignore[no-any-return]
        carry, sums = lax.fori_loop(begin, jnp.minimum(end, whole), batch(self.size), (carry, sums))
        if rest:  # the last, shorter batch is a step of its own shape
            carry, sums = lax.cond(end > whole, lambda loop: batch(rest)(whole, loop), lambda loop: loop, (carry, sums))
        return carry, sums

    def _step(self, carry: Carry, portion: Records, given: Given, rate: Array, number: Array) -> tuple[Carry, Array]:
        """Make one step: :meth:`Plan.step` on theta in parts."""
        theta, state, states = carry.theta, carry.optimizer_state, carry.states
        plan, parts, active = self.plan, self.parts, given.active
        x, target, weights, counts = portion
        lead = x.shape[: x.ndim - len(self.shapes[0])]

        def draws(step: Any, part: int, wanted: Draw) -> Array:
            return drawn(given.keys, step, part, wanted, self.dtype)

        found = plan.evaluate(
            theta,
            parts.views(theta),
            x,
            target,
            weights,
            self._contexts(states, given.keys, number, lead),
            drawn_for_mixup(plan, len(self.layers), number, lead, draws),
            lambda gradients: parts.of_gradients(gradients, theta),
        )
        gradient: Any = found.gradient
        if plan.clips:  # the length is that of the whole gradient
            gradient = parts.cut(plan.clipped(jnp.concat(gradient, axis=-1)))
        if active is not None:
            gradient = [jnp.where(active[:, None], one, 0) for one in gradient]
        rule, factor = self._rule(rate, state.step), given.rate_factor
        if self.own_rule:
            factor = rate * factor
        cut = [isinstance(value, list) for value in state]
        moved, memories = [], []
        for index, (part, slope) in enumerate(zip(theta, gradient, strict=True)):
            memory = type(state)(*[value[index] if is_cut else value for value, is_cut in zip(state, cut, strict=True)])
            rate_factor = factor if given.rate_factors is None else factor * given.rate_factors[index]
            decay_factor = 1.0 if given.decay_factors is None else given.decay_factors[index]
            move, new = rule.update(slope.astype(part.dtype), memory, part, rate_factor, decay_factor)
            after = (part - move).astype(part.dtype)
            moved.append(after)
            memories.append(type(new)(*[alike(value, old) for value, old in zip(new, memory, strict=True)]))
        moved = self._limited(moved)
        if active is not None:
            moved = [jnp.where(active[:, None], new, old) for new, old in zip(moved, theta, strict=True)]
        columns = zip(*memories, strict=True)
        state = type(state)(*[list(column) if is_cut else column[-1] for column, is_cut in zip(columns, cut)])
        states = [
            {name: self._kept(cache.get("state", old)[name], value, active) for name, value in old.items()}
            for cache, old in zip(found.caches, states, strict=True)
        ]
        loss = found.loss if counts is None else found.loss * counts
        figures = loss[None] if self.rows == 1 else jnp.stack([loss, found.penalty])
        return Carry(moved, state, states, *self._averages(carry, moved, states, number + 1)), figures

    def _limited(self, parts: list[Array]) -> list[Array]:
        """Shorten weights that are longer than the plan allows."""
        slots = self.plan.limited_slots
        if not slots:
            return parts
        views = self.parts.views(parts)
        for slot in slots:
            views[slot.layer][slot.name] = self.plan.limited(slot, views[slot.layer][slot.name])
        return self.parts.of_gradients(views, parts)

    def _averages(
        self, carry: Carry, theta: list[Array], states: list[dict[str, Array]], steps: Array
    ) -> tuple[list[Array] | None, list[dict[str, Array]]]:
        """Return the averages of theta and of the running statistics, with those of this moment taken in."""
        if self.plan.average is None or carry.average is None:
            return None, []
        share = jnp.asarray(self.plan.average.share(steps, self.batches), dtype=self.dtype)

        def taken_in(old: Array, new: Array) -> Array:
            newer: Array = old + share * (new - old)
            return newer

        average = [taken_in(old, new) for old, new in zip(carry.average, theta, strict=True)]
        pairs = zip(carry.average_states, states, strict=True)
        return average, [{name: taken_in(old, new[name]) for name, old in named.items()} for named, new in pairs]

    def _rule(self, rate: Any, step: Any) -> Optimizer:
        """Return the optimizer, with its rate as it comes in.

        The library's own multiply their rate by the factor that they are given, so it can be part of that factor;
        an optimizer of one's own may do anything with it.
        """
        rule = self.plan.optimizer
        if self.own_rule:
            return replace(rule, learning_rate=ConstantRate(1.0))
        return replace(rule, learning_rate=RateOfThisStep(rate, step)) if self.scheduled else rule

    def _kept(self, new: Array, old: Array, active: Array | None) -> Array:
        """Return new running statistics; of members that rest, the old ones."""
        new = alike(new, old)
        if active is None:
            return new
        kept: Array = jnp.where(active.reshape(active.shape + (1,) * (new.ndim - 1)), new, old)
        return kept

    def _contexts(
        self, states: Sequence[dict[str, Array]], keys: Array, number: Array, lead: tuple[int, ...]
    ) -> list[Context]:
        """Return what each layer may need besides: its random arrays for this step, its running statistics."""
        several = self.members is not None
        contexts = [Context(training=True, members=several)] * len(self.layers)
        for index in self.special:
            wanted = self.layers[index].draws_for(lead, self.shapes[index])
            random = {
                name: drawn(keys, number, part, one, self.dtype)
                for part, (name, one) in enumerate(wanted.items(), start=index * DRAWS_OF_A_LAYER)
            }
            contexts[index] = Context(True, random, states[index], several)
        return contexts

    # Batches

    def _rows(self, column: Any, rows: Array | None) -> Array | None:
        """Return rows of a column of the records: [B, ...], or [K, B, ...] where each member has its own."""
        if column is None:
            return None
        chosen: Array = column.at[rows].get(mode="promise_in_bounds")
        return chosen

    def _portion(self, records: Records, order: Array | None, begin: Any, size: int) -> Records:
        """Return a batch; ``counts`` becomes what it counts in the epoch's mean."""
        own = self.own and order is None  # each member's records are in its own order already
        if order is not None:
            rows = self._shared_out(lax.dynamic_slice_in_dim(order, begin, size, axis=-1), axis=int(self.own))
            portion = Records(*[self._rows(column, rows) for column in records])
        elif self.batches == 1:
            portion = Records(*[self._shared_out(column, axis=0) for column in records])
        else:
            axis = int(own)
            portion = Records(
                *[
                    None
                    if column is None
                    else self._shared_out(lax.dynamic_slice_in_dim(column, begin, size, axis=axis), axis)
                    for column in records
                ]
            )
        x, target, weights, counts = portion
        if self.members is not None and not self.own:
            x = jnp.broadcast_to(x, (self.members, *x.shape))
        if not self.averages:
            return Records(x, target, weights, None)
        return Records(x, target, weights, float(size) if counts is None else counts.sum(axis=-1))

    def _shared_out(self, column: Array | None, axis: int) -> Array | None:
        """Share the records of a batch out among the devices, as evenly as their number allows."""
        if column is None or self.mesh is None or column.shape[axis] % self.mesh.size:
            return column
        spec = PartitionSpec(*[None] * axis, "devices")
        shared: Array = lax.with_sharding_constraint(column, NamedSharding(self.mesh, spec))
        return shared


def drawn(keys: Array, step: Any, part: int, wanted: Draw, dtype: Any) -> Array:
    """Draw one array for a random layer, for each key its share: a function of key, step and part alone.

    Drawn in float32 and then widened, so that float32 and float64 runs see the same draws.
    """
    shape = wanted.shape if len(keys) == 1 else wanted.shape[1:]

    def one(words: Array) -> Array:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(words, impl="threefry2x32"), step), part)
        if wanted.kind == "beta":
            shares: Array = jax.random.beta(key, wanted.a, wanted.a, shape, jnp.float32).astype(dtype)
            return shares
        draw = jax.random.uniform if wanted.kind == "uniform" else jax.random.normal
        values: Array = draw(key, shape, jnp.float32).astype(dtype)
        return values

    # A single member has an axis of its own all the same.
    values: Array = one(keys[0]) if len(keys) == 1 else jax.vmap(one)(keys)
    return values


def compiled_for(function: Any, *arguments: Any) -> Callable[..., Any]:
    """Compile a jitted function for arguments like these.

    Raises
    ------
    TypeError
        If a layer, loss or optimizer asks for values that are known only when the program runs; the text names it.
    """
    # float32 means float32: on a graphics card JAX would otherwise round what it multiplies to 10 bits.
    precision = None if jax.default_backend() == "cpu" else "highest"
    with jax.default_matmul_precision(precision):
        try:
            lowered = function.lower(*arguments)
        except Exception as problem:
            raise TypeError(not_for_compiling(problem)) from problem
        with kept_on_disk():
            compiled: Callable[..., Any] = lowered.compile()
            return compiled


def not_for_compiling(problem: Exception) -> str:
    """Say which part of a network could not be compiled, and what to do.

    The innermost part on the way to the error is the one that asked for too much.
    """
    culprit, trace = "something in this network", problem.__traceback__
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, (Layer, Loss, Optimizer, Penalty)):
            culprit = f"{type(owner).__name__}.{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    what = str(problem).strip().splitlines() or [type(problem).__name__]
    return (
        f'engine="jax" cannot compile this network, because of {culprit}: {what[0]} While it is compiled, an array has '
        "a shape but no values yet. Take functions from pellucid.arrays.namespace(x) in place of np, choose by masks "
        'in place of if, and change no array in place; or train with engine="numpy"'
    )


class RateOfThisStep(Schedule):
    """A schedule that stands for the value that came in for the step at hand."""

    def __init__(self, rate: Any, step: Any) -> None:
        self.rate, self.step = rate, step

    def __call__(self, step: Any) -> Any:
        """Return the rate."""
        if step is not self.step:
            raise TypeError("only the rate of the step at hand is known, self.rate(state.step).")
        return self.rate


def alike(new: Any, old: Any) -> Any:
    """Return an array in the precision of the one that it takes the place of; numbers stay as they are."""
    return new.astype(old.dtype) if np.ndim(old) else new


class Itself:
    """A part of one's own, as a piece of a key: equal to nothing but the very same object.

    Two that compare equal need not compute the same: a field may be left out of the comparison, or not be a field.
    """

    def __init__(self, part: Any) -> None:
        self.part = part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other.part is self.part

    def __hash__(self) -> int:
        return id(self.part)


def known(part: Any) -> Any:
    """Return a part of the library as it is, to be compared by value, and one of somebody's own as itself alone."""
    theirs = (*LAYERS.values(), *LOSSES.values(), *OPTIMIZERS.values(), *AVERAGES, Mixup, Penalty, type(None))
    parts = part.everything() if isinstance(part, Layer) else [part]
    return part if all(type(one) in theirs for one in parts) else Itself(part)


_PROGRAMS: dict[Any, Program] = {}
MOST_PROGRAMS = 32


def program_for(work: Work, epochs: int, devices: Sequence[Any]) -> Program:
    """Return the program for a run: the one that an earlier run of the same kind compiled, or a new one."""
    network, plan, batches = work.network, work.plan, work.batches
    objective, data = plan.objective, batches.data
    rule, scheduled = known(plan.optimizer), callable(plan.optimizer.learning_rate)
    if not isinstance(rule, Itself):
        rule = replace(rule, learning_rate=1.0)  # another rate is no other program
    key = (
        (tuple(map(known, network.layers)), network.shapes, network.dtype, network.members),
        (known(objective.loss), known(objective.penalty), objective.frozen),
        (rule, scheduled, plan.clip_norm, plan.clip_value, np.ndim(plan.rate_factors), np.ndim(plan.decay_factors)),
        (plan.max_norm, plan.piece, known(plan.mixup), known(plan.average)),
        (batches.records, batches.size, batches.shuffled, batches.own, batches.averages, batches.counts is None),
        (data.target.shape, data.weights is None, work.every),
        (epochs, tuple(devices), str(jax.config.jax_default_device)),
    )
    try:
        found = _PROGRAMS.pop(key, None) if hash(key) else None
    except (TypeError, ValueError):  # a setting of one's own that cannot be compared: it is compiled anew each time
        return Program(work, epochs, devices)
    _PROGRAMS[key] = program = found or Program(work, epochs, devices)
    if len(_PROGRAMS) > MOST_PROGRAMS:
        del _PROGRAMS[next(iter(_PROGRAMS))]
    return program

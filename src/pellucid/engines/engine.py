"""The contract that every engine keeps: it executes the steps of a run, as many at a time as nobody looks between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from pellucid.arrays import Array, Draw
from pellucid.gradients import Batch, Objective
from pellucid.layers import Context
from pellucid.network import Network
from pellucid.training.asked import Asked
from pellucid.training.batches import Batches, Portion
from pellucid.training.step import Plan

Devices: TypeAlias = int | Literal["all"] | None
"""How many devices share each batch; None where nothing was said."""

Draws: TypeAlias = Callable[[int, int, Draw], Array]
"""A function of step, part and what is wanted, that gives a random array."""

TRAINING = Context(training=True)
MEMBERS_IN_TRAINING = Context(training=True, members=True)

DRAWS_OF_A_LAYER = 256
"""The most arrays that one layer may draw in a step: they are numbered through all layers. Mixup's come after them."""

Begun: TypeAlias = tuple[Any, ...]
"""Losses, counts and penalties of the part of an epoch that is made already, or nothing."""


@dataclass
class Figures:
    """What an engine reports of the steps it made: one entry for each epoch that they belong to.

    The first and the last entry may be of a part of their epoch.

    Attributes
    ----------
    losses : list or array of float, or of arrays [K]
        The batches' losses, each times what its batch counts, added up.
    counts : as many
        What the batches count, added up.
    penalties : as many
        The penalties, added up.
    seconds : as many
        When the entry's last step was made, by ``time.perf_counter``.
    """

    losses: Any = field(default_factory=list)
    counts: Any = field(default_factory=list)
    penalties: Any = field(default_factory=list)
    seconds: Any = field(default_factory=list)

    def add(self, loss: Any, count: Any, penalty: Any, seconds: float) -> None:
        """Add one entry."""
        self.losses.append(loss)
        self.counts.append(count)
        self.penalties.append(penalty)
        self.seconds.append(seconds)

    def columns(self) -> tuple[Array, Array, Array]:
        """Return losses, counts and penalties as arrays, [entries] or [entries, K]."""
        losses = np.asarray(self.losses, dtype=np.float64)
        each = losses.shape[1:]

        def column(values: Any) -> Array:
            if each and isinstance(values, list):  # what is the same for all members may be a single number
                values = [np.broadcast_to(value, each) for value in values]
            found = np.asarray(values, dtype=np.float64)
            if found.shape == losses.shape:
                return found
            return np.broadcast_to(found.reshape(found.shape + (1,) * (losses.ndim - found.ndim)), losses.shape)

        return losses, column(self.counts), column(self.penalties)


@dataclass(frozen=True)
class Standing:
    """Where a run was when it was left, beside the network's own arrays and the optimizer's memory.

    Attributes
    ----------
    place : int
        Steps made.
    before : array like theta
        The parameters of one step ago.
    active : bool array, one a member
        Which members still learn.
    average : array like theta, or None
    average_states : running statistics, averaged alike
    """

    place: int
    before: Array
    active: Array
    average: Array | None = None
    average_states: list[dict[str, Array]] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """All that an engine needs to know of a run.

    Attributes
    ----------
    network : Network
        An engine keeps its theta and its layers' running statistics as they are after the last step it made.
    plan : Plan
    batches : Batches
    optimizer_state : the optimizer's memory to go on from
    draw_seeds : for each member (or the only network), the seed of what its random layers draw
    devices : how many devices share each batch, "all", or None where nothing was said
    looked_at : whether somebody looks after every epoch, or every batch
    every : "epoch" or "batch"
    epochs : how many there are at most
    standing : where the run was when it was left, if it goes on
    asked : what is told when the run is to pause
    may_pause : whether somebody wants to be heard within epochs, too
    """

    network: Network
    plan: Plan
    batches: Batches
    optimizer_state: Any
    draw_seeds: Sequence[np.random.SeedSequence]
    devices: Devices = None
    looked_at: bool = True
    every: Literal["epoch", "batch"] = "epoch"
    epochs: int = 1
    standing: Standing | None = None
    asked: Asked = field(default_factory=Asked)
    may_pause: bool = False

    @cached_property
    def updates_before(self) -> int:
        """How many updates the optimizer had made before this run."""
        return int(self.optimizer_state.step) - (0 if self.standing is None else self.standing.place)

    def first_average(self) -> tuple[Array | None, list[dict[str, Array]]]:
        """Return the average of the parameters, and of the running statistics, to go on from."""
        if self.plan.average is None:
            return None, []
        if self.standing is not None and self.standing.average is not None:
            return self.standing.average.copy(), self.standing.average_states
        return self.network.theta.copy(), self.network.state

    @cached_property
    def special(self) -> list[int]:
        """The layers that draw or keep statistics: their contexts are new in each step."""
        network = self.network
        return [
            index
            for index, layer in enumerate(network.layers)
            if network.state[index] or layer.draws_for((1,), network.shapes[index])
        ]


def contexts_of(work: Work, step: int, x: Array, draws: Draws) -> list[Context]:
    """Return what each layer is told in a training step: most only that it is one.

    Parameters
    ----------
    work : Work
    step : int
    x : array, the step's inputs
    draws : function of (step, part, wanted) that gives a random array
    """
    network = work.network
    several = network.members is not None
    contexts = [MEMBERS_IN_TRAINING if several else TRAINING] * len(network.layers)
    lead = x.shape[: x.ndim - len(network.inputs)]
    for index in work.special:
        wanted = network.layers[index].draws_for(lead, network.shapes[index])
        first = index * DRAWS_OF_A_LAYER
        random = {name: draws(step, part, one) for part, (name, one) in enumerate(wanted.items(), start=first)}
        contexts[index] = Context(True, random, network.state[index], several)
    return contexts


def drawn_for_mixup(plan: Plan, layers: int, step: Any, lead: tuple[int, ...], draws: Draws) -> dict[str, Array]:
    """Return the random arrays that mixup needs in a step, for a batch [B] or [K, B]; none if it is not asked for."""
    if plan.mixup is None:
        return {}
    first = layers * DRAWS_OF_A_LAYER
    wanted = plan.mixup.draws(lead)
    return {name: draws(step, part, one) for part, (name, one) in enumerate(wanted.items(), start=first)}


class Engine:
    """Executes steps.

    Steps are counted from 0 through the whole run. After :meth:`advance`, the network's theta and running
    statistics are those after the last step made.

    Attributes
    ----------
    place : int
        Steps made so far.
    active : bool, or bool array [K]
        Which members still learn.
    not_finite : bool, or bool array [K]
        Whose loss stopped being finite in the step at ``place``, which was not made.
    preparation : float
        Seconds spent before the first step, on compiling.
    stepping : float
        Seconds spent on steps.
    average, average_states
        The averages of theta and of the running statistics, where the plan asks for them.
    """

    name: ClassVar[str]
    platform: str = "cpu"

    place: int
    active: Array
    not_finite: Array
    preparation: float
    stepping: float
    average: Array | None
    average_states: list[dict[str, Array]]

    def __init__(self, work: Work) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define __init__(work)")

    def advance(self, stop: int, rate_factor: float, begun: Begun = ()) -> Figures:
        """Make steps until ``place`` is ``stop``, with the optimizer's rate times ``rate_factor``.

        Less is done where the engine has reason to come up for air, and where a loss is not finite: then
        ``not_finite`` says whose, and the step at ``place`` was not made. The first entry of the figures goes on from
        ``begun``, so that what an epoch adds up to does not depend on where its steps were interrupted.
        """
        raise NotImplementedError(f"{type(self).__name__} must define advance(stop, rate_factor, begun)")

    @property
    def before(self) -> Array | None:
        """The parameters of one step ago, or None in an engine that does not keep them."""
        raise NotImplementedError(f"{type(self).__name__} must define before")

    def last(self) -> tuple[Portion, Sequence[Context]]:
        """Return the batch of the step made (or refused) last, and the contexts that the layers had in it."""
        raise NotImplementedError(f"{type(self).__name__} must define last()")

    def undo(self) -> None:
        """Take the members in ``not_finite`` back by the last step made, and leave them there from now on."""
        raise NotImplementedError(f"{type(self).__name__} must define undo()")

    @classmethod
    def loss_and_gradient(
        cls, network: Network, objective: Objective, data: Batch, devices: Devices
    ) -> Callable[[Array], tuple[Any, Any]]:
        """Return the function from theta to the loss (with the penalty) on all records and its gradient.

        It is what a solver needs that owns its loop. Random and remembering layers are taken as in prediction.
        """
        raise NotImplementedError(f"{cls.__name__} must define loss_and_gradient(...)")

    @classmethod
    def circumstances(cls) -> dict[str, str]:
        """Return the versions and devices that this engine's last digits depend on, beyond NumPy's."""
        return {}

    @property
    def optimizer_state(self) -> Any:
        """The optimizer's memory."""
        raise NotImplementedError(f"{type(self).__name__} must define optimizer_state")

"""L-BFGS, through SciPy: a full-batch solver that owns its loop."""

import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.checks import plain_numbers
from pellucid.extras import require
from pellucid.gradients import Batch, Objective
from pellucid.training.history import Report

if TYPE_CHECKING:
    from pellucid.arrays import Array
    from pellucid.training.loop import Run


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS: learns the curvature from past gradients; for small tables it beats every other.

    It sees all records in each step, so it takes the place of an optimizer but ``batch_size``, rates,
    clipping and multipliers do not concern it; an "epoch" is one of its iterations. Needs the extra
    ``scipy``.

    Parameters
    ----------
    tolerance : float
        It ends when no value of the gradient is larger than this.
    memory : int
        Past steps that it remembers.
    max_evaluations : int
        How often the loss may be computed at most.

    Examples
    --------
    >>> from pellucid import Dense, LBFGS, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[0.0], [1.0]], [1.0, 3.0], loss="squared_error", optimizer=LBFGS())
    >>> network.theta.round(4)
    array([2., 1.])

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989, section 2.
    """

    tolerance: float = 1e-5
    memory: int = 10
    max_evaluations: int = 15_000

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name, value in (("memory", self.memory), ("max_evaluations", self.max_evaluations)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"LBFGS: {name} must be a positive whole number, found {value!r}")
        if not 0 <= self.tolerance < math.inf:
            raise ValueError(f"LBFGS: tolerance must be finite and not negative, found {self.tolerance!r}")

    def epochs(
        self, run: "Run", objective: Objective, data: Batch, evaluate: Callable[["Array"], tuple[Any, Any]]
    ) -> Iterator[Report]:
        """Give one report an iteration; ``evaluate`` goes from theta to the loss on all records and its gradient.

        SciPy owns the loop and calls back; a generator is asked. So SciPy runs in a thread of its own that waits
        after each iteration until the next report is wanted: at no time do both work.
        """
        optimize = require("scipy.optimize", "scipy", purpose="L-BFGS")
        network = run.network
        learning = np.concatenate(
            [np.arange(s.start, s.stop) for s in network.layout.slots if s.layer not in objective.frozen]
            or [np.empty(0, dtype=int)]
        )
        if not len(learning):
            run.history.stopped = "L-BFGS ended: there is no parameter to learn"
            return
        start = network.theta.copy()

        def value_and_gradient(values: "Array") -> tuple[float, "Array"]:
            theta = start.copy()
            theta[learning] = values
            loss, gradient = evaluate(theta)
            return float(loss), gradient[learning].astype(np.float64)

        reached: queue.Queue[Any] = queue.Queue()
        go_on: queue.Queue[bool] = queue.Queue()

        def after_iteration(intermediate_result: Any) -> None:
            reached.put((np.array(intermediate_result.x), float(intermediate_result.fun)))
            if not go_on.get():
                raise StopIteration

        def work() -> None:
            try:
                result = optimize.minimize(
                    value_and_gradient,
                    start[learning].astype(np.float64),
                    method="L-BFGS-B",
                    jac=True,
                    callback=after_iteration,
                    options={
                        "maxiter": run.epochs,
                        "maxfun": self.max_evaluations,
                        "maxcor": self.memory,
                        "gtol": self.tolerance,
                    },
                )
                reached.put(result)
            except BaseException as problem:
                reached.put(problem)

        thread = threading.Thread(target=work, name="pellucid-lbfgs", daemon=True)
        thread.start()
        epoch = 0
        try:
            while True:
                found = reached.get()
                if isinstance(found, BaseException):
                    raise found
                if not isinstance(found, tuple):
                    if epoch == 0 and not np.isfinite(found.fun):
                        run.could_not_begin(data)
                    elif epoch < run.epochs and not run.stopped:
                        run.history.stopped = f"L-BFGS ended: {str(found.message).strip().lower()}"
                    return
                values, loss = found
                network.theta[learning] = values
                epoch += 1
                yield run.end_of_epoch(epoch, 1, loss, 1.0)
                go_on.put(True)
        finally:
            go_on.put(False)
            thread.join()

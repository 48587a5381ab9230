"""On one CUDA card: ours on JAX, PyTorch eager, torch.compile, and PyTorch's step as one CUDA graph.

Adam (fused on PyTorch's side), ReLU, cross-entropy, float32 in full precision on all sides. The records lie on the
card before the clock starts, and each side shuffles them anew for every epoch. Then the first network's 25,000 epochs.

Run it:  python -m benchmarks.gpu [--rounds N]      (needs the extra jax with its CUDA plugin, and PyTorch for CUDA)
"""

import importlib.util
import itertools
import os
import sys
import time

import numpy as np

from benchmarks.first_network import EPOCHS as FIRST_EPOCHS
from benchmarks.first_network import LABELS, RECORDS
from benchmarks.measure import machine, rounds_wanted, table
from pellucid import SGD, Adam, Dense, Network, ReLU, Sigmoid, SquaredError

# inputs, width, hidden layers, classes, batch size, records, epochs
CASES = (
    (784, 512, 2, 10, 256, 32_768, 50),
    (784, 512, 2, 10, 8192, 65_536, 200),
    (1024, 1024, 6, 10, 4096, 65_536, 50),
)
FIRST_SHARE = 10  # eager PyTorch trains this part of the first network's epochs; its time is multiplied
WARM_UP = 3  # steps before a CUDA graph is captured, as PyTorch's documentation asks for


def what_is_missing():
    """Return what keeps the benchmark from running, or nothing."""
    for name in ("jax", "torch"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    import jax
    import torch

    platform = jax.devices()[0].platform
    if platform not in ("gpu", "cuda"):
        return f"JAX sees no CUDA card, its first device is a {platform}"
    if not torch.cuda.is_available():
        return "PyTorch sees no CUDA card"
    return None


def in_turns(sides, rounds):
    """Call every side once a round, in turns; each returns its own seconds. One round before them is not counted."""
    seconds = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in list(sides):
            try:
                took = sides[name]()
            except Exception as problem:
                if number or name == "ours":
                    raise
                first_line = (str(problem).splitlines() or [""])[0]
                print(f"  {name} is left out: {type(problem).__name__}: {first_line}")
                del sides[name], seconds[name]
                continue
            if number:
                seconds[name].append(took)
    return seconds


def timed(work):
    """Return the seconds from an idle card to an idle card."""
    import torch

    torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def captured(step):
    """Capture a step on static arrays as one CUDA graph, after some steps on a stream of their own."""
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def classifier(inputs, width, hidden, classes, batch, records, epochs, rounds):
    """Time a step of a classifier. The batch size divides the number of records."""
    import torch

    generator = np.random.default_rng(0)
    X = generator.normal(size=(records, inputs)).astype(np.float32)
    y = np.arange(records) % classes
    x, t = torch.from_numpy(X).cuda(), torch.from_numpy(y).cuda()
    cost = torch.nn.CrossEntropyLoss()

    def ours():
        layers = [layer for _ in range(hidden) for layer in (Dense(width), ReLU())]
        network = Network(inputs, [*layers, Dense(classes)], seed=0, dtype="float32")
        history = network.fit(
            X, y, loss="cross_entropy_from_logits", optimizer=Adam(), batch_size=batch, epochs=epochs,
            engine="jax",
        )  # fmt: skip
        return history["seconds"][-1]  # counted from when the records are on the card

    def peer(**settings):
        """Return PyTorch's network and its fused Adam."""
        widths = [inputs, *[width] * hidden]
        layers = [
            layer
            for before, after in itertools.pairwise(widths)
            for layer in (torch.nn.Linear(before, after), torch.nn.ReLU())
        ]
        network = torch.nn.Sequential(*layers, torch.nn.Linear(width, classes)).cuda()
        return network, torch.optim.Adam(network.parameters(), fused=True, **settings)

    def training(step):
        """Return a side that goes through all epochs, a step a batch."""

        def epochs_of_steps():
            for _ in range(epochs):
                order = torch.randperm(records, device="cuda")
                for start in range(0, records, batch):
                    step(order[start : start + batch])

        return lambda: timed(epochs_of_steps)

    def eager(evaluate, optimizer):
        def step(rows):
            optimizer.zero_grad(set_to_none=True)
            evaluate(x[rows], t[rows]).backward()
            optimizer.step()

        return step

    network, optimizer = peer()
    sides = {"ours": ours, "PyTorch eager, fused Adam": training(eager(lambda a, b: cost(network(a), b), optimizer))}

    compiled_network, compiled_optimizer = peer()
    compiled = torch.compile(lambda a, b: cost(compiled_network(a), b))
    sides["torch.compile, fused Adam"] = training(eager(compiled, compiled_optimizer))

    graph_network, graph_optimizer = peer(capturable=True)
    chosen = torch.arange(batch, device="cuda")

    def static_step():
        graph_optimizer.zero_grad(set_to_none=True)
        cost(graph_network(x[chosen]), t[chosen]).backward()
        graph_optimizer.step()

    graph = captured(static_step)

    def replay(rows):
        chosen.copy_(rows)
        graph.replay()

    sides["PyTorch, a CUDA graph a step"] = training(replay)

    steps = epochs * (records // batch)
    title = f"{inputs}-{'-'.join([str(width)] * hidden)}-{classes}, batch {batch:,}: one step"
    table(title, in_turns(sides, rounds), "ours", per=steps, unit="us", scale=1e6)


def first_network(rounds):
    """Time the first network's epochs, seven records at a time, with every side adding up its losses on the card."""
    import torch

    x = torch.tensor(RECORDS, dtype=torch.float32, device="cuda")
    t = torch.tensor(LABELS, dtype=torch.float32, device="cuda")
    cost = torch.nn.MSELoss(reduction="sum")
    total = torch.zeros((), device="cuda")

    def ours():
        network = Network(3, [Dense(1), Sigmoid()], seed=0, dtype="float32")
        loss = SquaredError(reduction="sum")
        history = network.fit(
            RECORDS, LABELS, loss=loss, optimizer=SGD(0.025), epochs=FIRST_EPOCHS, batch_size=None, engine="jax",
        )  # fmt: skip
        return history["seconds"][-1]

    def peer():
        network = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid()).cuda()
        return network, torch.optim.SGD(network.parameters(), lr=0.025)

    def step_of(evaluate, optimizer):
        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = evaluate()
            loss.backward()
            optimizer.step()
            total.add_(loss.detach())

        return step

    def training(step, share):
        def some_epochs():
            for _ in range(FIRST_EPOCHS // share):
                step()

        return lambda: timed(some_epochs) * share

    network, optimizer = peer()
    sides = {"ours": ours}
    sides["PyTorch eager"] = training(step_of(lambda: cost(network(x), t), optimizer), FIRST_SHARE)
    compiled_network, compiled_optimizer = peer()
    compiled = torch.compile(lambda: cost(compiled_network(x), t))
    sides["torch.compile"] = training(step_of(compiled, compiled_optimizer), FIRST_SHARE)
    graph_network, graph_optimizer = peer()
    graph = captured(step_of(lambda: cost(graph_network(x), t), graph_optimizer))
    sides["PyTorch, a CUDA graph a step"] = training(graph.replay, 1)
    table(f"First network, {FIRST_EPOCHS:,} epochs", in_turns(sides, rounds), "ours")


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 5)
    # Two libraries share the card's memory: JAX is not to take most of it at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    missing = what_is_missing()
    if missing:
        print(f"benchmarks.gpu needs a CUDA card that JAX and PyTorch both see: {missing}. Nothing was measured.")
        sys.exit(0)

    import jax
    import torch

    # PyTorch's default; our engine does the same by itself: no side rounds the factors of a product to TF32.
    torch.set_float32_matmul_precision("highest")
    machine()
    print(
        f"JAX {jax.__version__}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}"
    )
    for one in CASES:
        classifier(*one, rounds)
    first_network(rounds)


if __name__ == "__main__":
    main()

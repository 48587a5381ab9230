"""The compiled engine: `fit(engine="jax")` beside NumPy, PyTorch, Flax, Keras, scikit-learn and plain JAX by hand.

Run it:  python -m benchmarks.compiled [--rounds N] [--case NAME] [--records N]

Every side trains from the same NumPy arrays and keeps its parameters from one round to the next. Compiling falls
into the round that is not counted and is printed apart; nothing compiled is taken from an earlier run.
"""

import argparse
import importlib.util
import itertools
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

from benchmarks import first_network
from benchmarks.measure import in_turns, machine, ratio, table
from pellucid import SGD, Adam, Dense, Network, ReLU, Sigmoid, SquaredError

# units of each layer, batch size, epochs in one round
CASES = (((64, 64, 10), 32, 5), ((784, 100, 10), 200, 4), ((784, 256, 10), 128, 3), ((784, 512, 512, 10), 256, 2))
RECORDS = 20_000
RATE = 0.001
WANTED_MILLISECONDS = 5.0  # for the first network's epochs, compiled

OURS, COMPILED_CALLS, NUMPY = "ours, JAX engine", "  its compiled calls alone", "ours, NumPy engine"
EAGER, ONE_THREAD, TORCH_COMPILE = "PyTorch eager, fused Adam", "  the same on one thread", "PyTorch, torch.compile"
FLAX, KERAS, SCIKIT_LEARN = "Flax NNX, Optax", "Keras on JAX", "scikit-learn"
BY_STEP, BY_EPOCH = "JAX by hand, rows by batch", "JAX by hand, rows by epoch"
COMPILING = (OURS, TORCH_COMPILE, FLAX, KERAS, BY_STEP, BY_EPOCH)


def installed(*modules):
    """Whether these are there; if one is not, a line says so."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    for module in missing:
        print(f"{module} is not installed: left out")
    return not missing


def time_compiled_calls():
    """Have every call of a compiled program timed to its end; return the list to which the seconds are added."""
    import jax

    from pellucid.engines.jax.program import Program

    seconds = []
    call = Program.__call__

    def timed(*arguments):
        began = time.perf_counter()
        result = jax.block_until_ready(call(*arguments))
        seconds.append(time.perf_counter() - began)
        return result

    Program.__call__ = timed
    return seconds


def with_calls_apart(side, calls, alone):
    """Return the same side, which adds the seconds of its compiled calls to ``alone``."""

    def run():
        calls.clear()
        side()
        alone.append(sum(calls))

    return run


# The first network


def train_first_network(engine):
    """As in `benchmarks.first_network`, on either engine, in float64; return what one round does."""
    network = Network(3, [Dense(1), Sigmoid()], seed=0)
    old = np.random.RandomState(42)
    start = np.concatenate([old.rand(3), old.rand(1)])

    def run():
        network.theta = start
        return network.fit(
            first_network.RECORDS, first_network.LABELS, loss=SquaredError(reduction="sum"), optimizer=SGD(0.025),
            epochs=first_network.EPOCHS, batch_size=None, engine=engine,
        )  # fmt: skip

    return run


def first_network_case(rounds, calls):
    alone, first = [], {}
    sides = {
        OURS: with_calls_apart(train_first_network("jax"), calls, alone),
        NUMPY: train_first_network("numpy"),
    }
    if installed("sklearn"):
        sides[SCIKIT_LEARN] = first_network.scikit_learn
    if installed("torch"):
        sides["PyTorch eager"] = first_network.pytorch
    seconds = in_turns(sides, rounds, first)
    if "PyTorch eager" in seconds:
        tenths = first_network.EPOCHS / first_network.PYTORCH_EPOCHS
        seconds["PyTorch eager"] = [value * tenths for value in seconds["PyTorch eager"]]
    seconds = {OURS: seconds.pop(OURS), COMPILED_CALLS: alone[1:], **seconds}
    table(f"First network, {first_network.EPOCHS:,} epochs, float64", seconds, OURS, unit="ms", scale=1e3)
    print()
    for name, what in ((OURS, "the whole fit"), (COMPILED_CALLS, "the compiled call alone")):
        milliseconds = statistics.median(seconds[name]) * 1e3
        verdict = "at most" if milliseconds <= WANTED_MILLISECONDS else "more than"
        print(f"  {what}: {milliseconds:.2f} ms, {verdict} {WANTED_MILLISECONDS:g} ms")
    print(f"  first call, less a later one: {first[OURS] - statistics.median(seconds[OURS]):.2f} s")


# Sides of the classifiers: each takes units, batch size, epochs, X [N,I], y [N], and returns what one round does


def ours(engine, units, batch, epochs, X, y):
    hidden = [layer for width in units[1:-1] for layer in (Dense(width), ReLU())]
    network = Network(units[0], [*hidden, Dense(units[-1])], seed=0, dtype="float32")
    settings = {"loss": "cross_entropy_from_logits", "batch_size": batch, "epochs": epochs, "engine": engine}
    return lambda: network.fit(X, y, optimizer=Adam(RATE), **settings)


def scikit_learn(units, batch, epochs, X, y):
    from sklearn.neural_network import MLPClassifier

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPClassifier(units[1:-1], alpha=0.0, batch_size=batch, max_iter=epochs, random_state=0).fit(X, y)

    return run


def pytorch(units, batch, epochs, X, y, compiled=False, threads=None):
    """PyTorch on tensors in memory: a random order, and an index for each batch.

    Its threads wait for each other in every operation: where other work takes a core, one thread is often faster.
    """
    import torch

    torch.manual_seed(0)
    x, t = torch.from_numpy(X), torch.from_numpy(y)
    layers = []
    for inputs, outputs in itertools.pairwise(units):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    cost = torch.nn.CrossEntropyLoss()
    model = torch.compile(network) if compiled else network
    usual = torch.get_num_threads()

    def run():
        torch.set_num_threads(threads or usual)
        for _ in range(epochs):
            order = torch.randperm(len(x))
            for start in range(0, len(x), batch):
                rows = order[start : start + batch]
                optimizer.zero_grad()
                cost(model(x[rows]), t[rows]).backward()
                optimizer.step()
        torch.set_num_threads(usual)

    return run


def flax(units, batch, epochs, X, y):
    """Flax NNX and Optax: one jitted step for each batch, cut from NumPy arrays."""
    import jax
    import optax
    from flax import nnx

    generator, random = np.random.default_rng(0), nnx.Rngs(0)
    layers = []
    for inputs, outputs in itertools.pairwise(units):
        layers += [nnx.Linear(inputs, outputs, rngs=random), nnx.relu]
    model = nnx.Sequential(*layers[:-1])
    optimizer = nnx.Optimizer(model, optax.adam(RATE), wrt=nnx.Param)
    labels = y.astype(np.int32)

    @nnx.jit
    def train_step(model, optimizer, x, t):
        def cost(model):
            return optax.softmax_cross_entropy_with_integer_labels(model(x), t).mean()

        loss, gradients = nnx.value_and_grad(cost)(model)
        optimizer.update(model, gradients)
        return loss

    # Flax's guide to performance: the graph of modules is gone through once, not in every step.
    step = nnx.cached_partial(train_step, model, optimizer)

    def run():
        for _ in range(epochs):
            order = generator.permutation(len(X))
            for start in range(0, len(X), batch):
                rows = order[start : start + batch]
                step(X[rows], labels[rows])
        jax.block_until_ready(nnx.state(model))

    return run


def keras(units, batch, epochs, X, y):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras as library

    library.utils.set_random_seed(0)
    hidden = [library.layers.Dense(width, activation="relu") for width in units[1:-1]]
    model = library.Sequential([library.Input((units[0],)), *hidden, library.layers.Dense(units[-1])])
    model.compile(
        optimizer=library.optimizers.Adam(RATE), loss=library.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return lambda: model.fit(X, y, batch_size=batch, epochs=epochs, verbose=0, shuffle=True)


def by_hand(units, batch, epochs, X, y, whole_epoch):
    """Plain JAX, as fast as it is written by hand for this one network: a scan over an epoch's batches.

    With ``whole_epoch`` the table is put into the epoch's order before the scan, else each batch takes its rows.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax

    generator = np.random.default_rng(0)
    first, second, epsilon = 0.9, 0.999, 1e-8
    whole, rest = divmod(len(X), batch)

    def cost(parameters, x, t):
        for weights, bias in parameters[:-1]:
            x = jax.nn.relu(x @ weights + bias)  # [B,I] @ [I,O] -> [B,O]
        weights, bias = parameters[-1]
        likelihoods = jax.nn.log_softmax(x @ weights + bias)  # [B,I] @ [I,C] -> [B,C]
        return -(likelihoods * jax.nn.one_hot(t, units[-1])).sum(axis=1).mean()  # [B,C] -> []

    def step(carry, x, t):
        parameters, momentum, square, updates = carry
        loss, gradient = jax.value_and_grad(cost)(parameters, x, t)
        updates = updates + 1
        length = RATE * jnp.sqrt(1 - second**updates) / (1 - first**updates)
        floor = epsilon * jnp.sqrt(1 - second**updates)
        momentum = jax.tree.map(lambda m, g: first * m + (1 - first) * g, momentum, gradient)
        square = jax.tree.map(lambda v, g: second * v + (1 - second) * g * g, square, gradient)
        parameters = jax.tree.map(lambda p, m, v: p - length * m / (jnp.sqrt(v) + floor), parameters, momentum, square)
        return (parameters, momentum, square, updates), loss

    def epoch(carry, x, t, order):
        def one(carry, rows):
            return step(carry, x[rows], t[rows])

        def one_in_order(carry, batches):
            return step(carry, *batches)

        if whole_epoch:
            x, t = x[order], t[order]
            cut = whole * batch
            batches = x[:cut].reshape(whole, batch, -1), t[:cut].reshape(whole, batch)
            carry, losses = lax.scan(one_in_order, carry, batches)
        else:
            carry, losses = lax.scan(one, carry, order[: whole * batch].reshape(whole, batch))
        if rest:  # the last, shorter batch
            carry, _ = step(carry, x[-rest:], t[-rest:]) if whole_epoch else one(carry, order[-rest:])
        return carry, losses.mean()

    parameters = [
        (
            jnp.asarray(generator.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs), dtype=jnp.float32),
            jnp.zeros(outputs),
        )
        for inputs, outputs in itertools.pairwise(units)
    ]
    zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
    carry = (parameters, *zeros, jnp.zeros(()))
    train = jax.jit(epoch, donate_argnums=0)

    def run():
        nonlocal carry
        x, t = jax.device_put((X, y.astype(np.int32)))
        for _ in range(epochs):
            carry, _ = train(carry, x, t, generator.permutation(len(X)).astype(np.int32))
        jax.block_until_ready(carry)

    return run


# The classifiers


def classifier_case(units, batch, epochs, records, rounds, calls):
    """Time all sides on one network; return their seconds, and the GFLOP/s of ours."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(records, units[0])).astype(np.float32)
    y = np.arange(records) % units[-1]
    task = (units, batch, epochs, X, y)

    alone, first = [], {}
    sides = {OURS: with_calls_apart(ours("jax", *task), calls, alone), NUMPY: ours("numpy", *task)}
    print()
    if installed("torch"):
        sides[EAGER], sides[ONE_THREAD] = pytorch(*task), pytorch(*task, threads=1)
        if shutil.which(os.environ.get("CXX", "g++")) is None:
            print("There is no C++ compiler: torch.compile is left out")
        else:
            sides[TORCH_COMPILE] = pytorch(*task, compiled=True)
    if installed("flax", "optax"):
        sides[FLAX] = flax(*task)
    if installed("keras"):
        sides[KERAS] = keras(*task)
    if installed("sklearn"):
        sides[SCIKIT_LEARN] = scikit_learn(*task)
    sides[BY_STEP], sides[BY_EPOCH] = by_hand(*task, whole_epoch=False), by_hand(*task, whole_epoch=True)

    seconds = in_turns(sides, rounds, first)
    seconds = {OURS: seconds.pop(OURS), COMPILED_CALLS: alone[1:], **seconds}
    steps = epochs * -(-records // batch)
    table(f"{name_of(units)}, batch {batch}, float32: one step", seconds, OURS, per=steps, unit="us", scale=1e6)
    products = sum(inputs * outputs for inputs, outputs in itertools.pairwise(units))
    # Nobody needs the gradient of the lowest layer's inputs.
    operations = epochs * records * (6 * products - 2 * units[0] * units[1])
    rate = operations / statistics.median(seconds[OURS]) / 1e9
    print(f"\n  ours: {rate:.1f} GFLOP/s")
    compiling = {name: first[name] - statistics.median(seconds[name]) for name in COMPILING if name in first}
    print("  first call, less a later one: " + ", ".join(f"{name} {took:.2f} s" for name, took in compiling.items()))
    return seconds, rate


def name_of(units):
    return "-".join(map(str, units))


def product_rate(rounds):
    """Return the GFLOP/s of a float32 matrix product: the larger of NumPy's and JAX's."""
    import jax

    size, times = 1024, 5
    a = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    on_device, product = jax.device_put(a), jax.jit(lambda a: a @ a)
    sides = {
        "NumPy": lambda: [a @ a for _ in range(times)],
        "JAX": lambda: jax.block_until_ready([product(on_device) for _ in range(times)]),
    }
    seconds = in_turns(sides, rounds)
    rates = {name: times * 2 * size**3 / statistics.median(took) / 1e9 for name, took in seconds.items()}
    print(f"\nfloat32 product of {size} x {size} matrices: NumPy {rates['NumPy']:.0f}, JAX {rates['JAX']:.0f} GFLOP/s")
    return max(rates.values())


def faster(seconds, *names):
    """Return which of these sides takes the least time."""
    return min(names, key=lambda name: statistics.median(seconds[name]))


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def classifiers(wanted, records, rounds, calls):
    cases = [case for case in CASES if wanted is None or name_of(case[0]) == wanted]
    if not cases:
        return
    against_eager, against_faster_eager, against_hand = [], [], []
    for units, batch, epochs in cases:
        seconds, rate = classifier_case(units, batch, epochs, records, rounds, calls)
        if EAGER in seconds:
            against_eager.append(ratio(seconds, EAGER, OURS))
            against_faster_eager.append(ratio(seconds, faster(seconds, EAGER, ONE_THREAD), OURS))
        against_hand.append(ratio(seconds, OURS, faster(seconds, BY_STEP, BY_EPOCH)))
    if CASES[-1] in cases:
        most = product_rate(max(rounds, 5))
        print(f"  {name_of(CASES[-1][0])}: ours reaches {rate / most:.2f} of the larger")
    print(f"\nGeometric means over {len(cases)} of {len(CASES)} cases")
    if against_eager:
        print(f"  PyTorch eager / ours: {geometric_mean(against_eager):.2f}")
        print(f"  the same, with one thread where that is faster: {geometric_mean(against_faster_eager):.2f}")
    print(f"  ours / JAX by hand, the faster of the two: {geometric_mean(against_hand):.2f}")


# Compilation


def first_fit():
    """Print, as JSON, what a fresh process's first training takes; it runs in a process of its own."""
    began = time.perf_counter()
    from pellucid.engines.jax.program import Program

    imported = time.perf_counter() - began
    compiling = []
    compile_program = Program.compile

    def timed(*arguments):
        compiling.append(compile_program(*arguments))
        return compiling[-1]

    Program.compile = timed
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(2_000, 64)).astype(np.float32), np.arange(2_000) % 10
    fit = ours("jax", (64, 256, 256, 256, 10), 32, 1, X, y)
    fits = []
    for _ in range(2):
        began = time.perf_counter()
        fit()
        fits.append(time.perf_counter() - began)
    print(json.dumps({"import": imported, "compile": sum(compiling), "first fit": fits[0], "later fit": fits[1]}))


def compilation(rounds):
    found = {"folder empty": [], "folder filled": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            for figures in found.values():
                command = [sys.executable, "-c", "from benchmarks.compiled import first_fit; first_fit()"]
                environment = os.environ | {"PELLUCID_CACHE": folder}
                done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                figures.append(json.loads(done.stdout.splitlines()[-1]))
    columns = list(found["folder empty"][0])
    print("\nCompilation of 64-256-256-256-10, ReLU, Adam, each in a fresh process: median seconds")
    print(f"  {'folder of compiled programs':28}" + "".join(f" {column:>10}" for column in columns))
    for name, figures in found.items():
        medians = [statistics.median(one[column] for one in figures) for column in columns]
        print(f"  {name:28}" + "".join(f" {median:10.3f}" for median in medians))


def main():
    names = ["first-network", *[name_of(units) for units, _, _ in CASES], "compilation"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each side is timed (%(default)s)")
    parser.add_argument("--case", choices=names, help="one case alone")
    parser.add_argument("--records", type=int, default=RECORDS, help="rows of the classifiers' table (%(default)s)")
    wanted = parser.parse_args()
    if not installed("jax"):
        return
    machine()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["PELLUCID_CACHE"] = ""  # what is compiled is compiled here, not found on the disk
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    warnings.simplefilter("ignore")
    calls = time_compiled_calls()
    if wanted.case in (None, "first-network"):
        first_network_case(wanted.rounds, calls)
    classifiers(wanted.case, wanted.records, wanted.rounds, calls)
    if wanted.case in (None, "compilation"):
        compilation(min(wanted.rounds, 3))


if __name__ == "__main__":
    main()

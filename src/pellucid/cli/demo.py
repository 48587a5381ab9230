"""``pellucid demo``: the first network, live, with every number, and what is wrong with the tutorial's gradient."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pellucid import Network, check_gradients, trace
from pellucid.arrays import Array
from pellucid.insight.story import Remark, tell
from pellucid.training import run

SHOWN = slice(3, 4)
"""The record of the first step: person 4, with the inputs 1, 1, 0 and the label 1."""
EPOCHS, LATER = 25_000, 55_000
REDRAWN_EVERY = 250

# The tutorial's last printed line and its two predictions, as published.
PUBLISHED = {"error": -0.00141339889037063, "[1, 0, 0]": 0.01031463, "[0, 1, 0]": 0.99440207}


def demo() -> None:
    """Train the first network of a well-known tutorial, and show every number of it.

    Seven records, three inputs, one sigmoid neuron. First one step with a single record, to be followed with a pencil;
    then both the tutorial's rule and the correct gradient are trained live, and the forward pass, the figures beside
    the published ones and the gradient checks follow.
    """
    show(Console(highlight=False))


def show(console: Console) -> None:
    """Write the whole demo to a console."""
    example = first_network_example()
    first_step(console, example)
    console.print(
        "\n[bold]The tutorial[/] has seven such records, and takes all of them into each step, 25,000 times:\n"
    )
    console.print(records_table(example.RECORDS, example.LABELS))

    rule = example.first_network(example.TutorialSigmoid())
    figures = train_live(console, "the tutorial's rule", rule, example, {EPOCHS, LATER})
    correct = example.first_network(example.Sigmoid())
    right = train_live(console, "the correct gradient", correct, example, {EPOCHS})

    rule.theta = figures[EPOCHS]["theta"]
    console.print(f"\n[bold]Forward[/], with the tutorial's rule after {EPOCHS:,} epochs:")
    for question in example.QUESTIONS:
        steps = trace(rule, question[None]).to_dict()["sections"]
        for equation in (line for step in steps for line in step["equations"]):
            sides = [equation["name"], *equation["formula"], equation["numbers"], equation["shown"]]
            console.print(f"  {' = '.join(sides)}", markup=False, soft_wrap=True)
        console.print(
            f"  so {question.astype(int).tolist()} is of class {int(rule.predict(question[None])[0, 0] >= 0.5)}"
        )

    console.print(f"\n[bold]Beside the published figures[/], which are said to be those of {EPOCHS:,} epochs:")
    console.print(figures_table(figures, right))
    console.print(
        f"The published figures are those of epoch {LATER:,}: the tutorial's own rule, run {LATER - EPOCHS:,} "
        f"epochs longer than its text says. (The first summed error is {figures[EPOCHS]['first error']:.16g} in all "
        "of them.)\n"
    )

    console.print(
        "[bold]Where the tutorial takes its derivative[/]\n"
        "The slope of the sigmoid belongs at z, the value that goes in: s'(z) = a (1 - a). The tutorial puts in a, "
        "the value that has come out: s'(a), which lies between 0.197 and 0.25 whatever a is. Each of its steps is "
        "nearly that of another cost (cross-entropy, at a quarter of its rate of 0.05), and so it learns faster than "
        "the correct gradient of the squared error; but it is not the gradient of the cost that it states. A check "
        "finds that at once:\n"
    )
    for name, network in (("the correct gradient", correct), ("the tutorial's rule", rule)):
        # At the tutorial's own start, where training begins.
        network.theta = example.first_network(example.Sigmoid()).theta
        report = check_gradients(network, example.RECORDS, example.LABELS)
        worst = report.worst
        if report.passed:
            text = f"[green]accepted[/]; the largest relative error is {worst.error:.1e}"
        else:
            text = f"[red]refused[/]; relative error {worst.error:.2f} in {worst.layer}.{worst.parameter}"
            text += f", where {worst.tolerance:.0e} is allowed.\n    The wrong derivative is in "
            text += ", ".join(report.suspects)
        console.print(f"  {name}: {text}.")
    rule.theta = example.first_network(example.Sigmoid()).theta
    console.print("\nThe trace finds it too, in what the sigmoid's backward gives for dL/dz with the record above:")
    seen = trace(rule, example.RECORDS[SHOWN], example.LABELS[SHOWN])
    back = next(section for section in tell(seen).sections if section.kind == "back")
    for item in back.items:
        if isinstance(item, Remark):
            console.print(f"  {item.text}", markup=False)
    console.print("\nNow with a table of your own:  [bold]pellucid train TABLE.csv --target COLUMN[/]")


def first_step(console: Console, example: ModuleType) -> None:
    """Write one step with one record, every number of it: the first screen that a newcomer sees."""
    network = example.first_network(example.Sigmoid())
    settings = {name: example.SETTINGS[name] for name in ("loss", "optimizer")}
    step = trace(network, example.RECORDS[SHOWN], example.LABELS[SHOWN], **settings)
    console.print(
        "[bold]One neuron learns from one record[/]: three inputs (1, 1, 0), and the answer should be 1.\n"
        "It starts where the tutorial does. Follow it with a pencil; each line shows the digits it needs.\n"
    )
    text = step.text(color=console.is_terminal, width=console.width)
    console.print(Text.from_ansi(text), soft_wrap=True)


def first_network_example() -> ModuleType:
    """Return the example that the demo runs: it lies within an installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    places = [package / "examples" / "first_network.py", package.parents[1] / "examples" / "first_network.py"]
    path = next(place for place in places if place.exists())
    spec = importlib.util.spec_from_file_location("first_network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def train_live(
    console: Console, title: str, network: Network, example: ModuleType, wanted: set[int]
) -> dict[int, dict[str, Any]]:
    """Train while the screen shows it; return the figures of the epochs wanted.

    ``error`` is the summed error before that epoch's update, as the tutorial prints it; the predictions and theta are
    those after it.
    """
    last = max(wanted)
    figures: dict[int, dict[str, Any]] = {}
    error = signed_error(network, example)
    first_error = error
    settings = {**example.SETTINGS, "epochs": last}
    live = Live(console=console, auto_refresh=False) if console.is_terminal and sys.stdout.isatty() else None
    if live:
        live.start()
    try:
        for report in run(network, example.RECORDS, example.LABELS, **settings):
            epoch = report.epoch
            if epoch in wanted:
                answers = network.predict(example.QUESTIONS)[:, 0]
                figures[epoch] = {
                    "first error": first_error,
                    "error": error,
                    "[1, 0, 0]": answers[0],
                    "[0, 1, 0]": answers[1],
                    "theta": network.theta.copy(),
                }
            if epoch + 1 in wanted:
                error = signed_error(network, example)
            if live and (epoch % REDRAWN_EVERY == 0 or epoch == last):
                live.update(progress_picture(title, network, example, epoch, last, report.loss), refresh=True)
            elif live is None and (epoch == 1 or epoch % (last // 5) == 0):
                console.print(f"{title}: epoch {epoch:6,} of {last:,}, summed squared error {report.loss:.6f}")
    finally:
        if live:
            live.stop()
    return figures


def signed_error(network: Network, example: ModuleType) -> float:
    """Return the sum of all errors, with their signs: what the tutorial prints."""
    return float((network.predict(example.RECORDS)[:, 0] - example.LABELS).sum())


def progress_picture(title: str, network: Network, example: ModuleType, epoch: int, last: int, loss: float) -> Table:
    """Return what is redrawn while training: a bar of the epochs, the loss, and a bar for each record's answer."""
    table = Table.grid(padding=(0, 1))
    table.add_row(Text(title, style="bold"), bar(epoch / last, 24), f"epoch {epoch:,} of {last:,}  loss {loss:.5f}")
    for record, label, answer in zip(
        example.RECORDS, example.LABELS, network.predict(example.RECORDS)[:, 0], strict=True
    ):
        name = f"  [{', '.join(f'{value:.0f}' for value in record)}] should be {label:.0f}"
        table.add_row(name, bar(answer, 24), f"{answer:.4f}")
    return table


def bar(share: float, width: int) -> Text:
    """Return a bar that is filled to a share."""
    filled = round(share * width)
    return Text("━" * filled, style="cyan") + Text("─" * (width - filled), style="dim")


def records_table(records: Array, labels: Array) -> Table:
    """Return the seven records."""
    table = Table("record", "x1", "x2", "x3", "label")
    for number, (record, label) in enumerate(zip(records, labels, strict=True), 1):
        table.add_row(str(number), *(f"{value:.0f}" for value in record), f"{label:.0f}")
    return table


def figures_table(figures: dict[int, dict[str, Any]], right: dict[int, dict[str, Any]]) -> Table:
    """Return each figure beside the published one."""
    columns = ("run", "epochs", "summed error", r"\[1, 0, 0]", r"\[0, 1, 0]", "classes")
    # Six columns in eighty letters: no frame, and one space between.
    table = Table(*columns, box=SIMPLE, show_edge=False, pad_edge=False, collapse_padding=True)
    rows = [
        ("tutorial's rule", EPOCHS, figures[EPOCHS]),
        ("tutorial's rule", LATER, figures[LATER]),
        ("published", EPOCHS, PUBLISHED),
        ("correct gradient", EPOCHS, right[EPOCHS]),
    ]
    for name, epochs, row in rows:
        answers = [row["[1, 0, 0]"], row["[0, 1, 0]"]]
        classes = " and ".join(str(int(answer >= 0.5)) for answer in answers)
        table.add_row(name, f"{epochs:,}", f"{row['error']:.12g}", *(f"{answer:.8f}" for answer in answers), classes)
    return table

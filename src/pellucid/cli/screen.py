"""What the commands show: progress while training, and tables of a few figures."""

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from pellucid.cli.app import Screen
from pellucid.training import Progress, Report
from pellucid.training.callbacks import duration

SECONDS_BETWEEN_PICTURES = 0.1


@contextlib.contextmanager
def training_progress(quiet: bool) -> Iterator[list[Callable[[Report], None]]]:
    """Give the callbacks that show training: a bar in a terminal, otherwise a plain line now and then."""
    console = Screen(stderr=True)
    if quiet:
        yield []
    elif not sys.stderr.isatty() or console.is_dumb_terminal:  # whatever FORCE_COLOR says, no bar is drawn into a file
        yield [Progress(sys.stderr)]
    else:
        # Drawn when an epoch ends, and by no thread of its own: that would take time from the training.
        columns = (TextColumn("training"), BarColumn(bar_width=None), TextColumn("{task.fields[figures]}"))
        with Bars(*columns, console=console, auto_refresh=False, expand=True) as bars:
            yield [_Bar(bars)]


class _Bar:
    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.task = bars.add_task("", figures="")
        self.drawn = 0.0

    def __call__(self, report: Report) -> None:
        if report.epoch == 1 or report.seconds - self.drawn >= SECONDS_BETWEEN_PICTURES:
            self.drawn = report.seconds
            left = report.seconds / report.epoch * (report.epochs - report.epoch)
            self._draw(report, f"{duration(left)} left")

    def finish(self, report: Report) -> None:
        """Draw the last epoch, which need not be the last that was planned."""
        # Why, and after how long, stands in the result below.
        self._draw(report, "stopped early" if report.history.stopped else duration(report.seconds))

    def _draw(self, report: Report, when: str) -> None:
        figures = [f"epoch {report.epoch} of {report.epochs}", f"loss {report.loss:.4g}"]
        if report.validation_loss is not None:
            figures.append(f"validation {report.validation_loss:.4g}")
        self.bars.update(self.task, total=report.epochs, completed=report.epoch, figures="  ".join([*figures, when]))
        self.bars.refresh()


def show(*parts: str | tuple[str, str]) -> None:
    """Print a line of the result; a part may have a style, which only a terminal shows."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # the result is for the eye: a letter must not end the command
    Screen().print(Text.assemble(*parts), soft_wrap=True)


def show_table(rows: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    """Print rows of words in columns, the first row as their titles; those named in ``right`` are set to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        show(("  " + "  ".join(cells).rstrip(), "" if number else "dim"))


def shown(value: Any) -> str:
    """Return a label or a number as it is shown in a result.

    Examples
    --------
    >>> shown("spam"), shown(True), shown(1234567.0), shown(0.25)
    ("'spam'", 'True', '1,234,567', '0.25')
    """
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.5g}"
    text = repr(value)
    return text if len(text) <= 30 else f"{text[:26]}...{text[-1]}"


def quoted(*words: str | os.PathLike[str]) -> str:
    """Return a command as it can be typed into the shell of this system."""
    texts = [os.fspath(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)

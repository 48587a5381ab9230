"""What the commands show: progress while training, tables of a few figures, and the same for a machine."""

import contextlib
import io
import json
import math
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from pellucid.cli.app import Screen, say
from pellucid.training import Progress, Report
from pellucid.training.callbacks import duration

SECONDS_BETWEEN_PICTURES = 0.1


@contextlib.contextmanager
def training_progress(quiet: bool) -> Iterator[list[Callable[[Report], None]]]:
    """Give the callbacks that show training: a bar in a terminal, otherwise a plain line now and then."""
    with _bars(quiet) as bars:
        if bars is not None:
            yield [_Bar(bars)]
        else:
            yield [] if quiet else [Progress(_Patient(sys.stderr))]


class _Patient(io.StringIO):
    """A stream that nobody has to read: a training does not end because its progress cannot be shown."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()


@contextlib.contextmanager
def folds_progress(quiet: bool, folds: int) -> Iterator[Callable[[int], list[Callable[[Report], None]]]]:
    """Give what makes the callbacks of the training on a fold, from 0: a bar for all of them, or a line for each."""
    with _bars(quiet) as bars:
        began = time.perf_counter()
        task = None if bars is None else bars.add_task("", total=folds, figures="")

        def callbacks(fold: int) -> list[Callable[[Report], None]]:
            if quiet:
                return []
            if bars is None or task is None:
                return [_FoldLine(fold, folds, began)]
            return [_FoldBar(bars, task, fold, folds, began)]

        yield callbacks


@contextlib.contextmanager
def _bars(quiet: bool) -> Iterator[Bars | None]:
    console = Screen(stderr=True)
    if quiet or not sys.stderr.isatty() or console.is_dumb_terminal:
        yield None  # whatever FORCE_COLOR says, no bar is drawn into a file
        return
    # Drawn when an epoch ends, and by no thread of its own: that would take time from the training.
    columns = (TextColumn("training"), BarColumn(bar_width=None), TextColumn("{task.fields[figures]}"))
    bars = Bars(*columns, console=console, auto_refresh=False, expand=True)
    try:
        yield bars  # whoever draws starts it: until then lines may be written above
    finally:
        bars.stop()


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
        figures = [f"epoch {report.epoch} of {report.epochs}", f"loss {np.mean(report.loss):.4g}"]
        if report.validation_loss is not None:
            figures.append(f"validation {np.mean(report.validation_loss):.4g}")
        self.bars.start()
        self.bars.update(self.task, total=report.epochs, completed=report.epoch, figures="  ".join([*figures, when]))
        self.bars.refresh()


class _FoldLine:
    """Says in a line, when the training on a fold is over, how long the others will take."""

    def __init__(self, fold: int, folds: int, began: float) -> None:
        self.fold, self.folds, self.began = fold, folds, began

    def __call__(self, report: Report) -> None:
        pass

    def finish(self, report: Report) -> None:
        """Write the line."""
        say(f"fold {self.fold + 1} of {self.folds}, {_time_left(self.began, self.fold + 1, self.folds)}")


class _FoldBar:
    def __init__(self, bars: Bars, task: TaskID, fold: int, folds: int, began: float) -> None:
        self.bars, self.task, self.fold, self.folds, self.began = bars, task, fold, folds, began
        self.drawn = -math.inf

    def __call__(self, report: Report) -> None:
        if report.seconds - self.drawn >= SECONDS_BETWEEN_PICTURES:
            self.drawn = report.seconds
            self._draw(self.fold + report.epoch / report.epochs)

    def finish(self, report: Report) -> None:
        """Draw the fold as done, however many epochs it took."""
        self._draw(self.fold + 1)

    def _draw(self, done: float) -> None:
        figures = f"fold {self.fold + 1} of {self.folds}  {_time_left(self.began, done, self.folds)}"
        self.bars.start()
        self.bars.update(self.task, completed=done, figures=figures)
        self.bars.refresh()


def _time_left(began: float, done: float, folds: int) -> str:
    passed = time.perf_counter() - began
    return f"{duration(passed / done * (folds - done))} left" if done < folds else f"done in {duration(passed)}"


def show(*parts: str | tuple[str, str]) -> None:
    """Print a line of the result; a part may have a style, which only a terminal shows."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # the result is for the eye: a letter must not end the command
    Screen().print(Text.assemble(*parts), soft_wrap=True)


def show_table(rows: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    """Print rows of words in columns, the first row as their titles; those named in ``right`` are set to the right."""
    for number, line in enumerate(table_lines(rows, right)):
        show((line, "" if number else "dim"))


def table_lines(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return rows of words as lines in which they stand in columns.

    Examples
    --------
    >>> table_lines([("row", "true"), ("12", "yes")], right=[0])
    ['  row  true', '   12  yes']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def write_json(found: Mapping[str, Any]) -> None:
    """Print a result for a machine; what is not finite is null."""
    sys.stdout.write(json.dumps(plain(found), indent=2, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    Examples
    --------
    >>> from pathlib import Path
    >>> plain({"figures": (np.float64(0.5), float("nan")), "output": Path("homes.pellucid")})
    {'figures': [0.5, None], 'output': 'homes.pellucid'}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(own) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [plain(own) for own in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else str(value)


def quoted(*words: str | os.PathLike[str]) -> str:
    """Return a command as it can be typed into the shell of this system."""
    texts = [os.fspath(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)

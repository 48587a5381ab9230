"""What ``pellucid train`` is asked for, as the model that it trains."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.cli.app import CommandError, UsageError
from pellucid.cli.files import table_model
from pellucid.tables.kinds import KINDS
from pellucid.tables.reading import check_is_file, find_column, numeric_columns
from pellucid.tables.reading.words import nearest

if TYPE_CHECKING:
    import polars as pl

    from pellucid.tables import TableModel
    from pellucid.tables.scaler import Numbers

OF_THE_START = ("kind", "as", "ignore", "effort", "members", "hidden", "quantiles")
"""Options that a model to go on from has decided."""


def widths(hidden: str | None) -> tuple[int, ...] | None:
    """Return the widths of the hidden layers.

    Examples
    --------
    >>> widths("64,32"), widths("none"), widths(None)
    ((64, 32), (), None)
    """
    if hidden is None or hidden.strip().lower() == "none":
        return None if hidden is None else ()
    try:
        return tuple(int(width) for width in hidden.split(","))
    except ValueError:
        raise UsageError(f'--hidden takes whole numbers with commas between, or "none", found {hidden!r}') from None


def levels_between(quantiles: str | None) -> tuple[float, ...] | None:
    """Return the quantiles to learn.

    Examples
    --------
    >>> levels_between("0.1,0.9")
    (0.1, 0.9)
    """
    if quantiles is None:
        return None
    try:
        return tuple(float(one) for one in quantiles.split(","))
    except ValueError:
        raise UsageError(f"--quantiles takes numbers with commas between: 0.1,0.5,0.9; found {quantiles!r}") from None


def threshold_asked(threshold: str | None) -> float | str | None:
    """Return a threshold as a number, or the name of what is to choose it.

    Examples
    --------
    >>> threshold_asked("0.3"), threshold_asked("f1")
    (0.3, 'f1')
    """
    if threshold is None or threshold in ("f1", "balanced"):
        return threshold
    try:
        return float(threshold)
    except ValueError:
        raise UsageError(f"--threshold takes f1, balanced or a probability such as 0.3, found {threshold!r}") from None


def kinds_asked(asked: Sequence[str]) -> dict[str, Any]:
    """Return what each column is to be taken for.

    Examples
    --------
    >>> kinds_asked(["rooms=category", "size=small<middle<large", "sold=date:%d/%m/%Y"])
    {'rooms': 'category', 'size': ['small', 'middle', 'large'], 'sold': 'date:%d/%m/%Y'}
    """
    found: dict[str, Any] = {}
    for one in asked:
        name, equals, kind = one.partition("=")
        if not equals or not name:
            raise UsageError(f"--as takes a column and its kind, as in --as rooms=category, found {one!r}")
        if name in found:
            raise UsageError(f"--as gives {name!r} two kinds; give one")
        found[name] = _kind(name, kind)
    return found


def _kind(name: str, kind: str) -> str | list[str]:
    if "<" in kind:
        return [level.strip() for level in kind.split("<")]
    if kind.startswith("date:"):
        return kind
    named = kind.replace("left-out", "left out")
    if named not in KINDS:
        near = nearest(kind, KINDS)
        suggestion = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(KINDS)},"
        others = "" if near else " date:%d/%m/%Y, and the levels of an ordered one: small<middle<large"
        raise UsageError(f"--as {name}={kind}: there is no kind {kind!r}; {suggestion}{others}")
    return named


def start_model(path: Path, target: str, given: Mapping[str, Any]) -> "TableModel":
    """Return the model to go on from; refuse options that would contradict it."""
    for name in OF_THE_START:
        if given.get(name) is not None:
            raise UsageError(f"--{name} cannot be given with --from: {path} has decided it; leave one of them out")
    if given.get("cv"):
        raise UsageError(f"--cv cannot be given with --from: {path} may know the rows that it would be judged by")
    check_is_file(path, "the model to go on from")
    found = table_model(path)
    if found.target != target:
        raise UsageError(f"{path} predicts {found.target!r}, and --target is {target!r}; give the same, or no --from")
    return found


def settings_to_go_on(start: "TableModel", frame: "pl.DataFrame", given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the model to go on from where none is given, without columns that are not there."""
    present = set(frame.columns)
    settings = {name: value for name, value in start.settings.items() if name not in given}
    settings["ignore"] = [name for name in start.ignore if name in present]
    settings["kinds"] = {name: kind for name, kind in start.kinds.items() if name in present}
    return settings


def row_weights(frame: "pl.DataFrame", name: str, source: str) -> "Numbers":
    """Return what each row counts, [N]."""
    find_column(frame.columns, name, source, role="column of weights")
    found = numeric_columns(frame, [name], source, remedy="Weights are numbers from 0 on, one in every row")[:, 0]
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        raise CommandError(f"{source}: column {name!r}, row {row + 1}: {found[row]:g} is no weight; give 0 or more")
    if not found.any():
        raise CommandError(f"{source}: the weights in column {name!r} are 0 in every row; nothing would be learnt")
    weights: Numbers = found
    return weights

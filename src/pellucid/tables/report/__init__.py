"""A report of a trained model: one page that holds all of it, to be kept, sent and read without any program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.files.whole_file import write_whole
from pellucid.tables.evaluation import Crossed, Rows
from pellucid.tables.model import Source, TableModel
from pellucid.tables.reading import to_frame

TEMPLATE = Path(__file__).with_name("page.html")


def write_report(
    model: TableModel,
    frame: Any,
    path: str | Path,
    *,
    rows: npt.ArrayLike | None = None,
    folds: Crossed | None = None,
    weights: str | None = None,
    source: Source = "the table",
    command: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a page on what a model learnt, from which table, and how good it is.

    It has the data, the learning curves, the figures beside a baseline, which classes are mistaken or how far numbers
    are off, calibration, the importance of the columns with its uncertainty, the rows predicted worst, the diagnosis,
    the network, and how to make all of it again. The page needs no other file and no network.

    Parameters
    ----------
    model : TableModel
        A trained one.
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        The table that it learnt from, or another with its columns and target.
    path : str or Path
        The file to write, as HTML.
    rows : array of int, optional
        The rows to judge by, from 0. By default those that the model kept for testing, or all if there are none; the
        page says which.
    folds : Crossed, optional
        What a cross-validation found: the page then judges by it, and by no row that the model learnt from.
    weights : str, optional
        The column that said what each row counts, for how to make the model again.
    source : str or path-like
        What the page calls the table.
    command : sequence of str
        The command that made the model, word by word.
    overwrite : bool
        Whether a file already there may be replaced.

    Raises
    ------
    TableError
        As for `TableModel.evaluate`.
    FileExistsError
        If the file is there.
    MissingExtraError
        If Matplotlib or Jinja2 is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import polars
    >>> frame = polars.DataFrame({"x": np.arange(80) % 10, "size": ["small", "large"] * 40})
    >>> model = TableModel("size", hidden=(4,), epochs=2).fit(frame, test_share=0.25)
    >>> path = Path(tempfile.mkdtemp()) / "report.html"
    >>> write_report(model, frame, path)
    >>> "<h2>How to make it again</h2>" in path.read_text()
    True
    """
    jinja2 = require("jinja2", "report", purpose="reports")
    from pellucid.tables.report.contents import contents

    path = Path(path)
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} exists: give overwrite=True to replace it")
    wrapped = to_frame(frame)
    chosen, judged_by = _judged_by(model, len(wrapped), rows)
    if not len(chosen):
        raise TableError(f"{source}: there are no rows to judge by")
    told = contents(model, wrapped, chosen, judged_by, folds, str(source), tuple(command), weights)
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    text = page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(told)
    write_whole(path, text.encode(errors="backslashreplace"), overwrite=overwrite)


def _judged_by(model: TableModel, count: int, rows: npt.ArrayLike | None) -> tuple[Rows, str]:
    """Return the rows to judge by, and what to say of them."""
    if rows is not None:
        return np.asarray(rows, dtype=np.intp), "the rows that were named for it"
    if len(model.test_rows) and model.split.rows == count:
        return model.test_rows, "rows that were kept for testing: the model did not learn from them"
    told = "all rows of the table; if the model learnt from them, new rows will be predicted less well"
    return np.arange(count), told

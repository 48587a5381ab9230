"""``pellucid diagnose``: what is wrong with a model, its training and its table."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pellucid.cli.app import CommandError
from pellucid.cli.predict import is_model, loaded, notes
from pellucid.cli.screen import show

if TYPE_CHECKING:
    from pellucid.insight.diagnosis import Diagnosis

STYLES = {"problem": "bold red", "warning": "bold yellow"}


def diagnose(
    model: Path,
    table: Path | None = None,
    /,
    *,
    strict: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
) -> int:
    """Look for what commonly goes wrong in a model, its training and its table.

    Give the table that the model learnt from: its split is then made again, and the rows that were learnt from are
    compared with those that were held out. Without a table, only the network and the history of its training can be
    looked at. What could not be checked is listed, with the reason.

    Parameters
    ----------
    model
        The model file.
    table
        The CSV or Parquet file that the model learnt from.
    strict
        Exit with status 1 if there is a problem; warnings do not count.
    as_json
        Write the diagnosis as JSON.
    """
    found = _examined(model, table)
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n")
    else:
        show(found.headline)
        for finding in found.findings:
            head, _, rest = str(finding).partition(":")
            show("\n", (head, STYLES[finding.severity]), f":{rest}")
        if found.not_made:
            show("\n", found.not_checked)
    return int(strict and bool(found.problems))


def _examined(model: Path, table: Path | None) -> "Diagnosis":
    from pellucid.insight.checks.examination import Examination
    from pellucid.insight.diagnosis import judge
    from pellucid.insight.member import single
    from pellucid.network import Network
    from pellucid.tables import TableModel
    from pellucid.tables.diagnosis import diagnose_table
    from pellucid.tables.reading import check_is_file, read_table

    check_is_file(model, "the model file")
    if table is not None and table.is_file() and is_model(table) and not is_model(model):
        raise CommandError(f"{model} is not a Pellucid model; the model comes first: pellucid diagnose MODEL TABLE")
    found: Any = loaded(model)
    if isinstance(found, TableModel):
        if table is None:
            return diagnose_table(found)
        frame = read_table(table, found.text_columns)
        diagnosis = diagnose_table(found, frame, source=table)
        notes(found, frame, table)
        return diagnosis
    if not isinstance(found, Network):
        raise CommandError(f"{model} holds a {type(found).__name__}, which is nothing to examine")
    if table is not None:
        raise CommandError(
            f"{model} holds a network, which knows no columns by name: leave the table out, or call pellucid.diagnose "
            "in Python with X and y"
        )
    fitted, reason = found.fitted, "a file of a network alone holds no records"
    return judge(
        Examination(
            single(found).copy(),
            None if fitted is None else fitted.loss,
            None if fitted is None else fitted.penalty,
            None,
            None,
            why_no_records=reason,
            why_not_held_out=reason,
        )
    )

"""How a model understands the columns of a table: as a compact list, and for a machine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pellucid.cli.app import say
from pellucid.cli.screen import table_lines
from pellucid.tables.description import described
from pellucid.tables.model import TableModel
from pellucid.tables.wording import percent, shown

if TYPE_CHECKING:
    from pellucid.tables.encoding import Encoder
    from pellucid.tables.kinds import Column

MOST_LISTED = 30
"""Columns that get a line each; of more, each kind gets one."""
NAMES_LISTED = 4
LEVELS_LISTED = 3
NOTES_LISTED = 8


class OpenTableModel(TableModel):
    """A model of a table that shows how it understands the columns before it learns from them."""

    def _measured(self, *arguments: Any) -> Any:
        found = super()._measured(*arguments)
        encoder, _, left_out, notes = found
        show_columns(encoder, left_out, leak_notes(encoder, left_out, notes))
        return found


def leak_notes(encoder: "Encoder", left_out: Sequence["Column"], notes: Sequence[str]) -> list[str]:
    """Return those of a model's notes that are about columns which tell the target outright."""
    # The columns' own notes come first.
    return list(notes[sum(len(column.notes) for column in (*encoder.columns, *left_out)) :])


def show_columns(encoder: "Encoder", left_out: Sequence["Column"], leaks: Sequence[str] = ()) -> None:
    """Write to standard error, beside the progress, what each column is taken for."""
    for line in column_lines(encoder, left_out):
        say(line)
    for leak in leaks:
        say(leak, start="warning: ", style="bold red")


def column_lines(encoder: "Encoder", left_out: Sequence["Column"]) -> list[str]:
    """Return what each column is taken for; of a great many, what each kind of them is.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"area": [40.0, 60.0, None, 80.0], "same": 1, "y": [1, 2, 3, 4]})
    >>> learnt = TableModel("y", kind="numeric").fit(frame).learnt
    >>> for line in column_lines(learnt.encoder, learnt.left_out):
    ...     print(line)
      column  kind      values    gaps
      'area'  number    40 to 80  25 %
      'same'  left out                  one value only: 1
    """
    found = described(encoder)
    unused = [(column.name, *(note.removeprefix("left out: ") for note in column.notes)) for column in left_out]
    if len(found) + len(unused) > MOST_LISTED:
        return _grouped(found, unused)
    rows = [("column", "kind", "values", "gaps", "")]
    for one in found:
        gaps = percent(one["gaps"])
        rows.append((shown(one["name"]), one["kind"], _values(one), gaps, "; ".join(one["notes"])))
    rows += [(shown(name), "left out", "", "", "; ".join(reasons)) for name, *reasons in unused]
    return table_lines(rows, right=[3])


def _values(one: dict[str, Any]) -> str:
    if one["kind"] == "number":
        return f"{shown(one['low'])} to {shown(one['high'])}" + (f" {one['unit']}" if one["unit"] else "")
    if one["kind"] == "date":
        return f"{one['low']} to {one['high']}"
    levels = list(map(shown, one["levels"]))
    if one["kind"] == "yes/no":
        return " or ".join(levels)
    between = " < " if one["kind"] == "ordered" else ", "
    more = f"{between}..." if len(levels) > LEVELS_LISTED else ""
    return f"{len(levels):,}: {between.join(levels[:LEVELS_LISTED])}{more}"


def _grouped(found: Sequence[dict[str, Any]], unused: Sequence[tuple[str, ...]]) -> list[str]:
    rows = [("kind", "columns", "with gaps", "")]
    for kind in dict.fromkeys(one["kind"] for one in found):
        own = [one for one in found if one["kind"] == kind]
        gaps = sum(one["gaps"] > 0 for one in own)
        rows.append((kind, f"{len(own):,}", f"{gaps:,}" if gaps else "", _listed([one["name"] for one in own])))
    # Reasons that name a value are alike but for it.
    reasons = [(name, reasons[0].partition(": ")[0] if reasons else "") for name, *reasons in unused]
    for reason in dict.fromkeys(reason for _, reason in reasons):
        names = [name for name, own in reasons if own == reason]
        rows.append(("left out", f"{len(names):,}", "", f"{reason}: {_listed(names)}"))
    notes = [f"  {shown(one['name'])}: {note}" for one in found for note in one["notes"]]
    if len(notes) > NOTES_LISTED:
        notes = [*notes[:NOTES_LISTED], f"  and {len(notes) - NOTES_LISTED:,} more such notes"]
    return [*table_lines(rows, right=[1, 2]), *notes]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_LISTED:,} more" if len(names) > NAMES_LISTED else ""
    return ", ".join(map(shown, names[:NAMES_LISTED])) + more

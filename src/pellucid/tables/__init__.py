"""Tables of named columns: reading, writing, turning columns into numbers, and the model of a table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.tables.model import TableModel

__all__ = ["TableModel"]


def __getattr__(name: str) -> Any:
    if name == "TableModel":
        from pellucid.tables.model import TableModel

        return TableModel
    raise AttributeError(f"module 'pellucid.tables' has no attribute {name!r}")

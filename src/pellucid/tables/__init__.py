"""Tables of named columns: reading, writing, turning columns into numbers, and the models of a table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.tables.estimators import TabularClassifier, TabularRegressor
    from pellucid.tables.model import TableModel

__all__ = ["TableModel", "TabularClassifier", "TabularRegressor"]


def __getattr__(name: str) -> Any:
    if name == "TableModel":
        from pellucid.tables.model import TableModel

        return TableModel
    if name in ("TabularClassifier", "TabularRegressor"):
        from pellucid.extras import require

        require("sklearn", "sklearn", purpose=f"{name}")
        from pellucid.tables import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'pellucid.tables' has no attribute {name!r}")

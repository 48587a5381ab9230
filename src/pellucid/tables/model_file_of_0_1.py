"""Models of tables as version 0.1 wrote them: numeric columns only, standardised, and a single network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def converted(config: dict[str, Any], fields: Callable[[Any, set[str], str], dict[str, Any]]) -> dict[str, Any]:
    """Return a configuration of that version as one of today's; ``fields`` refuses anything but the fields named."""
    fields(config, {"target", "columns", "constant", "settings", "split", "network"}, "the configuration")
    target = fields(config["target"], {"name", "kind", "type", "classes"}, "the target")
    columns, constant = config["columns"], config["constant"]
    for names in (columns, constant):
        if not isinstance(names, list) or len({str(name) for name in names}) != len(names):
            raise ValueError("the columns are not a list of different names")
    if not set(constant) <= set(columns):
        raise ValueError("a constant column is none of the columns")
    known = {"kind", "ignore", "hidden", "epochs", "batch_size", "learning_rate", "seed"}
    settings = fields(config["settings"], known, "the list of settings")
    usual: dict[str, Any] = {"written": None, "levels": [], "date_format": "", "times": False, "notes": []}
    return {
        "target": target | {"quantiles": []},
        "columns": [{"name": name, "kind": "number"} | usual for name in columns],
        "left_out": [],
        "inputs": [[name, place, "value", 0] for place, name in enumerate(columns)],
        "constant": [place for place, name in enumerate(columns) if name in constant],
        "notes": [],
        "threshold": 0.5,
        "settings": settings
        | {"kinds": {}, "effort": "normal", "members": 1, "time_limit": None, "class_weight": None, "threshold": 0.5}
        | {"quantiles": [0.1, 0.5, 0.9]},
        "split": config["split"],
        "network": config["network"],
        "estimator": None,
    }

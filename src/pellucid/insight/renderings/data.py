"""A trace as plain values, which JSON can hold."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.configuration import as_code
from pellucid.insight.records import LayerRecord
from pellucid.insight.renderings.text import written
from pellucid.insight.story.parts import Line, Remark, Story

if TYPE_CHECKING:
    from pellucid.insight.tracing import Trace


def render(trace: "Trace", story: Story, arrays: bool) -> dict[str, Any]:
    """Return the story's equations, and the trace's arrays or their shapes and ranges."""

    def array(values: Any) -> Any:
        return plain(values) if arrays else _range(np.asarray(values))

    result: dict[str, Any] = {
        "network": repr(trace.network),
        "input": array(trace.x),
        "layers": [_layer(layer, array) for layer in trace.layers],
        "loss": None,
        "update": None,
    }
    if trace.loss is not None:
        loss = trace.loss
        result["loss"] = {
            "loss": as_code(loss.loss),
            "formula": loss.loss.formula,
            "target": array(loss.target),
            "losses": array(loss.losses),
            "factor": plain(np.asarray(loss.factor)),
            "value": plain(loss.value),
            "penalty": plain(loss.penalty),
            "d_output": array(loss.d_output),
        }
    if trace.update is not None:
        update = trace.update
        result["update"] = {
            "optimizer": as_code(update.plan.optimizer),
            "formula": update.plan.optimizer.formula,
            "learning_rate": update.rate,
            "gradient": array(update.gradient),
            "clipped": array(update.clipped),
            "step": array(update.step),
            "before": array(update.before),
            "after": array(update.after),
            "rate_factors": plain(np.asarray(update.plan.rate_factors)),
            "state_before": _state(update.state_before, array),
            "state_after": _state(update.state_after, array),
            "loss_after": plain(update.loss_after),
        }
    result["remarks"] = [remark.text for remark in story.about]
    result["sections"] = [
        {
            "title": section.title,
            "kind": section.kind,
            "layer": section.layer,
            "not_finite_first_here": section.marked,
            "equations": [equation(item) for item in section.items if isinstance(item, Line)],
            "remarks": [item.text for item in section.items if isinstance(item, Remark)],
        }
        for outer in story.sections
        for section in outer.everything()
    ]
    return result


def _layer(layer: LayerRecord, array: Callable[[Any], Any]) -> dict[str, Any]:
    """Return what a layer saw and did; what belongs to a layer within a block stands under ``inside``."""

    def named(found: Mapping[str, Any]) -> dict[str, Any]:
        own = layer.own(found).items()
        return {name: array(values) for name, values in own if isinstance(values, np.ndarray)}

    return {
        "name": layer.name,
        "layer": as_code(layer.layer),
        "formula": layer.layer.formula,
        "parameters": named(layer.parameters),
        "x": array(layer.x),
        "cache": named(layer.cache),
        "drawn": named(layer.context.random),
        "running_before": named(layer.context.state),
        "running_after": named(layer.cache.get("state", {})),
        "y": array(layer.y),
        "dy": None if layer.dy is None else array(layer.dy),
        "gradients": named(layer.gradients),
        "dx": None if layer.dx is None else array(layer.dx),
        "inside": [_layer(one, array) for one in layer.inside],
    }


def _state(state: Any, array: Callable[[Any], Any]) -> dict[str, Any]:
    """Return an optimizer's memory by name."""
    named = state._asdict().items()
    return {name: array(value) if isinstance(value, np.ndarray) else plain(value) for name, value in named}


def equation(item: Line) -> dict[str, Any]:
    """Return an equation as plain values."""
    return {
        "name": written(item.left),
        "formula": [written(form) for form in item.forms],
        "numbers": None if item.numbers is None else written(item.numbers, item.digits),
        "shown": item.result,
        "sign": item.sign,
        "value": plain(item.value),
        "factors": {written(factor): layer for factor, layer in item.by},
    }


def plain(values: Any) -> Any:
    """Return an array as nested lists, and what is not finite as text.

    Examples
    --------
    >>> plain(np.array([1.0, np.nan])), plain(np.inf)
    ([1.0, 'nan'], 'inf')
    """
    if isinstance(values, np.ndarray) and values.ndim:
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return [plain(value) for value in values]
        return values.tolist()
    value = values.item() if isinstance(values, np.generic | np.ndarray) else values
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _range(values: Any) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    low, high = (plain(finite.min()), plain(finite.max())) if finite.size else (None, None)
    return {"shape": list(values.shape), "low": low, "high": high}

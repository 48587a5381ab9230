"""A table model in a graph: what happens to a row before its network, and to what the network puts out."""

import json

import numpy as np

from pellucid.exchange.onnx.graph import Outputs, Place
from pellucid.exchange.onnx.network import write_network
from pellucid.tables.model import Learnt


def table_outputs(place: Place, learnt: Learnt, x: str) -> Outputs:
    """Write a table model for a matrix of doubles, one column an input, and return what it puts out."""
    output = write_network(place, learnt.network, _standardised(place.within("standardise", ()), learnt, x))  # [B,O]
    target = learnt.target
    if target.kind == "numeric":
        prediction = _in_units(place.within("target", ()), learnt, output)
        return {"prediction": (prediction, np.dtype(np.float64), ())}
    if target.kind == "binary":
        # As in predict_proba: 1 - p would lose the digits of a small chance.
        chances = [place.add("Sigmoid", place.add("Neg", output)), place.add("Sigmoid", output)]
        probabilities = place.add("Concat", *chances, axis=1)  # [B,1], [B,1] -> [B,2]
        positive = place.cast(place.add("Greater", output, place.constant("zero", 0.0)), np.int64)
        code = place.add("Squeeze", positive, place.constant("axis", [1], np.int64))  # [B,1] -> [B]
    else:
        probabilities = place.add("Softmax", output, axis=-1)
        code = place.add("ArgMax", output, axis=1, keepdims=0)  # [B,C] -> [B]
    labels = target.labels(np.arange(len(target.classes)))
    return {
        "label": (place.add("Gather", place.constant("classes", labels, labels.dtype), code), labels.dtype, ()),
        "probabilities": (probabilities, np.dtype(np.float32), (len(target.classes),)),
    }


def table_facts(learnt: Learnt) -> dict[str, str]:
    """Return what a person who finds the file will ask, as texts; lists as JSON."""
    target = learnt.target
    facts = {"columns": json.dumps(learnt.columns, ensure_ascii=False), "target": target.name, "kind": target.kind}
    return facts | ({"classes": json.dumps(target.classes, ensure_ascii=False)} if target.classes else {})


def _standardised(place: Place, learnt: Learnt, x: str) -> str:
    """Write (x - mean) / std in doubles, with 0 for the columns that were constant, and return its name."""
    scaler = learnt.scaler
    centred = place.add("Sub", x, place.constant("mean", scaler.mean, np.float64))
    scaled = place.add("Div", centred, place.constant("std", scaler.std, np.float64))
    if not scaler.constant.any():
        return scaled
    constant = place.constant("constant", scaler.constant, np.bool_)
    return place.add("Where", constant, place.constant("zero", 0.0, np.float64), scaled)


def _in_units(place: Place, learnt: Learnt, output: str) -> str:
    """Write mean + std output in doubles, [B,1] -> [B], and return its name."""
    doubles = place.cast(output, np.float64)
    scaled = place.add("Mul", doubles, place.constant("std", learnt.summary["std"], np.float64))
    moved = place.add("Add", scaled, place.constant("mean", learnt.summary["mean"], np.float64))
    return place.add("Squeeze", moved, place.constant("axis", [1], np.int64))

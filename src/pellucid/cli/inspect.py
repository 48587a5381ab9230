"""``pellucid inspect``: what is in a model file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from pellucid.cli.columns import column_lines, leak_notes
from pellucid.cli.files import loaded, shown_path
from pellucid.cli.results import target_for_machines
from pellucid.cli.screen import show, write_json
from pellucid.files.config import parsed
from pellucid.files.header import read_header
from pellucid.layers import MeanOfMembers
from pellucid.network import Network
from pellucid.tables.description import describe_network, describe_target, described
from pellucid.tables.wording import shown
from pellucid.training.callbacks import duration

if TYPE_CHECKING:
    from pellucid.tables import TableModel
    from pellucid.training import History

LONGEST_CALL = 300


def inspect(
    model: Path,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
) -> None:
    """Say what is in a model file: what it predicts from which columns, its network, and how it was trained.

    The file is read whole and its checksum compared, and nothing in it is run.

    Parameters
    ----------
    model
        The model file: of a table, of a network alone, or of an estimator.
    as_json
        Write the same as JSON, with all levels, settings and losses.
    """
    from pellucid.tables.reading import check_is_file

    check_is_file(model, "the model file")
    found: Any = loaded(model)
    known = about_file(model) | about(found)
    if as_json:
        write_json(known)
        return
    show(("file     ", "dim"), f"{shown_path(model)}, {known['bytes']:,} bytes; its contents match their sha256")
    show(("written  ", "dim"), f"by Pellucid {known['library']}, in format version {known['format']}")
    inner = table_inside(found)
    show(("holds    ", "dim"), known["class"] if isinstance(found, Network) else _made_by(found))
    network = network_inside(found)
    if inner is not None:
        _show_table(inner)
    elif "classes" in known:
        show(("classes  ", "dim"), ", ".join(map(shown, known["classes"].tolist())))
    show(("network  ", "dim"), describe_network(network))
    _show_history(network.history)
    if inner is not None:
        show("")
        for number, line in enumerate(column_lines(inner.learnt.encoder, inner.learnt.left_out)):
            show((line, "" if number else "dim"))
        for leak in leak_notes(inner.learnt.encoder, inner.learnt.left_out, inner.notes):
            show(("warning: ", "bold red"), leak)


def table_inside(found: Any) -> "TableModel | None":
    """Return the model of a table that this is, or is made of."""
    from pellucid.tables.model import TableModel

    inner = getattr(found, "model_", found)
    return inner if isinstance(inner, TableModel) else None


def network_inside(found: Any) -> Network:
    """Return the network that this is, or is made of."""
    if isinstance(found, Network):
        return found
    inner = table_inside(found)
    network: Network = found.network_ if inner is None else inner.network
    return network


def about_file(path: Path) -> dict[str, Any]:
    """Return what a file says of itself; it has been read before, and so its checksum is right."""
    with path.open("rb") as stream:
        metadata, _ = read_header(stream, str(path))
    return {
        "file": path,
        "bytes": path.stat().st_size,
        "kind": metadata["kind"],
        "format": metadata["version"],
        "library": parsed(metadata["config"], str(path))["library"],
        "sha256": metadata["sha256"],
    }


def about(found: Any) -> dict[str, Any]:
    """Return what is known of a network, a model of a table or an estimator."""
    network, inner = network_inside(found), table_inside(found)
    settings = found.get_params() if hasattr(found, "get_params") else {} if inner is None else inner.settings
    known: dict[str, Any] = {"class": type(found).__name__}
    if inner is not None:
        learnt = inner.learnt
        known |= {
            "target": target_for_machines(inner),
            "columns": described(learnt.encoder),
            "left_out": inner.left_out,
            "notes": inner.notes,
            "split": vars(inner.split),
        }
    elif hasattr(found, "classes_"):
        known["classes"] = found.classes_
    joined = network.layers[-1] if network.layers else None
    known["network"] = {
        "summary": describe_network(network),
        "inputs": network.inputs,
        "outputs": network.outputs,
        "parameters": network.theta.size,
        "members": joined.members if isinstance(joined, MeanOfMembers) else network.members or 1,
        "temperature": joined.temperature if isinstance(joined, MeanOfMembers) else None,
    }
    return known | {"settings": settings, "history": _about_history(network.history)}


def _about_history(history: "History | None") -> dict[str, Any] | None:
    if history is None or not len(history):
        return None
    figures = {name: history[name] for name in history}
    return {"epochs": len(history), "best_epoch": history.best_epoch, "stopped": history.stopped} | figures


def _show_table(model: "TableModel") -> None:
    learnt, split = model.learnt, model.split
    show(("target   ", "dim"), describe_target(model))
    if model.kind == "binary":
        second = shown(model.classes_[1])
        show(("threshold", "dim"), f" {second} is predicted from a probability of {learnt.threshold:.3g} on")
    kept = f"{split.test_rows:,} of {split.rows:,} were kept aside to test on (seed {split.seed}, share "
    test = f"{kept}{split.test_share:g})" if split.test_rows else f"{split.rows:,}, all learnt from"
    own = f"; each network held out {split.validation_rows:,} to choose the best epoch" if split.validation_rows else ""
    show(("rows     ", "dim"), test + own)
    joined = model.network.layers[-1]
    if isinstance(joined, MeanOfMembers) and joined.temperature != 1:
        show(("sureness ", "dim"), f"logits are divided by a temperature of {joined.temperature:.3g}")


def _show_history(history: "History | None") -> None:
    if history is None or not len(history):
        show(("training ", "dim"), "no record of one")
        return
    text = f"{len(history):,} epoch{'s' * (len(history) != 1)} in {duration(float(history['seconds'][-1]))}"
    losses = [f"loss {_span(history['loss'])}"]
    if "validation_loss" in history:
        losses.append(f"of rows held out {_span(history['validation_loss'])}")
    if history.best_epoch is not None:
        losses.append(f"best epoch {history.best_epoch}")
    show(("training ", "dim"), "; ".join([text, *losses, *filter(None, [history.stopped])]))


def _span(values: Any) -> str:
    first, last = (float(np.mean(value)) for value in (values[0], values[-1]))
    return f"{first:.4g} -> {last:.4g}"


def _made_by(found: object) -> str:
    """Return the call that makes a thing like this anew, in one line."""
    text = " ".join(repr(found).split())
    return text if len(text) <= LONGEST_CALL else f"{text[: LONGEST_CALL - 3]}..."

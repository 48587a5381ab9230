"""The model file: one safetensors file that holds a network, a table model or an estimator, and nothing that runs.

``__metadata__`` holds ``format``, ``version``, ``kind``, ``config`` (canonical JSON) and ``sha256`` over
config and tensors; the tensors are theta, running statistics, the optimizer's memory and the history.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid._version import __version__
from pellucid.errors import ModelFileError
from pellucid.files import checkpoint, safetensors
from pellucid.files.config import canonical, parsed
from pellucid.files.header import Entry, read_header
from pellucid.files.network import Tensors, network_config, network_from, network_tensors
from pellucid.files.refusal import refuse, shown
from pellucid.network import Network

FORMAT = "pellucid-model"
VERSION = "1"


def save(thing: Any, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a network, a table model or an estimator to one file.

    The file is complete or not there at all: it is written under another name first, then renamed.

    Parameters
    ----------
    thing : Network, TableModel, MLPClassifier or MLPRegressor
    path : str or Path
    overwrite : bool
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    TypeError, ValueError
        If the thing cannot be saved, or holds a setting that a file cannot keep.
    """
    if isinstance(thing, Network):
        kind, config, tensors = "network", network_config(thing), network_tensors(thing)
    elif hasattr(thing, "to_file"):
        kind, config, tensors = thing.to_file()
    else:
        raise TypeError(f"save takes a Network, a TableModel or an estimator, found {type(thing).__name__}")
    text = canonical({**config, "library": __version__})
    parsed(text, f"{path} cannot be written")  # what reading would refuse is refused before it is written
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "config": text,
        "sha256": safetensors.digest(text, tensors),
    }
    safetensors.write(Path(path), tensors, metadata, overwrite=overwrite)


def load(path: str | Path, *, custom: Mapping[str, type[Any]] | None = None) -> Any:
    """Read a model file, and return the kind of thing that was saved: a Network, a TableModel or an estimator.

    Reading never runs code from the file and never imports by name. A class of your own that the model
    uses (a layer, loss, optimizer, schedule or initializer) is handed over by its name. What comes back predicts the
    same to the last bit, and goes on learning as if it had never been saved.

    Parameters
    ----------
    path : str or Path
    custom : dict of str to class, optional
        Your own classes, by the names they were saved under.

    Returns
    -------
    Network, TableModel, MLPClassifier or MLPRegressor

    Raises
    ------
    ModelFileError
        If the file is damaged, foreign, or of a newer format; one line says what was found.
    MissingExtraError
        If it holds an estimator and scikit-learn is not installed (extra ``sklearn``).
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from pellucid import Dense, Network, load
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.pellucid"
    >>> Network(2, [Dense(1)], seed=0).save(path)
    >>> load(path)
    Network(2, [Dense(1)], seed=0)
    """
    source = str(path)
    with Path(path).open("rb") as stream:
        # The header alone decides whether there is anything to read: so a small file cannot ask for much.
        metadata, entries = read_header(stream, source)
        _check_metadata(metadata, source)
        try:
            make = _checked(metadata, entries, custom or {}, source)
            tensors = safetensors.read_tensors(stream, entries, source)
            if safetensors.digest(metadata["config"], tensors) != metadata["sha256"]:
                refuse(source, "damaged: its contents do not match their sha256")
            # Numbers that overflow are judged by what comes of them; the start that layers draw is of no interest.
            with np.errstate(all="ignore"):
                return make(tensors)
        except ModelFileError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
            refuse(source, f"its configuration does not fit together ({problem})")
        except (MemoryError, RecursionError) as problem:
            refuse(source, f"it asks for more than there is room for ({type(problem).__name__})")


def _check_metadata(metadata: Mapping[str, str], source: str) -> None:
    if metadata.get("format") == checkpoint.FORMAT:
        refuse(source, "a checkpoint of a training, no model: fit(..., checkpoint=its folder) goes on from it")
    if metadata.get("format") != FORMAT:
        refuse(source, f"a safetensors file, but not a Pellucid model (its metadata names no {FORMAT!r})")
    if metadata.get("version") != VERSION:
        found = shown(metadata.get("version"))
        refuse(
            source,
            f"written in format version {found}; this is Pellucid {__version__}, which reads version {VERSION}: "
            "update Pellucid",
        )
    if metadata.keys() != {"format", "version", "kind", "config", "sha256"}:
        refuse(source, f"its metadata has the fields {', '.join(sorted(metadata)[:8])}, which do not fit")
    if metadata["kind"] not in ("network", "table", "estimator"):
        refuse(source, f"holds a {shown(metadata['kind'])}, which this version does not know")
    if not re.fullmatch("[0-9a-f]{64}", metadata["sha256"]):
        refuse(source, f"its sha256 is {shown(metadata['sha256'])}; expected 64 hexadecimal digits")


def _checked(
    metadata: Mapping[str, str], entries: Mapping[str, Entry], custom: Mapping[str, type[Any]], source: str
) -> Callable[[Tensors], Any]:
    """Check configuration and announced tensors against each other; return what makes the model from the tensors."""
    config = parsed(metadata["config"], source)
    library = config.pop("library", None)
    if not isinstance(library, str):
        refuse(source, f"the configuration says {shown(library)} for the library that wrote it; expected a text")
    if metadata["kind"] == "network":
        return network_from(config, entries, custom, source)
    if metadata["kind"] == "table":
        from pellucid.tables import model_file as table_file

        return table_file.restore(config, entries, custom, source)
    from pellucid.estimators import model_file as estimator_file

    return estimator_file.restore(config, entries, custom, source)

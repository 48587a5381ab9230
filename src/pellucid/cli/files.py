"""The files that commands name: models and tables to be read, and results to be written."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.cli.app import CommandError
from pellucid.errors import ModelFileError

if TYPE_CHECKING:
    from pellucid.tables import TableModel


def check_output(output: Path, force: bool, *sources: Path) -> None:
    """Refuse, before any work is done, a file that could not be written or must not be replaced."""
    if output.is_dir():
        raise CommandError(f"cannot write {output}: it is a folder")
    if not output.resolve().parent.is_dir():
        raise CommandError(f"cannot write {output}: the folder {output.parent} does not exist; create it first")
    if output.exists():
        if any(source.exists() and output.samefile(source) for source in sources):
            raise CommandError(f"{output} is what is to be read; choose another --output")
        if not force:
            raise CommandError(f"{output} exists; choose another name, or add --force to replace it")
    # Another name in the folder is needed first, whether or not the file itself is there: try it.
    try:
        with tempfile.TemporaryFile(dir=output.resolve().parent):
            pass
    except OSError as problem:
        raise CommandError(f"cannot write {output}: {problem.strerror or problem}") from None


def check_order(model: Path, table: Path, usage: str = "pellucid predict MODEL TABLE") -> None:
    """Refuse a table in the model's place, and a model in the table's."""
    from pellucid.tables.reading import PARQUET_SUFFIXES, TEXT_SUFFIXES, check_is_file

    check_is_file(model, "the model file")
    if is_model(model):
        return
    if model.suffix.lower() in TEXT_SUFFIXES + PARQUET_SUFFIXES or (table.is_file() and is_model(table)):
        raise CommandError(f"{model} is not a Pellucid model; the model comes first: {usage}")


def is_model(path: Path) -> bool:
    """Return whether a file begins as a model does, whatever its name."""
    from pellucid.files.safetensors import MODEL_SNIFFED_BYTES, begins_like_model

    with path.open("rb") as file:
        return begins_like_model(file.read(MODEL_SNIFFED_BYTES))


def loaded(path: Path) -> Any:
    """Return what a model file holds."""
    from pellucid.files import load

    try:
        return load(path)
    except ModelFileError as problem:
        found = str(problem).partition("this looks like ")[2].partition("; expected")[0]
        if not found and is_model(path):
            raise  # damaged, or of another version: the reader's own words say how
        raise CommandError(
            f"{path} is not a Pellucid model ({f'it looks like {found}' if found else 'it does not begin like one'})"
        ) from None


def table_model(path: Path) -> "TableModel":
    """Return the model of a table that a file holds, or that an estimator in it is made of."""
    from pellucid.tables import TableModel

    found = loaded(path)
    found = getattr(found, "model_", found)  # of scikit-learn's faces of a table's model
    if not isinstance(found, TableModel):
        raise CommandError(
            f"{path} holds a {type(found).__name__}, not the model of a table: see pellucid train --help"
        )
    return found


def called(table: Path) -> str:
    """Return what messages call a table.

    Examples
    --------
    >>> called(Path("homes.csv")), called(Path("-"))
    ('homes.csv', 'standard input')
    """
    return "standard input" if str(table) == "-" else str(table)


def shown_path(path: Path) -> str:
    """Return a file's name, in quotation marks only where it needs them."""
    text = str(path)
    return text if text.isprintable() else repr(text)

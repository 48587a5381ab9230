"""A file is complete or not there at all."""

import os
import secrets
from pathlib import Path


def write_whole(path: str | Path, contents: bytes, *, overwrite: bool) -> None:
    """Write a file under another name in the same folder, flush it to the disk, and only then give it its name.

    Parameters
    ----------
    path : str or Path
        The file to write, in a folder that exists.
    contents : bytes
    overwrite : bool
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is False.
    FileNotFoundError
        If the folder does not exist.
    OSError
        If the file cannot be written: no space, no permission.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "some.bytes"
    >>> write_whole(path, b"whole", overwrite=False)
    >>> path.read_bytes()
    b'whole'
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: the folder {target.parent} does not exist; create it first")
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(f"{target}: a file of this name exists already; choose another, or pass overwrite=True")
    temporary = target.parent / f".pellucid-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as stream:
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as failure:  # nobody but us knows the temporary name
        raise OSError(failure.errno, failure.strerror, str(target)) from failure
    finally:
        temporary.unlink(missing_ok=True)

"""A file is complete or not there at all."""

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import NoReturn


def write_whole(path: str | os.PathLike[str], contents: bytes, *, overwrite: bool) -> None:
    """Write a file under another name in the same folder, flush it to the disk, and only then give it its name.

    Whoever opens `path` sees the old file or the new one, never a part of either. A failure removes the temporary
    file. The folder is flushed too, so that the new name survives a power cut; Windows and some network file systems
    have no such operation, and there this last step is left out. A symbolic link at `path` is replaced, not followed.

    Parameters
    ----------
    path
        The file to write, in a folder that exists.
    contents
        All of it.
    overwrite
        Whether a file already at `path` may be replaced. Without it a file that exists stays as it is, even one that
        another program creates while this call runs.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is false.
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

    References
    ----------
    Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014 (atomic replacement).
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: the folder {target.parent} does not exist; create it first")
    if not overwrite and os.path.lexists(target):
        _refuse_to_replace(target)
    # A short name of its own: the target's name with something added could be longer than the system allows.
    temporary = target.parent / f".pellucid-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as stream:
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _place_beside(temporary, target)
    except OSError as failure:
        if failure.errno is None:  # the refusal to replace a file, which has its own words
            raise
        # Nobody but us knows the temporary name, and a failed write has no name at all.
        raise OSError(failure.errno, failure.strerror, os.fspath(target)) from failure
    finally:
        # After a rename the temporary name is gone already; after a failure this must not hide the failure's own error.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _flush_folder(target.parent)


def _refuse_to_replace(target: Path) -> NoReturn:
    raise FileExistsError(f"{target}: a file of this name exists already; choose another name, or pass overwrite=True")


def _place_beside(temporary: Path, target: Path) -> None:
    """Give the temporary file its name, unless something has that name by now."""
    try:
        if os.name == "nt":
            temporary.rename(target)  # on Windows, and only there, this refuses to replace a file
        else:
            target.hardlink_to(temporary)
        return
    except FileExistsError:
        _refuse_to_replace(target)
    except OSError as failure:
        # Some file systems (FAT, some network ones, a browser's) have no second names for a file, and say so in one of
        # these ways. Anything else is a real failure.
        without_links = {errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
        if failure.errno not in without_links:
            raise
    # Claim the name with an empty file, which fails where one exists, and then replace what is known to be our own.
    try:
        target.open("xb").close()
    except FileExistsError:
        _refuse_to_replace(target)
    try:
        temporary.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    """Put the folder's list of names on the disk, where the system has a way to do it."""
    if os.name == "nt":
        return  # Windows opens no folders for this; NTFS keeps its own journal of names
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # a folder may be writable and yet not readable; the file itself is on the disk
    try:
        os.fsync(descriptor)
    except OSError as failure:
        # How file systems without this operation answer; a failing disk answers otherwise.
        if failure.errno not in {errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}:
            raise
    finally:
        os.close(descriptor)

"""The folder of a training's checkpoints: the newest and the one before it, one writer at a time.

Each checkpoint is one safetensors file, written under another name and renamed, so whatever moment the process ends in,
a file that has its name is whole. Two are kept: should the newest not be readable, the one before it is.
"""

import contextlib
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

from pellucid.arrays import Array
from pellucid.errors import CheckpointError, ModelFileError
from pellucid.files import safetensors
from pellucid.files.config import canonical, parsed

FORMAT = "pellucid-checkpoint"
VERSION = "1"
KEPT = 2
NAME = re.compile(r"checkpoint-(\d{12})\.pellucid")
LEFT_OVER = re.compile(r"\.pellucid-[0-9a-f]{16}\.tmp")
LOCK = "in-use.lock"


class Saved(NamedTuple):
    """What a checkpoint holds: plain values, and arrays by name; and what was skipped to find it."""

    path: Path
    config: dict[str, Any]
    tensors: dict[str, Array]
    skipped: list[str]


class CheckpointFolder:
    """A folder that one training writes its checkpoints into, and goes on from.

    Parameters
    ----------
    path : Path
        Made if it is not there; the folder that it is in must be.

    Raises
    ------
    CheckpointError
        If another training has it open, or it is no folder that can be written to; the text says which.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> folder = CheckpointFolder(Path(tempfile.mkdtemp()) / "run")
    >>> folder.newest() is None
    True
    >>> folder.write(7, {"epoch": 2}, {"theta": np.array([1.0, 2.0])})
    >>> found = folder.newest()
    >>> found.config, found.tensors["theta"]
    ({'epoch': 2}, array([1., 2.]))
    >>> folder.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise CheckpointError(f"{path}: a checkpoint is a folder, and this is a file; name another")
        try:
            path.mkdir(exist_ok=True)
            self._lock: IO[str] | None = (path / LOCK).open("a+", encoding="ascii")
        except FileNotFoundError:
            raise CheckpointError(f"{path}: the folder {path.parent} does not exist; create it first") from None
        except OSError as problem:
            raise CheckpointError(f"{path}: cannot keep checkpoints here: {problem.strerror or problem}") from None
        self._damaged: list[Path] = []
        try:
            _lock(self._lock)
        except OSError as problem:
            if problem.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
                self._lock.close()
                raise CheckpointError(
                    f"{path}: this file system cannot lock files ({problem.strerror}): name a folder on another"
                ) from None
            self._lock.seek(0)
            owner = self._lock.read(20).strip()
            self._lock.close()
            whose = f" (process {owner})" if owner.isdigit() else ""
            raise CheckpointError(
                f"{path}: another training{whose} is writing its checkpoints here; name another folder, or wait"
            ) from None
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        for left in path.iterdir():  # by a process that was killed as it wrote; nobody else writes here now
            if LEFT_OVER.fullmatch(left.name):
                left.unlink(missing_ok=True)
        self._keep_few()

    def files(self) -> list[Path]:
        """Return the checkpoints, the newest first."""
        return sorted((one for one in self.path.iterdir() if NAME.fullmatch(one.name)), reverse=True)

    def newest(self) -> Saved | None:
        """Return the newest checkpoint that can be read, or None if there has never been one.

        Raises
        ------
        CheckpointError
            If there are checkpoints and none can be read.
        """
        skipped: list[str] = []
        for path in self.files():
            try:
                config, tensors = _read(path)
                return Saved(path, config, tensors, skipped)
            except (ModelFileError, OSError) as problem:
                skipped.append(str(problem))
                self._damaged.append(path)
        if skipped:
            raise CheckpointError(
                f"{self.path}: none of its checkpoints can be read: {'; '.join(skipped)}. To begin anew, "
                "name another folder, or delete this one"
            )
        return None

    def write(self, place: int, config: dict[str, Any], tensors: dict[str, Array]) -> None:
        """Write a checkpoint of so many steps, and delete those that are no longer kept.

        Raises
        ------
        OSError
            If it cannot be written; what was there before is as it was.
        """
        text = canonical(config)
        metadata = {
            "format": FORMAT,
            "version": VERSION,
            "config": text,
            "sha256": safetensors.digest(text, tensors),
        }
        newest = self.path / f"checkpoint-{place:012d}.pellucid"
        safetensors.write(newest, tensors, metadata, overwrite=True)
        for damaged in self._damaged:  # now that there is a newer one, those would only take a good one's place
            if damaged != newest:
                damaged.unlink(missing_ok=True)
        self._damaged = []
        self._keep_few()

    def _keep_few(self) -> None:
        for old in self.files()[KEPT:]:
            with contextlib.suppress(OSError):
                old.unlink()

    def close(self) -> None:
        """Let others write here."""
        if self._lock is not None:
            _unlock(self._lock)  # closing alone would leave it to a process that was forked meanwhile
            self._lock.close()
            self._lock = None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what a checkpoint holds, or say in one line why it cannot be used."""
    tensors, metadata = safetensors.read(path)
    if metadata.get("format") != FORMAT or metadata.keys() != {"format", "version", "config", "sha256"}:
        raise ModelFileError(f"{path}: not a checkpoint that Pellucid wrote")
    if metadata["version"] != VERSION:
        raise ModelFileError(
            f"{path}: a checkpoint of format version {metadata['version']!r}; this version of Pellucid reads {VERSION}"
        )
    if safetensors.digest(metadata["config"], tensors) != metadata["sha256"]:
        raise ModelFileError(f"{path}: damaged: its contents do not match their sha256")
    return parsed(metadata["config"], str(path)), tensors


Locker: TypeAlias = Callable[[IO[str]], None]


def _lockers() -> tuple[Locker, Locker]:
    """Return the system's ways to lock and unlock a file; the lock goes with the process, however that ends."""
    if os.name == "nt":
        import msvcrt

        # The byte that is locked lies beyond the text, which others may still want to read.
        def locking(mode: int) -> Locker:
            def change(stream: IO[str]) -> None:
                stream.seek(1024)
                msvcrt.locking(stream.fileno(), mode, 1)  # type: ignore[attr-defined,unused-ignore]

            return change

        return locking(msvcrt.LK_NBLCK), locking(msvcrt.LK_UNLCK)  # type: ignore[attr-defined,unused-ignore]
    import fcntl

    return (
        lambda stream: fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB),
        lambda stream: fcntl.flock(stream, fcntl.LOCK_UN),
    )


_lock, _unlock = _lockers()

"""Compiled programs are kept on disk, so that the next process starts without compiling."""

import hashlib
import os
import platform
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import platformdirs
from jax.experimental.compilation_cache import compilation_cache

LARGEST = 256 * 2**20
"""Bytes that the folder may take; what was used longest ago goes first."""

_one_at_a_time = threading.RLock()


def folder() -> Path | None:
    """Return where compiled programs are kept, or None where they are not to be.

    The environment variable ``PELLUCID_CACHE`` names another folder; empty, it keeps nothing. Machine code is kept
    apart by the kind of processor that it is for.
    """
    named = os.environ.get("PELLUCID_CACHE")
    if named is not None and not named.strip():
        return None
    base = Path(platformdirs.user_cache_dir("pellucid", appauthor=False) if named is None else named).expanduser()
    return base / f"xla-{_processor()}"


def _processor() -> str:
    """Return a short name for this kind of processor and what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        known = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        known = platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"


@contextmanager
def kept_on_disk() -> Iterator[None]:
    """Let what is compiled within be kept on disk; then JAX is as it was.

    Whoever has told JAX of a folder of their own keeps it. A folder that cannot be written to is done without, and
    one with a damaged file in it is emptied.
    """
    place = folder()
    with _one_at_a_time:
        if place is None or jax.config.jax_compilation_cache_dir is not None or not _usable(place):
            yield
            return
        settings = {
            "jax_compilation_cache_dir": str(place),
            "jax_persistent_cache_min_compile_time_secs": 0.0,
            "jax_compilation_cache_max_size": LARGEST,
        }
        before = {name: getattr(jax.config, name) for name in settings}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                _configure(settings)
                yield
            finally:
                _configure(before)
        for warning in caught:
            text = str(warning.message)
            if text.startswith("Error reading persistent compilation cache"):
                shutil.rmtree(place, ignore_errors=True)
            elif not text.startswith("Error writing persistent compilation cache"):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _usable(place: Path) -> bool:
    """Return whether files can be written into this folder, which is made if need be."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def _configure(settings: dict[str, object]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()  # JAX looks at these settings once, and again after this

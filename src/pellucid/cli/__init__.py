"""The ``pellucid`` command: each subcommand is one file, a few lines over the public API."""

import os
import sys
from collections.abc import Sequence

from pellucid.errors import MissingExtraError
from pellucid.extras import require


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status: 0, 1 for an error, 2 for a command that cannot be understood.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the word ``pellucid``; by default what the shell gave.

    Examples
    --------
    >>> import pellucid
    >>> main(["--version"])
    0.1...
    0
    """
    # Before NumPy is loaded. The matrix products of a small network gain nothing from threads, and where the machine
    # has other work to do the threads wait for each other: training was seen to take ten times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        # Neither comes with the core, which this console script belongs to.
        for package in ("rich", "cyclopts"):
            require(package, "cli", purpose="the pellucid command")
        from pellucid.cli.app import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except MissingExtraError as error:
        sys.stderr.write(f"pellucid: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("pellucid: interrupted; nothing was written\n")
        return 130

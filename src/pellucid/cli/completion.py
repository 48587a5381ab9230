"""``pellucid completion``: the script with which a shell completes the commands and their options."""

import sys
from typing import Literal

from pellucid.cli.app import app


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print a script that lets a shell complete the commands and their options when the tab key is pressed.

    For bash, write it to a file, and let ~/.bashrc read that: source ~/pellucid.bash. For zsh, write it to _pellucid in
    a folder of $fpath; for fish, to ~/.config/fish/completions/pellucid.fish.

    Parameters
    ----------
    shell
        The shell.
    """
    sys.stdout.write(app.generate_completion(prog_name="pellucid", shell=shell))

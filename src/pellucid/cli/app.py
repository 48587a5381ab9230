"""The subcommands, and how an error becomes a line or two instead of a traceback."""

import contextlib
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, MissingArgumentError, Token, UnusedCliTokensError
from rich.console import Console
from rich.text import Text

from pellucid._version import __version__
from pellucid.errors import PellucidError

COMMANDS = {
    "demo": ("Train the first network of a tutorial, every number shown.", ["pellucid demo"]),
    "train": (
        "Train a network on a table, and write it to a file.",
        [
            "pellucid train homes.csv --target price",
            "pellucid train homes.csv --target price --ignore street --as rooms=category --force",
            "pellucid train homes.csv --target price --effort high --time-limit 60 --force",
            "pellucid train homes.csv --target garden --threshold f1 --output garden.pellucid",
            "pellucid train homes.csv --target price --cv 5 --cv-predictions folds.csv --force",
            "pellucid train more.csv --target price --from homes.pellucid",
            "cat homes.csv | pellucid train - --target price --output piped.pellucid",
        ],
    ),
    "predict": (
        "Predict the rows of a table with a trained model.",
        [
            "pellucid predict homes.pellucid new.csv",
            "pellucid predict homes.pellucid new.csv --output predictions.csv.gz --json",
            "cat new.csv | pellucid predict homes.pellucid - --output predictions.jsonl",
        ],
    ),
    "evaluate": (
        "Say how well a model predicts a table with its target.",
        [
            "pellucid evaluate homes.pellucid more.csv",
            "pellucid evaluate homes.pellucid homes.csv --test-part --json",
        ],
    ),
    "inspect": (
        "Say what is in a model file.",
        ["pellucid inspect homes.pellucid", "pellucid inspect homes.pellucid --json"],
    ),
    "explain": (
        "Explain the prediction of one row of a table.",
        ["pellucid explain homes.pellucid new.csv --row 1", "pellucid explain homes.pellucid new.csv --row 2 --json"],
    ),
    "diagnose": (
        "Find what is wrong with a model or its table.",
        ["pellucid diagnose homes.pellucid homes.csv", "pellucid diagnose homes.pellucid"],
    ),
    "plot": (
        "Draw a model, or what it predicts, into a picture file.",
        ["pellucid plot curves homes.pellucid", "pellucid plot residuals homes.pellucid homes.csv"],
    ),
    "export": (
        "Write a model as an ONNX file, for other programs.",
        ["pellucid export homes.pellucid homes.onnx"],
    ),
    "completion": (
        "Print a script that completes commands in a shell.",
        ["pellucid completion bash > pellucid.bash", "pellucid completion zsh > _pellucid"],
    ),
}
"""What each command does, and examples that can be typed as they stand."""

STATUS = "Exit status: 0 for success, 1 for an error, 2 for a command that cannot be understood, 130 if interrupted."

typed: list[str] = []
"""What followed the word ``pellucid``, for a report that names the command that made it."""

INTERRUPTED = 130  # 128 and the number of SIGINT, as a shell reports it; of another signal, its own
PIPE_CLOSED = 141  # 128 and the number of SIGPIPE


def _examples(lines: Sequence[str], *, then: str = "") -> str:
    # In Markdown, two spaces at its end keep a line for itself.
    return "  \n".join(["Examples:", *lines]) + (f"\n\n{then}" if then else "")


app = App(
    name="pellucid",
    help="Neural networks you can see through: train one on a table, and predict with it.",
    help_epilogue=_examples([examples[0] for _, examples in COMMANDS.values()], then=STATUS),
    help_format="markdown",
    version=__version__,
    suppress_keyboard_interrupt=False,
)
for _name, (_help, _lines) in COMMANDS.items():
    # Named, not imported: a command's file and what it needs are loaded when that command is run.
    app.command(f"pellucid.cli.{_name}:{_name}", name=_name, help=_help, help_epilogue=_examples(_lines))


class Screen(Console):
    """A console that leaves a closed pipe to its caller, and finds nothing of its own in the text to colour."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that is being handled; rich would end the program."""
        raise


class UsageError(Exception):
    """The command cannot be run as it was typed."""


class CommandError(Exception):
    """The command came to nothing, for the reason in the text."""


def run(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit status; whatever goes wrong is said on standard error."""
    # None where the shell closed it (`>&-`), whatever the type says; a file opened then could take its place.
    if getattr(sys, "stdout", None) is None:
        say_error("standard output is closed; let it lead to a terminal, a file or /dev/null")
        return 1
    typed[:] = arguments
    try:
        status = _called(arguments)
        sys.stdout.flush()  # here, where a closed pipe is still caught
        return status if isinstance(status, int) else 0
    except UsageError as error:
        say_error(f"{error}\nTry: pellucid {_command(arguments)}--help")
        return 2
    except BrokenPipeError:  # nobody reads on, as in `pellucid predict ... | head`
        _close_output()
        return PIPE_CLOSED
    except KeyboardInterrupt as interrupt:
        say_error(f"interrupted; {str(interrupt) or 'nothing was written'}")
        number = getattr(interrupt, "number", None)
        return INTERRUPTED if number is None else 128 + int(number)
    except UnicodeEncodeError as error:
        say_error(
            f"standard output is {error.encoding}, which has no {error.object[error.start]!r}; "
            "write to a file (--output), or set PYTHONIOENCODING=utf-8"
        )
    except (PellucidError, CommandError) as error:
        say_error(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        say_error(f"{place}{error.strerror or error}")
        _close_output()
    except MemoryError as error:
        say_error(f"there is not enough memory{f': {error}' if str(error) else ''}")
    except Exception as error:
        if os.environ.get("PELLUCID_TRACEBACK"):
            raise
        say_error(
            f"{type(error).__name__}: {error}\n"
            "This should not happen; please report it with what PELLUCID_TRACEBACK=1 pellucid ... prints"
        )
    return 1


def _close_output() -> None:
    """Let what could not be written go, or the interpreter would complain of it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _called(arguments: Sequence[str]) -> object:
    # A lone "-", standard input, would be taken for an option; as a path this is the same.
    words = ["./-" if word == "-" else word for word in arguments]
    try:
        return app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        unused = error.unused_tokens or []
        repeated = [word for word in map(_option, arguments) if word in ("--ignore", "--as")]
        if not repeated:
            error.verbose = False
            raise UsageError(str(error)) from None
        from pellucid.cli.screen import quoted  # which needs this module

        options = " ".join(quoted(repeated[-1], word) for word in unused)
        raise UsageError(
            f"cannot place {', '.join(map(repr, unused))}; {repeated[-1]} takes one column: for more, repeat it: "
            f"{options}"
        ) from None
    except MissingArgumentError as error:
        error.verbose = False
        text = str(error)
        forgotten = error.argument is not None and error.argument.name == "--target" and "--target" not in arguments
        if forgotten and "Did you mean" not in text:
            text = "--target is missing: name the column to predict, as in --target price"
        raise UsageError(text) from None
    except CycloptsError as error:
        error.verbose = False
        raise UsageError(str(error)) from None


def _option(word: str) -> str:
    return word.partition("=")[0]


def whole_number(_: object, tokens: Sequence[Token]) -> int:
    """Return an option's value; cyclopts itself would round 1.5."""
    token = tokens[0]
    try:
        return int(token.value)
    except ValueError:
        raise UsageError(f"{token.keyword} takes a whole number, found {token.value!r}") from None


def say_error(text: str) -> None:
    """Write an error to standard error, in two lines at most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 2:
        lines = [f"{lines[0]} {'; '.join(lines[1:-1])}", lines[-1]]
    say("\n".join(lines), start="error: ", style="bold red")


def say(text: str, *, start: str = "", style: str = "") -> None:
    """Write to standard error, beside the results, in lines as long as they are."""
    # A terminal must not obey what a file name or a cell of a table holds.
    safe = "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)
    with contextlib.suppress(OSError):  # nobody reads it, or there is no room for it: the work goes on
        Screen(stderr=True).print(Text.assemble((start, style), safe), soft_wrap=True)


def _command(arguments: Sequence[str]) -> str:
    known = [word for word in arguments[:1] if word in COMMANDS]
    return f"{known[0]} " if known else ""

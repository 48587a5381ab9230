"""How a file is refused: in one line that begins with its name, whatever the file holds."""

from typing import NoReturn

from pellucid.errors import ModelFileError

LONGEST = 400


def refuse(source: str, problem: str) -> NoReturn:
    r"""Raise the one error of this room: the file's name, then what is wrong, on one line of bounded length.

    Examples
    --------
    >>> refuse("model.pellucid", "a name with a line break: one\ntwo")
    Traceback (most recent call last):
        ...
    pellucid.errors.ModelFileError: model.pellucid: a name with a line break: one\ntwo
    """
    name = source if source.isprintable() else ascii(source)
    text = problem if len(problem) <= LONGEST else problem[: LONGEST - 3] + "..."
    # `from None`: the reason is told in full, and a parser's own error would only lengthen the traceback.
    raise ModelFileError(f"{name}: {_on_one_line(text)}") from None


def shown(value: object) -> str:
    r"""Return a value from a file as it may stand in an error: short, on one line, in plain ASCII.

    Examples
    --------
    >>> shown([1, 2]), shown("two\nlines"), shown(None)
    ('a list of 2 entries', "'two\\nlines'", 'None')
    """
    if isinstance(value, dict):
        return f"an object of {len(value)} entries"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)} entries"
    if isinstance(value, str):
        return ascii(value[:60]) + ("..." if len(value) > 60 else "")
    return str(value)


def encodable(text: str) -> bool:
    r"""Return whether a text is whole: half a surrogate pair can stand in JSON, and in no text file.

    Examples
    --------
    >>> encodable("\U0001f600"), encodable("\ud83d")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _on_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)

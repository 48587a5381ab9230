"""A trace's story as text, for a terminal."""

import math
import textwrap
from collections.abc import Callable, Iterator

from pellucid.insight.story.parts import DIGITS, Item, Line, Remark, Section, Story, Strip, is_listed
from pellucid.insight.terms import (
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    WHOLE,
    Add,
    Apply,
    Cases,
    Compare,
    Derivative,
    Divide,
    Multiply,
    Negative,
    Number,
    Over,
    Power,
    Rest,
    Symbol,
    Term,
    figure,
)

WIDTH = 100
BARS = "▁▂▃▄▅▆▇█"
RED, BOLD, PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[0m"


def written(term: Term, digits: int = 17) -> str:
    """Return a term as a line of text, which Python can work out where it holds numbers alone (^ is a power).

    Examples
    --------
    >>> written(Add((Multiply((Number(1.0), Number(-7.6932))), Negative(Number(10.3417)))))
    '1*-7.6932 - 10.3417'
    >>> written(Derivative(Symbol("L"), Symbol("w", "1", ("2", "3"))))
    'dL/dw1[2,3]'
    """
    return _written(term, digits)[0]


def symbol(name: Symbol) -> str:
    """Return a name: x1, z2[3], w1[2,3], with a prime for a value after the step.

    Examples
    --------
    >>> symbol(Symbol("w", "", ("1",))), symbol(Symbol("z", "2", ("3",), 1))
    ('w1', "z2[3]'")
    """
    index = ",".join(name.index)
    if index:
        glued = not name.level and len(name.letter) == 1 and name.letter not in "Ll" and index in "123456789"
        index = index if glued else f"[{index}]"
    return f"{name.letter}{name.level}{index}{chr(39) * name.marks}"


def _written(term: Term, digits: int) -> tuple[str, int]:
    """Return a term's text, and how tightly its last operation binds."""

    def within(part: Term, least: int) -> str:
        text, binding = _written(part, digits)
        return text if binding >= least else f"({text})"

    match term:
        case Number(value):
            return figure(value, digits), WHOLE if value >= 0 or not math.isfinite(value) else SIGN
        case Rest(count, value):
            return f"{figure(value, digits)} {{{count}\u00a0others}}", WHOLE if value >= 0 else SIGN
        case Symbol():
            return symbol(term), WHOLE
        case Derivative(of, by):
            return f"d{symbol(of)}/d{symbol(by)}", WHOLE
        case Add(terms):
            return "".join(_added(terms, within)), SUM
        case Multiply(factors):
            spaced = " * " if any(isinstance(one, Derivative) for one in factors) else "*"
            parts = [
                f"({written(one, digits)})" if isinstance(one, Divide) else within(one, SIGN if place else PRODUCT)
                for place, one in enumerate(factors)
            ]
            return spaced.join(parts), PRODUCT
        case Divide(above, below):
            return f"{within(above, PRODUCT)} / {within(below, SIGN + 1)}", PRODUCT
        case Power(base, exponent):
            raised = f"({written(base, digits)})" if isinstance(base, Derivative) else within(base, WHOLE)
            return f"{raised}^{within(exponent, WHOLE)}", POWER
        case Negative(one):
            return f"-{within(one, SIGN + 1)}", SIGN
        case Apply(function, arguments):
            return f"{function}({', '.join(written(one, digits) for one in arguments)})", WHOLE
        case Compare(left, sign, right):
            return f"{written(left, digits)} {sign} {written(right, digits)}", SUM - 1
        case Cases(condition, then, otherwise):
            text = f"{written(then, digits)} where {written(condition, digits)}, else {written(otherwise, digits)}"
            return text, SUM - 1
        case Over(function, index, body):
            return f"{function}_{index}({written(body, digits)})", WHOLE


def _added(terms: tuple[Term, ...], within: Callable[[Term, int], str]) -> Iterator[str]:
    for place, one in enumerate(terms):
        text = within(one.term if isinstance(one, Negative) and place else one, PRODUCT)
        minus = isinstance(one, Negative)
        if place == 0:
            yield text
            continue
        if not minus and isinstance(one, Number | Rest) and text.startswith("-"):
            minus, text = True, text[1:]
        elif minus and text.startswith("-"):
            minus, text = False, text[1:]
        yield f" {'-' if minus else '+'} {text}"


def render(story: Story, *, color: bool = False, width: int = WIDTH) -> str:
    """Return the story as text.

    Parameters
    ----------
    story : Story
    color : bool
        Whether to mark titles and values that are not finite with a terminal's colours; they are marked in words too.
    width : int
        Equations that are longer go on in further lines.
    """
    title = textwrap.wrap(f"{story.title} of {story.subject}", width, subsequent_indent="  ")
    lines = [_painted(BOLD, text, color) for text in title]
    for remark in story.about:
        lines += _remark(remark, color, width)
    for section in story.sections:
        lines += ["", *_section(section, color, width)]
    return "\n".join(lines)


def _section(section: Section, color: bool, width: int) -> list[str]:
    mark = "  <-- values that are not finite first appear here" if section.marked else ""
    lines = [_painted(BOLD, section.title, color) + _painted(RED, mark, color)]
    for item in section.items:
        lines += [f"  {text}" for text in _item(item, color, width - 2)]
    return lines


def _painted(style: str, text: str, color: bool) -> str:
    return f"{style}{text}{PLAIN}" if color and text else text


def _item(item: Item, color: bool, width: int) -> list[str]:
    if isinstance(item, Section):
        return _section(item, color, width)
    if isinstance(item, Remark):
        return _remark(item, color, width)
    if isinstance(item, Strip):
        lines = _folded(name_text(item.name) + strip_text(item), width)
        return [_painted(RED, text, color) if item.not_finite else text for text in lines]
    return [text if item.finite else _painted(RED, text, color) for text in _line(item, width)]


def _remark(item: Remark, color: bool, width: int) -> list[str]:
    lines = textwrap.wrap(f"! {item.text}" if item.warning else item.text, width)
    return [_painted(RED, text, color) for text in lines] if item.warning else lines


def _folded(text: str, width: int) -> list[str]:
    """Return a line as lines that fit; what goes on is indented."""
    return textwrap.wrap(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def name_text(name: Symbol | Derivative | str) -> str:
    """Return a name as text."""
    return name if isinstance(name, str) else written(name)


def strip_text(item: Strip, *, bars: bool = True) -> str:
    """Return what follows an array's name: its few values, or its shape and range and a strip of bars."""
    what = f" ({item.what})" if item.what else ""
    bad = f"  {item.not_finite} of {math.prod(item.shape)} not finite" if item.not_finite else ""
    if is_listed(item):
        rows = item.shape[0] if len(item.shape) == 2 and math.prod(item.shape) == len(item.cells) else 1
        width = len(item.cells) // rows
        cells = [figure(value, DIGITS) for value in item.cells]
        lines = ["  ".join(cells[row * width : (row + 1) * width]) for row in range(rows)]
        return f"{what}: {' | '.join(lines)}{bad}"
    shape = " x ".join(map(str, item.shape)) or "1"
    strip = "  " + "".join(_cell(value, item) for value in item.cells) if bars else ""
    return f"{what}: {shape}, {figure(item.low, 4)} to {figure(item.high, 4)}{strip}{bad}"


def _cell(value: float, item: Strip) -> str:
    if not math.isfinite(value):
        return "!"
    width = item.high - item.low
    share = (value - item.low) / width if width > 0 else 0.0
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]


def _line(item: Line, width: int) -> Iterator[str]:
    left = written(item.left)
    forms = [written(form) for form in item.forms]
    numbers = [] if item.numbers is None else [written(item.numbers, item.digits)]
    parts = [f"= {part}" for part in [*forms, *numbers] if part != item.result]
    remark = f"   ({item.remark})" if item.remark else ""
    parts.append(f"{item.sign} {item.result}{remark}")
    indent = " " * len(left)
    whole = " ".join([left, *parts])
    if len(whole) <= width:
        yield whole
    else:
        start = left
        for part in parts:
            for text in textwrap.wrap(part, max(width - len(left), 24), break_long_words=False, break_on_hyphens=False):
                yield f"{start} {text}" if text.startswith(("= ", "≈ ", "≠ ")) else f"{indent}     {text}"
                start = indent
    if len(item.by) > 1:
        by = ", ".join(f"{written(factor)}: {layer}" for factor, layer in item.by)
        yield from (f"{indent}   {text}" for text in _folded(by, max(width - len(indent) - 3, 24)))

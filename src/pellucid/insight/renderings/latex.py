"""A trace's story as a LaTeX document, for a handout."""

import math
from collections.abc import Callable, Mapping

from pellucid.insight.renderings.text import strip_text
from pellucid.insight.story.parts import Line, Remark, Section, Story, Strip
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

By = Mapping[Term, str]

_FUNCTIONS = {"exp": r"\exp", "log": r"\log", "tanh": r"\tanh", "max": r"\max", "min": r"\min"}
_SIGNS = {">=": r"\ge", "<=": r"\le", "==": "="}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
}


def escaped(text: str) -> str:
    r"""Return a text as LaTeX shows it literally.

    Examples
    --------
    >>> print(escaped("dense_1: 50 %"))
    dense\_1: 50 \%
    """
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def symbol(name: Symbol) -> str:
    """Return a name: one letter in italics, a word upright; the layer as superscript, indices as subscript."""
    if name.letter == "π":
        base = r"\pi"
    else:
        base = name.letter if len(name.letter) == 1 and name.letter.isalpha() else rf"\text{{{escaped(name.letter)}}}"
    above = (f"({name.level})" if name.level else "") + r"\prime" * name.marks
    below = ",".join(one if one.isalnum() and len(one) < 4 else rf"\text{{{escaped(one)}}}" for one in name.index)
    return base + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def number(value: float, digits: int) -> str:
    r"""Return a number, its power of ten written out.

    Examples
    --------
    >>> print(number(-1.5e-7, 3), number(2.0, 3))
    -1.5 \cdot 10^{-7} 2
    """
    if not math.isfinite(value):
        return r"\mathrm{nan}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    mantissa, _, exponent = figure(value, digits).partition("e")
    return mantissa + (rf" \cdot 10^{{{int(exponent)}}}" if exponent else "")


def written(term: Term, digits: int = 17, by: By | None = None) -> str:
    r"""Return a term in LaTeX's mathematics; factors that ``by`` names carry their layer underneath.

    Examples
    --------
    >>> print(written(Divide(Number(1.0), Symbol("z", "2", ("3",)))))
    \frac{1}{z_{3}^{(2)}}
    """
    return _written(term, digits, by or {})[0]


def _written(term: Term, digits: int, by: By) -> tuple[str, int]:
    def within(part: Term, least: int) -> str:
        text, binding = _written(part, digits, by)
        return text if binding >= least else rf"\left({text}\right)"

    text, binding = _plain(term, digits, by, within)
    if term in by:
        return rf"\underbrace{{{text}}}_{{\text{{{escaped(by[term])}}}}}", WHOLE
    return text, binding


def _plain(term: Term, digits: int, by: By, within: Callable[[Term, int], str]) -> tuple[str, int]:
    match term:
        case Number(value):
            text = number(value, digits)
            return text, SIGN if text.startswith("-") else PRODUCT if "cdot" in text else WHOLE
        case Rest(count, value):
            return rf"\underbrace{{{number(value, digits)}}}_{{\text{{{count} others}}}}", SIGN
        case Symbol():
            return symbol(term), WHOLE
        case Derivative(of, variable):
            return rf"\frac{{\partial {symbol(of)}}}{{\partial {symbol(variable)}}}", WHOLE
        case Add(terms):
            return _added(terms, digits, within), SUM
        case Multiply(factors):
            return r" \cdot ".join(
                within(one, SIGN + 1 if place else PRODUCT) for place, one in enumerate(factors)
            ), PRODUCT
        case Divide(above, below):
            return rf"\frac{{{written(above, digits, by)}}}{{{written(below, digits, by)}}}", WHOLE
        case Power(base, exponent):
            indexed = isinstance(base, Symbol) and (base.level or base.marks)
            whole = WHOLE + 1 if indexed or isinstance(base, Derivative | Divide) else WHOLE
            return f"{within(base, whole)}^{{{written(exponent, digits, by)}}}", POWER
        case Negative(one):
            return f"-{within(one, SIGN + 1)}", SIGN
        case Apply("sqrt", (one,)):
            return rf"\sqrt{{{written(one, digits, by)}}}", WHOLE
        case Apply("abs", (one,)):
            return rf"\left|{written(one, digits, by)}\right|", WHOLE
        case Apply(function, arguments):
            name = _FUNCTIONS.get(function, rf"\operatorname{{{function}}}")
            return rf"{name}\left({', '.join(written(one, digits, by) for one in arguments)}\right)", WHOLE
        case Compare(left, sign, right):
            return f"[{written(left, digits, by)} {_SIGNS.get(sign, sign)} {written(right, digits, by)}]", WHOLE
        case Cases(condition, then, otherwise):
            first = rf"{written(then, digits, by)} & {written(condition, digits, by)} \\ "
            return rf"\begin{{cases}} {first}{written(otherwise, digits, by)} & \text{{else}} \end{{cases}}", WHOLE
        case Over(function, index, body):
            name = r"\sum" if function == "sum" else _FUNCTIONS[function]
            return f"{name}_{{{index}}} {within(body, PRODUCT)}", PRODUCT
    raise TypeError(f"{term!r} is no term")


def _added(terms: tuple[Term, ...], digits: int, within: Callable[[Term, int], str]) -> str:
    text = ""
    for place, one in enumerate(terms):
        part = within(one, PRODUCT)
        if place:
            part = f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        text += part
    return text


def render(story: Story) -> str:
    """Return the story as a whole document, which needs amsmath and nothing else."""
    head = [r"\documentclass{article}", r"\usepackage[T1]{fontenc}", r"\usepackage{amsmath}", r"\allowdisplaybreaks"]
    body = [rf"\section*{{{escaped(story.title)}}}", rf"\texttt{{{escaped(story.subject)}}}", ""]
    body += [_item(one) for one in story.about]
    body += [text for section in story.sections for text in _section(section)]
    return "\n".join([*head, r"\begin{document}", *body, r"\end{document}", ""])


def _section(section: Section, level: str = "subsection") -> list[str]:
    """Return a section and, one level below, those within."""
    mark = " (values that are not finite first appear here)" if section.marked else ""
    lines = ["", rf"\{level}*{{{escaped(section.title + mark)}}}"]
    for item in section.items:
        lines += _section(item, "subsubsection") if isinstance(item, Section) else [_item(item)]
    return lines


def _item(item: Line | Strip | Remark) -> str:
    if isinstance(item, Remark):
        text = escaped(item.text)
        return (rf"\textbf{{{text}}}" if item.warning else text) + "\n"
    if isinstance(item, Strip):
        name = escaped(item.name) if isinstance(item.name, str) else f"${written(item.name)}$"
        shown = strip_text(item, bars=False)
        return f"{name}{escaped(shown)}" + "\n"
    return _line(item)


def _line(item: Line) -> str:
    by = dict(item.by)
    sides = [written(form, by=by) for form in item.forms]
    if item.numbers is not None:
        sides.append(written(item.numbers, item.digits))
    result = number(float(item.result), 17)
    sides = [side for side in sides if side != result]
    sign = {"≈": r"\approx", "≠": r"\ne"}.get(item.sign, "=")
    rows = [*(f"= {side}" for side in sides), f"{sign} {result}"]
    remark = rf" \quad \text{{({escaped(item.remark)})}}" if item.remark else ""
    lines = [f"{written(item.left, by={} if sides else by)} &{rows[0]}", *[f"&{row}" for row in rows[1:]]]
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + remark + "\n\\end{align*}"

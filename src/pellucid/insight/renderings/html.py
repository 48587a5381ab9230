"""A trace's story for a notebook: sections that fold, and mathematics as MathML, and no script."""

import math
from collections.abc import Mapping
from html import escape

from pellucid.insight.renderings.text import strip_text
from pellucid.insight.story.parts import Item, Line, Remark, Section, Story, Strip
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

STYLE = """
.pellucid-trace { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; }
.pellucid-trace summary { font-weight: 600; cursor: pointer; padding: .15rem 0; }
.pellucid-trace details { border-left: 3px solid #8aa; padding-left: .8rem; margin: .4rem 0; }
.pellucid-trace details.marked { border-left-color: #b00020; }
.pellucid-trace .equation { overflow-x: auto; overflow-y: hidden; padding: .3rem 0; font-size: 1.1em; }
.pellucid-trace mtd { text-align: left; padding: .15em .2em; }
.pellucid-trace .wrong { color: #b00020; font-weight: 600; }
.pellucid-trace .strip { letter-spacing: 0; white-space: pre; }
@media (prefers-color-scheme: dark) { .pellucid-trace .wrong { color: #ff8a80; } }
""".strip()

OPENED = ("input", "forward", "loss")
"""These sections are open at first."""


def symbol(name: Symbol) -> str:
    """Return a name: the layer as superscript, indices as subscript."""
    base = f"<mi>{escape(name.letter)}</mi>"
    above = (f"<mo>(</mo><mn>{name.level}</mn><mo>)</mo>" if name.level else "") + "<mo>′</mo>" * name.marks
    below = "<mo>,</mo>".join(f"<mn>{one}</mn>" if one.isdigit() else f"<mi>{escape(one)}</mi>" for one in name.index)
    if above and below:
        return f"<msubsup>{base}<mrow>{below}</mrow><mrow>{above}</mrow></msubsup>"
    if above:
        return f"<msup>{base}<mrow>{above}</mrow></msup>"
    return f"<msub>{base}<mrow>{below}</mrow></msub>" if below else base


def number(value: float, digits: int) -> str:
    """Return a number, its power of ten written out.

    Examples
    --------
    >>> number(-2.5, 3)
    '<mrow><mo>−</mo><mn>2.5</mn></mrow>'
    """
    if not math.isfinite(value):
        name = "nan" if math.isnan(value) else "∞" if value > 0 else "−∞"
        return f"<mi class='wrong'>{name}</mi>"
    mantissa, _, exponent = figure(value, digits).partition("e")
    minus = mantissa.startswith("-")
    text = f"<mn>{mantissa.lstrip('-')}</mn>"
    if exponent:
        power = int(exponent)
        of_ten = f"<mrow><mo>−</mo><mn>{-power}</mn></mrow>" if power < 0 else f"<mn>{power}</mn>"
        text += f"<mo>·</mo><msup><mn>10</mn>{of_ten}</msup>"
    if minus:
        return f"<mrow><mo>−</mo>{text}</mrow>"
    return f"<mrow>{text}</mrow>" if exponent else text


def written(term: Term, digits: int = 17, by: By | None = None) -> str:
    """Return a term in MathML; factors that ``by`` names carry their layer underneath.

    Examples
    --------
    >>> written(Divide(Number(1.0), Symbol("z")))
    '<mfrac><mn>1</mn><mi>z</mi></mfrac>'
    """
    return _written(term, digits, by or {})[0]


def _written(term: Term, digits: int, by: By) -> tuple[str, int]:
    text, binding = _plain(term, digits, by)
    if term in by:
        return f"<munder>{text}<mtext>{escape(by[term])}</mtext></munder>", WHOLE
    return text, binding


def _plain(term: Term, digits: int, by: By) -> tuple[str, int]:
    def within(part: Term, least: int) -> str:
        text, binding = _written(part, digits, by)
        return text if binding >= least else f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"

    def row(*parts: str) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"

    def inner(part: Term) -> str:
        return written(part, digits, by)

    match term:
        case Number(value):
            text = number(value, digits)
            return text, SIGN if value < 0 else PRODUCT if "·" in text else WHOLE
        case Rest(count, value):
            return (
                f"<munder>{number(value, digits)}<mtext>{count} others</mtext></munder>",
                SIGN if value < 0 else WHOLE,
            )
        case Symbol():
            return symbol(term), WHOLE
        case Derivative(of, variable):
            return f"<mfrac>{row('<mo>∂</mo>', symbol(of))}{row('<mo>∂</mo>', symbol(variable))}</mfrac>", WHOLE
        case Add(terms):
            parts = [within(terms[0], PRODUCT)]
            for one in terms[1:]:
                minus = isinstance(one, Negative) or (isinstance(one, Number | Rest) and one.value < 0)
                parts.append(f"<mo>{'−' if minus else '+'}</mo>")
                parts.append(within(_positive(one) if minus else one, PRODUCT))
            return row(*parts), SUM
        case Multiply(factors):
            return row(
                "<mo>·</mo>".join(within(one, SIGN + 1 if place else PRODUCT) for place, one in enumerate(factors))
            ), PRODUCT
        case Divide(above, below):
            return f"<mfrac>{inner(above)}{inner(below)}</mfrac>", WHOLE
        case Power(base, exponent):
            raised = f"<mrow><mo>(</mo>{inner(base)}<mo>)</mo></mrow>" if isinstance(base, Derivative | Divide) else ""
            return f"<msup>{raised or within(base, WHOLE)}{inner(exponent)}</msup>", POWER
        case Negative(one):
            return row("<mo>−</mo>", within(one, SIGN + 1)), SIGN
        case Apply("sqrt", (one,)):
            return f"<msqrt>{inner(one)}</msqrt>", WHOLE
        case Apply("abs", (one,)):
            return row("<mo>|</mo>", inner(one), "<mo>|</mo>"), WHOLE
        case Apply(function, arguments):
            return row(f"<mi>{function}</mi><mo>(</mo>", "<mo>,</mo>".join(map(inner, arguments)), "<mo>)</mo>"), WHOLE
        case Compare(left, sign, right):
            return row("<mo>[</mo>", inner(left), f"<mo>{escape(sign)}</mo>", inner(right), "<mo>]</mo>"), WHOLE
        case Cases(condition, then, otherwise):
            first = f"<mtr><mtd>{inner(then)}</mtd><mtd>{inner(condition)}</mtd></mtr>"
            second = f"<mtr><mtd>{inner(otherwise)}</mtd><mtd><mtext>else</mtext></mtd></mtr>"
            return row("<mo>{</mo><mtable>", first, second, "</mtable>"), WHOLE
        case Over(function, index, body):
            name = "<mo>∑</mo>" if function == "sum" else f"<mi>{function}</mi>"
            return row(f"<munder>{name}<mi>{index}</mi></munder>", within(body, PRODUCT)), PRODUCT
    raise TypeError(f"{term!r} is no term")


def _positive(term: Term) -> Term:
    match term:
        case Negative(one):
            return one
        case Number(value):
            return Number(-value)
        case Rest(count, value):
            return Rest(count, -value)
    return term


def render(story: Story) -> str:
    """Return the story as a piece of HTML."""
    title = f"<p><strong>{escape(story.title)}</strong> of <code>{escape(story.subject)}</code></p>"
    about = "".join(map(_item, story.about))
    return (
        f"<div class='pellucid-trace'><style>{STYLE}</style>{title}{about}"
        f"{''.join(map(_section, story.sections))}</div>"
    )


def _section(section: Section, within: bool = False) -> str:
    mark = " <span class='wrong'>values that are not finite first appear here</span>" if section.marked else ""
    marked = any(one.marked for one in section.everything())
    opened = " open" if within or marked or section.kind in OPENED else ""
    kind = " class='marked'" if section.marked else ""
    items = "".join(map(_item, section.items))
    return f"<details{kind}{opened}><summary>{escape(section.title)}{mark}</summary>{items}</details>"


def _item(item: Item) -> str:
    if isinstance(item, Section):
        return _section(item, within=True)
    if isinstance(item, Remark):
        return f"<p{' class=wrong' if item.warning else ''}>{escape(item.text)}</p>"
    if isinstance(item, Strip):
        name = escape(item.name) if isinstance(item.name, str) else f"<math>{written(item.name)}</math>"
        wrong = " wrong" if item.not_finite else ""
        return f"<div class='strip{wrong}'>{name}{escape(strip_text(item))}</div>"
    return _line(item)


def _line(item: Line) -> str:
    by = dict(item.by)
    sides = [written(form, by=by) for form in item.forms]
    if item.numbers is not None:
        sides.append(written(item.numbers, item.digits))
    result = number(float(item.result), 17)
    sides = [side for side in sides if side != result]
    signs = ["="] * len(sides) + [item.sign]
    left = written(item.left, by={} if sides else by)
    remark = f"<mtext>&#8195;({escape(item.remark)})</mtext>" if item.remark else ""
    rows = []
    for place, (sign, side) in enumerate(zip(signs, [*sides, result], strict=True)):
        last = remark if place == len(sides) else ""
        start = left if place == 0 else ""
        rows.append(f"<mtr><mtd>{start}</mtd><mtd><mo>{sign}</mo></mtd><mtd>{side}{last}</mtd></mtr>")
    wrong = "" if item.finite else " wrong"
    return f"<div class='equation{wrong}'><math><mtable displaystyle='true'>{''.join(rows)}</mtable></math></div>"

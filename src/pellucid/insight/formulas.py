"""Formulas as layers, losses and optimizers write them: read, worked out, and turned into terms.

A formula is a line of ordinary Python arithmetic, such as ``"y = 1 / (1 + exp(-x))"``, or several with semicolons
between, each of which may use the names before it. Where a layer does not treat each value alone, indices in brackets
say which value is meant: ``"y[j] = sum(x[i] * weights[i, j] for i in x) + bias[j]"``. They count from 0, and may be
added to: ``x[j + 1]``, ``output[j + len(target)]``.
"""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from pellucid.insight.terms import (
    FUNCTIONS,
    Add,
    Apply,
    Cases,
    Compare,
    Divide,
    Multiply,
    Negative,
    Number,
    Over,
    Power,
    Rest,
    Symbol,
    Term,
    worked_out,
)

Index: TypeAlias = tuple[int, ...]
Named: TypeAlias = Callable[[str, tuple[Any, ...]], Term]
"""What a name with its indices stands for."""

TERMS_SHOWN = 6
"""A sum of more terms shows its largest, and what the others come to."""
SYMBOLS_SHOWN = 4
"""A sum of more symbols is written with its sign."""

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
}
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
}
_OF_ONE = set(FUNCTIONS) - {"max", "min"}
_KNOWN = sorted({*FUNCTIONS, "sum", "len"})


@dataclass(frozen=True)
class Equation:
    """One line of a formula: what it names, under which indices, and what that is."""

    name: str
    index: tuple[str, ...]
    right: ast.expr


@lru_cache(maxsize=256)
def read(text: str) -> tuple[Equation, ...]:
    """Read a formula.

    Raises
    ------
    ValueError
        If it is no arithmetic, or calls something unknown.

    Examples
    --------
    >>> [(one.name, one.index) for one in read("y[j] = sum(x[i] * weights[i, j] for i in x)")]
    [('y', ('j',))]
    >>> read("y = open(x)")
    Traceback (most recent call last):
    ValueError: the formula 'y = open(x)' calls open; it may call abs, erf, exp, len, log, max, min, sign, sqrt, ...
    """
    equations = []
    for line in filter(None, (part.strip() for part in text.replace("\n", ";").split(";"))):
        try:
            parsed = ast.parse(line).body
        except SyntaxError as problem:
            raise ValueError(f"the formula {line!r} is no arithmetic: {problem.msg}") from None
        if len(parsed) != 1 or not isinstance(parsed[0], ast.Assign) or len(parsed[0].targets) != 1:
            raise ValueError(f"the formula {line!r} must have the form: name = expression")
        name, index = name_of(parsed[0].targets[0], line)
        _refuse_unknown(parsed[0].value, line)
        equations.append(Equation(name, index, parsed[0].value))
    if not equations:
        raise ValueError(f"the formula {text!r} is empty")
    return tuple(equations)


def read_derivative(what: str, text: str) -> Equation:
    """Read an entry of a layer's ``derivatives``: with respect to what, and the derivative.

    Examples
    --------
    >>> read_derivative("weights[i, j]", "x[i]").index
    ('i', 'j')
    """
    return read(f"{what} = {text}")[0]


def name_of(node: ast.expr, line: str) -> tuple[str, tuple[str, ...]]:
    """Return a name and its indices."""
    if isinstance(node, ast.Name):
        return node.id, ()
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        letters = [part.id for part in _indices(node) if isinstance(part, ast.Name)]
        if len(letters) == len(_indices(node)):
            return node.value.id, tuple(letters)
    raise ValueError(f"the formula {line!r} must name one value, such as y or y[j], found {ast.unparse(node)!r}")


def _refuse_unknown(node: ast.expr, line: str) -> None:
    """Refuse whatever is no arithmetic: only these shapes of expressions are known, and nothing is ever run."""
    parts: list[ast.expr]
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            parts = []
        case ast.Name() | ast.Call(func=ast.Name(id="len"), args=[ast.Name()], keywords=[]):
            parts = []
        case ast.Subscript(value=ast.Name()):
            parts = _indices(node)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            parts = [operand]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right):
            parts = [left, right]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            parts = [left, right]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            parts = [test, body, orelse]
        case ast.Call(
            func=ast.Name(id="sum" | "max" | "min"),
            args=[ast.GeneratorExp(elt=each, generators=[ast.comprehension(ast.Name(), ast.Name(), [], 0)])],
            keywords=[],
        ):
            parts = [each]
        case ast.Call(func=ast.Name(id="max" | "min"), args=[_, _, *_] as parts, keywords=[]):
            pass
        case ast.Call(func=ast.Name(id=function), args=[_] as parts, keywords=[]) if function in _OF_ONE:
            pass
        case ast.Call(func=function) if ast.unparse(function) not in _KNOWN:
            raise ValueError(f"the formula {line!r} calls {ast.unparse(function)}; it may call {', '.join(_KNOWN)}")
        case _:
            raise ValueError(f"the formula {line!r} holds {ast.unparse(node)!r}, which is no arithmetic")
    for part in parts:
        _refuse_unknown(part, line)


def _indices(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


class Reader:
    """Turns a formula's expressions into terms.

    Parameters
    ----------
    named : function of (name, indices)
        What stands in the tree for a name: a number, or a symbol. Indices are whole numbers, or letters where a sum is
        not written out.
    sizes : function of a name
        How many values an index over that name runs through.
    """

    def __init__(self, named: Named, sizes: Callable[[str], int]) -> None:
        self.named, self.sizes = named, sizes

    def numbers(self, node: ast.expr, at: Mapping[str, int]) -> Term:
        """Return the expression with every name replaced by its number, and sums written out."""
        return self._term(node, dict(at), symbols=False)

    def symbols(self, node: ast.expr, at: Mapping[str, Any]) -> Term:
        """Return the expression in symbols; short sums are written out."""
        return self._term(node, dict(at), symbols=True)

    def _term(self, node: ast.expr, at: dict[str, Any], symbols: bool) -> Term:
        def term(part: ast.expr) -> Term:
            return self._term(part, at, symbols)

        match node:
            case ast.Constant(value=float() | int() as value):
                return Number(float(value))
            case ast.Name(id="pi"):
                return Symbol("π") if symbols else Number(math.pi)
            case ast.Name(id=name) if name in at:  # an index, compared with another
                return Symbol(str(at[name])) if isinstance(at[name], str) else Number(float(at[name]))
            case ast.Name(id=name):
                return self.named(name, ())
            case ast.Subscript(value=ast.Name(id=name)):
                return self.named(name, tuple(self._place(part, at) for part in _indices(node)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return opposite(term(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return _joined(term(left), op, term(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                sign, first, second = _COMPARISONS[type(op)], term(left), term(right)
                if not (_is_settled(first) and _is_settled(second)):
                    return Compare(first, sign, second)
                return Number(float(_HOLDS[sign](worked_out(first), worked_out(second))))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition = term(test)
                if not _is_settled(condition):
                    return Cases(condition, term(body), term(orelse))
                return term(body) if worked_out(condition) else term(orelse)
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
                return Number(float(self.sizes(name)))
            case ast.Call(func=ast.Name(id=function), args=[ast.GeneratorExp() as each]):
                return self._over(function, each, at, symbols)
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return Apply(function, tuple(term(one) for one in arguments))
        raise ValueError(f"the formula holds {ast.unparse(node)!r}, which is no arithmetic")

    def _place(self, node: ast.expr, at: dict[str, Any]) -> Any:
        """Return which value an index means: a whole number, or text with the letter of a sum not written out."""
        match node:
            case ast.Constant(value=int() as place):
                return place
            case ast.Name(id=letter) if letter in at:
                return at[letter]
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
                return self.sizes(name)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                first, second = self._place(left, at), self._place(right, at)
                if isinstance(first, int) and isinstance(second, int):
                    return first + second if isinstance(op, ast.Add) else first - second
                return f"{first} {'+' if isinstance(op, ast.Add) else '-'} {second}"
        raise ValueError(
            f"the formula has the index {ast.unparse(node)!r}; an index is a letter that stands on the left or in a "
            "sum, a whole number, len(name), or a sum or difference of those"
        )

    def _over(self, function: str, each: ast.GeneratorExp, at: dict[str, Any], symbols: bool) -> Term:
        loop = each.generators[0]
        assert isinstance(loop.target, ast.Name)
        assert isinstance(loop.iter, ast.Name)
        index, count = loop.target.id, self.sizes(loop.iter.id)
        if symbols and count > SYMBOLS_SHOWN:
            return Over(function, index, self._term(each.elt, {**at, index: index}, symbols))
        terms = tuple(self._term(each.elt, {**at, index: place}, symbols) for place in range(count))
        if function != "sum":
            return Apply(function, terms)
        return Add(terms) if symbols or count <= TERMS_SHOWN + 1 else shortened(terms)


def _is_settled(term: Term) -> bool:
    """Return whether a term holds numbers alone: beside symbols too, where indices are compared."""
    try:
        worked_out(term)
    except TypeError:
        return False
    return True


def shortened(terms: tuple[Term, ...]) -> Add:
    """Return a long sum of numbers as its largest terms in their order, and what the others come to.

    Examples
    --------
    >>> shortened(tuple(Number(value) for value in (9.0, 1.0, 8.0, 1.0, 7.0, 6.0, 5.0, 4.0))).terms[-1]
    Rest(count=2, value=2.0)
    """
    values = [worked_out(term) for term in terms]
    # NaN is what somebody looks for: it comes first.
    order = sorted(range(len(terms)), key=lambda place: (not math.isnan(values[place]), -abs(values[place])))
    shown = sorted(order[:TERMS_SHOWN])
    rest = worked_out(Add(tuple(Number(values[place]) for place in order[TERMS_SHOWN:])))
    return Add((*(terms[place] for place in shown), Rest(len(terms) - TERMS_SHOWN, rest)))


def opposite(term: Term) -> Term:
    """Return the opposite of a term; of a number, the number itself."""
    return Number(-term.value) if isinstance(term, Number) else Negative(term)


def _joined(left: Term, op: ast.operator, right: Term) -> Term:
    """Join two terms; sums and products of several become one."""
    match op:
        case ast.Add():
            return Add((*_parts(left, Add), *_parts(right, Add)))
        case ast.Sub():
            return Add((*_parts(left, Add), Negative(right)))
        case ast.Mult():
            return Multiply((*_parts(left, Multiply), *_parts(right, Multiply)))
        case ast.Div():
            return Divide(left, right)
        case ast.Pow():
            return Power(left, right)
    raise ValueError(f"a formula cannot hold the operator {type(op).__name__}")


def _parts(term: Term, kind: type[Add] | type[Multiply]) -> tuple[Term, ...]:
    if isinstance(term, Add) and kind is Add:
        return term.terms
    if isinstance(term, Multiply) and kind is Multiply:
        return term.factors
    return (term,)

"""Mutants of expressions: comparison, arithmetic, boolean, negation, constants and arguments."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator

from .edit import Edit, Operator
from .source import Source

_COMPARISONS: dict[type[ast.cmpop], tuple[bytes, str]] = {
    ast.Lt: (rb"<", "<="),
    ast.LtE: (rb"<=", "<"),
    ast.Gt: (rb">", ">="),
    ast.GtE: (rb">=", ">"),
    ast.Eq: (rb"==", "!="),
    ast.NotEq: (rb"!=", "=="),
    ast.Is: (rb"\bis\b", "is not"),
    ast.IsNot: (rb"\bis\s+not\b", "is"),
    ast.In: (rb"\bin\b", "not in"),
    ast.NotIn: (rb"\bnot\s+in\b", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[bytes, str]] = {
    ast.Add: (rb"\+", "-"),
    ast.Sub: (rb"-", "+"),
    ast.Mult: (rb"\*", "/"),
    ast.Div: (rb"/", "*"),
    ast.FloorDiv: (rb"//", "/"),
    ast.Mod: (rb"%", "*"),
    ast.Pow: (rb"\*\*", "*"),
    ast.MatMult: (rb"@", "*"),
    ast.BitAnd: (rb"&", "|"),
    ast.BitOr: (rb"\|", "&"),
    ast.BitXor: (rb"\^", "&"),
    ast.LShift: (rb"<<", ">>"),
    ast.RShift: (rb">>", "<<"),
}
_NO_NUMBERS = (ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp)
_ORDER_IS_ALL_ONE = frozenset(
    (
        "max",
        "min",
        "gcd",
        "isclose",
        "allclose",
        "equal",
        "add",
        "mul",
        "multiply",
        "isinstance",
        "issubclass",
        "print",
        "zip",
    )
)
_NEEDS_ALL = frozenset(
    (
        "isinstance",
        "issubclass",
        "getattr",
        "hasattr",
        "setattr",
        "cast",
        "super",
        "range",
    )
)
_QUOTE = re.compile(r"""^[rRuU]*('''|\"""|'|")""")


def comparisons(node: ast.Compare, source: Source) -> Iterator[Edit]:
    """``<`` for ``<=``, ``is`` for ``is not``, and so on: the bound moved by one."""
    sides = [node.left, *node.comparators]
    for number, operator in enumerate(node.ops):
        pattern, other = _COMPARISONS[type(operator)]
        yield from _between(
            sides[number], sides[number + 1], pattern, other, Operator.COMPARISON, source
        )


def arithmetic(node: ast.BinOp, source: Source) -> Iterator[Edit]:
    """The opposite operation; not where texts or lists are put together."""
    for side in (node.left, node.right):
        if isinstance(side, _NO_NUMBERS) or _is_text(side):
            return
    pattern, other = _ARITHMETIC[type(node.op)]
    yield from _between(node.left, node.right, pattern, other, Operator.ARITHMETIC, source)


def augmented(node: ast.AugAssign, source: Source) -> Iterator[Edit]:
    """``+=`` for ``-=``."""
    if isinstance(node.value, _NO_NUMBERS) or _is_text(node.value):
        return
    pattern, other = _ARITHMETIC[type(node.op)]
    yield from _between(
        node.target, node.value, pattern + b"=", f"{other}=", Operator.ARITHMETIC, source
    )


def booleans(node: ast.BoolOp, source: Source) -> Iterator[Edit]:
    """``and`` for ``or``."""
    both = isinstance(node.op, ast.And)
    pattern, other = (rb"\band\b", "or") if both else (rb"\bor\b", "and")
    for left, right in zip(node.values, node.values[1:], strict=False):
        yield from _between(left, right, pattern, other, Operator.BOOLEAN, source)


def signs(node: ast.UnaryOp, source: Source) -> Iterator[Edit]:
    """A ``not`` or a minus taken away."""
    start = source.start(node)
    if isinstance(node.op, ast.Not):
        found = re.compile(rb"not[ \t]*").match(source.data, start)
    elif isinstance(node.op, ast.USub | ast.Invert):
        found = re.compile(rb"[-~]").match(source.data, start)
    else:
        return
    if found is not None:
        yield Edit(Operator.NEGATION, start, found.end(), "")


def condition(test: ast.expr, source: Source) -> Iterator[Edit]:
    """A condition turned round; of comparisons and their combinations other operators do it."""
    if isinstance(test, ast.Compare | ast.BoolOp | ast.Constant | ast.NamedExpr):
        return
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return
    text = source.text(test)
    plain = isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    new = f"not {text}" if plain else f"not ({text})"
    yield Edit(Operator.NEGATION, source.start(test), source.end(test), new)


def constants(node: ast.Constant, source: Source) -> Iterator[Edit]:
    """The other truth, the next number, another text."""
    text = source.text(node)
    match node.value:
        case bool(value):
            new = str(not value)
        case int(value):
            new = str(value + 1)
        case float(value) if math.isfinite(value):
            new = repr(value + 1.0 if value + 1.0 != value else value * 2)
        case str():
            quote = _QUOTE.match(text)
            if quote is None:
                return
            new = f"{quote[0]}XX{text[quote.end() :]}"
        case _:
            return
    yield Edit(Operator.CONSTANT, source.start(node), source.end(node), new)


def swapped(node: ast.Call, source: Source) -> Iterator[Edit]:
    """The first two arguments in the other order."""
    if len(node.args) < 2 or called(node) in _ORDER_IS_ALL_ONE:
        return
    first, second = node.args[:2]
    if isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
        return
    if type(first) is not type(second) or ast.dump(first) == ast.dump(second):
        return  # of two kinds they are hardly of one type
    between = source.data[source.end(first) : source.start(second)].decode()
    text = source.text(second) + between + source.text(first)
    yield Edit(Operator.SWAP, source.start(first), source.end(second), text)


def dropped(node: ast.Call, source: Source) -> Iterator[Edit]:
    """One argument less: each that is given by name, and the last of several others."""
    if called(node) in _NEEDS_ALL:
        return
    for keyword in node.keywords:
        # On another device the same is computed: nothing here could tell.
        if keyword.arg is not None and keyword.arg not in ("device", "dtype"):
            yield from drop(node, keyword, Operator.ARGUMENT, source)
    if len(node.args) > 1 and not any(isinstance(one, ast.Starred) for one in node.args):
        yield from drop(node, node.args[-1], Operator.ARGUMENT, source)


def drop(
    node: ast.Call, argument: ast.expr | ast.keyword, operator: Operator, source: Source
) -> Iterator[Edit]:
    """Take an argument of a call away, with a comma."""
    given: list[ast.expr | ast.keyword] = sorted([*node.args, *node.keywords], key=source.start)
    place = given.index(argument)
    close = source.end(node) - 1
    after = source.start(given[place + 1]) if place + 1 < len(given) else close
    end = _behind_brackets(source.end(argument), after, source)
    if place:
        comma = source.find(rb",", source.end(given[place - 1]), source.start(argument))
        if comma is not None:
            yield Edit(operator, comma[0], end, "")
        return
    comma = source.find(rb",", end, after)
    start = source.start(argument)
    if comma is not None and len(given) > 1:
        yield Edit(operator, start, source.start(given[1]), "")
    else:
        yield Edit(operator, start, end if comma is None else comma[1], "")


def called(node: ast.Call) -> str:
    """Return the last part of what is called."""
    match node.func:
        case ast.Name(name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def _behind_brackets(position: int, limit: int, source: Source) -> int:
    """Return the end of the brackets that close behind a node which they stand around."""
    found = re.compile(rb"(?:[ \t\r\n]*\))*").match(source.data, position, limit)
    return position if found is None else found.end()


def _between(
    left: ast.expr, right: ast.expr, pattern: bytes, new: str, operator: Operator, source: Source
) -> Iterator[Edit]:
    found = source.find(pattern, source.end(left), source.start(right))
    if found is not None:
        yield Edit(operator, *found, new)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)

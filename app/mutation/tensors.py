"""Mutants of tensor code: ``dim``, ``keepdim``, ``detach``, bounds and conversions of dtype."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .edit import Edit, Operator
from .expressions import called, drop
from .source import Source

_CLAMPS = frozenset(
    (
        "clamp",
        "clamp_",
        "clip",
        "clip_",
    )
)
_CASTS = frozenset(
    (
        "float",
        "double",
        "half",
        "bfloat16",
        "long",
        "int",
        "short",
        "bool",
        "type_as",
    )
)
_DIM_NAMES = frozenset(
    (
        "dim",
        "dims",
        "axis",
    )
)
_WITH_DIM = frozenset(
    (
        "all",
        "amax",
        "amin",
        "any",
        "argmax",
        "argmin",
        "argsort",
        "cumprod",
        "cumsum",
        "flatten",
        "log_softmax",
        "logsumexp",
        "max",
        "mean",
        "median",
        "min",
        "norm",
        "prod",
        "size",
        "softmax",
        "sort",
        "squeeze",
        "std",
        "sum",
        "unsqueeze",
        "var",
        "cat",
        "stack",
        "chunk",
        "split",
        "index_select",
        "gather",
    )
)
_SECOND = frozenset(
    (
        "cat",
        "stack",
        "chunk",
        "split",
    )
)
"""Functions and methods of which the dimension is the second argument."""
_TORCH = frozenset(
    (
        "torch",
        "F",
        "functional",
        "np",
        "numpy",
        "jnp",
    )
)


def of_call(node: ast.Call, source: Source) -> Iterator[Edit]:
    """All of a call."""
    yield from _detached(node, source)
    yield from _clamped(node, source)
    yield from _converted(node, source)
    for keyword in node.keywords:
        if keyword.arg == "keepdim" or keyword.arg == "keepdims":
            yield from _toggled(keyword.value, source)
        elif keyword.arg in _DIM_NAMES:
            yield from _dimension(keyword.value, source)
    yield from _positional_dimension(node, source)


def _detached(node: ast.Call, source: Source) -> Iterator[Edit]:
    if not isinstance(node.func, ast.Attribute):
        return
    if node.func.attr in ("detach", "detach_") and not node.args:
        yield from _without_call(node, node.func, Operator.DETACH, source)
    elif node.func.attr in ("no_grad", "inference_mode") and _is_torch(node.func.value):
        end = source.end(node.func)
        yield Edit(Operator.DETACH, end - len(node.func.attr), end, "enable_grad")


def _clamped(node: ast.Call, source: Source) -> Iterator[Edit]:
    name = called(node)
    if name in ("min", "max") and isinstance(node.func, ast.Name) and len(node.args) == 2:
        # The way to clamp a plain number.
        for bound, other in (node.args, node.args[::-1]):
            if _is_number(bound) and not _is_number(other) and not node.keywords:
                text = source.text(other)
                plain = isinstance(other, ast.Call | ast.Name | ast.Attribute | ast.Subscript)
                new = text if plain else f"({text})"
                yield Edit(Operator.CLAMP, source.start(node), source.end(node), new)
        return
    if name not in _CLAMPS or not isinstance(node.func, ast.Attribute):
        return
    bounds = node.args[1:] if _is_torch(node.func.value) else node.args
    named = [keyword for keyword in node.keywords if keyword.arg in ("min", "max")]
    if len(bounds) + len(named) < 2:
        return
    for bound in bounds:
        if not (isinstance(bound, ast.Constant) and bound.value is None):
            yield Edit(Operator.CLAMP, source.start(bound), source.end(bound), "None")
    for keyword in named:
        yield from drop(node, keyword, Operator.CLAMP, source)


def _converted(node: ast.Call, source: Source) -> Iterator[Edit]:
    for keyword in node.keywords:
        if keyword.arg == "dtype" and called(node) != "to":
            yield from drop(node, keyword, Operator.DTYPE, source)
    if not isinstance(node.func, ast.Attribute):
        return
    if node.func.attr == "to":
        told = [source.text(one) for one in node.args]
        told += [f"{one.arg}={source.text(one.value)}" for one in node.keywords]
        if len(told) == 1 and ("dtype" in told[0] or told[0].startswith("torch.")):
            yield from _without_call(node, node.func, Operator.DTYPE, source)
        return
    is_cast = node.func.attr in _CASTS and not node.keywords and not _is_torch(node.func.value)
    if is_cast and len(node.args) == (node.func.attr == "type_as"):
        yield from _without_call(node, node.func, Operator.DTYPE, source)


def _without_call(
    node: ast.Call, function: ast.Attribute, operator: Operator, source: Source
) -> Iterator[Edit]:
    """``value.method(…)`` becomes ``value``."""
    dot = source.dot_before(function)
    if dot is not None:
        yield Edit(operator, dot, source.end(node), "")


def _toggled(value: ast.expr, source: Source) -> Iterator[Edit]:
    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        new = str(not value.value)
        yield Edit(Operator.KEEPDIM, source.start(value), source.end(value), new)


def _positional_dimension(node: ast.Call, source: Source) -> Iterator[Edit]:
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in _WITH_DIM:
        return
    place = int(_is_torch(node.func.value) or node.func.attr in _SECOND)
    if len(node.args) > place:
        yield from _dimension(node.args[place], source)


def _dimension(value: ast.expr, source: Source) -> Iterator[Edit]:
    """Another dimension; of several, one of them."""
    if isinstance(value, ast.Tuple | ast.List):
        taken = {_int_of(one) for one in value.elts}
        for one in value.elts:
            number = _int_of(one)
            if number is not None and (new := _other(number)) not in taken:
                yield Edit(Operator.DIM, source.start(one), source.end(one), str(new))
        return
    number = _int_of(value)
    if number is not None:
        yield Edit(Operator.DIM, source.start(value), source.end(value), str(_other(number)))


def _other(number: int) -> int:
    return 1 if number == 0 else number - 1


def _int_of(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
    return None


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _is_torch(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _TORCH

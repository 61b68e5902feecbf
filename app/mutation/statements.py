"""Mutants of statements: one dropped, a neutral value returned, a decorator removed."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from .edit import Edit, Operator
from .source import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef

_KEPT_DECORATORS = frozenset(
    (
        "abstractmethod",
        "final",
        "no_type_check",
        "overload",
        "override",
        "runtime_checkable",
        "setter",
        "getter",
        "deleter",
        "wraps",
        "type_check_only",
    )
)
_NEUTRAL = {
    "bool": ("False", "True"),
    "int": ("0", "1"),
    "float": ("0.0", "1.0"),
    "str": ('""', '"XX"'),
    "bytes": ('b""',),
    "list": ("[]",),
    "dict": ("{}",),
    "tuple": ("()",),
    "set": ("set()",),
    "Sequence": ("()",),
    "Mapping": ("{}",),
}
_TENSORS = frozenset(
    (
        "Tensor",
        "Array",
        "ndarray",
    )
)


def without(
    node: ast.stmt, known: Collection[str], *, within_for: bool, source: Source
) -> Iterator[Edit]:
    """A statement replaced by ``pass``, where what follows can still be run.

    Args:
        node: the statement.
        known: names that have a value before it; only these may miss an assignment.
        within_for: whether it stands in a ``for``, which ends also without its ``break``.
        source: the file.
    """
    if _may_go(node, known, within_for):
        yield Edit(Operator.STATEMENT, source.start(node), source.end(node), "pass")


def _may_go(node: ast.stmt, known: Collection[str], within_for: bool) -> bool:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()):
            return True
        case ast.Assign(targets=targets):
            return all(_is_kept(target, known) for target in targets)
        case ast.AnnAssign(target=target, value=value):
            return value is not None and _is_kept(target, known)
        case ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Assert() | ast.Continue():
            return True
        case ast.Break():
            return within_for
    return False


def _is_kept(target: ast.expr, known: Collection[str]) -> bool:
    """Whether what is assigned to is there without it."""
    if isinstance(target, ast.Tuple | ast.List):
        return all(_is_kept(one, known) for one in target.elts)
    return isinstance(target, ast.Attribute | ast.Subscript) or (
        isinstance(target, ast.Name) and target.id in known
    )


def returned(node: ast.Return, function: Function | None, source: Source) -> Iterator[Edit]:
    """A neutral value of the annotated type; of a tensor, the first one that came in."""
    if node.value is None or function is None:
        return
    text = source.text(node.value)
    for new in _neutral(function):
        if new != text:
            yield Edit(Operator.RETURN, source.start(node.value), source.end(node.value), new)
            return


def _neutral(function: Function) -> tuple[str, ...]:
    told = "" if function.returns is None else ast.unparse(function.returns).strip("'\"")
    base = told.partition("[")[0].rpartition(".")[2].strip()
    if base in _TENSORS:
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        first = [one.arg for one in given if _names_tensor(one.annotation)]
        return (*first[:1], "None")
    if base == "Self":
        return ("None",)
    return _NEUTRAL.get(base, ("None",))


def _names_tensor(annotation: ast.expr | None) -> bool:
    if annotation is None:
        return False
    return ast.unparse(annotation).strip("'\"").rpartition(".")[2] in _TENSORS


def undecorated(node: Function | ast.ClassDef, source: Source) -> Iterator[Edit]:
    """A function or class without one of its decorators, whole lines taken away."""
    for decorator in node.decorator_list:
        plain = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = plain.attr if isinstance(plain, ast.Attribute) else getattr(plain, "id", "")
        if name in _KEPT_DECORATORS:
            continue
        line = source.line_of(source.data.rfind(b"@", 0, source.start(decorator)))
        start = source.line_start(line)
        end = source.line_start((decorator.end_lineno or decorator.lineno) + 1)
        yield Edit(Operator.DECORATOR, start, end, "")

"""Where a file can be mutated, and what is left alone because no test should have to see it.

Left alone: what is raised beyond that it is raised, messages of asserts, docstrings, annotations,
logging, ``__repr__``, what only type checkers read, imports, patterns of ``match`` and f-strings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import expressions, statements, tensors
from .edit import Edit
from .outline import MODULE
from .source import Source, first_line

_LOGGERS = frozenset(
    (
        "log",
        "logger",
        "logging",
    )
)
_LOG_CALLS = frozenset(
    (
        "critical",
        "debug",
        "error",
        "exception",
        "info",
        "log",
        "warning",
        "warn",
    )
)
_FOR_TYPES = frozenset(
    (
        "NewType",
        "ParamSpec",
        "TypeVar",
        "TypeVarTuple",
    )
)
_NAMES_LEFT = frozenset(("__all__", "__slots__", "__version__"))


@dataclass(frozen=True)
class Candidate:
    """A place that can be mutated."""

    edit: Edit
    line: int
    function: str
    """The innermost function around it, or the class, or ``<module>``."""
    first: int
    """The lines of that function; of what is in none, those of the statement."""
    last: int


@dataclass(frozen=True)
class _Around:
    """What a node stands in."""

    name: str = MODULE
    prefix: str = ""
    function: statements.Function | None = None
    first: int = 0
    last: int = 0
    within_for: bool = False


def candidates(source: Source) -> Iterator[Candidate]:
    """Return every place of a file that can be mutated."""
    yield from _Walk(source).body(source.tree.body, _Around(), set())


class _Walk:
    def __init__(self, source: Source) -> None:
        self._source = source

    def body(self, body: list[ast.stmt], around: _Around, known: set[str]) -> Iterator[Candidate]:
        """Go through statements; `known` gains the names that they give a value."""
        for node in body:
            if _is_left_alone(node):
                continue
            here = around
            if around.function is None:
                here = replace(around, first=first_line(node), last=node.end_lineno or node.lineno)
            yield from self._statement(node, here, known)
            known.update(_stored(node))

    def _statement(self, node: ast.stmt, around: _Around, known: set[str]) -> Iterator[Candidate]:
        source = self._source
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._function(node, around)
                return
            case ast.ClassDef():
                yield from self._candidates(statements.undecorated(node, source), around)
                name = around.prefix + node.name
                inner = replace(around, name=name, prefix=f"{name}.", function=None)
                for keyword in node.keywords:
                    yield from self._expression(keyword.value, around)
                yield from self.body(node.body, inner, set())
                return
            case ast.Raise():
                if not _is_abstract(node):
                    yield from self._candidates(self._without(node, around, known), around)
                return
            case ast.Expr(value=ast.Call() as call) if _is_logging(call):
                return
            case ast.Expr(value=ast.Constant()):
                return
        yield from self._candidates(self._without(node, around, known), around)
        match node:
            case ast.Return():
                yield from self._candidates(
                    statements.returned(node, around.function, source), around
                )
            case ast.AugAssign():
                yield from self._candidates(expressions.augmented(node, source), around)
            case ast.If() | ast.While() | ast.Assert() if not _is_for_type_checkers(node.test):
                yield from self._candidates(expressions.condition(node.test, source), around)
        yield from self._parts(node, around, known)

    def _without(self, node: ast.stmt, around: _Around, known: set[str]) -> Iterator[Edit]:
        return statements.without(node, known, within_for=around.within_for, source=self._source)

    def _function(self, node: statements.Function, around: _Around) -> Iterator[Candidate]:
        if node.name == "__repr__" or _is_for_types(node):
            return
        name = around.prefix + node.name
        inner = _Around(
            name=name,
            prefix=f"{name}.<locals>.",
            function=node,
            first=first_line(node),
            last=node.end_lineno or node.lineno,
        )
        yield from self._candidates(statements.undecorated(node, self._source), inner)
        for decorator in node.decorator_list:
            yield from self._expression(decorator, inner)
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                yield from self._expression(default, inner)
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        known = {one.arg for one in (*given, arguments.vararg, arguments.kwarg) if one}
        yield from self.body(node.body, inner, known)

    def _parts(self, node: ast.stmt, around: _Around, known: set[str]) -> Iterator[Candidate]:
        """Go into what a statement holds: expressions and further statements."""
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            inner = replace(around, within_for=not isinstance(node, ast.While))
        else:
            inner = around
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "msg", "type_params", "type_comment", "pattern"):
                continue
            if field == "body" and isinstance(node, ast.If) and _is_for_type_checkers(node.test):
                continue
            parts = value if isinstance(value, list) else [value]
            if parts and isinstance(parts[0], ast.stmt):
                deeper = inner if field == "body" else around
                yield from self.body(parts, deeper, known)
                continue
            for part in parts:
                yield from self._part(part, inner, known)

    def _part(self, part: object, around: _Around, known: set[str]) -> Iterator[Candidate]:
        match part:
            case ast.expr():
                yield from self._expression(part, around)
            case ast.withitem():
                yield from self._expression(part.context_expr, around)
            case ast.ExceptHandler():
                yield from self.body(part.body, around, known)
            case ast.match_case():
                if part.guard is not None:
                    yield from self._candidates(
                        expressions.condition(part.guard, self._source), around
                    )
                    yield from self._expression(part.guard, around)
                yield from self.body(part.body, around, known)

    def _expression(self, node: ast.expr, around: _Around) -> Iterator[Candidate]:
        source = self._source
        match node:
            case ast.JoinedStr() | ast.Lambda(body=ast.Constant(value=None)):
                return
            case ast.Call():
                if expressions.called(node) in _FOR_TYPES:
                    return
                yield from self._candidates(tensors.of_call(node, source), around)
                yield from self._candidates(expressions.swapped(node, source), around)
                yield from self._candidates(expressions.dropped(node, source), around)
            case ast.Compare():
                yield from self._candidates(expressions.comparisons(node, source), around)
            case ast.BinOp():
                yield from self._candidates(expressions.arithmetic(node, source), around)
            case ast.BoolOp():
                yield from self._candidates(expressions.booleans(node, source), around)
            case ast.UnaryOp():
                yield from self._candidates(expressions.signs(node, source), around)
            case ast.IfExp():
                yield from self._candidates(expressions.condition(node.test, source), around)
            case ast.Constant():
                yield from self._candidates(expressions.constants(node, source), around)
        for child in _children(node):
            yield from self._expression(child, around)

    def _candidates(self, edits: Iterator[Edit], around: _Around) -> Iterator[Candidate]:
        for edit in edits:
            line = self._source.line_of(edit.start)
            yield Candidate(edit, line, around.name, around.first, around.last)


def _children(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions within one that may be mutated."""
    if isinstance(node, ast.Call):
        yield node.func
        first = expressions.called(node)
        # The second argument of isinstance names types; of cast, the first.
        yield from node.args[first == "cast" : 1 if first in _TYPE_TESTS else None]
        yield from (one.value for one in node.keywords if one.arg != "device")
        return
    if isinstance(node, ast.Lambda):
        yield from node.args.defaults
        yield node.body
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.comprehension):
            yield child.iter
            yield from child.ifs


_TYPE_TESTS = ("isinstance", "issubclass")


def _is_left_alone(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal() | ast.Pass():
            return True
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(name)]):
            return name in _NAMES_LEFT
        case ast.If(test=ast.Compare(left=ast.Name("__name__"))):
            return True
    return type(node).__name__ == "TypeAlias"


def _is_for_type_checkers(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _is_for_types(node: statements.Function) -> bool:
    """Whether a function has no body of its own: an overload, or a method of a protocol."""
    for decorator in node.decorator_list:
        name = decorator.attr if isinstance(decorator, ast.Attribute) else ""
        if (name or getattr(decorator, "id", "")) in ("overload", "type_check_only"):
            return True
    return all(
        isinstance(one, ast.Pass) or (isinstance(one, ast.Expr) and _is_constant(one.value))
        for one in node.body
    )


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _is_abstract(node: ast.Raise) -> bool:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _is_logging(call: ast.Call) -> bool:
    """Whether a call writes to a log, like ``self._log.info(…)`` or ``warnings.warn(…)``."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LOG_CALLS:
        return False
    owner = call.func.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return name.lower().strip("_") in _LOGGERS


def _stored(node: ast.stmt) -> set[str]:
    """The names that a statement gives a value."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }

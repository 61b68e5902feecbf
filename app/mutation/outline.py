"""What a file defines: functions, methods, classes and names, each with its lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .source import Source, first_line

MODULE = "<module>"
"""Stands for the statements of a file that are in no function."""


@dataclass(frozen=True)
class Definition:
    """Something that a file defines."""

    name: str
    """As Python qualifies it: ``Class.method``, ``function.<locals>.inner``."""
    kind: str
    """``function``, ``class`` or ``name``."""
    first: int
    """The first line, decorators counted, from 1."""
    last: int


def outline(source: Source) -> list[Definition]:
    """Return what a file defines, in its order."""
    return list(_of(source.tree.body, ""))


def _of(body: list[ast.stmt], within: str) -> Iterator[Definition]:
    for node in body:
        last = node.end_lineno or node.lineno
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield Definition(within + node.name, "function", first_line(node), last)
                yield from _of(node.body, f"{within}{node.name}.<locals>.")
            case ast.ClassDef():
                yield Definition(within + node.name, "class", first_line(node), last)
                yield from _of(node.body, f"{within}{node.name}.")
            case ast.Assign() | ast.AnnAssign() if "<locals>" not in within:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield Definition(within + target.id, "name", node.lineno, last)
            case ast.If() | ast.For() | ast.AsyncFor() | ast.While():
                yield from _of([*node.body, *node.orelse], within)
            case ast.With() | ast.AsyncWith():
                yield from _of(node.body, within)
            case ast.Try() | ast.TryStar():
                handled = [inner for handler in node.handlers for inner in handler.body]
                yield from _of([*node.body, *handled, *node.orelse, *node.finalbody], within)
            case ast.Match():
                yield from _of([inner for case in node.cases for inner in case.body], within)

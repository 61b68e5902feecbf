"""Scopes are those that Python's own parser sees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.domain.scopes import MOST_CHARS, scopes

FILES = sorted((PROJECT_ROOT / "kasmina").rglob("*.py")) + sorted(
    (PROJECT_ROOT / "app" / "domain").glob("[a-n]*.py")
)
ODD = '''\
import a
@first
# a remark
@second(
    1,
)
async def f(x: int = (lambda: 1)(),
            y=2): return x
class A(B): pass
class C:
    """def no(): pass"""
    if x:
        def g(self):
            def h():
                return """
class D:
    pass
"""
            return h
    else:
        async def g(self): pass

    @property
    def k(self): x = 1; y = 2

    z = 1
# at the end of C

def last():
    for x in y:
        async with z:
            pass
    # still
'''


def parsed(text: str) -> list[str | None]:
    """The name that holds on each line by the parser's tree, the innermost counting."""
    held: list[str | None] = [None] * (text.count("\n") + 2)

    def walk(node: ast.AST, name: str | None) -> None:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                inner = f"{name}.{child.name}" if name else child.name
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                for line in range(first, (child.end_lineno or first) + 1):
                    held[line] = inner
            walk(child, inner)

    walk(ast.parse(text), None)
    return held[1:]


def read(text: str) -> list[str | None]:
    starts, names = scopes(text)
    by_line = dict(zip(starts, names, strict=True))
    held: list[str | None] = []
    for line in range(1, text.count("\n") + 2):
        held.append(by_line.get(line, held[-1] if held else None))
    return held


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_they_are_those_of_the_parser(path: Path) -> None:
    assert read(path.read_text()) == parsed(path.read_text())


@pytest.mark.parametrize("text", [ODD, "", "x = 1", "def f(): pass", "class A:\n def f(): pass\n"])
def test_odd_forms_are_read_as_the_parser_does(text: str) -> None:
    assert read(text) == parsed(text)


@pytest.mark.parametrize(
    "text",
    ["def f(:\n", "def f():\n  x\n y\n", "'''", "x = " + "(" * 300, "y" * (MOST_CHARS + 1)],
    ids=("bracket", "indent", "quote", "deep", "long"),
)
def test_what_is_no_python_has_none(text: str) -> None:
    assert scopes(text) == ((), ())


def test_what_the_parser_gives_up_on_is_read() -> None:
    deep = f"def f():\n    return {'-' * 60_000}1\n"

    assert scopes(deep) == ([1, 3], ["f", None])

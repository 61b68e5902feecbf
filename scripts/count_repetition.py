"""Count what the code says more than once.

Usage::

    python scripts/count_repetition.py                  # the counts
    python scripts/count_repetition.py --places         # and each place that lists the fields
    python scripts/count_repetition.py --since COMMIT   # which files of the service changed since

The last is for a trial: add a field, a filter, a rule or a format on a branch, and count.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_DOCUMENT = """
title severity batch agent summary domains categories locations sections checklist relations reports
assignee reported_on external_ref commits resolution_text
"""
FIELDS = frozenset(_DOCUMENT.split())
"""The fields of a ticket's document."""
HALF = 8

NAMED = {
    "a field of the document (reported_on)": r"reported_on",
    "a filter (objected)": r"objected",
    "an output format (openvex)": r"openvex",
    "a requirement of the gate (waiver)": r"RequirementName\.WAIVER|requirement.*waiver",
}
"""What a newcomer would add one more of: how the files that name such a thing are found."""


def sources() -> list[Path]:
    """Return the modules of the service."""
    return sorted((ROOT / "app").rglob("*.py"))


def listing(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """Yield line, kind and number of fields of each place that lists half of the fields or more."""
    for node in ast.walk(tree):
        number = len(FIELDS.intersection(_names(node)))
        if number >= HALF:
            yield getattr(node, "lineno", 0), type(node).__name__, number


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            yield from filter(None, map(_name, parts))
        case ast.Dict(keys=keys):
            yield from (key.value for key in keys if _is_text(key))
        case ast.Call(keywords=keywords):
            yield from (one.arg for one in keywords if one.arg)
        case ast.ClassDef(body=body):
            for line in body:
                targets = getattr(line, "targets", [getattr(line, "target", None)])
                yield from (one.id for one in targets if isinstance(one, ast.Name))
        case ast.FunctionDef(args=given) | ast.AsyncFunctionDef(args=given):
            yield from (one.arg for one in (*given.args, *given.kwonlyargs))
        case ast.Constant(value=str(text)):
            yield from re.findall(r"\w+", text)


def _name(part: ast.AST) -> str | None:
    """Return what an element of a list is about: its own text, or the first text in it."""
    match part:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute(attr=name):
            return name
        case ast.Tuple(elts=[first, *_]) | ast.Call(args=[first, *_]):
            return _name(first)
    return None


def _is_text(key: ast.AST | None) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)


def touched_since(commit: str) -> list[str]:
    """Return the files of the service and its migrations that differ from `commit`."""
    done = subprocess.run(  # a commit that the caller names
        ["git", "diff", "--name-only", commit, "--", "app", "migrations"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def main() -> None:
    """Print what was asked for."""
    options = argparse.ArgumentParser(description="Count what the code says more than once.")
    options.add_argument("--places", action="store_true", help="name each place")
    options.add_argument("--since", metavar="COMMIT", help="name the files that changed since")
    given = options.parse_args()
    if given.since:
        found = touched_since(given.since)
        print(*found, f"{len(found)} files", sep="\n")
        return
    texts = {path: path.read_text("utf-8") for path in sources()}
    places = [(path, *place) for path in texts for place in listing(ast.parse(texts[path]))]
    if given.places:
        for path, line, kind, number in places:
            print(f"{path.relative_to(ROOT)}:{line}: {kind} of {number} fields")
    files = len({path for path, *_ in places})
    print(f"{len(places)} places in {files} files list {HALF} or more of {len(FIELDS)} fields")
    every = {p: p.read_text("utf-8") for p in (ROOT / "app").rglob("*.html")} | texts
    for what, pattern in NAMED.items():
        named = sum(bool(re.search(rf"\b(?:{pattern})\b", text)) for text in every.values())
        print(f"{named} files name {what}")
    print(f"{sum(text.count(chr(10)) for text in texts.values())} lines of Python in {len(texts)}")


if __name__ == "__main__":
    main()

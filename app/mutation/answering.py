"""What the target's interpreter does: reads a question as JSON, answers it as JSON.

``{"outline": {path: text}}`` is answered by what the files define. ``{"mutants": {path: text},
"spans": {path: [[first, last]]}, "lines": {path: [line]} or null}`` by mutants.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from .making import mutants
from .outline import outline
from .source import NoSource, Source

sys.setrecursionlimit(5000)


def main() -> None:
    """Answer the question on standard input."""
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Answer one question; files that cannot be read are named with the reason."""
    found: dict[str, Any] = {}
    unread: dict[str, str] = {}
    if "outline" in question:
        for path, text in question["outline"].items():
            try:
                found[path] = [asdict(one) for one in outline(Source(text.encode("latin-1")))]
            except NoSource as error:
                unread[path] = str(error)
        return {"found": found, "unread": unread}
    lines = question["lines"]
    for path, text in question["mutants"].items():
        spans = [(first, last) for first, last in question["spans"][path]]
        executed = None if lines is None else lines.get(path, ())
        try:
            made = mutants(path, text.encode("latin-1"), spans, executed)
            found[path] = [asdict(one) for one in made]
        except NoSource as error:
            unread[path] = str(error)
    return {"found": found, "unread": unread}

"""Has a target's own interpreter read its files and make mutants of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.domain.mutated import Defined
from app.domain.strength import Change, Mutant, MutatedFunction
from app.domain.targets import Interpreter

_PATIENCE_S = 60.0
_START = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location(
    "_findings_mutation", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]]
)
sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from _findings_mutation import answering
answering.main()
"""


class MakingFailed(Exception):
    """The files could not be read or mutated; the message says why."""


def outline(interpreter: Interpreter, files: Mapping[str, bytes]) -> list[Defined]:
    """Return what Python files define. Blocks: call it in a thread.

    Raises:
        MakingFailed: the interpreter does not answer.
    """
    said = _ask(interpreter, {"outline": _texts(files)})
    return [Defined(path, **one) for path, found in said["found"].items() for one in found]


def make(
    interpreter: Interpreter,
    files: Mapping[str, bytes],
    functions: Sequence[MutatedFunction],
    lines: Mapping[str, Collection[int]] | None,
) -> tuple[list[Mutant], dict[str, str]]:
    """Return the mutants of functions, one a line, and the files that cannot be read with why.

    Args:
        interpreter: reads them.
        files: the package, by path.
        functions: what is mutated.
        lines: those that tests execute, by path; None for all.

    Raises:
        MakingFailed: the interpreter does not answer.
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    for one in functions:
        spans.setdefault(one.path, []).append((one.first, one.last))
    question = {
        "mutants": _texts({path: files[path] for path in spans}),
        "spans": spans,
        "lines": None if lines is None else {path: sorted(own) for path, own in lines.items()},
    }
    said = _ask(interpreter, question)
    fixed = [one for one in functions if one.by_fix]
    found = []
    for path, made in said["found"].items():
        for one in made:
            change = Change(path, one["start"], one["end"], one["text"])
            line = one["line"]
            found.append(
                Mutant(
                    digest=one["digest"],
                    path=path,
                    line=line,
                    operator=one["operator"],
                    function=one["function"],
                    change=change,
                    diff=change.diff(files[path]),
                    by_fix=any(f.path == path and f.first <= line <= f.last for f in fixed),
                )
            )
    return found, said["unread"]


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return files as JSON carries them: a character for each byte."""
    return {path: data.decode("latin-1") for path, data in files.items() if path.endswith(".py")}


def _ask(interpreter: Interpreter, question: Mapping[str, Any]) -> dict[str, Any]:
    python = interpreter.python or sys.executable
    folder = str(Path(__file__).resolve().parent)
    try:
        answer = subprocess.run(
            [python, "-P", "-s", "-c", _START, folder],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=_PATIENCE_S,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MakingFailed(f"the files took longer than {_PATIENCE_S:.0f} s to read") from None
    except OSError as error:
        raise MakingFailed(f"{python} cannot be started: {error}") from None
    if answer.returncode:
        told = answer.stderr.decode(errors="replace").strip()[-300:]
        raise MakingFailed(f"{python} could not read the files: {told}")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found

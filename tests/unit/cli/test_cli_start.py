"""A command starts with what it needs: nothing of the server, and no library that loads slowly."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.catalogue import SECTIONS, Command, Group
from app.cli.commanding import function_of, made, summary_of

SLOW = {"rich", "httpx", "pydantic", "fastapi", "sqlalchemy", "torch", "asyncio", "app.config"}
SLOW |= {"subprocess", "tomllib", "importlib.metadata"}


def commands() -> Iterator[tuple[tuple[str, ...], Command]]:
    for entries in SECTIONS.values():
        for name, entry in entries.items():
            if isinstance(entry, Group):
                yield from (((name, sub), command) for sub, command in entry.commands.items())
            else:
                yield (name,), entry


ALL = dict(commands())


def loaded_by(*words: str) -> set[str]:
    code = (
        "import sys; from app.cli.main import main; main(sys.argv[1:]);"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines())


def test_help_loads_no_slow_library() -> None:
    # All in one process: what the first ones load is there for the others, and must be none.
    script = """
import json, sys
from app.cli.main import main
for words in json.loads(sys.argv[1]):
    main([*words, "--help"])
    print(words, sorted(set(json.loads(sys.argv[2])).intersection(sys.modules)), file=sys.stderr)
"""
    groups = [(), *sorted({path[:1] for path in ALL})]

    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(groups), json.dumps(sorted(SLOW))],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr.splitlines() == [f"{list(words)} []" for words in groups]


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(
    "words",
    [("ticket", "list"), ("ticket", "show", "A-1"), ("whoami",), ("note", "add", "A-1", "text")],
)
def test_a_call_loads_no_slow_library_and_no_other_command(words: tuple[str, ...]) -> None:
    loaded = loaded_by(*words)

    assert loaded & SLOW == set()
    assert "app.cli.commands.exchange" not in loaded


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_command_says_what_it_does_in_a_sentence_and_shows_an_example(
    findings: Any, path: tuple[str, ...]
) -> None:
    command = ALL[path]

    shown = findings(*path, "--help").out
    assert summary_of(command).endswith(".")
    assert summary_of(command) == summary_of(command._replace(words=""))
    assert shown.endswith("\n".join(f"  {line}" for line in command.examples) + "\n")
    assert any(f"findings {' '.join(path)}" in line for line in command.examples)
    assert max(map(len, command.examples)) <= 76


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_examples_are_commands_that_are_understood(path: tuple[str, ...]) -> None:
    text = "\n".join(ALL[path].examples).replace("\\\n", "")
    for line in text.splitlines():
        typed = re.split(r" [|<>] |\$\(|\| ", line)
        (words,) = (shlex.split(part.rstrip(')"')) for part in typed if "findings " in part)
        words = words[words.index("findings") + 1 :]
        assert tuple(words[: len(path)]) == path
        command = made(ALL[path], path[-1])
        command.make_context(path[-1], words[len(path) :])


def test_every_function_of_the_commands_is_in_the_table() -> None:
    documented = {function_of(command) for command in ALL.values()}
    folder = Path(sys.modules["app.cli.catalogue"].__file__ or "").parent / "commands"
    taking_context = {
        value
        for path in folder.glob("[!_]*.py")
        for value in vars(__import__(f"app.cli.commands.{path.stem}", fromlist=["x"])).values()
        if callable(value)
        and getattr(value, "__annotations__", {}).get("ctx") == "click.Context"
        and not value.__name__.startswith("_")
    }

    assert taking_context - documented - {sys.modules["app.cli.session"].opened} == set()

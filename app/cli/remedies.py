"""The calls that would mend a failure, as commands to type."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from app.cli.text import visible

Body = Mapping[str, Any]
Writer = Callable[[re.Match[str], Body], str]


def command_for(remedy: Mapping[str, Any]) -> str:
    """Return the command that makes the call `remedy`, or the call itself where there is none.

    Args:
        remedy: ``{operation, method, path, body?}`` as the service sends it. None of it is
            trusted: every part is quoted, so that pasting the line runs nothing else.
    """
    method, path = str(remedy.get("method", "")).upper(), str(remedy.get("path", ""))
    body = remedy.get("body")
    known = body if isinstance(body, Mapping) else {}
    for wanted, pattern, write in _COMMANDS:
        match = re.fullmatch(f"/api/v1/{pattern}", path)
        if method == wanted and match:
            return visible(f"findings {write(match, known)}")
    call = f"{method} {path}" + (f" {json.dumps(body)}" if body is not None else "")
    return visible(call.strip())


def quote(value: object) -> str:
    """Return `value` quoted for a shell, control characters made visible first."""
    return shlex.quote(visible(value))


def _link_test(match: re.Match[str], body: Body) -> str:
    if "source" in body:
        return f"test submit {quote(match[1])} FILE"
    return f"test link {quote(match[1])} {_word(body, 'node_id')}"


def _put_patch(match: re.Match[str], _: Body) -> str:
    return f"patch put {quote(match[1])} {quote(match[2])} FILE"


def _trigger(match: re.Match[str], body: Body) -> str:
    if body.get("kind") == "strength":
        scope = f" --scope {_word(body, 'scope')}" if body.get("scope") else ""
        return f"strength {quote(match[1])}{scope}"
    proof = " --proof" if body.get("kind") == "proof" else ""
    return f"verify {quote(match[1])}{proof}"


def _judge(match: re.Match[str], body: Body) -> str:
    mutant = _word({"mutant": match[1]}, "mutant")
    return f"mutant KEY {mutant} {_word(body, 'verdict')} --because {_word(body, 'reason')}"


def _review(match: re.Match[str], body: Body) -> str:
    words = [f"review add {quote(match[1])} --verdict {_word(body, 'verdict')}"]
    if body.get("specialist"):
        words.append(f"--specialist {_word(body, 'specialist')}")
    return " ".join(words)


def _move(match: re.Match[str], body: Body) -> str:
    words = [f"ticket move {quote(match[1])} {_word(body, 'to')}"]
    for name in ("resolution", "reason", "duplicate_of"):
        if body.get(name):
            words.append(f"--{name.replace('_', '-')} {_word(body, name)}")
    waiver = body.get("waiver")
    if isinstance(waiver, Mapping):
        words.append(f"--waiver {_word(waiver, 'reason')}")
    words += [f"--commit {_word({'commit': commit}, 'commit')}" for commit in _commits(body)]
    return " ".join(words)


def _relate(match: re.Match[str], body: Body) -> str:
    kind = quote(body.get("kind") or "related")
    return f"ticket relate {quote(match[1])} {kind}:{_word(body, 'key')}"


def _commits(body: Body) -> list[Any]:
    found = body.get("commits")
    return found if isinstance(found, list) else []


def _word(body: Body, name: str) -> str:
    """Return a field for a command line; one to be filled in by its name in capitals."""
    value = str(body.get(name) or f"<{name}>")
    placeholder = re.fullmatch(r"<([a-z_]+)>", value)
    return placeholder[1].upper() if placeholder else quote(value)


_COMMANDS: tuple[tuple[str, str, Writer], ...] = (
    ("POST", r"tickets/([^/?]+)/tests", _link_test),
    ("PUT", r"tickets/([^/?]+)/patches/([^/?]+)", _put_patch),
    ("POST", r"tickets/([^/?]+)/runs", _trigger),
    ("POST", r"tickets/([^/?]+)/reviews", _review),
    ("PUT", r"mutants/([^/?]+)/verdict", _judge),
    ("POST", r"tickets/([^/?]+)/transitions", _move),
    ("POST", r"tickets/([^/?]+)/relations", _relate),
    ("POST", r"tests/sync", lambda _match, _body: "test sync"),
    ("POST", r"runs/([^/?]+)/cancel", lambda match, _body: f"run cancel {quote(match[1])}"),
    ("GET", r"tickets/([^/?]+)", lambda match, _body: f"ticket show {quote(match[1])}"),
    ("GET", r"runs/([^/?]+)\?wait=\d+", lambda m, _body: f"run show {quote(m[1])} --wait"),
    ("GET", r"tests", lambda _match, _body: "test list"),
)

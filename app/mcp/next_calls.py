"""Calls that the API names, as calls of tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Arguments = dict[str, Any]
Writer = Callable[[re.Match[str], Any], Arguments]


def tool_call(remedy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call ``{operation, method, path, body?, needs?, then?, any_of?}`` as one of a tool.

    What no tool does is named by method and path.
    """
    found = _as_tool(remedy)
    if remedy.get("needs"):
        found["needs"] = remedy["needs"]
    for name in ("then", "any_of"):
        if remedy.get(name):
            found[name] = [tool_call(call) for call in remedy[name]]
    return found


def _as_tool(remedy: Mapping[str, Any]) -> dict[str, Any]:
    path, body = str(remedy["path"]), remedy.get("body")
    for method, pattern, tool, write in _TOOLS:
        match = re.fullmatch(f"/api/v1{pattern}", path)
        if match is not None and method == remedy["method"] and _does(tool, body):
            return {"tool": tool, "arguments": write(match, body)}
    return {"call": f"{remedy['method']} {path}"}


def _does(tool: str, body: Any) -> bool:
    """Tell whether a tool takes such a body: of runs it has two kinds."""
    return tool != "verify" or (body or {}).get("kind") in ("check", "proof")


def _with_key(match: re.Match[str], body: Any) -> Arguments:
    return {"key": match[1], **(body or {})}


def _patch(match: re.Match[str], body: Any) -> Arguments:
    return {"key": match[1], "name": match[2], "patch": body or "<patch>"}


def _answer(match: re.Match[str], body: Any) -> Arguments:
    return {"key": match[1], "review": match[2], **(body or {})}


def _confirm(match: re.Match[str], _: Any) -> Arguments:
    return {"key": match[1], "review": match[2], "resolution": "confirmed"}


def _move(match: re.Match[str], body: Any) -> Arguments:
    given = dict(body or {})
    if isinstance(given.get("waiver"), Mapping):
        given["waiver"] = given["waiver"].get("reason")
    return {"key": match[1], **given}


_KEY = r"/tickets/([^/?]+)"
_TOOLS: tuple[tuple[str, str, str, Writer], ...] = (
    ("POST", rf"{_KEY}/tests", "submit_test", _with_key),
    ("PUT", rf"{_KEY}/patches/([^/?]+)", "put_patch", _patch),
    ("POST", rf"{_KEY}/runs", "verify", _with_key),
    ("POST", rf"{_KEY}/reviews", "review", _with_key),
    ("POST", rf"{_KEY}/reviews/([^/?]+)/answer", "answer", _answer),
    ("POST", rf"{_KEY}/reviews/([^/?]+)/confirm", "answer", _confirm),
    ("POST", rf"{_KEY}/transitions", "move", _move),
    ("GET", r"/runs/([^/?]+)(?:\?wait=\d+)?", "run_result", lambda m, _: {"id": m[1]}),
    ("GET", _KEY, "show", lambda m, _: {"key": m[1]}),
)

"""The service's errors (RFC 9457) as one line: what is wrong, what mends it, the request id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

from app.cli.errors import Refused
from app.cli.remedies import command_for
from app.cli.text import flat, sentence

_SHOWN_VALUES = 20
"""Accepted values that an error lists at most; a list that long is better read elsewhere."""


def refused(status: int, problem: Mapping[str, Any], retry_after: str | None = None) -> Refused:
    """Return the error for a problem document."""
    detail = _detail(problem) or f"the service answered {status}"
    detail = " ".join([sentence(detail), *_role(problem, detail)])
    remedy = " ".join(_remedies(status, problem, retry_after))
    request_id = flat(problem.get("request_id"))
    return Refused(detail, remedy, status=status, problem=problem, request_id=request_id)


def _detail(problem: Mapping[str, Any]) -> str:
    errors = [error for error in _list(problem, "errors") if isinstance(error, Mapping)]
    if errors:
        return "; ".join(_field_error(error) for error in errors)
    return flat(problem.get("detail") or problem.get("title"))


def _field_error(error: Mapping[str, Any]) -> str:
    detail = flat(error.get("detail")).rstrip(".")
    remarks = []
    pointer = flat(error.get("pointer"))
    last = pointer.rpartition("/")[2]
    if option := _option(pointer):
        remarks.append(f"option {option}")
    elif pointer and (last.isdigit() or last not in detail):
        remarks.append(f"at {pointer}")
    allowed = [flat(value) for value in _list(error, "allowed")]
    if allowed and not all(value in detail for value in allowed):
        more = f" and {len(allowed) - _SHOWN_VALUES} more" if len(allowed) > _SHOWN_VALUES else ""
        remarks.append(f"allowed: {', '.join(allowed[:_SHOWN_VALUES])}{more}")
    if error.get("did_you_mean"):
        remarks.append(f"did you mean {flat(error['did_you_mean'])}?")
    return f"{detail} ({'; '.join(remarks)})" if remarks else detail


def _option(pointer: str) -> str | None:
    """Return the option of the command that sets the field at `pointer`, if there is one."""
    context = click.get_current_context(silent=True)
    field = re.sub(r"/\d+$", "", pointer)  # one of several values
    for param in context.command.params if context else ():
        if isinstance(param, click.Option) and f"/{param.name}" == field:
            return param.opts[-1]
    return None


def _role(problem: Mapping[str, Any], detail: str) -> list[str]:
    """Say which role is needed and which one the token has, unless the detail did."""
    needs, you = flat(problem.get("needs")), flat(problem.get("you"))
    said = []
    if needs and needs not in detail:
        said.append(f"It needs {needs}.")
    if you and you not in detail:
        said.append(f"You are {you}.")
    return said


def _remedies(status: int, problem: Mapping[str, Any], retry_after: str | None) -> list[str]:
    calls = _calls(problem, "remedy")
    found = []
    if calls:
        found.append(f"Next: {'; '.join(_remedy(call) for call in calls)}")
    if status == 401:
        found.append(
            "Set FINDINGS_TOKEN or use `findings login`; an admin makes tokens with "
            "`findings token create NAME`"
        )
    if problem.get("etag"):
        found.append(f"The current ETag is {flat(problem['etag'])}")
    if retry_after and re.fullmatch(r"\d{1,6}", retry_after):
        found.append(f"Try again in {retry_after} s")
    return [sentence(text) for text in found]


def _remedy(call: Mapping[str, Any]) -> str:
    """Return a call with what does as well and what follows it, as commands."""
    ways = _calls(call, "any_of") or [call]
    return " or ".join(_way(way) for way in ways)


def _way(call: Mapping[str, Any]) -> str:
    who = f" ({flat(call['needs'])})" if call.get("needs") else ""
    following = "".join(f", then {_way(step)}" for step in _calls(call, "then"))
    return f"`{command_for(call)}`{who}{following}"


def _calls(call: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [item for item in _list(call, name) if isinstance(item, Mapping)]


def _list(mapping: Mapping[str, Any], name: str) -> list[Any]:
    value = mapping.get(name)
    return value if isinstance(value, list) else []

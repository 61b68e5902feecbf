"""Ids as people type them: the beginning is enough where it fits one thing only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.cli.errors import UsageProblem
from app.cli.text import visible

if TYPE_CHECKING:
    from app.cli.client import Client

_WHOLE = 36
_BEGINNING = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")


def is_beginning(text: str) -> bool:
    """Tell whether `text` can be the beginning of an id: at least four digits, and not whole."""
    return len(text) < _WHOLE and bool(_BEGINNING.fullmatch(text.lower()))


def whole_run_id(client: Client, given: str) -> str:
    """Return the id of the run whose id begins so; what cannot begin one as it is.

    Ids of runs are in the order of their time, so the search ends where older ones begin.

    Raises:
        UsageProblem: none begins so, or several do.
    """
    if not is_beginning(given):
        return given
    beginning = given.lower()
    found: list[str] = []
    for page in client.pages("runs", params={}, limit=None):
        ids = [str(run["id"]) for run in page["items"]]
        found += [run for run in ids if run.startswith(beginning)]
        if ids and ids[-1][: len(beginning)] < beginning:
            break
    return only(found, given, "run", "findings run list")


def whole_id(ids: Iterable[str], given: str, what: str, where: str) -> str:
    """Return the one of `ids` that begins with `given`; what cannot begin one as it is.

    Raises:
        UsageProblem: none begins so, or several do.
    """
    if not is_beginning(given):
        return given
    return only([one for one in ids if one.startswith(given.lower())], given, what, where)


def only(found: list[str], given: str, what: str, where: str) -> str:
    """Return the only one that was found.

    Raises:
        UsageProblem: there is none, or there are several.
    """
    if not found:
        raise UsageProblem(f"no {what} has an id that begins with {visible(given)}", f"See {where}")
    if len(found) > 1:
        shown = ", ".join(found[:5])
        raise UsageProblem(
            f"the ids of {len(found)} {what}s begin with {visible(given)}",
            f"Give more of it: {shown}{' …' if len(found) > 5 else ''}",
        )
    return found[0]

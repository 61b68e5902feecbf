"""Draw docs/workflow.md from the code.

Usage::

    python scripts/render_workflow.py           # write it
    python scripts/render_workflow.py --check   # exit 1 when it is out of date
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.domain.workflow import describe

PAGE = Path(__file__).parents[1] / "docs" / "workflow.md"


def render() -> str:
    """Return the page."""
    found = describe()
    parts = [_HEAD, _diagram(found), _statuses(found), _steps(found), _gates(found), _calls(found)]
    return "\n".join(parts)


_HEAD = """\
# The life of a ticket

<!-- Drawn from the code by scripts/render_workflow.py; edit the code, not this page. -->

`GET /api/v1/workflow` answers with the same facts.
"""


def _diagram(found: dict[str, Any]) -> str:
    names = {status["name"]: status["name"].replace("-", "_") for status in found["statuses"]}
    lines = [f'    state "{name}" as {alias}' for name, alias in names.items()]
    lines.append(f"    [*] --> {names['open']}")
    for step in found["transitions"]:
        label = " : maintainer" if step["role"] == "maintainer" else ""
        lines.append(f"    {names[step['from']]} --> {names[step['to']]}{label}")
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _statuses(found: dict[str, Any]) -> str:
    rows = [
        (f"`{s['name']}`", s["meaning"], _codes(_after(found, s["name"])))
        for s in found["statuses"]
    ]
    return "## Statuses\n\n" + _table(("status", "means", "can become"), rows)


def _after(found: dict[str, Any], name: str) -> list[str]:
    return [step["to"] for step in found["transitions"] if step["from"] == name]


def _steps(found: dict[str, Any]) -> str:
    kinds: dict[tuple[str, str], list[str]] = {}
    for step in found["transitions"]:
        kinds.setdefault((step["role"], step["own_role"]), [])
        if step["to"] not in kinds[step["role"], step["own_role"]]:
            kinds[step["role"], step["own_role"]].append(step["to"])
    rows = [(_codes(to), f"`{role}`", f"`{own}`") for (role, own), to in kinds.items()]
    heads = ("step to", "on any ticket", "on a ticket one filed oneself")
    roles = " < ".join(f"`{role}`" for role in found["roles"])
    return f"## Roles\n\nEach role includes the ones before it: {roles}.\n\n" + _table(heads, rows)


def _gates(found: dict[str, Any]) -> str:
    rows = [
        (f"`{r['name']}`", f"`{r['status']}`", r["meaning"], _codes(r["requirements"]))
        for r in found["resolutions"]
    ]
    meanings = [(f"`{r['name']}`", r["meaning"]) for r in found["requirements"]]
    override = found["override"]["meaning"]
    return (
        "## The gate\n\nA step to a final status names a resolution, and each resolution has "
        "requirements.\n\n"
        + _table(("resolution", "status", "means", "asks for"), rows)
        + "\n"
        + _table(("requirement", "is met when"), meanings)
        + f"\n{override}\n\n{_WAIVER}\n"
    )


_WAIVER = """\
What no run can show (no target covers its domains, or a reviewer called it not testable) is closed
as `fixed` only by a maintainer's `waiver: {reason}` beside the commit: a commit alone says that
something changed, not that the defect is gone. Where evidence can be had a waiver does not stand in
for it. A ticket closed by a waiver, or by overriding what evidence asks for, says so in every list,
page, export and command (`evidence.closed_without`, `GET /tickets?waived=true`, `findings ticket
list --waived`) until it is opened again. A ticket without domains belongs to the only target there
is.

The `duplicate-of` relation by which a ticket is closed as a duplicate stays while it is: taking it
away, by whichever call or document, is a 409 that says how to open the ticket again."""


def _calls(found: dict[str, Any]) -> str:
    rows = [(f"`{word}`", meaning) for word, meaning in found["placeholders"].items()]
    return (
        "## Remedies\n\nA requirement that is open comes with the calls that meet it, in their "
        "order. `operation` is an operationId of the OpenAPI document, `not_as` names accounts "
        "through which the call would not count, `only_as` those that alone may make it, "
        "`needs` the role where that is more than the operation's own; one that `replaces` is "
        "the refused call itself, completed. Words in angle brackets are to be filled in:\n\n"
        + _table(("placeholder", "put there"), rows)
    )


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def main() -> int:
    """Write or check the page."""
    options = argparse.ArgumentParser(description="Draw docs/workflow.md from the code.")
    options.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    if options.parse_args().check:
        if PAGE.read_text(encoding="utf-8") == render():
            return 0
        sys.stderr.write(f"{PAGE} is out of date: run python scripts/render_workflow.py\n")
        return 1
    PAGE.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

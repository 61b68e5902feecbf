"""The filters that every list of tickets takes: the list itself, exports."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from app.cli.signature import Option

_Words = list[str] | None


def _many(help_text: str, metavar: str = "WORD") -> Any:
    return Option(metavar=metavar, help=f"{help_text} Repeatable.")


class TicketFilters(TypedDict):
    """Which tickets are meant: any of the values of one filter, and all filters together."""

    q: Annotated[str | None, Option(help="Words to find.")]
    severity: Annotated[_Words, _many("P0 to P4.")]
    status: Annotated[_Words, _many("Like open or closed.")]
    resolution: Annotated[_Words, _many("Like fixed or not-a-bug.")]
    batch: Annotated[list[int] | None, _many("Audit batch.", "N")]
    agent: Annotated[_Words, _many("Who found it.")]
    domain: Annotated[_Words, _many("With all below it.")]
    category: Annotated[_Words, _many("Like api-contract.")]
    verdict: Annotated[_Words, _many("Has a current review like OBJECT.")]
    reviewer: Annotated[_Words, _many("Has a current review of this specialist.")]
    evidence: Annotated[_Words, _many("Like proven or reproduced.")]
    target: Annotated[_Words, _many("Its domains place it there.")]
    strength: Annotated[_Words, _many("weak, fair, strong, unknown, or like '<0.8'.")]
    assignee: Annotated[_Words, _many("Who takes care of it.")]
    created_by: Annotated[_Words, _many("Which account filed it.")]
    stale: Annotated[bool | None, Option("--stale/--fresh", help="Of the evidence.")]
    closable: Annotated[bool | None, Option("--closable/--not-closable", help="Its gate is open.")]
    objected: Annotated[
        bool | None, Option("--objected/--not-objected", help="An OBJECT is unanswered.")
    ]
    waived: Annotated[bool | None, Option("--waived/--not-waived", help="Closed without evidence.")]
    scanner: Annotated[_Words, _many("Which scanner reported it.")]
    rule: Annotated[_Words, _many("By which rule of a scanner.")]
    reported: Annotated[
        bool | None, Option("--reported/--not-reported", help="Whether a scanner still does.")
    ]
    location: Annotated[_Words, _many("Its code is exact, moved, changed, gone or unknown.")]
    drift: Annotated[bool | None, Option("--drift/--no-drift", help="Folder and status disagree.")]

"""``findings ticket``: file, show, list; and ``findings history``."""

from __future__ import annotations

from typing import Annotated, Any

import click

from app.cli import drafts
from app.cli.browser import Web, open_page
from app.cli.editor import Editor, rewritten
from app.cli.inputs import is_interactive
from app.cli.output import say
from app.cli.remedies import quote
from app.cli.session import Everything, IdempotencyKey, JsonFlag, Key, Limit, Session, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table
from app.cli.views import tickets as view
from app.cli.views.events import change_row

_Words = list[str] | None


def _many(name: str, help_text: str, metavar: str = "WORD") -> Any:
    return Option(name, metavar=metavar, help=f"{help_text} Repeatable.")


def file_ticket(
    ctx: click.Context,
    source: Annotated[
        str | None,
        Argument(metavar="[FILE]", help="JSON or TOML with the ticket; - for standard input."),
    ] = None,
    title: Annotated[str | None, Option(help="What is wrong, in one line.")] = None,
    severity: Annotated[str | None, Option(help="P0 (worst) to P4.")] = None,
    batch: Annotated[int | None, Option(help="Number of the audit batch.")] = None,
    agent: Annotated[str | None, Option(help="Who found it, like drl.")] = None,
    summary: Annotated[str | None, Option(help="The finding in a sentence or two.")] = None,
    key: Annotated[str | None, Option(help="Left out, the next free one is taken.")] = None,
    domain: Annotated[_Words, _many("--domain", "Part of the code base.")] = None,
    category: Annotated[_Words, _many("--category", "Like correctness or api-contract.")] = None,
    location: Annotated[
        _Words, _many("--location", "Where it is.", "PATH[:LINE[-LINE]][#SYMBOL]")
    ] = None,
    section: Annotated[
        _Words, _many("--section", "A section in Markdown.", "HEADING=TEXT|HEADING=@FILE")
    ] = None,
    checklist: Annotated[_Words, _many("--checklist", "A step that shows the fix right.")] = None,
    relation: Annotated[_Words, _many("--relation", "Another ticket.", "[KIND:]KEY")] = None,
    report: Annotated[_Words, _many("--report", "Where it was found.", "FILE[#SECTION]")] = None,
    assignee: Annotated[str | None, Option(help="Who takes care of it.")] = None,
    reported_on: Annotated[str | None, Option(metavar="YYYY-MM-DD")] = None,
    external_ref: Annotated[str | None, Option(help="Your own id of it.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Check it, store nothing.")] = False,
    editor: Editor = False,
    idempotency_key: IdempotencyKey = None,
    as_json: JsonFlag = None,
) -> None:
    """File a finding from options, from a file, or both; options outweigh the file.

    On a terminal, what is missing is asked for. Prints the ticket's key.
    """
    draft, reviews = drafts.ticket_in(source) if source else ({}, [])
    given = {
        "title": title,
        "severity": severity,
        "batch": batch,
        "agent": agent,
        "summary": summary,
        "key": key,
        "domains": domain,
        "categories": category,
        "locations": [drafts.location(text) for text in location or ()],
        "sections": [drafts.section(text) for text in section or ()],
        "checklist": [{"text": text} for text in checklist or ()],
        "relations": [drafts.relation(text) for text in relation or ()],
        "reports": [drafts.report(text) for text in report or ()],
        "assignee": assignee,
        "reported_on": reported_on,
        "external_ref": external_ref,
    }
    draft |= {name: value for name, value in given.items() if value not in (None, [])}
    if editor:
        draft |= rewritten(draft)
    if source is None and is_interactive():
        drafts.ask_for(draft)
    drafts.require_complete(draft)
    with opened(ctx, as_json=as_json) as session:
        _file(session, draft, dry_run=dry_run, idempotency_key=idempotency_key)
    if reviews and not dry_run:
        say(
            f"The file holds {len(reviews)} reviews, which are not recorded: "
            f"findings review add {quote(draft.get('key') or 'KEY')} --from {quote(source)}"
        )


def _file(
    session: Session, draft: dict[str, Any], *, dry_run: bool, idempotency_key: str | None
) -> None:
    from app.cli.client import new_key

    ticket = session.client.post(
        "tickets",
        body=draft,
        params={"dry_run": "true" if dry_run else None},
        key=None if dry_run else idempotency_key or new_key(),
    )
    out = session.out
    if out.as_json:
        out.json(ticket)
        return
    out.line(ticket.get("key"))
    for other in ticket.get("similar") or ():
        say(f"Similar: {other.get('key')} {other.get('title') or ''}".rstrip())
    if dry_run:
        out.remark("It is valid and would be filed under this key. Nothing was stored.")
    else:
        out.remark(f"Next: findings ticket show {ticket.get('key')}")


def show_ticket(ctx: click.Context, key: Key, web: Web = False, as_json: JsonFlag = None) -> None:
    """Show a ticket with its reviews, tests, patches and evidence."""
    with opened(ctx, as_json=as_json) as session:
        if web:
            open_page(session, "tickets", key)
            return
        ticket = session.client.get("tickets", key)
        if session.out.as_json:
            session.out.json(ticket)
        else:
            view.show_ticket(session.out, ticket)


def list_tickets(
    ctx: click.Context,
    query: Annotated[str | None, Option("--q", help="Words to find.")] = None,
    severity: Annotated[_Words, _many("--severity", "P0 to P4.")] = None,
    status: Annotated[_Words, _many("--status", "Like open or closed.")] = None,
    resolution: Annotated[_Words, _many("--resolution", "Like fixed or not-a-bug.")] = None,
    batch: Annotated[list[int] | None, _many("--batch", "Audit batch.", "N")] = None,
    agent: Annotated[_Words, _many("--agent", "Who found it.")] = None,
    domain: Annotated[_Words, _many("--domain", "With all below it.")] = None,
    category: Annotated[_Words, _many("--category", "Like api-contract.")] = None,
    verdict: Annotated[_Words, _many("--verdict", "Has a current review like OBJECT.")] = None,
    reviewer: Annotated[
        _Words, _many("--reviewer", "Has a current review of this specialist.")
    ] = None,
    evidence: Annotated[_Words, _many("--evidence", "Like proven or reproduced.")] = None,
    assignee: Annotated[_Words, _many("--assignee", "Who takes care of it.")] = None,
    created_by: Annotated[_Words, _many("--created-by", "Which account filed it.")] = None,
    stale: Annotated[bool | None, Option("--stale/--fresh", help="Of the evidence.")] = None,
    closable: Annotated[
        bool | None, Option("--closable/--not-closable", help="Its gate is open.")
    ] = None,
    objected: Annotated[
        bool | None, Option("--objected/--not-objected", help="An OBJECT is unanswered.")
    ] = None,
    waived: Annotated[
        bool | None, Option("--waived/--not-waived", help="Closed without evidence.")
    ] = None,
    scanner: Annotated[_Words, _many("--scanner", "Which scanner reported it.")] = None,
    rule: Annotated[_Words, _many("--rule", "By which rule of a scanner.")] = None,
    reported: Annotated[
        bool | None, Option("--reported/--not-reported", help="Whether a scanner still does.")
    ] = None,
    drift: Annotated[
        bool | None, Option("--drift/--no-drift", help="Folder and status disagree.")
    ] = None,
    sort: Annotated[
        str | None, Option(help="-created (default), created, -updated, severity or key.")
    ] = None,
    limit: Limit = 50,
    everything: Everything = False,
    web: Web = False,
    as_json: JsonFlag = None,
) -> None:
    """List tickets. Any of the values of one filter, and all filters together.

    In a pipe: key, severity, status, evidence, reviews and title, separated by tabs.
    """
    params: dict[str, Any] = {
        "q": query,
        "severity": severity,
        "status": status,
        "resolution": resolution,
        "batch": batch,
        "agent": agent,
        "domain": domain,
        "category": category,
        "verdict": verdict,
        "reviewer": reviewer,
        "evidence": evidence,
        "assignee": assignee,
        "created_by": created_by,
        "stale": stale,
        "closable": closable,
        "objected": objected,
        "waived": waived,
        "scanner": scanner,
        "rule": rule,
        "reported": reported,
        "drift": drift,
        "sort": sort,
    }
    with opened(ctx, as_json=as_json) as session:
        if web:
            open_page(session, "tickets", params=params)
            return
        session.list(
            "tickets",
            params=params,
            limit=None if everything else limit,
            table=view.LIST,
            row=view.list_row,
        )


def history(
    ctx: click.Context,
    key: Key,
    limit: Limit = 50,
    everything: Everything = False,
    as_json: JsonFlag = None,
) -> None:
    """Show what happened to a ticket, oldest first."""
    with opened(ctx, as_json=as_json) as session:
        session.list(
            "tickets",
            key,
            "history",
            params={},
            limit=None if everything else limit,
            table=Table(("at", "by", "action", "change"), (), cut="change", may_go=("by",)),
            row=lambda event: _without_ticket(change_row(event)),
        )


def _without_ticket(cells: tuple[object, ...]) -> tuple[object, ...]:
    at, _, *rest = cells
    return (at, *rest)

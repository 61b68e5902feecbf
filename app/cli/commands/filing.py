"""``findings ticket file``: a finding from options, from a file, or from answers to questions."""

from __future__ import annotations

from typing import Annotated, Any

import click

from app.cli import drafts
from app.cli.client import new_key
from app.cli.editor import Editor, rewritten
from app.cli.inputs import is_interactive
from app.cli.output import say
from app.cli.remedies import quote
from app.cli.session import IdempotencyKey, JsonFlag, Session, opened
from app.cli.signature import Argument, Option


def file_ticket(
    ctx: click.Context,
    source: Annotated[
        str | None,
        Argument(metavar="[FILE]", help="JSON or TOML with the ticket; - for standard input."),
    ] = None,
    key: Annotated[str | None, Option(help="Left out, the next free one is taken.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Check it, store nothing.")] = False,
    editor: Editor = False,
    idempotency_key: IdempotencyKey = None,
    as_json: JsonFlag = None,
    *,
    fields: drafts.NewFields,
) -> None:
    """File a finding from options, from a file, or both; options outweigh the file.

    On a terminal, what is missing is asked for. Prints the ticket's key.
    """
    draft, reviews = drafts.ticket_in(source) if source else ({}, [])
    draft |= drafts.given(fields) | ({} if key is None else {"key": key})
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
    ticket = session.client.post(
        "tickets",
        body=draft,
        params={"dry_run": "true" if dry_run else None},
        key=None if dry_run else idempotency_key or new_key(),
    )
    out = session.out
    if out.printed_json(ticket):
        return
    out.line(ticket.get("key"))
    for other in ticket.get("similar") or ():
        say(f"Similar: {other.get('key')} {other.get('title') or ''}".rstrip())
    if dry_run:
        out.remark("It is valid and would be filed under this key. Nothing was stored.")
    else:
        out.remark(f"Next: findings ticket show {ticket.get('key')}")

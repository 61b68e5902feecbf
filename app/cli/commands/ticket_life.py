"""``findings ticket``: what becomes of a ticket - edited, moved along the workflow, related."""

from __future__ import annotations

import json
from typing import Annotated, Any

import click

from app.cli import drafts
from app.cli.editor import Editor, rewritten
from app.cli.errors import UsageProblem
from app.cli.inputs import is_interactive, read_table
from app.cli.session import IdempotencyKey, JsonFlag, JsonSession, Key, Session, opened
from app.cli.signature import Argument, Option
from app.cli.views import tickets as view

_Words = list[str] | None
ReadVersion = Annotated[
    int | None,
    Option("--version", metavar="N", help="The version you read; refused when it is older."),
]


def edit_ticket(
    ctx: click.Context,
    key: Key,
    source: Annotated[
        str | None,
        Argument(metavar="[FILE]", help="JSON or TOML merge patch; - for standard input."),
    ] = None,
    editor: Editor = False,
    version: ReadVersion = None,
    as_json: JsonFlag = None,
    *,
    fields: drafts.ChangedFields,
) -> None:
    """Change a ticket's document by options, by a file, or both; options outweigh the file.

    Fields left out stay as they are. On a terminal, without any of them, summary and sections are
    opened in $EDITOR; an edit that somebody else made meanwhile is not written over.
    """
    body = read_table(source) if source else {}
    body |= drafts.changed(fields)
    editor = editor or (not body and is_interactive())
    if not body and not editor:
        raise UsageProblem("there is nothing to change", "Give a FILE or options like --title")
    with opened(ctx, as_json=as_json) as session:
        if editor:
            ticket = session.client.get("tickets", key)
            version = version or ticket["version"]
            body = rewritten({**ticket, **body}) | body
        headers = {"Content-Type": "application/json", "If-Match": _etag(session, key, version)}
        content = json.dumps(body).encode("ascii")
        answer = session.client.call("PATCH", "tickets", key, content=content, headers=headers)
        _show(session, answer.json())


def move_ticket(
    session: JsonSession,
    key: Key,
    to: Annotated[
        str,
        Argument(
            metavar="STATUS",
            help="open, investigating, fix-in-progress, in-review, closed or wont-fix.",
        ),
    ],
    resolution: Annotated[
        str | None,
        Option(
            help="With closed: fixed, already-fixed, not-a-bug or duplicate.", complete="closed-as"
        ),
    ] = None,
    reason: Annotated[str | None, Option(help="Why, in Markdown.")] = None,
    commit: Annotated[_Words, Option("--commit", help="That settled it. Repeatable.")] = None,
    duplicate_of: Annotated[
        str | None, Option(metavar="KEY", help="With duplicate: the other ticket.")
    ] = None,
    resolution_text: Annotated[str | None, Option(help="How it was settled.")] = None,
    override: Annotated[
        bool, Option("--override", help="Although the gate is closed; needs a reason.")
    ] = False,
    waiver: Annotated[
        str | None,
        Option(
            metavar="REASON",
            help="With fixed, where no run can show it: why it is closed without evidence.",
        ),
    ] = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Move a ticket along the workflow; a closed gate says what is missing."""
    from app.cli.client import new_key

    given = {
        "to": to,
        "resolution": resolution,
        "reason": reason,
        "commits": commit,
        "duplicate_of": duplicate_of,
        "resolution_text": resolution_text,
        "override": override or None,
        "waiver": None if waiver is None else {"reason": waiver},
    }
    body = {name: value for name, value in given.items() if value is not None}
    key_of_call = idempotency_key or new_key()
    _show(session, session.client.post("tickets", key, "transitions", body=body, key=key_of_call))


def relate_tickets(
    session: JsonSession,
    key: Key,
    other: Annotated[
        str,
        Argument(
            metavar="[KIND:]KEY",
            help="The other ticket; kinds are related, blocks, blocked-by, duplicate-of and "
            "duplicated-by.",
        ),
    ],
    note: Annotated[str | None, Option(help="Why, in one line.")] = None,
    remove: Annotated[bool, Option("--remove", help="Take the relation away.")] = False,
    version: ReadVersion = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Relate a ticket to another one, which then shows the inverse; shows the ticket."""
    from app.cli.client import new_key

    relation = {"kind": "related", **drafts.relation(other)}
    if remove:
        headers = {"If-Match": _etag(session, key, version)}
        path = ("tickets", key, "relations", relation["kind"], relation["key"])
        session.client.call("DELETE", *path, headers=headers)
    else:
        body = relation if note is None else {**relation, "note": note}
        key_of_call = idempotency_key or new_key()
        session.client.post("tickets", key, "relations", body=body, key=key_of_call)
    _show(session, session.client.get("tickets", key))


def _etag(session: Session, key: str, version: int | None) -> str:
    """Return the ETag of the version that was read, or of the present one."""
    if version is None:
        version = session.client.get("tickets", key)["version"]
    return f'"{version}"'


def _show(session: Session, ticket: dict[str, Any]) -> None:
    if not session.out.printed_json(ticket):
        view.show_ticket(session.out, ticket)

"""``findings batch``: filing many tickets in one call."""

from __future__ import annotations

import json
from typing import Annotated, Any

import click

from app.cli.errors import EXIT_NO, UsageProblem
from app.cli.inputs import read_text
from app.cli.session import IdempotencyKey, JsonFlag, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table


def file_batch(
    ctx: click.Context,
    source: Annotated[
        str,
        Argument(
            metavar="FILE",
            help="A JSON list, {items: [...]}, or a ticket a line; - for standard input.",
        ),
    ],
    atomic: Annotated[bool, Option("--atomic", help="File all of them or none.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Check them, store nothing.")] = False,
    idempotency_key: IdempotencyKey = None,
    as_json: JsonFlag = None,
) -> None:
    """File many tickets, at most 500; relations may name other items by their `ref`.

    An item without a ref gets its position. Prints what became of each; the exit code is 1 when
    one was refused.
    """
    from app.cli.client import new_key

    body = {"items": _items(source), "atomic": atomic, "dry_run": dry_run}
    with opened(ctx, as_json=as_json) as session:
        filed = session.client.post("tickets:batch", body=body, key=idempotency_key or new_key())
        if not session.out.printed_json(filed):
            rows = [_row(item) for item in filed["items"]]
            session.out.table(Table(("ref", "key", "result", "reason"), rows))
    if any(item.get("result") != "created" for item in filed["items"]):
        raise click.exceptions.Exit(EXIT_NO)


def _items(source: str) -> list[dict[str, Any]]:
    text = read_text(source)
    try:
        found = _parsed(text)
    except ValueError as error:
        raise UsageProblem(
            f"the tickets cannot be read: {error}",
            "Give a JSON list of tickets, or one ticket as JSON on each line",
        ) from None
    if not all(isinstance(item, dict) for item in found):
        raise UsageProblem("each ticket should be a JSON object")
    return [{"ref": str(n), **item} for n, item in enumerate(found, 1)]


def _parsed(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(found, dict) and "items" in found:
        found = found["items"]
    return found if isinstance(found, list) else [found]


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    problem = item.get("problem") or {}
    return (item.get("ref"), item.get("key"), item.get("result"), problem.get("detail"))

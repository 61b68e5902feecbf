"""``findings order``: work that is wanted on tickets, claimed by one, judged by a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import click

from app.cli.commands.runs import wait_for
from app.cli.errors import EXIT_NO
from app.cli.ids import whole_id
from app.cli.inputs import read_text
from app.cli.moments import moment
from app.cli.session import Everything, JsonFlag, JsonSession, Key, Limit, Session, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Id, Table
from app.cli.views import tickets as view

OrderId = Annotated[
    str,
    Argument(metavar="ORDER", help="Its id, or the beginning of it.", complete="order"),
]
_Words = list[str] | None
_KINDS = "reproduce, refute, fix, kill-mutant or assess."

_LIST = Table(
    ("order", "wanted", "ticket", "status", "by", "reason"),
    (),
    empty="Nothing is wanted.",
    cut="reason",
    may_go=("reason", "by"),
)


def list_orders(
    session: JsonSession,
    kind: Annotated[
        _Words, Option(metavar="WORD", help=f"{_KINDS} Repeatable, as all.", complete="order-kind")
    ] = None,
    status: Annotated[
        _Words,
        Option(
            metavar="WORD",
            help="open, claimed, submitted, accepted, rejected or errored.",
            complete="order-status",
        ),
    ] = None,
    ticket: Annotated[str | None, Option(metavar="KEY", complete="key")] = None,
    limit: Limit = 50,
    everything: Everything = False,
) -> None:
    """List work orders, newest first.

    In a pipe: order, wanted, ticket, status, who has it and the reason, separated by tabs.
    """
    session.list(
        "work-orders",
        params={"kind": kind, "status": status, "ticket": ticket},
        limit=None if everything else limit,
        table=_LIST,
        row=_row,
    )


def show_order(session: JsonSession, order_id: OrderId) -> None:
    """Show a work order."""
    _show(session, session.client.get("work-orders", _whole(session, order_id)))


def place_order(
    session: JsonSession,
    kind: Annotated[str, Argument(metavar="KIND", help=_KINDS, complete="order-kind")],
    key: Key,
    specialist: Annotated[str | None, Option(help="With assess: as whom.")] = None,
    mutant: Annotated[
        str | None, Option(metavar="DIGEST", help="With kill-mutant: the survivor.")
    ] = None,
    note: Annotated[
        str | None, Option(metavar="TEXT", help="What whoever does it should know.")
    ] = None,
) -> None:
    """Ask for work on a ticket."""
    body = {"kind": kind, "ticket": key, "specialist": specialist, "note": note}
    body["mutant"] = mutant
    _show(session, session.client.post("work-orders", body=_given(body)))


def claim_order(
    session: JsonSession,
    kinds: Annotated[
        _Words,
        Argument(
            metavar="[KIND]...", help="Of these kinds; left out: of any.", complete="order-kind"
        ),
    ] = None,
    specialist: Annotated[
        str | None, Option(help="Orders for this specialist, and for anybody.")
    ] = None,
    minutes: Annotated[
        int, Option(min=1, max=1440, metavar="N", help="After so long it is offered again.")
    ] = 30,
) -> None:
    """Take the next order that waits, and show its ticket; the exit code is 1 when none does."""
    from app.cli.client import new_key

    body = {"kinds": list(kinds or ()), "specialist": specialist, "minutes": minutes}
    # Under a key, a claim whose answer was lost is answered again instead of taking more.
    found = session.client.post("work-orders", "claim", body=_given(body), key=new_key())
    order = found["order"]
    if session.out.as_json:
        session.out.json(found)
    elif order is not None:
        _show(session, order)
        if session.out.terminal:
            view.show_ticket(session.out, session.client.get("tickets", order["ticket"]))
        session.out.remark(
            f"Yours until {moment(order.get('lease_expires_at'))}. Hand it in with "
            f"`findings order submit {order['id']}`."
        )
    if order is None:
        session.out.remark("Nothing waits.")
        raise click.exceptions.Exit(EXIT_NO)


def submit_order(
    ctx: click.Context,
    order_id: OrderId,
    test: Annotated[
        Path | None,
        Option("--test", metavar="FILE", help="reproduce, refute, kill-mutant: a pytest file."),
    ] = None,
    patch: Annotated[
        str | None,
        Option(
            "--patch", metavar="FILE", help="fix: what mends the defect; refute: what plants it."
        ),
    ] = None,
    verdict: Annotated[
        str | None,
        Option(metavar="VERDICT", help="assess: ENDORSE, NEUTRAL, REFINE or OBJECT."),
    ] = None,
    rationale: Annotated[str | None, Option(help="assess: why, in Markdown.")] = None,
    claim: Annotated[str | None, Option(help="assess: true, partly, false or not-checked.")] = None,
    specialist: Annotated[
        str | None, Option(help="assess: as whom; not needed when you speak for one only.")
    ] = None,
    wait: Annotated[bool, Option("--wait", help="Wait until a run has judged it.")] = False,
    as_json: JsonFlag = None,
) -> None:
    """Hand in what an order wants; a run judges it.

    With `--wait` the exit code is 0 only when it was accepted.
    """
    body: dict[str, Any] = {}
    if test is not None:
        body |= {"filename": test.name, "source": read_text(str(test))}
    if patch is not None:
        body["patch"] = read_text(patch)
    review = {
        "verdict": verdict.upper() if verdict else None,
        "rationale": rationale,
        "claim": claim,
        "specialist": specialist,
    }
    if any(review.values()):
        body["review"] = {"rationale": "", **_given(review)}
    with opened(ctx, as_json=as_json) as session:
        whole = _whole(session, order_id)
        order = session.client.post("work-orders", whole, "submit", body=body)
        if wait and order.get("run"):
            wait_for(session, session.client.get("runs", order["run"]))
            order = session.client.get("work-orders", whole)
        _show(session, order)
    if wait and order.get("status") != "accepted":
        raise click.exceptions.Exit(EXIT_NO)


def release_order(session: JsonSession, order_id: OrderId) -> None:
    """Give an order back, so that others can have it at once."""
    path = ("work-orders", _whole(session, order_id), "release")
    _show(session, session.client.post(*path))


def _show(session: Session, order: dict[str, Any]) -> None:
    if session.out.printed_json(order):
        return
    session.out.fields(
        [
            ("order", order.get("id")),
            ("wanted", order.get("kind")),
            ("ticket", order.get("ticket")),
            ("as", order.get("specialist")),
            ("note", order.get("note")),
            ("status", order.get("status")),
            ("by", order.get("claimed_by")),
            ("until", moment(order.get("lease_expires_at"))),
            ("run", order.get("run")),
            ("reason", order.get("reason")),
            *_mutant(order.get("mutant")),
            (
                "placed",
                f"{moment(order.get('created_at'))} by {order.get('created_by') or 'the service'}",
            ),
        ]
    )


def _mutant(mutant: dict[str, Any] | None) -> list[tuple[str, object]]:
    if mutant is None:
        return []
    place = f"{mutant.get('path')}:{mutant.get('line')} {mutant.get('function')}()"
    return [("mutant", mutant.get("digest")), ("place", place), ("diff", mutant.get("diff"))]


def _row(order: dict[str, Any]) -> tuple[object, ...]:
    return (
        Id(order.get("id") or ""),
        order.get("kind"),
        order.get("ticket"),
        order.get("status"),
        order.get("claimed_by"),
        order.get("reason"),
    )


def _whole(session: Session, given: str) -> str:
    """Return the id of the order whose id begins so; what cannot begin one as it is."""
    ids = (
        str(order["id"])
        for page in session.client.pages("work-orders", params={}, limit=None)
        for order in page["items"]
    )
    return whole_id(ids, given, "order", "findings order list")


def _given(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}

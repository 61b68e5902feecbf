"""``findings queue``: tickets that want your review, leased so that nobody else takes them."""

from __future__ import annotations

from typing import Annotated, Any

import click

from app.cli.errors import EXIT_NO
from app.cli.moments import moment
from app.cli.session import Everything, JsonSession, Limit, Session
from app.cli.signature import Argument, Option
from app.cli.views import tickets as view

Specialist = Annotated[str | None, Option(help="As whom; not needed when you speak for one only.")]
Minutes = Annotated[
    int, Option(min=1, max=1440, metavar="N", help="After so long others may have them.")
]

_LIST = view.LIST._replace(
    columns=(*view.LIST.columns, "yours until"),
    may_go=("yours until", *view.LIST.may_go),
    empty="Nothing wants a review.",
)


def list_queue(
    session: JsonSession,
    specialist: Specialist = None,
    limit: Limit = 50,
    everything: Everything = False,
) -> None:
    """List tickets that want a review and that nobody else holds, the gravest and oldest first."""
    session.list(
        "review-queue",
        params={"specialist": specialist},
        limit=None if everything else limit,
        table=_LIST,
        row=lambda item: _row(item, (item.get("lease") or {}).get("expires_at")),
    )


def next_ticket(session: JsonSession, specialist: Specialist = None, minutes: Minutes = 30) -> None:
    """Lease the next ticket and show it; the exit code is 1 when there is none."""
    found = _claim(session, {"specialist": specialist, "count": 1, "minutes": minutes})
    if session.out.as_json:
        session.out.json(found)
    for item in () if session.out.as_json else found["items"]:
        view.show_ticket(session.out, item["ticket"])
        session.out.remark(f"Yours until {moment(item.get('expires_at'))}.")
    if not found["items"]:
        session.out.remark(f"Nothing wants a review of {found.get('specialist')}.")
        raise click.exceptions.Exit(EXIT_NO)


def claim(
    session: JsonSession,
    keys: Annotated[
        list[str] | None,
        Argument(metavar="[KEY]...", help="These; leases of your own begin anew."),
    ] = None,
    count: Annotated[
        int | None,
        Option("--count", "-n", min=1, max=50, metavar="N", help="So many that are free."),
    ] = None,
    specialist: Specialist = None,
    minutes: Minutes = 30,
) -> None:
    """Lease tickets, by number or by key; the exit code is 1 when there are none to be had."""
    body: dict[str, Any] = {"specialist": specialist, "minutes": minutes}
    if keys:
        body["keys"] = keys
    if count or not keys:
        body["count"] = count or 1
    found = _claim(session, body)
    if not session.out.printed_json(found):
        rows = [_row(item["ticket"], item.get("expires_at")) for item in found["items"]]
        session.out.table(_LIST._replace(rows=rows, empty="Nothing to be had."))
    if not found["items"]:
        raise click.exceptions.Exit(EXIT_NO)


def release(
    session: JsonSession,
    keys: Annotated[
        list[str] | None,
        Argument(metavar="[KEY]...", help="Left out: all that you hold."),
    ] = None,
    specialist: Specialist = None,
) -> None:
    """Give leased tickets back, so that others can have them at once."""
    body = {"specialist": specialist, "keys": keys or None}
    done = session.client.post("review-queue", "release", body=_given(body))
    if session.out.printed_json(done):
        return
    for key in done.get("released", []):
        session.out.line(key)


def _claim(session: Session, body: dict[str, Any]) -> Any:
    from app.cli.client import new_key

    # Under a key, a claim whose answer was lost is answered again instead of leasing more.
    return session.client.post("review-queue", "claim", body=_given(body), key=new_key())


def _given(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _row(ticket: dict[str, Any], expires_at: str | None) -> tuple[object, ...]:
    return (*view.list_row(ticket), moment(expires_at))

"""``findings review``: what becomes of a review - applied, answered, confirmed."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from app.cli.errors import UsageProblem
from app.cli.ids import is_beginning, whole_id
from app.cli.session import IdempotencyKey, JsonSession, Key, Session
from app.cli.signature import Argument, Option
from app.cli.views import tickets as view

Which = Annotated[
    str,
    Argument(metavar="REVIEW", help="Its id, or the specialist whose current review it is."),
]


def apply_review(
    session: JsonSession, key: Key, which: Which, idempotency_key: IdempotencyKey = None
) -> None:
    """Take a review's amendment into the ticket, and show the ticket."""
    ticket = _post(session, key, which, "apply", None, idempotency_key)
    if not session.out.printed_json(ticket):
        view.show_ticket(session.out, ticket)


def answer_review(
    session: JsonSession,
    key: Key,
    which: Which,
    resolution: Annotated[
        str,
        Argument(metavar="RESOLUTION", help="accepted, withdrawn or overruled.", complete="answer"),
    ],
    reason: Annotated[str, Option(help="Why, in Markdown.")],
    idempotency_key: IdempotencyKey = None,
) -> None:
    """End an open objection: its author withdraws it, a maintainer accepts or overrules it."""
    body = {"resolution": resolution.lower(), "reason": reason}
    _show(session, _post(session, key, which, "answer", body, idempotency_key))


def confirm_review(
    session: JsonSession,
    key: Key,
    which: Which,
    ticket_version: Annotated[
        int | None,
        Option(metavar="N", help="The version you read; refused when it has changed since."),
    ] = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Let your outdated review hold for the ticket as it is now."""
    body = {} if ticket_version is None else {"ticket_version": ticket_version}
    _show(session, _post(session, key, which, "confirm", body, idempotency_key))


def _post(
    session: Session,
    key: str,
    which: str,
    what: str,
    body: dict[str, Any] | None,
    idempotency_key: str | None,
) -> Any:
    from app.cli.client import new_key

    return session.client.post(
        "tickets",
        key,
        "reviews",
        _review_id(session, key, which),
        what,
        body=body,
        key=idempotency_key or new_key(),
    )


def _review_id(session: Session, key: str, which: str) -> str:
    """Return the id of the review that is meant.

    Raises:
        UsageProblem: the specialist has none on this ticket.
    """
    try:
        return str(UUID(which))
    except ValueError:
        pass
    found = session.client.get("tickets", key, "reviews", params={"limit": 200})
    ids = [str(review.get("id")) for review in found.get("items", [])]
    if is_beginning(which) and any(one.startswith(which.lower()) for one in ids):
        return whole_id(ids, which, "review", f"findings review list {key}")
    for review in found.get("items", []):
        if review.get("specialist") == which:
            return str(review.get("id"))
    raise UsageProblem(f"{key} has no current review of {which}", f"See findings review list {key}")


def _show(session: Session, review: dict[str, Any]) -> None:
    if not session.out.printed_json(review):
        view.show_reviews(session.out, [review], title="", kind="")

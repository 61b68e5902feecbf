"""``findings review``: add and list cross-reviews."""

from __future__ import annotations

from typing import Annotated, Any

from app.cli import drafts
from app.cli.editor import Editor, written
from app.cli.errors import UsageProblem
from app.cli.inputs import read_table, read_text
from app.cli.output import Output
from app.cli.session import (
    IdempotencyKey,
    JsonSession,
    Key,
    Limit,
    merged,
)
from app.cli.signature import Option
from app.cli.views import tickets as view


def add_review(
    session: JsonSession,
    key: Key,
    verdict: Annotated[
        str | None,
        Option(help="ENDORSE, NEUTRAL, REFINE or OBJECT.", metavar="VERDICT"),
    ] = None,
    specialist: Annotated[
        str | None, Option(help="As whom; not needed when you speak for one only.")
    ] = None,
    rationale: Annotated[
        str | None, Option(help="Why, in Markdown; REFINE and OBJECT need it.")
    ] = None,
    rationale_file: Annotated[
        str | None,
        Option(metavar="FILE", help="The rationale from a file; - for standard input."),
    ] = None,
    claim: Annotated[
        str | None, Option(help="Is the claim true? true, partly, false or not-checked.")
    ] = None,
    fix: Annotated[
        str | None, Option(help="Is the fix right? agree, disagree or other.", complete="fix")
    ] = None,
    severity: Annotated[str | None, Option(help="The severity you propose.")] = None,
    amendment: Annotated[
        str | None,
        Option(metavar="FILE", help="A merge patch of the ticket, in JSON or TOML."),
    ] = None,
    ticket_version: Annotated[
        int | None, Option(metavar="N", help="The version you read; else the present one.")
    ] = None,
    source: Annotated[
        str | None,
        Option(
            "--from", metavar="FILE", help="A file with [[reviews]]; takes that of --specialist."
        ),
    ] = None,
    editor: Editor = False,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Record a specialist's cross-review; a later one of the same specialist supersedes it."""
    body = _review_in(source, specialist) if source else {}
    if rationale is not None and rationale_file is not None:
        raise UsageProblem("there are two rationales", "Give --rationale or --rationale-file")
    given = {
        "verdict": verdict.upper() if verdict else None,
        "specialist": specialist,
        "rationale": read_text(rationale_file) if rationale_file else rationale,
        "claim": claim,
        "fix": fix,
        "proposed_severity": severity,
        "amendment": read_table(amendment) if amendment else None,
        "ticket_version": ticket_version,
    }
    body |= {name: value for name, value in given.items() if value is not None}
    if editor:
        about = f"Above: why {body.get('verdict', 'this verdict')} on {key}, in Markdown."
        body["rationale"] = written(about, str(body.get("rationale") or ""))
    if "verdict" not in body:
        raise UsageProblem(
            "the review has no verdict", "Give --verdict ENDORSE, NEUTRAL, REFINE or OBJECT"
        )
    from app.cli.client import new_key

    review = session.client.post(
        "tickets", key, "reviews", body=body, key=idempotency_key or new_key()
    )
    _show_one(session.out, review)


def _review_in(source: str, specialist: str | None) -> dict[str, Any]:
    """Return the review of `specialist` in a file, or the only one it holds."""
    _, reviews = drafts.ticket_in(source)
    fitting = [
        review
        for review in reviews
        if isinstance(review, dict) and specialist in (None, review.get("specialist"))
    ]
    if len(fitting) != 1:
        whose = f" of {specialist}" if specialist else ""
        raise UsageProblem(
            f"{source} holds {len(fitting)} reviews{whose}, not one",
            "Say with --specialist which one it is",
        )
    return fitting[0]


def _show_one(out: Output, review: dict[str, Any]) -> None:
    if out.as_json:
        out.json(review)
    elif out.terminal:
        outdated = ", outdated: the ticket has changed since" if review.get("outdated") else ""
        out.line(f"{review.get('specialist')} says {review.get('verdict')}{outdated}")
    else:
        view.show_reviews(out, [review], kind="")


def list_reviews(
    session: JsonSession,
    key: Key,
    everything: Annotated[bool, Option("--all", help="Superseded and outdated ones too.")] = False,
    limit: Limit = 200,
) -> None:
    """List the reviews of a ticket.

    In a pipe: specialist, verdict, claim, fix, author, remarks and rationale, separated by tabs.
    """
    pages = session.client.pages(
        "tickets",
        key,
        "reviews",
        params={"all": "true" if everything else None},
        limit=None if everything else limit,
    )
    found = merged(pages)
    if not session.out.printed_json(found):
        view.show_reviews(session.out, found.get("items", []), title="", kind="")

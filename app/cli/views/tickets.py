"""Tickets: as rows of a list, and whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.cli.moments import moment
from app.cli.output import Output
from app.cli.tables import Table
from app.cli.views.words import (
    consensus_words,
    evidence_words,
    known_words,
    place_words,
    severity_words,
    short,
    signal_words,
)
from app.domain.document import DOCUMENT

Json = Mapping[str, Any]

LIST = Table(
    ("key", "sev", "status", "evidence", "reviews", "title"),
    (),
    empty="No ticket matches.",
    cut="title",
    may_go=("reviews", "evidence", "status", "sev"),
)


def list_row(ticket: Json) -> tuple[object, ...]:
    """Return the cells of a ticket in a list."""
    return (
        ticket.get("key"),
        severity_words(ticket),
        _status(ticket),
        evidence_words(ticket.get("evidence") or {}),
        consensus_words(ticket.get("consensus") or {}),
        ticket.get("title"),
    )


def show_ticket(out: Output, ticket: Json) -> None:
    """Print a whole ticket."""
    evidence = ticket.get("evidence") or {}
    defect, tests = known_words(ticket.get("known") or {})
    out.fields(
        [
            ("key", ticket.get("key")),
            ("title", ticket.get("title")),
            ("severity", severity_words(ticket)),
            ("status", _status(ticket)),
            ("evidence", evidence_words(evidence)),
            ("the defect here is", defect),
            ("the tests can tell", tests),
            ("evidence says", evidence.get("sentence")),
            ("introduced in", evidence.get("introduced_in")),
            ("fixed in", evidence.get("fixed_in")),
            ("last sweep", (evidence.get("swept") or {}).get("verdict")),
            ("reviews are", signal_words(ticket.get("signals") or ())),
            ("closed without evidence", _closed_without(evidence)),
            ("batch", ticket.get("batch")),
            ("agent", ticket.get("agent")),
            ("domains", ", ".join(ticket.get("domains") or ())),
            ("target", ticket.get("target") or "none covers it"),
            ("categories", ", ".join(ticket.get("categories") or ())),
            *(
                (field.label.lower(), ticket.get(name))
                for name, field in DOCUMENT.items()
                if field.kind in ("line", "day")
            ),
            ("filed", f"{moment(ticket.get('created_at'))} by {ticket.get('created_by')}"),
            ("updated", moment(ticket.get("updated_at"))),
            ("version", ticket.get("version")),
            ("commits", ", ".join(ticket.get("commits") or ())),
            ("unknown commits", ", ".join(ticket.get("unknown_commits") or ())),
            *(("location", place_words(place)) for place in ticket.get("locations") or ()),
            *(("report", _report(report)) for report in ticket.get("reports") or ()),
            *(("relation", _relation(relation)) for relation in ticket.get("relations") or ()),
        ]
    )
    out.passage("summary", "Summary", str(ticket.get("summary") or ""))
    for section in ticket.get("sections") or ():
        out.passage("section", str(section.get("heading")), str(section.get("body") or ""))
    if ticket.get("resolution_text"):
        out.passage("resolution", "Resolution", str(ticket["resolution_text"]))
    _show_parts(out, ticket)


def _show_parts(out: Output, ticket: Json) -> None:
    out.table(
        Table(
            ("#", "done", "step"),
            [
                (number, bool(item.get("done")), item.get("text"))
                for number, item in enumerate(ticket.get("checklist") or (), 1)
            ],
            title="Checklist",
            kind="checklist",
        )
    )
    show_reviews(out, ticket.get("reviews") or ())
    show_links(out, ticket.get("tests") or (), title="Tests")
    show_reported(out, ticket.get("external_results") or ())
    patches = ticket.get("patches") or {}
    out.table(
        Table(
            ("patch", "applies", "author", "at", "digest"),
            [
                (
                    name,
                    patch.get("applies"),
                    patch.get("author"),
                    moment(patch.get("at")),
                    short(patch.get("digest")),
                )
                for name, patch in patches.items()
            ],
            title="Patches",
            kind="patch",
            may_go=("digest", "at"),
        )
    )


def show_reviews(
    out: Output, reviews: Any, *, title: str = "Reviews", kind: str = "review"
) -> None:
    """Print reviews with their rationales."""
    out.table(
        Table(
            ("specialist", "verdict", "claim", "fix", "by", "", "rationale"),
            [
                (
                    review.get("specialist"),
                    review.get("verdict"),
                    review.get("claim"),
                    review.get("fix"),
                    review.get("author"),
                    _remarks(review),
                    review.get("rationale"),
                )
                for review in reviews
            ],
            title=title,
            kind=kind,
            empty="" if kind else "No review yet.",
            prose="rationale",
        )
    )


def show_links(out: Output, links: Any, *, title: str = "", kind: str = "test") -> None:
    """Print the tests of a ticket."""
    out.table(
        Table(
            ("test", "purpose", "linked by", "last outcome"),
            [
                (
                    link.get("node_id"),
                    link.get("purpose"),
                    link.get("origin"),
                    link.get("last_outcome"),
                )
                for link in links
            ],
            title=title,
            kind=kind,
            empty="" if kind else "No test is linked yet.",
        )
    )


def show_reported(out: Output, results: Any) -> None:
    """Print what others report of the tests of a ticket."""
    out.table(
        Table(
            ("test", "outcome", "source", "commit", "reported", "message"),
            [
                (
                    one.get("node_id"),
                    one.get("outcome"),
                    one.get("source"),
                    short(one.get("commit")),
                    moment(one.get("reported_at")),
                    one.get("message"),
                )
                for one in results
            ],
            title="Reported from elsewhere (no evidence)",
            kind="reported",
        )
    )


def _status(ticket: Json) -> str:
    status, resolution = ticket.get("status"), ticket.get("resolution")
    return f"{status} ({resolution})" if resolution and resolution != status else str(status)


def _closed_without(evidence: Json) -> str | None:
    said = evidence.get("closed_without")
    if not said:
        return None
    return f"by {said.get('by')}: {said.get('reason') or 'no reason given'}"


def _report(report: Json) -> str:
    section = report.get("section")
    return f"{report.get('file')}, {section}" if section else str(report.get("file"))


def _relation(relation: Json) -> str:
    words = f"{relation.get('kind')} {relation.get('key')}"
    return f"{words} ({relation['note']})" if relation.get("note") else words


def _remarks(review: Json) -> str:
    answer = review.get("answer") or {}
    words = [
        f"severity {review['proposed_severity']}" if review.get("proposed_severity") else "",
        "amendment" if review.get("amendment") else "",
        "outdated" if review.get("outdated") else "",
        "superseded" if review.get("superseded_by") else "",
        str(answer.get("resolution") or ""),
        "on behalf" if review.get("on_behalf") else "",
    ]
    return ", ".join(word for word in words if word)

"""The exporter: a document, and the ticket as it is now, make the document as it should be.

What the bytes state is compared with the facts of the ticket; every difference is edited on the
lines that state it, in the layout the document has. Without a difference the bytes come back
as they were.

Three things are never taken out of a document: its Ticket ID, reviews (a later one supersedes,
but the earlier was given), and commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields

from app.formats.markdown.checklist import edit_checklist
from app.formats.markdown.document import Document
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import Present
from app.formats.markdown.locations import edit_location
from app.formats.markdown.metadata import edit_metadata, edit_status, edit_title
from app.formats.markdown.problems import DEFAULT_LIMITS, FormatError, FormatProblem, Limits
from app.formats.markdown.reader import parse, read
from app.formats.markdown.relations import edit_relations
from app.formats.markdown.reports import edit_reports
from app.formats.markdown.resolution import edit_commits, edit_resolution, is_same_commit
from app.formats.markdown.review_edits import edit_reviews
from app.formats.markdown.sections import edit_sections
from app.formats.markdown.source import Patch
from app.formats.markdown.stated import canonical, facts
from app.formats.markdown.summary import edit_categories, edit_summary

Edit = Callable[[Present, TicketFacts], Iterable[Patch]]
_ONCE: tuple[Edit, ...] = (
    edit_title,
    edit_metadata,
    edit_status,
    edit_location,
    edit_summary,
    edit_categories,
    edit_sections,
    edit_checklist,
    edit_relations,
    edit_resolution,
    edit_commits,
    edit_reports,
)


def merge(
    document: Document | bytes,
    current: TicketFacts,
    *,
    lenient: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """The document with the facts of the ticket edited in.

    Raises:
        FormatError: the bytes are no ticket; or, unless ``lenient``, a fact cannot be stated
            in this document.

    """
    if isinstance(document, bytes):
        document = parse(document, limits=limits)
    wanted = canonical(current)
    merged = edited(document, wanted)
    if not lenient and (problems := unsaid(merged, wanted)):
        raise FormatError(problems)
    return merged.source.encode()


def edited(document: Document, wanted: TicketFacts) -> Document:
    """The document after all edits; the same object when there are none."""
    if not unsaid(document, wanted):
        return document
    now = _present(document)
    for edit in (*_ONCE, *(edit_reviews for _ in wanted.reviews)):
        if patches := list(edit(now, wanted)):
            now = now.after(patches)
    return now.document


def _present(document: Document) -> Present:
    def after(patches: Sequence[Patch]) -> Present:
        return _present(read(document.source.replace(patches), document.source_path))

    return Present(document, facts(document), after)


def unsaid(document: Document, wanted: TicketFacts) -> list[FormatProblem]:
    """The facts, in canonical form, that a document does not state."""
    stated = facts(document)
    missing = [
        field.name
        for field in fields(TicketFacts)
        if field.name not in ("key", "reviews", "commits", "relations")
        and getattr(stated, field.name) != getattr(wanted, field.name)
    ]
    unknown = set(wanted.commits) - set(stated.commits)
    if not all(any(is_same_commit(c, s) for s in stated.commits) for c in unknown):
        missing.append("commits")
    itself = [relation for relation in stated.relations if relation.key == stated.key]
    others = {r for r in stated.relations if r not in itself}
    if others != {r for r in wanted.relations if r not in itself}:
        missing.append("relations")
    left = list(stated.reviews)
    for review in wanted.reviews:
        found = next((r for r in left if r.says_the_same(review)), None)
        if found is None:
            missing.append("reviews")
            break
        left.remove(found)
    reason = "the document cannot state the ticket's {}"
    return [FormatProblem(1, reason.format(name.replace("_", " "))) for name in missing]

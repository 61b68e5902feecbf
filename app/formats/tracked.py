"""A ticket of the tracker in the words of the document format, and the way back.

The tracker holds less than a document can say: a fix note has no severity, a status may be a word
of its own, a category a label of the author's. :func:`held` says what the tracker makes of the
facts of a document, :func:`of_ticket` what a ticket states now. Where the two are equal nothing was
changed here, and the document's own words hold; :func:`current` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from app.domain import keys, plain
from app.domain import tickets as domain
from app.domain.document import DOCUMENT, PARTS, PLAIN
from app.domain.reviews import Review
from app.domain.tickets import Location, Section
from app.formats.markdown import Disposition, RelationText, ReviewText, TicketFacts, canonical
from app.formats.markdown.stated import body

NO_SEVERITY = "P4"
UNKNOWN_SEVERITY = "P0"
"""What a ticket has whose document states one in words that are none: nobody may overlook it."""
NO_BATCH = 0
NO_AGENT = "unknown"
"""What a ticket has whose document states none; the document goes on stating none."""

_MAX_BATCH = 999_999
_MAX_LINE = 100_000_000
_MAX_WORD = 200
_MAX_SYMBOL = 500
_MAX_FILE = 1000

TICKET_FIELD = MappingProxyType({"created": "reported_on"})
"""Names of the tracker that differ from those of the format."""

_FACT = {field: fact for fact, field in TICKET_FIELD.items()}
FIELDS = (
    "status",
    *(_FACT.get(name, name) for name in DOCUMENT if name not in ("relations", "external_ref")),
)
"""What both sides hold, apart from relations and reviews. ``status`` stands for it and its
resolution."""

_SAME = tuple(name for name in (*PLAIN, *PARTS, "domains", "commits", "reports") if name in FIELDS)
"""What both sides hold alike, parts but for their ids."""

_CATEGORIES = frozenset(category.value for category in domain.Category)


def held(facts: TicketFacts, folder: Disposition | None = None) -> TicketFacts:
    """What the tracker holds of a document's facts, without relations and reviews.

    With a folder's disposition the status is the folder's word.
    """
    status, resolution = facts.status, facts.resolution
    if folder is not None:
        status, resolution = folder.status, folder.resolution
    batch = facts.batch
    return canonical(
        replace(
            facts,
            status=status,
            resolution=resolution,
            severity=facts.severity or (UNKNOWN_SEVERITY if facts.severity_raw else NO_SEVERITY),
            severity_raw=(facts.severity_raw or "")[:_MAX_WORD] or None,
            batch=batch if batch is not None and batch <= _MAX_BATCH else NO_BATCH,
            agent=facts.agent if facts.agent and len(facts.agent) <= _MAX_WORD else NO_AGENT,
            domains=tuple(d for d in facts.domains if len(d) <= _MAX_WORD),
            categories=tuple(c for c in facts.categories if c in _CATEGORIES),
            locations=tuple(place for place in map(_held_place, facts.locations) if place),
            updated=None,
            relations=(),
            reviews=(),
        )
    )


def _held_place(place: Location) -> Location | None:
    start, end = place.start_line, place.end_line
    if start is not None and not 1 <= start <= _MAX_LINE:
        start = None
    if start is None or (end is not None and not start <= end <= _MAX_LINE):
        end = None
    path, symbol, note = place.path, place.symbol, place.note
    if path and len(path) > _MAX_FILE:
        path, note = None, " ".join(filter(None, (path, note)))
    if symbol and len(symbol) > _MAX_SYMBOL:
        symbol, note = None, " ".join(filter(None, (symbol, note)))
    if path is None and symbol is None and note is None:
        return None
    return Location(path, start, end, symbol, note)


def of_ticket(ticket: domain.Ticket) -> TicketFacts:
    """What a ticket states now, without relations and reviews."""
    facts: dict[str, Any] = {name: getattr(ticket, name) for name in _SAME}
    facts |= {
        "key": ticket.key,
        "severity": ticket.severity.value,
        "severity_raw": ticket.severity_raw,
        "status": ticket.status.value,
        "resolution": None if ticket.resolution is None else ticket.resolution.value,
        "created": ticket.reported_on,
        "summary": _lead_of(ticket.summary),
        "categories": tuple(category.value for category in ticket.categories),
        "sections": _sections_of(ticket),
    }
    return canonical(TicketFacts(**facts))


def _lead_of(summary: str) -> str:
    """The summary in one line: its first paragraph, where it has several."""
    first, _, rest = body(summary).partition("\n\n")
    return summary if not rest or first.startswith(("```", "~~~")) else first


def _sections_of(ticket: domain.Ticket) -> tuple[Section, ...]:
    """The sections, with the whole summary in front where one line does not say it."""
    sections = tuple(replace(section, id=None) for section in ticket.sections)
    whole = Section("Summary", body(ticket.summary))
    more = "\n" in whole.body and any(mark in whole.body for mark in ("\n\n", "```", "~~~"))
    return sections if not more or whole in sections else (whole, *sections)


def value(facts: TicketFacts, name: str) -> Any:
    """The value of one of :data:`FIELDS`; the status with its resolution, a severity with words."""
    if name == "status":
        return facts.status, facts.resolution
    if name == "severity":
        return facts.severity, facts.severity_raw
    return getattr(facts, name)


def differing(one: TicketFacts, other: TicketFacts) -> tuple[str, ...]:
    """The names among :data:`FIELDS` in which two facts differ."""
    return tuple(name for name in FIELDS if value(one, name) != value(other, name))


def current(fresh: TicketFacts, left: TicketFacts, now: TicketFacts) -> TicketFacts:
    """A document's facts with what was changed here since its import.

    Args:
        fresh: what the document states.
        left: the ticket as the import left it.
        now: the ticket as it is.

    """
    changes: dict[str, Any] = {}
    for name in differing(left, now):
        if name == "status":
            changes |= {"status": now.status, "resolution": now.resolution}
        elif name == "severity":
            changes |= {"severity": now.severity, "severity_raw": now.severity_raw}
        elif name == "categories":
            # Labels of the author's own are no categories of the tracker: nobody took them away.
            own = [c for c in fresh.categories if c not in _CATEGORIES]
            changes["categories"] = (*now.categories, *own)
        else:
            changes[name] = getattr(now, name)
    return replace(fresh, **changes) if changes else fresh


def draft_of(facts: TicketFacts, key: str) -> domain.TicketDraft:
    """Held facts as a ticket to be added; status, commits and resolution text stand apart."""
    given: dict[str, Any] = {
        name: getattr(facts, name) for name in _SAME if DOCUMENT[name].is_filed
    }
    given |= {
        "key": key,
        "severity": domain.Severity(facts.severity or NO_SEVERITY),
        "severity_raw": facts.severity_raw,
        "batch": facts.batch or NO_BATCH,
        "agent": facts.agent or NO_AGENT,
        "summary": facts.summary or "",
        "categories": tuple(domain.Category(word) for word in facts.categories),
        "reported_on": facts.created,
    }
    return domain.TicketDraft(**given)


def changes_of(facts: TicketFacts, names: Iterable[str], before: domain.Ticket) -> dict[str, Any]:
    """New values of a ticket's fields but the status, parts that stay with their ids."""
    draft = draft_of(facts, before.key)
    found: dict[str, Any] = {}
    for name in names:
        if name == "status":
            continue
        field = TICKET_FIELD.get(name, name)
        if name in _SAME_PART:
            found[field] = _with_ids(getattr(draft, name), getattr(before, name), _SAME_PART[name])
        elif name == "severity":
            found |= {"severity": draft.severity, "severity_raw": draft.severity_raw}
        else:
            found[field] = getattr(draft if DOCUMENT[field].is_filed else facts, field)
    return found


_SAME_PART: Mapping[str, Callable[[Any], object]] = MappingProxyType(
    {
        "sections": lambda part: part.heading,
        "checklist": lambda part: part.text,
        "locations": lambda part: replace(part, id=None),
    }
)


def _with_ids(
    parts: Sequence[Any], before: Sequence[Any], same: Callable[[Any], object]
) -> tuple[Any, ...]:
    left = list(before)
    found = []
    for part in parts:
        old = next((other for other in left if same(other) == same(part)), None)
        if old is None:
            found.append(part)
        else:
            left.remove(old)
            found.append(replace(part, id=old.id))
    return tuple(found)


def to_plain(facts: TicketFacts) -> dict[str, Any]:
    """Facts as JSON holds them."""
    found = asdict(facts)
    for name in PARTS:
        found[name] = list(map(_as_stated, getattr(facts, name)))
    for name in ("created", "updated"):
        found[name] = None if found[name] is None else found[name].isoformat()
    del found["relations"], found["reviews"]
    return found


def from_plain(stored: Mapping[str, Any]) -> TicketFacts:
    """Facts from what :func:`to_plain` made of them."""
    return plain.from_plain(TicketFacts, stored)


def plain_value(facts: TicketFacts, name: str) -> Any:
    """A field as an audit event or a report shows it."""
    if name == "status":
        return facts.status if facts.resolution is None else f"{facts.status} ({facts.resolution})"
    if name == "severity":
        return domain.severity_words(facts.severity or NO_SEVERITY, facts.severity_raw)
    found = getattr(facts, name)
    if isinstance(found, date):
        return found.isoformat()
    if isinstance(found, tuple):
        return [part if isinstance(part, str) else _as_stated(part) for part in found]
    return found


def _as_stated(part: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if name != "id"}


def not_held(facts: TicketFacts, kept: TicketFacts) -> list[str]:
    """What only the document goes on saying, in words for the report of an import.

    ``kept`` is what the tracker holds of the facts.
    """
    found = []
    if facts.batch is not None and facts.batch != kept.batch:
        found.append(f"the batch {facts.batch} is too large a number; the ticket has none")
    if facts.agent and facts.agent != kept.agent:
        found.append("the agent's name is too long; the ticket has none")
    own = [category for category in facts.categories if category not in _CATEGORIES]
    if own:
        found.append(f"categories of the document's own: {', '.join(own)[:200]}")
    if facts.domains != kept.domains:
        found.append("a domain is too long to be looked for")
    if facts.locations != kept.locations:
        found.append("a location has lines that cannot be")
    return [f"{reason}; kept in the document only" for reason in found]


def current_relations(
    fresh: TicketFacts, ticket: domain.Ticket, pending: Iterable[domain.Relation]
) -> tuple[RelationText, ...]:
    """What a document relates its ticket to, with what was changed here.

    A reference that the tracker cannot hold (to the ticket itself, or to no key) stays. So does
    one that the other ticket states as well, for it is kept once.
    """
    shown = {(r.key, r.kind.value): r for r in ticket.relations}
    waiting = {(r.key, r.kind.value) for r in pending}
    found: list[RelationText] = []
    for relation in fresh.relations:
        pair = (relation.key, relation.kind)
        here = shown.pop(pair, None)
        if here is not None:
            found.append(replace(relation, note=here.note) if here.stated_here else relation)
        elif pair in waiting or not may_hold(fresh, relation, ticket.key):
            found.append(relation)
    stated = [r for r in shown.values() if r.stated_here]
    return (*found, *(RelationText(r.key, r.kind.value, r.note) for r in stated))


def may_hold(facts: TicketFacts, relation: RelationText, key: str) -> bool:
    """True for a reference that the tracker can hold once there is such a ticket."""
    itself = relation.key in (facts.key, key)
    return not itself and keys.is_key(relation.key, allow_copy=True)


def current_reviews(fresh: TicketFacts, given_here: Sequence[Review]) -> tuple[ReviewText, ...]:
    """The reviews of a document and those given here since, each once."""
    left = list(fresh.reviews)
    new = []
    for review in map(review_text, given_here):
        same = next((r for r in left if r.says_the_same(review)), None)
        if same is None:
            new.append(review)
        else:
            left.remove(same)
    return (*fresh.reviews, *new)


def review_text(review: Review) -> ReviewText:
    """A review as documents hold it."""
    return ReviewText(
        review.specialist,
        review.verdict.value,
        body(review.rationale).strip(),
        review.created_at.date(),
    )


def written(ticket: domain.Ticket, given_here: Sequence[Review]) -> TicketFacts:
    """A ticket that came from no document, with all that its own document will say."""
    return canonical(
        replace(
            of_ticket(ticket),
            created=ticket.reported_on or ticket.created_at.date(),
            updated=ticket.updated_at.date(),
            relations=tuple(
                RelationText(r.key, r.kind.value, r.note) for r in ticket.relations if r.stated_here
            ),
            reviews=tuple(map(review_text, given_here)),
        )
    )

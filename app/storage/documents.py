"""Documents of tickets, and what they say that is not in the other tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    Row,
    Select,
    Text,
    any_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.accounts import Account
from app.domain.documents import (
    ImportedReview,
    Namesake,
    StatusFrom,
    StoredDocument,
    Surroundings,
)
from app.domain.plain import from_plain
from app.domain.reviews import Review
from app.domain.tickets import Relation, RelationKind, Ticket
from app.schema.accounts import accounts, specialists
from app.schema.documents import pending_relations, ticket_documents
from app.schema.reviews import reviews
from app.schema.tickets import tickets
from app.schema.verification import targets, tests
from app.storage.prepared import Prepared
from app.storage.rows import new_id
from app.storage.store import Store
from app.storage.tickets.show import review_fields, ticket_from, whole_tickets

UNKNOWN = "unknown"
_IMPORT_LOCK = 0x696D7072  # "impr"
_BEGIN = select(
    func.pg_advisory_xact_lock(_IMPORT_LOCK), func.set_config("synchronous_commit", "off", True)
)


class DocumentStore(Store):
    """Documents of tickets."""

    async def begin_import(self) -> None:
        """Wait until no other document is being imported, and keep others waiting.

        The lock comes first of all, so that who holds it waits for ordinary calls only. The
        transaction's commit does not wait for the disk: `make_durable` does, once for all.
        """
        await self._connection.execute(_BEGIN)

    async def make_durable(self) -> None:
        """See to it that the commits of all documents are on the disk when this one is.

        A commit that waits for the disk waits for all before it: they stand in the same log.
        """
        await self._connection.execute(select(func.pg_current_xact_id().cast(Text)))

    async def around(self, source_path: str, key: str, target: str | None) -> Surroundings:
        """Return what a document that says to be `key`, from `source_path`, has to do with."""
        values = {"path": source_path, "key": key, "copies": _copies(key), "target": target}
        row = (await self._connection.execute(_AROUND, values)).one()
        return Surroundings(
            document=None if row.ticket_id is None else _document_from(row),
            namesakes=row.namesakes,
            awaited=row.awaited,
            claimed=row.claimed,
            covered=None if row.covered is None else tuple(row.covered),
        )

    async def of_tickets(self, ids: Iterable[int]) -> dict[int, StoredDocument]:
        """Return the documents of tickets by the tickets' ids."""
        query = _documents().where(ticket_documents.c.ticket_id.in_(list(ids)))
        rows = await self._connection.execute(query)
        return {row.ticket_id: _document_from(row) for row in rows}

    async def namesakes(self, key: str) -> list[Namesake]:
        """Return the ticket `key` and its copies, the first first."""
        copies = tickets.c.key.like(_copies(key))
        stated = ticket_documents.c.facts
        rows = await self._connection.execute(
            select(
                tickets.c.id,
                tickets.c.key,
                func.coalesce(stated["title"].astext, tickets.c.title).label("title"),
                case(
                    (
                        ticket_documents.c.source_path.is_not(None),
                        cast(stated["created"].astext, Date),
                    ),
                    else_=func.coalesce(tickets.c.reported_on, cast(tickets.c.created_at, Date)),
                ).label("created"),
                ticket_documents.c.source_path,
            )
            .outerjoin_from(tickets, ticket_documents, ticket_documents.c.ticket_id == tickets.c.id)
            .where(or_(tickets.c.key == key, copies))
            .order_by(func.length(tickets.c.key), tickets.c.key)
        )
        return [Namesake(row.id, row.key, row.title, row.created, row.source_path) for row in rows]

    async def save(
        self,
        ticket_id: int,
        importer: Account,
        *,
        source_path: str,
        folder: str | None,
        status_from: StatusFrom,
        content: bytes,
        digest: str,
        facts: Mapping[str, Any],
        layout: Mapping[str, Any] | None,
    ) -> None:
        """Keep the document of a ticket, in the place of the one before."""
        values = {
            "source_path": source_path,
            "folder": folder,
            "status_from": status_from.value,
            "content": content,
            "digest": digest,
            "facts": dict(facts),
            "layout": None if layout is None else dict(layout),
            "imported_by": importer.id,
        }
        await self._connection.execute(_SAVE, {"ticket_id": ticket_id, **values})

    async def taken_paths(self, paths: Iterable[str]) -> set[str]:
        """Return those of `paths` under which a document was imported."""
        column = ticket_documents.c.source_path
        return set(await self._connection.scalars(select(column).where(column.in_(list(paths)))))

    # Relations to tickets that are not there yet.

    async def pending_of(self, ids: Iterable[int]) -> dict[int, tuple[Relation, ...]]:
        """Return what tickets are related to that is not there, by the tickets' ids."""
        wanted = list(ids)
        query = select(pending_relations).where(pending_relations.c.ticket_id.in_(wanted))
        found: dict[int, tuple[Relation, ...]] = dict.fromkeys(wanted, ())
        for row in await self._connection.execute(query.order_by(pending_relations.c.key)):
            found[row.ticket_id] += (Relation(row.key, RelationKind(row.kind), row.note),)
        return found

    async def waiting_for(self, key: str) -> list[tuple[int, Relation]]:
        """Return (ticket, relation) of those that are related to `key` and wait for it."""
        rows = await self._connection.execute(
            select(pending_relations)
            .where(pending_relations.c.key == key)
            .order_by(pending_relations.c.ticket_id, pending_relations.c.kind)
        )
        return [(r.ticket_id, Relation(r.key, RelationKind(r.kind), r.note)) for r in rows]

    async def save_pending(self, ticket_id: int, relations: Iterable[Relation]) -> None:
        """Keep relations until the tickets that they name appear."""
        rows = [
            {"ticket_id": ticket_id, "key": r.key, "kind": r.kind.value, "note": r.note}
            for r in relations
        ]
        if rows:
            await self._connection.execute(upsert(pending_relations).on_conflict_do_nothing(), rows)

    async def drop_pending(self, ticket_id: int, relation: Relation) -> None:
        """Wait no more for the ticket that a relation names."""
        columns = pending_relations.c
        await self._connection.execute(
            delete(pending_relations).where(
                columns.ticket_id == ticket_id,
                columns.key == relation.key,
                columns.kind == relation.kind.value,
            )
        )

    # Reviews.

    async def given_here(self, ids: Iterable[int]) -> dict[int, list[Review]]:
        """Return the reviews of tickets that came with no document, superseded ones too."""
        wanted = list(ids)
        found: dict[int, list[Review]] = {ticket_id: [] for ticket_id in wanted}
        for row in await _GIVEN_HERE.rows(self._connection, wanted=wanted):
            found[row.ticket_id].append(from_plain(Review, row.review))
        return found

    async def add_reviews(
        self,
        ticket_id: int,
        version: int,
        importer: Account,
        given: Sequence[ImportedReview],
        *,
        first: bool,
    ) -> None:
        """Add the reviews of a document; a later one of a specialist supersedes the earlier.

        `first` says that the ticket has none yet. Their specialists are entered.
        """
        if not given:
            return
        current: dict[str, UUID] = {}
        rows: list[dict[str, Any]] = []
        for review in given:
            review_id = new_id()
            if review.specialist != UNKNOWN:
                for row in rows:
                    if row["id"] == current.get(review.specialist):
                        row["superseded_by"] = review_id
                current[review.specialist] = review_id
            rows.append(_review_row(review_id, ticket_id, version, importer, review))
        earliest = {row["specialist"]: row["id"] for row in reversed(rows)}
        for specialist in () if first else current:
            await self._connection.execute(
                update(reviews)
                .where(
                    reviews.c.ticket_id == ticket_id,
                    reviews.c.specialist == specialist,
                    reviews.c.superseded_by.is_(None),
                )
                .values(superseded_by=earliest[specialist])
            )
        await self._connection.execute(insert(reviews), rows)

    async def enter_specialists(self, names: Collection[str]) -> None:
        """Enter names that no specialist here has; they are shown with reviews, and no more."""
        rows = [{"name": name, "label": name, "imported": True} for name in sorted(names)]
        if rows:
            await self._connection.execute(upsert(specialists).on_conflict_do_nothing(), rows)

    # Whole tickets, for exports.

    async def whole(self, keys: Sequence[str]) -> list[Ticket]:
        """Return tickets with everything shown with them, in the natural order of their keys."""
        query = whole_tickets().where(tickets.c.key.in_(keys)).order_by(tickets.c.sort_key)
        return [
            ticket_from(row, self._context.gate) for row in await self._connection.execute(query)
        ]


def _review_row(
    review_id: UUID, ticket_id: int, version: int, importer: Account, review: ImportedReview
) -> dict[str, Any]:
    given = datetime.now(UTC)
    if review.given_on is not None:
        given = datetime.combine(review.given_on, time(), UTC)
    return {
        "id": review_id,
        "ticket_id": ticket_id,
        "specialist": review.specialist,
        "author_id": importer.id,
        "on_behalf": True,
        "verdict": review.verdict,
        "rationale": review.rationale,
        "ticket_version": version,
        "content_version": version,
        "created_at": given,
        "superseded_by": None,
        "imported": True,
    }


def _copies(key: str) -> str:
    """The pattern of the keys that copies of a ticket have."""
    return key.replace("_", r"\_") + "~%"


def _documents() -> Select[Any]:
    return select(ticket_documents, tickets.c.key).join(
        tickets, tickets.c.id == ticket_documents.c.ticket_id
    )


def _document_from(row: Row[Any]) -> StoredDocument:
    return from_plain(StoredDocument, {**row._mapping, "content": bytes(row.content)})


def _around() -> Select[Any]:
    """Everything in one statement: most documents of an import are new and need no other."""
    key, copies = bindparam("key", type_=Text), bindparam("copies", type_=Text)
    namesake = tickets.alias("namesake")
    named = or_(namesake.c.key == key, namesake.c.key.like(copies))
    claim = cast(postgresql.array([key]), tests.c.findings.type)
    covered = select(targets.c.domains).where(targets.c.name == bindparam("target", type_=Text))
    once = select(literal(1).label("one")).subquery("once")
    at_path = ticket_documents.c.source_path == bindparam("path")
    return (
        select(
            ticket_documents,
            tickets.c.key,
            exists().where(named).label("namesakes"),
            exists().where(pending_relations.c.key == key).label("awaited"),
            exists().where(tests.c.findings.contains(claim)).label("claimed"),
            covered.scalar_subquery().label("covered"),
        )
        .select_from(once)
        .outerjoin(ticket_documents, at_path)
        .outerjoin(tickets, tickets.c.id == ticket_documents.c.ticket_id)
    )


_AROUND = _around()


def _given_here() -> Select[Any]:
    author = accounts.alias("author")
    pairs: list[Any] = []
    for name, column in review_fields(author).items():
        pairs += [name, column]
    wanted = bindparam("wanted", type_=postgresql.ARRAY(BigInteger))
    return (
        select(reviews.c.ticket_id, func.json_build_object(*pairs).label("review"))
        .join_from(reviews, tickets, tickets.c.id == reviews.c.ticket_id)
        .join(author, author.c.id == reviews.c.author_id)
        .where(reviews.c.ticket_id == any_(wanted), ~reviews.c.imported)
        .order_by(reviews.c.id)
    )


_GIVEN_HERE = Prepared(_given_here)


def _save() -> Insert:
    given = upsert(ticket_documents)
    kept = ("source_path", "folder", "status_from", "content", "digest", "facts", "layout")
    now = {name: given.excluded[name] for name in (*kept, "imported_by")}
    return given.on_conflict_do_update(
        index_elements=["ticket_id"], set_={**now, "imported_at": func.now()}
    )


_SAVE = _save()

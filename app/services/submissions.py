"""Tests that clients hand in: stored by digest, collected and run in the cage only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.runs import TestPurpose
from app.domain.submissions import (
    FILENAME,
    MAX_BYTES,
    MAX_TESTS,
    SubmittedTest,
    path_below_suite,
)
from app.domain.tickets import TestLink
from app.errors import FieldError, Forbidden, InvalidInput, NotFound, PayloadTooLarge
from app.services.access import describe, id_of, lock_ticket
from app.services.catalogue import CatalogueService
from app.services.catalogues import Catalogues
from app.services.client_code import ClientCode
from app.services.evidence import reassess
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import UnitOfWork

_COMPILED_AT_ONCE = 8 << 10
"""Characters of source that take no time worth speaking of to compile, whatever they are."""


@dataclass(frozen=True)
class Submission:
    """What came of a submitted file."""

    links: tuple[TestLink, ...]
    created: bool
    """False when it replaced a file of the same name."""
    warnings: tuple[str, ...]
    """What is odd about it."""


class SubmissionService:
    """Submitted tests of tickets."""

    def __init__(
        self,
        unit: UnitOfWork,
        catalogues: Catalogues,
        client_code: ClientCode,
    ) -> None:
        self._unit = unit
        self._catalogues = catalogues
        self._client_code = client_code

    async def submit(
        self, actor: Actor, key: str, *, filename: str, source: str, purpose: TestPurpose
    ) -> Submission:
        """Take a pytest file for a ticket; one of the same name is replaced.

        Raises:
            NotFound: there is no such ticket.
            Forbidden: the ticket is somebody else's, and the actor is no reviewer.
            PayloadTooLarge: the file is too large.
            SandboxRefused: a layer of isolation is missing here.
            InvalidInput: the name is not a test file's, or pytest finds no test in it.
        """
        _check(filename, source)
        async with self._unit.begin() as stores:
            _require_submitter(actor, await lock_ticket(stores, key))
        await self._client_code.require_cage("A submitted test")
        path = path_below_suite(key, filename)
        catalogue = await self._catalogues.of_ticket(key)
        node_ids, warnings = await _collected(catalogue, path, source)
        digest = hashlib.sha256(source.encode()).hexdigest()
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            previous = await stores.submitted.put(
                ticket.id,
                catalogue.target.name,
                filename=filename,
                path=path,
                digest=digest,
                source=source,
                purpose=purpose,
                node_ids=node_ids,
                author=actor.account,
            )
            await stores.audit.record(
                actor, "test.submitted", ticket_id=ticket.id, changes={filename: [previous, digest]}
            )
            await reassess(stores, ticket.id, key)
            links = await stores.links.of_ticket(ticket.id, key)
        handed_in = set(node_ids)
        mine = tuple(link for link in links if link.node_id in handed_in)
        return Submission(links=mine, created=previous is None, warnings=warnings)

    async def source(self, key: str, submitted_id: UUID) -> SubmittedTest:
        """Return a submitted file with its source.

        Raises:
            NotFound: the ticket has none of this id.
        """
        async with self._unit.read() as stores:
            for file in await stores.submitted.of_ticket(await id_of(stores, key)):
                if file.id == submitted_id:
                    return file
        raise NotFound(f"{key} has no submitted test {submitted_id}.")


async def _collected(
    catalogue: CatalogueService, path: str, source: str
) -> tuple[list[str], tuple[str, ...]]:
    where = f"{catalogue.target.suite}/{path}"
    collection = await catalogue.collect_with({path: source})
    found = [test.node_id for test in collection.tests if test.path == where]
    if collection.errors or not found:
        skipped = collection.skipped.get(where)
        nothing = "pytest finds no test in it"
        if skipped is not None:
            nothing = f"it skips itself, so {nothing}: {skipped}"
        reason = collection.errors[0] if collection.errors else nothing
        raise InvalidInput(FieldError("/source", f"the file cannot be used: {reason}"))
    if len(found) > MAX_TESTS:
        told = f"the file has {len(found):,} tests, and {MAX_TESTS:,} are the most: loop in a test"
        raise InvalidInput(FieldError("/source", told))
    return found, collection.warnings


def _check(filename: str, source: str) -> None:
    if not FILENAME.fullmatch(filename):
        raise InvalidInput(
            FieldError(
                "/filename",
                f"{filename[:60]!r} is no name of a test file; take test_<words>.py in lower case",
            )
        )
    if len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise PayloadTooLarge(f"A submitted test may have at most {MAX_BYTES} bytes.")
    if len(source) > _COMPILED_AT_ONCE:
        return  # then the collection finds it: to compile stops everything else in this process
    try:
        compile(source, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        raise InvalidInput(FieldError("/source", f"{where}{error.args[0]}")) from None
    except (RecursionError, MemoryError):
        raise InvalidInput(FieldError("/source", "it is nested too deeply for Python")) from None


def _require_submitter(actor: Actor, ticket: LockedTicket) -> None:
    own = ticket.created_by == actor.account.id
    if not own and not actor.role.includes(Role.REVIEWER):
        raise Forbidden(
            f"{ticket.key} was filed by somebody else; a reviewer may add tests to it.",
            needs=Role.REVIEWER.value,
            you=describe(actor),
        )

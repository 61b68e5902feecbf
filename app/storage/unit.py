"""A unit of work: one connection, all stores on it, one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import Unavailable
from app.storage.accounts import AccountStore
from app.storage.audit import AuditStore
from app.storage.catalogue import CatalogueStore
from app.storage.jobs import JobStore
from app.storage.links import LinkStore
from app.storage.notes import NoteStore
from app.storage.patches import PatchStore
from app.storage.reviews import ReviewStore
from app.storage.run_events import RunEventStore
from app.storage.runs import RunStore
from app.storage.submitted import SubmittedTestStore
from app.storage.ticket_edits import TicketEditStore
from app.storage.ticket_lists import TicketListStore
from app.storage.tickets import TicketStore
from app.storage.workers import WorkerStore


class Stores:
    """All stores on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @cached_property
    def accounts(self) -> AccountStore:
        """Accounts, tokens, specialists."""
        return AccountStore(self._connection)

    @cached_property
    def tickets(self) -> TicketStore:
        """Tickets: add, lock, show."""
        return TicketStore(self._connection)

    @cached_property
    def ticket_edits(self) -> TicketEditStore:
        """Changes to a ticket's document and evidence."""
        return TicketEditStore(self._connection)

    @cached_property
    def ticket_lists(self) -> TicketListStore:
        """Lists of tickets."""
        return TicketListStore(self._connection)

    @cached_property
    def reviews(self) -> ReviewStore:
        """Cross-reviews."""
        return ReviewStore(self._connection)

    @cached_property
    def notes(self) -> NoteStore:
        """Notes on tickets."""
        return NoteStore(self._connection)

    @cached_property
    def audit(self) -> AuditStore:
        """Audit events."""
        return AuditStore(self._connection)

    @cached_property
    def catalogue(self) -> CatalogueStore:
        """Targets and their tests."""
        return CatalogueStore(self._connection)

    @cached_property
    def links(self) -> LinkStore:
        """Tests linked with tickets."""
        return LinkStore(self._connection)

    @cached_property
    def submitted(self) -> SubmittedTestStore:
        """Tests that clients handed in."""
        return SubmittedTestStore(self._connection)

    @cached_property
    def workers(self) -> WorkerStore:
        """Worker processes and their heartbeats."""
        return WorkerStore(self._connection)

    @cached_property
    def patches(self) -> PatchStore:
        """Patches of tickets."""
        return PatchStore(self._connection)

    @cached_property
    def runs(self) -> RunStore:
        """Runs and their results."""
        return RunStore(self._connection)

    @cached_property
    def run_events(self) -> RunEventStore:
        """What is seen while a run goes on."""
        return RunEventStore(self._connection)

    @cached_property
    def jobs(self) -> JobStore:
        """The queue."""
        return JobStore(self._connection)


class UnitOfWork:
    """Hands out stores; knows no rules."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # A read of one statement needs no BEGIN and no ROLLBACK around it.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def begin(self, *, commit: bool = True) -> AsyncIterator[Stores]:
        """Open a transaction that commits at the end of the block, or rolls back on an error.

        With `commit` false it rolls back in any case: a dry run goes the whole way, and leaves
        nothing.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        with _translated():
            async with self._engine.connect() as connection, connection.begin() as transaction:
                yield Stores(connection)
                if not commit:
                    await transaction.rollback()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Stores]:
        """Open stores for reading; each statement sees the newest committed state.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        with _translated():
            async with self._reading.connect() as connection:
                yield Stores(connection)

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            Unavailable: there is none.
        """
        with _translated():
            async with self._reading.connect() as connection:
                await connection.execute(text("SELECT 1"))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable(
            "The database does not answer at present. Try again in a moment.",
            headers={"Retry-After": "2"},
        ) from error

"""A unit of work: one connection, all stores on it, one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.places import Book
from app.domain.strength import StrengthGate
from app.domain.targets import Placement, only_bundled
from app.errors import TookTooLong, Unavailable
from app.storage.accounts import AccountStore
from app.storage.audit import AuditStore
from app.storage.bisections import BisectionStore
from app.storage.calibration import CalibrationStore
from app.storage.catalogue import CatalogueStore
from app.storage.changes import ChangeStore
from app.storage.commits import unknown_commits
from app.storage.connections import Connections
from app.storage.counters import CounterStore
from app.storage.documents import DocumentStore
from app.storage.drift import DriftStore
from app.storage.examples import ExampleStore
from app.storage.external import ExternalStore
from app.storage.figures import FigureStore
from app.storage.filing import FilingStore
from app.storage.housekeeping import HousekeepingStore
from app.storage.idempotency import IdempotencyStore
from app.storage.jobs import JobStore
from app.storage.leases import LeaseStore
from app.storage.links import LinkStore
from app.storage.logins import LoginStore
from app.storage.mutants import MutantStore
from app.storage.notes import NoteStore
from app.storage.order_policy import OrderPolicyStore
from app.storage.patches import PatchStore
from app.storage.places import PlaceStore
from app.storage.relations import RelationStore
from app.storage.removed import RemovedStore
from app.storage.reviews import ReviewStore
from app.storage.run_events import RunEventStore
from app.storage.run_results import RunResultStore
from app.storage.runs import RunStore
from app.storage.scanning import ScanningStore
from app.storage.sessions import SessionStore
from app.storage.similar import SimilarStore
from app.storage.statistics import StatisticsStore
from app.storage.submitted import SubmittedTestStore
from app.storage.suite_results import SuiteResultStore
from app.storage.sweeps import SweepStore
from app.storage.tallies import TallyStore
from app.storage.ticket_edits import TicketEditStore
from app.storage.ticket_lists import TicketListStore
from app.storage.tickets import TicketStore
from app.storage.tickets_about import AboutStore
from app.storage.transfer import TransferStore
from app.storage.views import ViewStore
from app.storage.work_orders import WorkOrderStore
from app.storage.workers import WorkerStore

log = structlog.get_logger(__name__)


class Stores:
    """All stores on one connection."""

    def __init__(
        self,
        connection: AsyncConnection,
        placement: Placement,
        book: Book,
        strength_gate: StrengthGate,
    ) -> None:
        self._connection = connection
        self._strength_gate = strength_gate
        self.placement = placement
        """Which target a ticket belongs to."""
        self._book = book

    async def unknown_commits(self, target: str | None, commits: Sequence[str]) -> tuple[str, ...]:
        """Return which of the commits that a ticket of `target` names its repository lacks."""
        return await unknown_commits(self.placement, target, commits)

    @cached_property
    def accounts(self) -> AccountStore:
        """Accounts, tokens, specialists."""
        return AccountStore(self._connection)

    @cached_property
    def sessions(self) -> SessionStore:
        """Logged-in browsers."""
        return SessionStore(self._connection)

    @cached_property
    def logins(self) -> LoginStore:
        """One-time codes for the pages' login."""
        return LoginStore(self._connection)

    @cached_property
    def tickets(self) -> TicketStore:
        """Tickets: lock, show."""
        return TicketStore(self._connection, self._strength_gate)

    @cached_property
    def filing(self) -> FilingStore:
        """New tickets."""
        return FilingStore(self._connection, self.placement, self._book, self._strength_gate)

    @cached_property
    def ticket_edits(self) -> TicketEditStore:
        """Changes to a ticket's document and evidence."""
        return TicketEditStore(self._connection, self.placement, self._book)

    @cached_property
    def relations(self) -> RelationStore:
        """Relations between tickets."""
        return RelationStore(self._connection)

    @cached_property
    def ticket_lists(self) -> TicketListStore:
        """Lists of tickets."""
        return TicketListStore(self._connection, self._strength_gate)

    @cached_property
    def about(self) -> AboutStore:
        """Which tickets speak of a file."""
        return AboutStore(self._connection)

    @cached_property
    def removed(self) -> RemovedStore:
        """Parts of tickets that were removed a moment ago."""
        return RemovedStore(self._connection)

    @cached_property
    def views(self) -> ViewStore:
        """Saved views of the list of tickets."""
        return ViewStore(self._connection)

    @cached_property
    def work_orders(self) -> WorkOrderStore:
        """Work orders."""
        return WorkOrderStore(self._connection)

    @cached_property
    def order_policy(self) -> OrderPolicyStore:
        """What the policy of work orders wants placed."""
        return OrderPolicyStore(self._connection)

    @cached_property
    def reviews(self) -> ReviewStore:
        """Cross-reviews."""
        return ReviewStore(self._connection)

    @cached_property
    def leases(self) -> LeaseStore:
        """The review queue and its leases."""
        return LeaseStore(self._connection, self._strength_gate)

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
    def drift(self) -> DriftStore:
        """Disagreements between folders and statuses."""
        return DriftStore(self._connection)

    @cached_property
    def examples(self) -> ExampleStore:
        """Examples among the tickets."""
        return ExampleStore(self._connection)

    @cached_property
    def documents(self) -> DocumentStore:
        """Documents that tickets came from."""
        return DocumentStore(self._connection, self._strength_gate)

    @cached_property
    def scanning(self) -> ScanningStore:
        """Results of scanners."""
        return ScanningStore(self._connection)

    @cached_property
    def places(self) -> PlaceStore:
        """What became of the code that locations name."""
        return PlaceStore(self._connection, self._book)

    @cached_property
    def external(self) -> ExternalStore:
        """What others report of tests."""
        return ExternalStore(self._connection)

    @cached_property
    def transfer(self) -> TransferStore:
        """Everything, as lines of JSON."""
        return TransferStore(self._connection, self._strength_gate)

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
    def mutants(self) -> MutantStore:
        """Mutants, and the strength that they show."""
        return MutantStore(self._connection)

    @cached_property
    def sweeps(self) -> SweepStore:
        """Looks at all tickets of a target."""
        return SweepStore(self._connection)

    @cached_property
    def bisections(self) -> BisectionStore:
        """Bisections, and looks that are kept for others."""
        return BisectionStore(self._connection)

    @cached_property
    def suite_results(self) -> SuiteResultStore:
        """What of suites is known to pass."""
        return SuiteResultStore(self._connection)

    @cached_property
    def tallies(self) -> TallyStore:
        """How tests have ended so far."""
        return TallyStore(self._connection)

    @cached_property
    def run_events(self) -> RunEventStore:
        """What is seen while a run goes on."""
        return RunEventStore(self._connection)

    @cached_property
    def run_results(self) -> RunResultStore:
        """What the arms of runs reported."""
        return RunResultStore(self._connection)

    @cached_property
    def figures(self) -> FigureStore:
        """Figures over all tickets."""
        return FigureStore(self._connection)

    @cached_property
    def calibration(self) -> CalibrationStore:
        """What reviewers said before anything was run."""
        return CalibrationStore(self._connection)

    @cached_property
    def jobs(self) -> JobStore:
        """The queue."""
        return JobStore(self._connection)

    @cached_property
    def changes(self) -> ChangeStore:
        """Audit events of all tickets, in the order of commits."""
        return ChangeStore(self._connection)

    @cached_property
    def similar(self) -> SimilarStore:
        """Tickets that may be alike."""
        return SimilarStore(self._connection)

    @cached_property
    def statistics(self) -> StatisticsStore:
        """What the server knows of tickets."""
        return StatisticsStore(self._connection)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        """Answers kept under idempotency keys."""
        return IdempotencyStore(self._connection)

    @cached_property
    def counters(self) -> CounterStore:
        """Totals over all processes."""
        return CounterStore(self._connection)

    @cached_property
    def housekeeping(self) -> HousekeepingStore:
        """What has had its time."""
        return HousekeepingStore(self._connection)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Open a part of the transaction that is undone alone when the block raises."""
        async with self._connection.begin_nested():
            yield


@dataclass(frozen=True)
class _Surrounding:
    """A transaction that those opened inside it join."""

    unit: UnitOfWork
    task: asyncio.Task[Any] | None
    connection: AsyncConnection


_surrounding: ContextVar[_Surrounding | None] = ContextVar("surrounding", default=None)


class UnitOfWork:
    """Hands out stores; knows no rules."""

    def __init__(
        self,
        engine: AsyncEngine,
        placement: Callable[[], Placement] = only_bundled,
        book: Book | None = None,
        strength_gate: StrengthGate = StrengthGate.ADVISORY,
    ) -> None:
        self._placement = placement
        self._strength_gate = strength_gate
        self.book = Book() if book is None else book
        """In which the places of new locations are looked up."""
        self._connections = Connections(engine)
        self._frozen = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def _stores(self, connection: AsyncConnection) -> Stores:
        return Stores(connection, self._placement(), self.book, self._strength_gate)

    @asynccontextmanager
    async def begin(self, *, commit: bool = True) -> AsyncIterator[Stores]:
        """Open a transaction that commits at the end of the block, or rolls back on an error.

        With `commit` false it rolls back in any case: a dry run goes the whole way, and leaves
        nothing. Within a transaction around it (`around`) it is a part of that one, and is undone
        alone.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        outer = self._outer()
        if outer is not None:
            async with outer.begin_nested() as part:
                yield self._stores(outer)
                if not commit:
                    await part.rollback()
            return
        with _translated():
            async with self._connections.transaction(commit=commit) as connection:
                yield self._stores(connection)

    @asynccontextmanager
    async def around(self) -> AsyncIterator[Stores]:
        """Open a transaction around all that this task opens within the block.

        Whatever `begin` and `read` are asked for inside takes place in this one transaction, so
        that the work of a service and what belongs to it commit together.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        with _translated():
            async with self._connections.transaction() as connection:
                found = _Surrounding(self, asyncio.current_task(), connection)
                token = _surrounding.set(found)
                try:
                    yield self._stores(connection)
                finally:
                    _surrounding.reset(token)

    def _outer(self) -> AsyncConnection | None:
        """Return the connection of the transaction around; tasks started inside have none."""
        found = _surrounding.get()
        if found is None or found.unit is not self or found.task is not asyncio.current_task():
            return None
        return found.connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Stores]:
        """Open stores for reading; each statement sees the newest committed state.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        outer = self._outer()
        if outer is not None:
            yield self._stores(outer)
            return
        with _translated():
            async with self._connections.lent() as connection:
                yield self._stores(connection)

    def at_once(self) -> AbstractAsyncContextManager[Stores]:
        """Open stores in which each statement is a transaction of its own, unless one is around.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        return self.read()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Stores]:
        """Open stores for reading; all statements see the state of the first one.

        Raises:
            Unavailable: the database does not answer or has no connection to spare.
        """
        with _translated():
            async with self._connections.open(self._frozen) as connection, connection.begin():
                yield self._stores(connection)

    async def require_room_to_write(self) -> None:
        """Ask the database whether it lives and takes what is written, and leave nothing there.

        Raises:
            Unavailable: it does not answer, can only be read, or has no room on its disk.
        """
        with _translated():
            async with self._connections.transaction(commit=False) as connection:
                for statement in _TRY_TO_WRITE:
                    await connection.execute(text(statement))

    def pool_state(self) -> dict[str, int]:
        """Return how many connections are in use and idle, and the most that there may be."""
        return self._connections.state()

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._connections.close()


_TRY_TO_WRITE = (
    # Refused where one can only read, and changes nothing.
    "UPDATE accounts SET name = name WHERE false",
    # A sort that needs more memory than it has goes to a file, which ends with the statement.
    "SET LOCAL work_mem = '64kB'",
    "SELECT count(*) FROM (SELECT n FROM generate_series(1, 20000) n ORDER BY md5(n::text)) sorted",
)
_GAVE_UP = "57014"
"""The code of a statement that was cut off at the limit of time."""
_REASONS = {
    "53100": "The database's disk is full: nothing can be written until an operator makes room.",
    "53300": "The database has no connection to spare. Try again in a moment.",
    "25006": "The database can only be read at present. Try again in a moment.",
    "25P03": "The database gave up waiting for the rest of this. Try again.",
}
"""What is told of some failures, by the code of the SQL standard that the server gave."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise _unavailable(
            "All database connections of this process are in use. Try again in a moment.", error
        ) from error
    except (DBAPIError, psycopg.Error) as error:
        cause = getattr(error, "orig", None) or error
        if getattr(cause, "sqlstate", None) == _GAVE_UP:
            log.warning("database.took_too_long", reason=" ".join(str(cause).split())[:500])
            raise TookTooLong(
                "The database gave up over this. Narrow the search: rarer words, a filter more, or "
                "fewer tickets at once."
            ) from error
        told = _REASONS.get(str(getattr(cause, "sqlstate", None)))
        if told is None and not isinstance(cause, psycopg.OperationalError):
            raise
        raise _unavailable(
            told or "The database does not answer at present. Try again in a moment.", cause
        ) from error


def _unavailable(told: str, error: Exception) -> Unavailable:
    """Log the cause, which only an operator may see, and return what everybody may."""
    log.warning("database.unavailable", reason=" ".join(str(error).split())[:500])
    return Unavailable(told, headers={"Retry-After": "2"})

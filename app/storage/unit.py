"""A unit of work: one connection, all stores on it, one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

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
from app.storage.prepared import sent_together
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
from app.storage.store import Context, Store
from app.storage.submitted import SubmittedTestStore
from app.storage.suite_results import SuiteResultStore
from app.storage.sweeps import SweepStore
from app.storage.tallies import TallyStore
from app.storage.tickets.about import AboutStore
from app.storage.tickets.beside import BesideStore
from app.storage.tickets.edits import TicketEditStore
from app.storage.tickets.filing import FilingStore
from app.storage.tickets.lists import TicketListStore
from app.storage.tickets.tickets import TicketStore
from app.storage.transfer import TransferStore
from app.storage.views import ViewStore
from app.storage.work_orders import WorkOrderStore
from app.storage.workers import WorkerStore

log = structlog.get_logger(__name__)

S = TypeVar("S", bound=Store)


def _lazily(store: type[S]) -> cached_property[S]:
    """A store that is made when it is asked for."""
    return cached_property(lambda stores: store(stores._context))


class Stores:
    """All stores on one connection."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.placement = context.placement
        """Which target a ticket belongs to."""

    accounts = _lazily(AccountStore)
    sessions = _lazily(SessionStore)
    logins = _lazily(LoginStore)
    tickets = _lazily(TicketStore)
    filing = _lazily(FilingStore)
    ticket_edits = _lazily(TicketEditStore)
    relations = _lazily(RelationStore)
    ticket_lists = _lazily(TicketListStore)
    about = _lazily(AboutStore)
    removed = _lazily(RemovedStore)
    views = _lazily(ViewStore)
    work_orders = _lazily(WorkOrderStore)
    order_policy = _lazily(OrderPolicyStore)
    reviews = _lazily(ReviewStore)
    leases = _lazily(LeaseStore)
    notes = _lazily(NoteStore)
    audit = _lazily(AuditStore)
    catalogue = _lazily(CatalogueStore)
    links = _lazily(LinkStore)
    drift = _lazily(DriftStore)
    beside = _lazily(BesideStore)
    examples = _lazily(ExampleStore)
    documents = _lazily(DocumentStore)
    scanning = _lazily(ScanningStore)
    places = _lazily(PlaceStore)
    external = _lazily(ExternalStore)
    transfer = _lazily(TransferStore)
    submitted = _lazily(SubmittedTestStore)
    workers = _lazily(WorkerStore)
    patches = _lazily(PatchStore)
    runs = _lazily(RunStore)
    mutants = _lazily(MutantStore)
    sweeps = _lazily(SweepStore)
    bisections = _lazily(BisectionStore)
    suite_results = _lazily(SuiteResultStore)
    tallies = _lazily(TallyStore)
    run_events = _lazily(RunEventStore)
    run_results = _lazily(RunResultStore)
    figures = _lazily(FigureStore)
    calibration = _lazily(CalibrationStore)
    jobs = _lazily(JobStore)
    changes = _lazily(ChangeStore)
    similar = _lazily(SimilarStore)
    statistics = _lazily(StatisticsStore)
    idempotency = _lazily(IdempotencyStore)
    counters = _lazily(CounterStore)
    housekeeping = _lazily(HousekeepingStore)

    async def unknown_commits(self, target: str | None, commits: Sequence[str]) -> tuple[str, ...]:
        """Return which of the commits that a ticket of `target` names its repository lacks."""
        return await unknown_commits(self.placement, target, commits)

    def together(self) -> AbstractAsyncContextManager[Any]:
        """Have the block's writes sent at once; see `sent_together`."""
        return sent_together(self._context.connection)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Open a part of the transaction that is undone alone when the block raises."""
        async with self._context.connection.begin_nested():
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
        return Stores(Context(connection, self._placement(), self.book, self._strength_gate))

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
            async with self._connections.lease() as connection:
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

"""The examples: filed one after the other in the background, while the one who asked watches.

What has been done is read from the tickets themselves, so that it is true after a restart and in
every process; only whether somebody is at it right now is known here alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence

import structlog

from app.domain.accounts import Actor
from app.domain.examples import ExampleDraft, ExampleState, Progress
from app.domain.runs import RunStatus, TestPurpose
from app.domain.tickets import Status, Testable
from app.errors import FindingsError
from app.services.catalogues import Catalogues
from app.services.gates import GateService
from app.services.history_plans import Wanted
from app.services.patches import PatchService
from app.services.reviews import ReviewService
from app.services.runs import RunService
from app.services.submissions import SubmissionService
from app.services.tickets import TicketService
from app.services.transitions import TransitionService
from app.storage.notifier import Notifier, set_within
from app.storage.unit import UnitOfWork

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 1.0
"""Runs end without a change to their tickets' history, so a watcher looks by itself as well."""

_UNDER_WAY = (RunStatus.QUEUED, RunStatus.RUNNING)


class ExampleService:
    """Loads the examples."""

    def __init__(
        self,
        unit: UnitOfWork,
        notifier: Notifier,
        tickets: TicketService,
        reviews: ReviewService,
        patches: PatchService,
        submissions: SubmissionService,
        gates: GateService,
        runs: RunService,
        transitions: TransitionService,
        catalogues: Catalogues,
    ) -> None:
        self._unit = unit
        self._notifier = notifier
        self._tickets = tickets
        self._reviews = reviews
        self._patches = patches
        self._submissions = submissions
        self._gates = gates
        self._runs = runs
        self._transitions = transitions
        self._catalogues = catalogues
        self._task: asyncio.Task[None] | None = None
        self._problems: dict[str, str] = {}

    def start(self, actor: Actor, examples: Sequence[ExampleDraft]) -> None:
        """Begin to load what is missing of the examples; nothing new while it goes on already.

        Args:
            actor: in whose name; a maintainer, for the reviews of all specialists.
            examples: in an order in which each relates only to those before it.
        """
        if self._task is None or self._task.done():
            self._problems.clear()
            self._task = asyncio.create_task(self._load(actor, examples), name="examples")

    async def close(self) -> None:
        """Stop loading; another start goes on where this one ended."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def progress(self, examples: Sequence[ExampleDraft]) -> Progress:
        """Return how far the examples have come."""
        under_way = self._task is not None and not self._task.done()
        async with self._unit.read() as stores:
            found = await stores.examples.states([example.key for example in examples])
        titles = {example.key: example.ticket.title for example in examples}
        own = {state.key: state for state in found if state.title == titles[state.key]}
        return Progress(
            examples={example.key: example for example in examples},
            states=own,
            left_alone=frozenset(state.key for state in found) - own.keys(),
            problems=dict(self._problems),
            under_way=under_way,
        )

    async def watch(self, examples: Sequence[ExampleDraft]) -> AsyncIterator[Progress]:
        """Give the progress whenever it has changed, until nothing more happens by itself."""
        before: Progress | None = None
        async with self._notifier.watching_changes() as changed:
            while True:
                changed.clear()
                now = await self.progress(examples)
                if now != before:
                    yield now
                    before = now
                if not now.live:
                    return
                await set_within(changed, _LOOK_AGAIN_S)

    async def _load(self, actor: Actor, examples: Sequence[ExampleDraft]) -> None:
        before = await self.progress(examples)
        mine = [example for example in examples if example.key not in before.left_alone]
        for example in mine:
            here = before.states.get(example.key)
            await self._attempt(example, self._complete(actor, example, here))
        to_settle = {example.key: example for example in mine if example.step is not None}
        async with self._notifier.watching_changes() as changed:
            while to_settle:
                changed.clear()
                now = await self.progress(examples)
                for key, example in list(to_settle.items()):
                    state = now.states.get(key)
                    if state is not None and state.status in _UNDER_WAY:
                        continue
                    del to_settle[key]
                    if state is not None and state.lacks(example):
                        await self._attempt(example, self._settle(actor, example))
                if to_settle:
                    await set_within(changed, _LOOK_AGAIN_S)

    async def _attempt(self, example: ExampleDraft, work: Awaitable[None]) -> None:
        """Do a part of an example's work; keep why it failed, and let the others go on."""
        try:
            await work
        except FindingsError as error:
            log.warning("example.refused", ticket=example.key, reason=error.detail)
            self._problems[example.key] = error.detail
        except Exception:
            log.exception("example.failed", ticket=example.key)
            self._problems[example.key] = "It could not be loaded; the service's log says why."

    async def _complete(
        self, actor: Actor, example: ExampleDraft, here: ExampleState | None
    ) -> None:
        """File an example, or add what is missing of it."""
        if example.repository is not None and (here is None or here.lacks(example)):
            await self._catalogues.declare_copy(example.repository)
        if here is None:
            await self._tickets.file(actor, example.ticket)
        for review in example.reviews:
            if here is None or review.specialist not in here.specialists:
                await self._reviews.record(actor, example.key, review)
        missing = set(example.patches) - (here.patches if here else set())
        for name in sorted(missing):
            await self._patches.put(actor, example.key, name, example.patches[name])
        tests = [test for test in example.tests if here is None or test.filename not in here.tests]
        for test in tests:
            await self._submissions.submit(
                actor,
                example.key,
                filename=test.filename,
                source=test.source,
                purpose=TestPurpose.DEMONSTRATES,
            )
        if example.not_testable is not None and (here is None or here.standing is Status.OPEN):
            await self._gates.set_testability(
                actor, example.key, Testable.NOT_TESTABLE, example.not_testable
            )
        changed = bool(missing or tests)
        if example.run is not None and (
            changed or here is None or here.status in (None, RunStatus.CANCELLED)
        ):
            after = Wanted(after=example.after)
            await self._runs.trigger(actor, example.key, example.run, wanted=after)

    async def _settle(self, actor: Actor, example: ExampleDraft) -> None:
        """Take the step that an example ends with."""
        assert example.step is not None
        await self._transitions.move(actor, example.key, example.step)

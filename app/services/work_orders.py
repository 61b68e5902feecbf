"""Work orders: placed, claimed, handed in, and judged by a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from app.domain import diffs
from app.domain.accounts import Actor
from app.domain.reviews import ReviewDraft
from app.domain.runs import TestPurpose
from app.domain.work_orders import (
    RUN_OF,
    EndedOrder,
    Handed,
    Judged,
    OrderDraft,
    OrderedMutant,
    OrderKind,
    OrderStatus,
    Taken,
    WorkOrder,
    judge,
    missing,
)
from app.errors import Conflict, FieldError, InvalidInput, NotFound
from app.services.access import load_ticket, lock_ticket
from app.services.evidence import reassess
from app.services.order_policy import OrderPolicyService
from app.services.patches import PatchService
from app.services.reviews import ReviewService
from app.services.runs import RunService
from app.services.sight import sight
from app.services.specialists import specialist_meant
from app.services.submissions import SubmissionService
from app.storage.unit import Stores, UnitOfWork


class WorkOrderService:
    """Work orders."""

    def __init__(
        self,
        unit: UnitOfWork,
        runs: RunService,
        submissions: SubmissionService,
        patches: PatchService,
        reviews: ReviewService,
        policy: OrderPolicyService,
    ) -> None:
        self._unit = unit
        self._runs = runs
        self._submissions = submissions
        self._patches = patches
        self._reviews = reviews
        self._policy = policy

    async def place(self, actor: Actor, draft: OrderDraft) -> WorkOrder:
        """Place an order.

        Raises:
            NotFound: there is no such ticket.
            InvalidInput: there is no such specialist or survivor, or the kind wants none.
            Conflict: the ticket is settled.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, draft.ticket)
            if ticket.status.is_final:
                raise Conflict(f"{draft.ticket} is settled; open it again to have work done on it.")
            if draft.specialist is not None:
                known = [one.name for one in await stores.accounts.specialists()]
                _check_specialist(draft, known)
            mutant = await _mutant_meant(stores, draft, ticket.id)
            order_id = await stores.work_orders.add(draft, ticket.id, actor.account, mutant)
            await stores.audit.record(
                actor,
                "work-order.placed",
                ticket_id=ticket.id,
                changes={"work_order": [None, draft.kind.value]},
            )
            placed = await stores.work_orders.show(order_id, sight())
        if placed is None:
            raise _no_order(order_id)
        return placed

    async def page(
        self,
        *,
        kinds: Collection[OrderKind] = (),
        statuses: Collection[OrderStatus] = (),
        ticket: str | None = None,
        after: UUID | None = None,
        limit: int,
    ) -> list[WorkOrder]:
        """Return orders, newest first."""
        await self._judge()
        async with self._unit.read() as stores:
            return await stores.work_orders.page(
                kinds=kinds,
                statuses=statuses,
                ticket=ticket,
                after=after,
                limit=limit,
                sight=sight(),
            )

    async def show(self, order_id: UUID) -> WorkOrder:
        """Return an order.

        Raises:
            NotFound: there is none.
        """
        await self._judge()
        async with self._unit.read() as stores:
            found = await stores.work_orders.show(order_id, sight())
        if found is None:
            raise _no_order(order_id)
        return found

    async def claim(
        self, actor: Actor, kinds: Collection[OrderKind], specialist: str | None, minutes: int
    ) -> WorkOrder | None:
        """Take the next order that waits, for `minutes`; None when there is none.

        No order is taken twice, however many claim at once; one whose time is over is offered
        again, and so is one that could not be judged.

        Raises:
            InvalidInput: there is no such specialist, or the account does not speak for it.
        """
        await self._judge()
        if specialist is not None:
            async with self._unit.read() as stores:
                await specialist_meant(stores, actor, specialist)
        mine = [specialist] if specialist else list(actor.account.speaks_for)
        if specialist is not None and not actor.account.may_speak_for(specialist):
            told = f"{actor.name} does not speak for {specialist!r}"
            raise InvalidInput(FieldError("/specialist", told, allowed=actor.account.speaks_for))
        wanted, lasting = tuple(kinds) or tuple(OrderKind), timedelta(minutes=minutes)
        taken = await self._take(actor, wanted, mine, lasting)
        if taken is None and await self._policy.place():
            taken = await self._take(actor, wanted, mine, lasting)
        return taken

    async def _take(
        self,
        actor: Actor,
        kinds: Collection[OrderKind],
        specialists: Sequence[str],
        lasting: timedelta,
    ) -> WorkOrder | None:
        async with self._unit.begin() as stores:
            await stores.work_orders.mark_lost()
            order_id = await stores.work_orders.take(
                actor.account, kinds, specialists, lasting, sight()
            )
            return None if order_id is None else await stores.work_orders.show(order_id, sight())

    async def release(self, actor: Actor, order_id: UUID) -> WorkOrder:
        """Give an order back, so that others can have it at once.

        Raises:
            NotFound: there is none.
            Conflict: the account does not hold it.
        """
        async with self._unit.begin() as stores:
            done = await stores.work_orders.give_back(order_id, actor.account)
            found = await stores.work_orders.show(order_id, sight())
        if found is None:
            raise _no_order(order_id)
        if not done:
            raise _not_held(actor, found)
        return found

    async def submit(
        self, actor: Actor, order_id: UUID, handed: Handed, review: ReviewDraft | None
    ) -> WorkOrder:
        """Hand in what an order wants; a run judges it, but of an assessment.

        What is refused at once stays with the account, to be mended and handed in again.

        Raises:
            NotFound: there is no such order.
            Conflict: the account does not hold it, or its ticket was settled meanwhile.
            InvalidInput: something is missing, or is refused as it would be by its own call.
        """
        async with self._unit.read() as stores:
            order = await stores.work_orders.show(order_id, sight())
            if order is None:
                raise _no_order(order_id)
            ticket = await load_ticket(stores, order.ticket)
        _check(order, handed, review)
        if ticket.status.is_final:
            raise Conflict(f"{order.ticket} was settled meanwhile; nothing is wanted of it now.")
        async with self._unit.begin() as stores:
            if not await stores.work_orders.begin_submission(order_id, actor.account):
                raise _not_held(actor, order)
        try:
            await self._take_in(actor, order, handed, review)
        except BaseException:
            async with self._unit.begin() as stores:
                await stores.work_orders.take_back(order_id, actor.account)
            raise
        return await self.show(order_id)

    async def _take_in(
        self, actor: Actor, order: WorkOrder, handed: Handed, review: ReviewDraft | None
    ) -> None:
        if review is not None:
            await self._reviews.record(actor, order.ticket, review)
            async with self._unit.begin() as stores:
                await stores.work_orders.mark_judged(order.id, Judged(OrderStatus.ACCEPTED))
            return
        name = None if handed.patch is None else await self._name(actor, order)
        tests = submitted = None
        if name is not None and handed.patch is not None:
            await self._put(actor, order, name, handed.patch)
        if handed.source is not None:
            done = await self._submissions.submit(
                actor,
                order.ticket,
                filename=handed.filename or "",
                source=handed.source,
                purpose=TestPurpose.DEMONSTRATES,
            )
            # Only what was handed in is judged: what else is linked may fail for its own reasons.
            tests, submitted = [link.node_id for link in done.links], done.links[0].id
        diff = None if order.mutant is None else order.mutant.diff
        run = await self._runs.trigger(
            actor, order.ticket, RUN_OF[order.kind], tests=tests, by_patches=True, against=diff
        )
        async with self._unit.begin() as stores:
            await stores.work_orders.mark_run(order.id, run.id, Taken(submitted, name))

    async def _put(self, actor: Actor, order: WorkOrder, name: str, patch: str) -> None:
        """Store a patch that changes the package as it is.

        Raises:
            InvalidInput: it fits in reverse only: what it says has landed.
        """
        done = await self._patches.put(actor, order.ticket, name, patch)
        if done.info.applies != "forward":
            await self._patches.remove(actor, order.ticket, name)
            told = "the patch fits in reverse only: the package has what it brings already"
            raise InvalidInput(FieldError("/patch", told))

    async def _name(self, actor: Actor, order: WorkOrder) -> str:
        """Return under which name a patch is stored: never that of another's.

        Raises:
            Conflict: the ticket has a fix patch, by which a proof would go.
        """
        async with self._unit.read() as stores:
            patches = (await load_ticket(stores, order.ticket)).patches
        if "fix" in patches and not (
            order.kind is OrderKind.FIX and patches["fix"].author == actor.name
        ):
            raise Conflict(
                f"{order.ticket} has a fix patch, by which a proof would go. A maintainer takes it "
                f"off with DELETE /api/v1/tickets/{order.ticket}/patches/fix."
            )
        if order.kind is OrderKind.FIX:
            return "fix"
        names = ("defect", *(f"defect-{number}" for number in range(2, 100)))
        free = (n for n in names if n not in patches or patches[n].author == actor.name)
        return next(free, "defect")

    async def tend(self) -> None:
        """Bring orders in step with their runs, and place those that the policy wants."""
        await self._judge()
        await self._policy.place()

    async def _judge(self) -> None:
        """Bring what was handed in in step with the runs that have ended.

        What is not accepted is taken off its ticket again: a test that shows nothing would stand
        in the way of those that do.
        """
        async with self._unit.read() as stores:
            ended = await stores.work_orders.to_judge()
        for order in ended:
            judged = judge(order.kind, order.status, order.outcome, order.reason)
            if judged is None:
                continue
            async with self._unit.begin() as stores:
                await lock_ticket(stores, order.ticket)
                if await stores.work_orders.mark_judged(order.id, judged):
                    await _record_end(stores, order, judged)


async def _record_end(stores: Stores, order: EndedOrder, judged: Judged) -> None:
    changes: dict[str, list[str | None]] = {"work_order": [order.kind.value, judged.status.value]}
    if judged.status is not OrderStatus.ACCEPTED:
        taken = order.taken
        if taken.submitted is not None:
            changes["node_id"] = [
                await stores.submitted.remove(order.ticket_id, taken.submitted),
                None,
            ]
        if taken.patch is not None:
            changes[taken.patch] = [
                await stores.patches.remove(order.ticket_id, taken.patch),
                None,
            ]
        await reassess(stores, order.ticket_id, order.ticket)
    await stores.audit.record(None, "work-order.judged", ticket_id=order.ticket_id, changes=changes)


def _check_specialist(draft: OrderDraft, known: Collection[str]) -> None:
    if draft.kind is not OrderKind.ASSESS:
        told = f"{draft.kind.value} is no matter of a specialist; leave it out"
        raise InvalidInput(FieldError("/specialist", told))
    if draft.specialist not in known:
        told = f"there is no specialist {draft.specialist!r}"
        raise InvalidInput(FieldError("/specialist", told, allowed=tuple(known)))


async def _mutant_meant(stores: Stores, draft: OrderDraft, ticket_id: int) -> OrderedMutant | None:
    if draft.kind is not OrderKind.KILL_MUTANT:
        if draft.mutant is not None:
            told = f"{draft.kind.value} is no matter of a mutant; leave it out"
            raise InvalidInput(FieldError("/mutant", told))
        return None
    if draft.mutant is None:
        raise InvalidInput(FieldError("/mutant", "kill-mutant wants the digest of a survivor"))
    found = await stores.mutants.survivor(ticket_id, draft.mutant)
    if found is None:
        told = (
            f"no mutant {draft.mutant[:64]!r} survived the last run that measured the strength of "
            f"{draft.ticket}; GET /runs/{{id}}/mutants?outcome=survived lists them"
        )
        raise InvalidInput(FieldError("/mutant", told))
    return OrderedMutant(found.digest, found.path, found.line, found.function, found.diff)


def _check(order: WorkOrder, handed: Handed, review: ReviewDraft | None) -> None:
    wanted = [
        FieldError(f"/{name}", f"{order.kind.value} wants {name}")
        for name in missing(order.kind, handed)
    ]
    if order.kind is OrderKind.ASSESS and review is None:
        wanted.append(FieldError("/review", "assess wants a review"))
    if order.kind is not OrderKind.ASSESS and review is not None:
        wanted.append(FieldError("/review", f"{order.kind.value} wants no review"))
    if order.kind is OrderKind.FIX and handed.source is not None:
        wanted.append(FieldError("/source", "fix wants a patch alone; the linked tests judge it"))
    alone = (OrderKind.REPRODUCE, OrderKind.KILL_MUTANT)
    if order.kind in alone and handed.patch is not None:
        wanted.append(FieldError("/patch", f"{order.kind.value} wants a test alone"))
    if handed.patch is not None and len(handed.patch) > diffs.MAX_BYTES:
        wanted.append(FieldError("/patch", f"a patch has at most {diffs.MAX_BYTES} bytes"))
    if wanted:
        raise InvalidInput(*wanted)


def _no_order(order_id: UUID) -> NotFound:
    return NotFound(f"There is no work order {order_id}.")


def _not_held(actor: Actor, order: WorkOrder) -> Conflict:
    holder = f"{order.claimed_by} has it" if order.claimed_by else "nobody has it"
    return Conflict(
        f"{actor.name} does not hold the work order {order.id}: it is {order.status.value}, and "
        f"{holder}. Claim one with POST /api/v1/work-orders/claim."
    )

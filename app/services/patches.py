"""Patches of tickets: the fix, and the defects that tests must catch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain import diffs
from app.domain.accounts import Actor, Role
from app.domain.arms import PATCH_NAME
from app.domain.diff_writer import turned_round
from app.domain.tickets import PatchInfo
from app.domain.undo import PartKind
from app.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    SandboxRefused,
)
from app.services.access import describe, id_of, load_ticket, lock_ticket
from app.services.catalogues import Catalogues
from app.services.client_code import ClientCode
from app.services.evidence import reassess
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import Stores, UnitOfWork


@dataclass(frozen=True)
class PutPatch:
    """What came of storing a patch."""

    info: PatchInfo
    created: bool
    """False when it replaced one of the same name."""


class PatchService:
    """Patches of tickets."""

    def __init__(
        self,
        unit: UnitOfWork,
        catalogues: Catalogues,
        client_code: ClientCode,
    ) -> None:
        self._unit = unit
        self._catalogues = catalogues
        self._client_code = client_code

    async def put(
        self, actor: Actor, key: str, name: str, text: str, *, instead_of: str | None = None
    ) -> PutPatch:
        """Store `text` as the patch `name` of a ticket; another one may go in the same step.

        Raises:
            NotFound: there is no such ticket.
            Forbidden: the actor is no maintainer, and either neither a reviewer nor the filer of
                an open ticket, or a layer of isolation is missing here.
            PayloadTooLarge: the patch is too large.
            InvalidInput: the name is not one, or the patch is refused or does not apply.
        """
        _check_name(name)
        if len(text) > diffs.MAX_BYTES:
            raise PayloadTooLarge(f"A patch may have at most {diffs.MAX_BYTES} bytes.")
        if not actor.role.includes(Role.MAINTAINER):
            await self._require_author(actor, key)
        snapshot = await (await self._catalogues.of_ticket(key)).in_step()
        # A patch may touch thousands of files; others are answered meanwhile.
        applies, digest = await asyncio.to_thread(
            _judge, snapshot.package_files, snapshot.target.packages, text
        )
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            _require_author_of(actor, ticket)
            if instead_of is not None:
                await _take_off(stores, actor, ticket, instead_of)
            previous = await stores.patches.put(
                ticket.id,
                snapshot.target.name,
                name,
                digest=digest,
                text=text,
                applies=applies,
                author=actor.account,
            )
            await stores.audit.record(
                actor, "patch.put", ticket_id=ticket.id, changes={name: [previous, digest]}
            )
            await reassess(stores, ticket.id, key)
            info = (await load_ticket(stores, key)).patches[name]
            return PutPatch(info=info, created=previous is None)

    async def turn(self, actor: Actor, key: str, name: str) -> str:
        """Make a patch that was given the wrong way round what it was meant to be.

        A defect that mends the package becomes the fix. All else is turned: what it adds it then
        removes.

        Returns:
            The name under which it is stored now.

        Raises:
            NotFound: there is no such ticket or patch.
            Conflict: the ticket has a fix already, which it would replace.
        """
        async with self._unit.read() as stores:
            patches = (await load_ticket(stores, key)).patches
        text = await self.text(key, name)
        mends = name != "fix" and patches[name].applies == "forward"
        if not mends:
            await self.put(actor, key, name, await asyncio.to_thread(turned_round, text))
            return name
        if "fix" in patches:
            raise Conflict(f"{key} has a fix already; take that off first.")
        await self.put(actor, key, "fix", text, instead_of=name)
        return "fix"

    async def _require_author(self, actor: Actor, key: str) -> None:
        """Check ahead of all work with the patch that it may come from the actor."""
        async with self._unit.begin() as stores:
            _require_author_of(actor, await lock_ticket(stores, key))
        try:
            await self._client_code.require_cage("A patch")
        except SandboxRefused as error:
            raise Forbidden(
                f"{error.detail} Only a maintainer may store one here; you are {describe(actor)}.",
                needs=Role.MAINTAINER.value,
                you=describe(actor),
            ) from None

    async def text(self, key: str, name: str) -> str:
        """Return the text of a patch.

        Raises:
            NotFound: there is no such ticket or patch.
        """
        async with self._unit.read() as stores:
            patches = await stores.patches.of_ticket(await id_of(stores, key))
        for patch in patches:
            if patch.name == name:
                return patch.text
        raise NotFound(f"{key} has no patch {name[:40]!r}.")

    async def remove(self, actor: Actor, key: str, name: str) -> None:
        """Take a patch off a ticket; runs that used it keep its text.

        Raises:
            NotFound: there is no such ticket or patch.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            await _take_off(stores, actor, ticket, name)
            await reassess(stores, ticket.id, key)


async def _take_off(stores: Stores, actor: Actor, ticket: LockedTicket, name: str) -> None:
    await stores.removed.keep(PartKind.PATCH, ticket.id, name, actor.account)
    digest = await stores.patches.remove(ticket.id, name)
    if digest is None:
        raise NotFound(f"{ticket.key} has no patch {name[:40]!r}.")
    await stores.audit.record(
        actor, "patch.removed", ticket_id=ticket.id, changes={name: [digest, None]}
    )


def _require_author_of(actor: Actor, ticket: LockedTicket) -> None:
    own = ticket.created_by == actor.account.id
    if actor.role.includes(Role.REVIEWER) or (own and not ticket.status.is_final):
        return
    reason = f"is {ticket.status.value}" if own else "was filed by somebody else"
    raise Forbidden(
        f"{ticket.key} {reason}; a reviewer may add patches to it. You are {describe(actor)}.",
        needs=Role.REVIEWER.value,
        you=describe(actor),
    )


def _check_name(name: str) -> None:
    if not PATCH_NAME.fullmatch(name):
        raise InvalidInput(
            FieldError(
                "/name",
                f"{name[:40]!r} is no patch name; take fix, defect, defect-2, defect-3 …",
                location="path",
            )
        )


def _judge(files: Mapping[str, bytes], packages: Sequence[str], text: str) -> tuple[str, str]:
    """Return how a patch applies and its digest, or say why it is refused."""
    try:
        patch = diffs.parse(text, packages=packages)
        found = diffs.applies(files, patch)
        if found is diffs.Applies.NO:
            diffs.apply(files, patch)
    except diffs.PatchError as error:
        raise InvalidInput(FieldError("", f"the patch is refused: {error}")) from None
    return ("forward" if found is diffs.Applies.BOTH else found.value), patch.digest

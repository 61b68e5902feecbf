"""Accounts: who gets in, and as what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.domain.accounts import (
    Account,
    Actor,
    Role,
    Specialist,
    digest_of,
    new_secret,
    takes_admin_away,
)
from app.domain.gate_calls import Call
from app.errors import Conflict, FieldError, InvalidInput, NotFound, Unauthenticated
from app.services.service import Service
from app.storage.unit import Stores

FIRST_ADMIN = "admin"


class AccountService(Service):
    """Who may use the service."""

    async def authenticate(self, secret: str, request_id: str | None) -> Actor:
        """Return whom `secret` stands for.

        Raises:
            Unauthenticated: it is unknown, revoked or expired, or its account is disabled.
        """
        now = datetime.now(UTC)
        async with self._unit.read() as stores:
            found = await stores.accounts.find_by_token(digest_of(secret))
            if found is None:
                raise Unauthenticated("The token is not known here. Ask an admin for a new one.")
            account, token = found
            if account.disabled_at is not None:
                raise Unauthenticated(f"The account {account.name} is disabled.")
            if token.revoked_at is not None:
                raise Unauthenticated(f"The token was revoked on {token.revoked_at:%Y-%m-%d}.")
            if token.expires_at is not None and token.expires_at <= now:
                raise Unauthenticated(f"The token expired on {token.expires_at:%Y-%m-%d}.")
            await stores.accounts.mark_token_used(token, now)
        return Actor(
            account=account.limited_to(token.role),
            request_id=request_id,
            token_id=token.id,
            expires_at=token.expires_at,
        )

    async def bootstrap(self, keep: Callable[[str], None], *, renew: bool) -> None:
        """Make the first admin, unless there are accounts already.

        Args:
            keep: called with the secret before it counts, so that none is ever lost.
            renew: make a new token of an admin that is there already.
        """
        async with self._unit.begin() as stores:
            await stores.accounts.lock_bootstrap()
            account = await stores.accounts.find(FIRST_ADMIN)
            if account is None:
                if await stores.accounts.count():
                    return
                account = await stores.accounts.add(FIRST_ADMIN, Role.ADMIN)
                await stores.audit.record(
                    None, "account.created", changes={"name": [None, FIRST_ADMIN]}
                )
            elif not renew or account.disabled:
                return
            secret = new_secret()
            await stores.accounts.add_token(account, digest_of(secret), "token file", None)
            await stores.audit.record(
                None, "token.created", changes={"account": [None, FIRST_ADMIN]}
            )
            keep(secret)

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """Return the installation's shared secret `name`, made from `fresh` at first use."""
        async with self._unit.begin() as stores:
            return await stores.accounts.secret(name, fresh)

    async def create(
        self,
        actor: Actor,
        name: str,
        role: Role,
        *,
        speaks_for: Sequence[str] = (),
        display_name: str | None = None,
        blind: bool = False,
    ) -> Account:
        """Add an account.

        Raises:
            AlreadyTaken: the name is in use.
            InvalidInput: a specialist does not exist, or the role cannot be blind.
        """
        _check_blind(role, blind=blind)
        async with self._unit.begin() as stores:
            await _check_specialists(stores, speaks_for)
            account = await stores.accounts.add(name, role, display_name=display_name, blind=blind)
            await stores.accounts.set_specialists(account.id, speaks_for)
            await stores.audit.record(
                actor,
                "account.created",
                changes={"name": [None, name], "role": [None, role.value]},
            )
            return await account_named(stores, name)

    async def page(self, *, after: str | None, limit: int) -> list[Account]:
        """Return accounts in the order of their names, from the one behind `after`."""
        async with self._unit.read() as stores:
            return await stores.accounts.page(after=after, limit=limit)

    async def show(self, name: str) -> Account:
        """Return an account.

        Raises:
            NotFound: there is none of that name.
        """
        async with self._unit.read() as stores:
            return await account_named(stores, name)

    async def change(self, actor: Actor, name: str, changes: Mapping[str, Any]) -> Account:
        """Change ``role``, ``speaks_for``, ``display_name``, ``blind`` or ``disabled``.

        Disabling it ends its leases, its sessions, its login links and its tokens, for good: an
        account that is enabled again gets new ones.

        Raises:
            NotFound: there is none of that name.
            InvalidInput: a specialist does not exist, or the role cannot be blind.
            Conflict: it is the last admin that can get in.
        """
        async with self._unit.begin() as stores:
            admins = await stores.accounts.lock_admins()
            before = await account_named(stores, name)
            await _check_specialists(stores, changes.get("speaks_for", ()))
            _check_blind(changes.get("role", before.role), blind=changes.get("blind", before.blind))
            differing = {f: v for f, v in changes.items() if getattr(before, f) != v}
            if not differing:
                return before
            if admins == [name] and takes_admin_away(differing):
                raise Conflict(
                    f"{name} is the last admin that is not disabled; without one nobody could "
                    "manage accounts. Make another account an admin first.",
                    remedies=[Call("createAccount", "POST", "/api/v1/accounts")],
                )
            await _save(stores, before, differing)
            await stores.audit.record(
                actor,
                "account.changed",
                changes={
                    "account": [name, name],
                    **{f: [getattr(before, f), v] for f, v in differing.items()},
                },
            )
            return await account_named(stores, name)

    async def add_specialist(self, actor: Actor, specialist: Specialist) -> Specialist:
        """Add a specialist.

        Raises:
            AlreadyTaken: the name or the code is in use.
        """
        async with self._unit.begin() as stores:
            await stores.accounts.add_specialist(specialist)
            await stores.audit.record(
                actor,
                "specialist.added",
                changes={"name": [None, specialist.name], "code": [None, specialist.code]},
            )
        return specialist

    async def change_specialist(
        self, actor: Actor, name: str, changes: Mapping[str, Any]
    ) -> Specialist:
        """Change ``label`` or ``blind`` of a specialist.

        Raises:
            NotFound: there is none of that name.
        """
        async with self._unit.begin() as stores:
            before = await _specialist_named(stores, name)
            differing = {f: v for f, v in changes.items() if getattr(before, f) != v}
            if not differing:
                return before
            await stores.accounts.save_specialist(name, differing)
            await stores.audit.record(
                actor,
                "specialist.changed",
                changes={
                    "name": [name, name],
                    **{f: [getattr(before, f), v] for f, v in differing.items()},
                },
            )
            return await _specialist_named(stores, name)

    async def specialists(self) -> list[Specialist]:
        """Return all specialists."""
        async with self._unit.read() as stores:
            return await stores.accounts.specialists()


async def account_named(stores: Stores, name: str) -> Account:
    """Return an account.

    Raises:
        NotFound: there is none of that name.
    """
    account = await stores.accounts.find(name)
    if account is None:
        raise NotFound(f"There is no account named {name[:60]!r}.")
    return account


async def _specialist_named(stores: Stores, name: str) -> Specialist:
    found = {one.name: one for one in await stores.accounts.specialists()}
    if name not in found:
        raise NotFound(f"There is no specialist named {name[:60]!r}.")
    return found[name]


async def enabled_account(stores: Stores, name: str) -> Account:
    """Return an account that stays as it is until the transaction ends.

    Without that, whoever gives it a token while an admin disables it would leave one behind.

    Raises:
        NotFound: there is none of that name.
        Conflict: it is disabled.
    """
    await stores.accounts.hold(name)
    account = await account_named(stores, name)
    if account.disabled:
        raise Conflict(
            f"The account {name} is disabled. Enable it first.",
            remedies=[
                Call("changeAccount", "PATCH", f"/api/v1/accounts/{name}", {"disabled": False})
            ],
        )
    return account


async def _save(stores: Stores, before: Account, changes: Mapping[str, Any]) -> None:
    values = {f: changes[f] for f in ("role", "display_name", "blind") if f in changes}
    if "disabled" in changes:
        values["disabled_at"] = datetime.now(UTC) if changes["disabled"] else None
    await stores.accounts.save(before.id, values)
    if "speaks_for" in changes:
        await stores.accounts.set_specialists(before.id, changes["speaks_for"])
    if changes.get("disabled"):
        await stores.leases.end_all(before.id)
        await stores.sessions.remove_all(before.id)
        await stores.accounts.revoke_tokens(before.id)
        await stores.logins.remove_all(before.id)


def _check_blind(role: Role, *, blind: bool) -> None:
    if blind and role.includes(Role.MAINTAINER):
        told = "a maintainer answers objections, and cannot review blind; take the role reviewer"
        raise InvalidInput(FieldError("/blind", told))


async def _check_specialists(stores: Stores, names: Sequence[str]) -> None:
    known = tuple(specialist.name for specialist in await stores.accounts.specialists())
    errors = [
        FieldError(f"/speaks_for/{n}", f"{name!r} is not a specialist", allowed=known)
        for n, name in enumerate(names)
        if name not in known
    ]
    if errors:
        raise InvalidInput(*errors)

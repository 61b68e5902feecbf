"""Accounts and tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from app.domain.accounts import (
    Account,
    Actor,
    NewToken,
    Role,
    Specialist,
    Token,
    digest_of,
    new_secret,
)
from app.errors import FieldError, Forbidden, InvalidInput, NotFound, Unauthenticated
from app.services.access import describe
from app.storage.unit import Stores, UnitOfWork


FIRST_ADMIN = "admin"


class AccountService:
    """Who may use the service."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

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
            if token.revoked_at is not None:
                raise Unauthenticated(f"The token was revoked on {token.revoked_at:%Y-%m-%d}.")
            if token.expires_at is not None and token.expires_at <= now:
                raise Unauthenticated(f"The token expired on {token.expires_at:%Y-%m-%d}.")
            if account.disabled_at is not None:
                raise Unauthenticated(f"The account {account.name} is disabled.")
            await stores.accounts.mark_token_used(token, now)
        return Actor(account=account, request_id=request_id, token_id=token.id)

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
            elif not renew:
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
    ) -> Account:
        """Add an account.

        Raises:
            AlreadyTaken: the name is in use.
            InvalidInput: a specialist does not exist.
        """
        async with self._unit.begin() as stores:
            await _check_specialists(stores, speaks_for)
            account = await stores.accounts.add(name, role, display_name=display_name)
            await stores.accounts.set_specialists(account.id, speaks_for)
            await stores.audit.record(
                actor,
                "account.created",
                changes={"name": [None, name], "role": [None, role.value]},
            )
            return await _account(stores, name)

    async def create_token(
        self, actor: Actor, name: str, *, label: str, expires_at: datetime | None
    ) -> NewToken:
        """Make a token of the account `name`; its secret is in the answer and nowhere else.

        Raises:
            NotFound: there is no such account.
            Forbidden: the account is somebody else's, and the actor is no admin.
            InvalidInput: it would have expired already.
        """
        if name != actor.name and not actor.role.includes(Role.ADMIN):
            raise Forbidden(
                "Only an admin makes tokens of other accounts.",
                needs=Role.ADMIN.value,
                you=describe(actor),
            )
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise InvalidInput(FieldError("/expires_at", "expires_at should lie in the future"))
        async with self._unit.begin() as stores:
            account = await _account(stores, name)
            secret = new_secret()
            token = await stores.accounts.add_token(account, digest_of(secret), label, expires_at)
            await stores.audit.record(
                actor, "token.created", changes={"account": [None, name], "label": [None, label]}
            )
        return NewToken(token=token, secret=secret)

    async def tokens(self, actor: Actor, name: str) -> list[Token]:
        """Return the tokens of an account, without secrets.

        Raises:
            NotFound: there is no such account.
        """
        async with self._unit.read() as stores:
            return await stores.accounts.tokens_of(await _account(stores, name))

    async def revoke_token(self, actor: Actor, name: str, token_id: UUID) -> None:
        """Revoke a token; doing it twice changes nothing.

        Raises:
            NotFound: the account has no such token.
        """
        async with self._unit.begin() as stores:
            account = await _account(stores, name)
            if not await stores.accounts.mark_token_revoked(account, token_id):
                raise NotFound(f"{name} has no token {token_id}.")
            await stores.audit.record(
                actor,
                "token.revoked",
                changes={"account": [None, name], "token": [str(token_id), None]},
            )

    async def specialists(self) -> list[Specialist]:
        """Return all specialists."""
        async with self._unit.read() as stores:
            return await stores.accounts.specialists()


async def _account(stores: Stores, name: str) -> Account:
    account = await stores.accounts.find(name)
    if account is None:
        raise NotFound(f"There is no account named {name[:60]!r}.")
    return account


async def _check_specialists(stores: Stores, names: Sequence[str]) -> None:
    known = tuple(specialist.name for specialist in await stores.accounts.specialists())
    errors = [
        FieldError(f"/speaks_for/{n}", f"{name!r} is not a specialist", allowed=known)
        for n, name in enumerate(names)
        if name not in known
    ]
    if errors:
        raise InvalidInput(*errors)

"""Tokens: secrets by which programs get in."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from app.domain.accounts import (
    MOST_TOKENS,
    Account,
    Actor,
    NewToken,
    Role,
    Token,
    digest_of,
    new_secret,
)
from app.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from app.services.access import describe
from app.services.accounts import account_named, enabled_account
from app.services.service import Service
from app.storage.unit import Stores


class TokenService(Service):
    """Tokens of accounts."""

    async def create(
        self,
        actor: Actor,
        name: str,
        *,
        label: str,
        expires_at: datetime | None,
        role: Role | None = None,
    ) -> NewToken:
        """Make a token of any account; its secret is in the answer and nowhere else.

        Raises:
            NotFound: there is no such account.
            InvalidInput: it would have expired already, or may more than its account.
            Conflict: the account is disabled, or has too many.
        """
        _check_ahead(expires_at)
        async with self._unit.begin() as stores:
            account = await enabled_account(stores, name)
            if role is not None and not account.role.includes(role):
                raise InvalidInput(
                    FieldError(
                        "/role",
                        f"{name} is a {account.role.value}; its token cannot be a {role.value}",
                        allowed=tuple(r.value for r in Role if account.role.includes(r)),
                    )
                )
            return await _add(stores, actor, account, label, expires_at, role)

    async def create_own(
        self, actor: Actor, *, label: str, expires_at: datetime | None, role: Role | None
    ) -> NewToken:
        """Make a token of the actor's own account, that may no more and no longer than its own.

        Otherwise a token that was made for little would get its holder everything.

        Raises:
            Forbidden: it would be above the role that the actor has now.
            InvalidInput: it would have expired already, or outlive the token it is made with.
            Conflict: the account is disabled, or has too many.
        """
        if role is not None and not actor.role.includes(role):
            raise Forbidden(
                f"A token made here cannot be above your own role; you are {describe(actor)}.",
                needs=role.value,
                you=describe(actor),
            )
        _check_ahead(expires_at)
        if actor.expires_at is not None:
            expires_at = expires_at or actor.expires_at
            if expires_at > actor.expires_at:
                raise InvalidInput(
                    FieldError(
                        "/expires_at",
                        "the token that you make it with ends on "
                        f"{actor.expires_at:%Y-%m-%d %H:%M} UTC; take that time or an earlier one",
                    )
                )
        async with self._unit.begin() as stores:
            account = await enabled_account(stores, actor.name)
            limit = role or (None if actor.role is account.role else actor.role)
            return await _add(stores, actor, account, label, expires_at, limit)

    async def of_account(self, name: str) -> list[Token]:
        """Return the tokens of an account, without secrets.

        Raises:
            NotFound: there is no such account.
        """
        async with self._unit.read() as stores:
            return await stores.accounts.tokens_of(await account_named(stores, name))

    async def revoke(self, actor: Actor, name: str, token_id: UUID) -> None:
        """Revoke a token; doing it twice changes nothing.

        Raises:
            NotFound: the account has no such token.
            Forbidden: it is the actor's own account, but the token may more than the actor now.
        """
        async with self._unit.begin() as stores:
            account = await account_named(stores, name)
            found = [t for t in await stores.accounts.tokens_of(account) if t.id == token_id]
            if not found:
                raise NotFound(f"{name} has no token {token_id}.")
            role = account.limited_to(found[0].role).role
            if name == actor.name and not actor.role.includes(role):
                raise Forbidden(
                    f"This token is one of a {role.value}; you are {describe(actor)}.",
                    needs=role.value,
                    you=describe(actor),
                )
            await stores.accounts.mark_token_revoked(account, token_id)
            await stores.audit.record(
                actor,
                "token.revoked",
                changes={"account": [None, name], "token": [str(token_id), None]},
            )


async def _add(
    stores: Stores,
    actor: Actor,
    account: Account,
    label: str,
    expires_at: datetime | None,
    role: Role | None,
) -> NewToken:
    now = datetime.now(UTC)
    live = [t for t in await stores.accounts.tokens_of(account) if t.is_live(now)]
    if len(live) >= MOST_TOKENS:
        raise Conflict(
            f"{account.name} has {len(live)} tokens, as many as one account may. Revoke one first."
        )
    secret = new_secret()
    token = await stores.accounts.add_token(account, digest_of(secret), label, expires_at, role)
    await stores.audit.record(
        actor, "token.created", changes={"account": [None, account.name], "label": [None, label]}
    )
    return NewToken(token=token, secret=secret)


def _check_ahead(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidInput(FieldError("/expires_at", "expires_at should lie in the future"))

"""Sessions of the pages: logging in by a one-time code or a token, and out again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.accounts import Actor, digest_of
from app.domain.sessions import (
    LIFETIME,
    USE_IS_RECORDED_EVERY,
    Session,
    new_session_secret,
    previous_visit,
)
from app.errors import Conflict, Unauthenticated
from app.services.accounts import AccountService, enabled_account
from app.services.logins import LoginService
from app.storage.unit import Stores, UnitOfWork


@dataclass(frozen=True)
class NewSession:
    """A session at the only moment when its secret is known."""

    account: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Visit:
    """Who looks at the pages, and since when there is news for them."""

    actor: Actor
    previous_visit_at: datetime | None


class SessionService:
    """Logged-in browsers."""

    def __init__(self, unit: UnitOfWork, accounts: AccountService, logins: LoginService) -> None:
        self._unit = unit
        self._logins = logins
        self._accounts = accounts

    async def open_with_code(self, code: str, request_id: str | None) -> NewSession:
        """Open a session by a one-time code, which is used up by it.

        Raises:
            Unauthenticated: it is unknown, used up or too old, or its account is disabled.
        """
        account = await self._logins.redeem(code, request_id)
        async with self._unit.begin() as stores:
            return await _open(stores, Actor(account, request_id), datetime.now(UTC))

    async def open_with_token(self, secret: str, request_id: str | None) -> NewSession:
        """Open a session by a token; it ends when the token does, and may do no more.

        Raises:
            Unauthenticated: the token is unknown, revoked or expired, or its account is disabled.
        """
        actor = await self._accounts.authenticate(secret, request_id)
        async with self._unit.begin() as stores:
            return await _open(stores, actor, datetime.now(UTC))

    async def visit(self, secret: str, request_id: str | None) -> Visit:
        """Return whom a session's secret stands for.

        Raises:
            Unauthenticated: it is unknown or over.
        """
        now, digest = datetime.now(UTC), digest_of(secret)
        async with self._unit.read() as stores:
            session = await stores.sessions.find(digest, now)
            if session is None or session.token_ended or session.account.disabled:
                raise Unauthenticated("Your session is over. Log in again.")
            before = previous_visit(session, now)
            if now - session.used_at > USE_IS_RECORDED_EVERY:
                await stores.sessions.mark_used(digest, now, before)
        actor = _actor(session, request_id)
        return Visit(actor, before)

    async def close(self, secret: str, request_id: str | None) -> None:
        """End a session; doing it twice changes nothing."""
        async with self._unit.begin() as stores:
            session = await stores.sessions.find(digest_of(secret), datetime.now(UTC))
            await stores.sessions.remove(digest_of(secret))
            if session is not None:
                actor = _actor(session, request_id)
                await stores.audit.record(actor, "session.closed")


async def _open(stores: Stores, actor: Actor, now: datetime) -> NewSession:
    try:
        # Disabled since its code or token was looked at, it would get a session that stays.
        await enabled_account(stores, actor.name)
    except Conflict as error:
        raise Unauthenticated(f"The account {actor.name} is disabled.") from error
    secret = new_session_secret()
    await stores.sessions.remove_expired(now)
    await stores.sessions.add(digest_of(secret), actor.account.id, actor.token_id, now + LIFETIME)
    how = "code" if actor.token_id is None else "token"
    await stores.audit.record(actor, "session.opened", changes={"with": [None, how]})
    return NewSession(actor.name, secret)


def _actor(session: Session, request_id: str | None) -> Actor:
    """Return on whose behalf a session acts; one of a token may no more and no longer."""
    return Actor(
        account=session.account.limited_to(session.token_role),
        request_id=request_id,
        token_id=session.token_id,
        expires_at=session.token_expires_at,
    )

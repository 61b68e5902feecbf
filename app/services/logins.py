"""Login links: how people with an account get into the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.domain.accounts import Account, Actor, LoginLink, digest_of, new_login_code
from app.errors import Unauthenticated
from app.services.accounts import enabled_account
from app.services.service import Service

LASTING = timedelta(minutes=15)


class LoginService(Service):
    """One-time codes."""

    async def make_link(self, actor: Actor | None, name: str) -> LoginLink:
        """Make a one-time code of an account; it is in the answer and nowhere else.

        Args:
            actor: who makes it; None stands for whoever has the server at hand.
            name: the account.

        Raises:
            NotFound: there is no such account.
            Conflict: it is disabled.
        """
        code, expires_at = new_login_code(), datetime.now(UTC) + LASTING
        async with self._unit.begin() as stores:
            account = await enabled_account(stores, name)
            await stores.logins.add(account.id, digest_of(code), expires_at)
            await stores.audit.record(
                actor, "login-link.created", changes={"account": [None, name]}
            )
        return LoginLink(code=code, expires_at=expires_at)

    async def redeem(self, code: str, request_id: str | None = None) -> Account:
        """Use a code up and return whom it stands for.

        Raises:
            Unauthenticated: it is unknown, used up or expired, or its account is disabled.
        """
        async with self._unit.begin() as stores:
            account_id = await stores.logins.take(digest_of(code))
            account = None if account_id is None else await stores.accounts.get(account_id)
            if account is not None and not account.disabled:
                actor = Actor(account=account, request_id=request_id)
                await stores.audit.record(actor, "login-link.used")
                return account
        raise Unauthenticated(
            "This login link has been used already, or is older than 15 minutes. Ask an admin for "
            "a new one."
        )

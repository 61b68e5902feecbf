"""Sessions of the pages: how long they last and when a visit is a new one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.accounts import Account, Role

LIFETIME = timedelta(days=14)
"""A session ends so long after the login, however busy it is."""

VISIT_ENDS_AFTER = timedelta(minutes=30)
"""Who comes back after a longer pause starts a new visit."""

USE_IS_RECORDED_EVERY = timedelta(minutes=1)
"""More often it is not worth a write."""


@dataclass(frozen=True)
class Session:
    """A logged-in browser; never the secret itself."""

    account: Account
    expires_at: datetime
    used_at: datetime
    previous_visit_at: datetime | None
    token_id: UUID | None = None
    token_role: Role | None = None
    """The most the token may do that the session was opened with."""
    token_expires_at: datetime | None = None
    token_ended: bool = False
    """That token was revoked or has expired."""


def new_session_secret() -> str:
    """Return a fresh secret of 256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def previous_visit(session: Session, now: datetime) -> datetime | None:
    """Return when the visit before the present one ended, as known at `now`."""
    if now - session.used_at > VISIT_ENDS_AFTER:
        return session.used_at
    return session.previous_visit_at

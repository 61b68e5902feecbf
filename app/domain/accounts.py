"""Who may do what: roles, accounts, tokens."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

TOKEN_PREFIX = "fnd_"  # noqa: S105  # the public prefix of every token, not a secret
ACCOUNT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class Role(StrEnum):
    """What an account may do; each role includes the ones before it."""

    READER = "reader"
    REPORTER = "reporter"
    REVIEWER = "reviewer"
    MAINTAINER = "maintainer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order reader < reporter < reviewer < maintainer < admin."""
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Tell whether this role may do what `other` may."""
        return self.rank >= other.rank


@dataclass(frozen=True)
class Account:
    """A person or an agent with a role."""

    id: UUID
    name: str
    role: Role
    speaks_for: tuple[str, ...] = ()
    """Specialists whose reviews it records; maintainer and admin may speak for any."""
    display_name: str | None = None
    created_at: datetime | None = None
    disabled_at: datetime | None = None

    def may_speak_for(self, specialist: str) -> bool:
        """Tell whether this account may record a review of `specialist`."""
        return specialist in self.speaks_for or self.role.includes(Role.MAINTAINER)


@dataclass(frozen=True)
class Actor:
    """On whose behalf a request acts: an account, through a token or a session."""

    account: Account
    request_id: str | None = None
    token_id: UUID | None = None

    @property
    def name(self) -> str:
        """The account's name, as audit events show it."""
        return self.account.name

    @property
    def role(self) -> Role:
        """The account's role."""
        return self.account.role


@dataclass(frozen=True)
class Token:
    """A bearer token as the service keeps it: never the secret itself."""

    id: UUID
    account: str
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class NewToken:
    """A token at the only moment when its secret is known."""

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Specialist:
    """A point of view that cross-reviews are written from."""

    name: str
    code: str
    """Two to five capitals that stand in ticket keys: ``B2-DRL-10``."""
    label: str


def new_secret() -> str:
    """Return a fresh bearer secret: the prefix and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 under which a secret is stored and looked up.

    A plain hash suffices: with 256 random bits there is nothing to guess, and the look-up stays
    one index probe.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()

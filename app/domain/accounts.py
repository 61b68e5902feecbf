"""Who may do what: roles, accounts, tokens."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

TOKEN_PREFIX = "fnd_"  # noqa: S105  # the public prefix of every token, not a secret
ACCOUNT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


MOST_TOKENS = 100
"""So many tokens of one account may be in force; more is a leak of its making."""


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
        return _RANKS[self]

    def includes(self, other: Role) -> bool:
        """Tell whether this role may do what `other` may."""
        return self.rank >= other.rank


_RANKS = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True)
class Account:
    """A person or an agent with a role."""

    id: UUID
    name: str
    role: Role
    """What it may do; through a token of a smaller role, that one."""
    speaks_for: tuple[str, ...] = ()
    """Specialists whose reviews it records; maintainer and admin may speak for any."""
    blind: bool = False
    """Others' verdicts on a ticket are kept from it until its own is in."""
    blind_as: tuple[str, ...] = ()
    """Those specialists it speaks for who review blind."""
    display_name: str | None = None
    created_at: datetime | None = None
    disabled_at: datetime | None = None

    @property
    def disabled(self) -> bool:
        """True when nobody gets in as this account."""
        return self.disabled_at is not None

    def limited_to(self, role: Role | None) -> Account:
        """Return the account as a token of `role` shows it: never more than it is."""
        if role is None or role.includes(self.role):
            return self
        return replace(self, role=role)

    def may_speak_for(self, specialist: str) -> bool:
        """Tell whether this account may record a review of `specialist`."""
        return specialist in self.speaks_for or self.role.includes(Role.MAINTAINER)


@dataclass(frozen=True)
class Actor:
    """On whose behalf a request acts: an account, through a token or a session."""

    account: Account
    request_id: str | None = None
    token_id: UUID | None = None
    expires_at: datetime | None = None
    """When the token ends; None when it does not, or there is none."""

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
    role: Role | None = None
    """The most it may do; None: whatever its account may."""

    def is_live(self, now: datetime) -> bool:
        """Tell whether it gets anybody in at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True)
class NewToken:
    """A token at the only moment when its secret is known."""

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True)
class LoginLink:
    """A one-time code for the pages' login, at the only moment when it is known."""

    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Specialist:
    """A point of view that cross-reviews are written from."""

    name: str
    code: str
    """Two to five capitals that stand in ticket keys: ``B2-DRL-10``."""
    label: str
    blind: bool = False
    """Whoever speaks for it sees others' verdicts on a ticket once its own is in."""


def takes_admin_away(changes: Mapping[str, Any]) -> bool:
    """Tell whether changes to an enabled admin leave something else than an enabled admin."""
    return changes.get("role", Role.ADMIN) is not Role.ADMIN or bool(changes.get("disabled"))


def new_secret() -> str:
    """Return a fresh bearer secret: the prefix and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_login_code() -> str:
    """Return a fresh one-time code of 256 random bits."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 under which a secret is stored and looked up.

    A plain hash suffices: with 256 random bits there is nothing to guess, and the look-up stays
    one index probe.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()

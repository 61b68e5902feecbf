"""Accounts, tokens, notes and history in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from app.api.payloads.fields import AccountName, Input, Line, Note, Output, Slug
from app.domain.accounts import Account, NewToken, Role, Token


class AccountIn(Input):
    """An account to be made."""

    name: AccountName
    role: Role
    speaks_for: list[Slug] = Field(
        default=[], max_length=50, description="Specialists whose reviews it records."
    )
    display_name: Line | None = None


class TokenIn(Input):
    """A token to be made."""

    label: Line = Field("token", description="What it is for, so that it can be told from others.")
    expires_at: AwareDatetime | None = Field(None, description="Left out: it does not expire.")


class NoteIn(Input):
    """A remark on a ticket."""

    body: Note = Field(description="Markdown.", examples=["Reproduced on the release branch."])


class AccountOut(Output):
    """An account."""

    id: UUID
    name: str
    role: Role
    speaks_for: list[str]
    display_name: str | None
    created_at: datetime | None
    disabled_at: datetime | None


class MeOut(AccountOut):
    """The account that a token stands for."""

    token_id: UUID | None


class TokenOut(Output):
    """A token, without its secret."""

    id: UUID
    account: str
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewTokenOut(TokenOut):
    """A new token; `token` is shown this once."""

    token: str


class TokensOut(Output):
    """The tokens of an account."""

    items: list[TokenOut]
    next_cursor: str | None = None


class SpecialistOut(Output):
    """A point of view that reviews are written from."""

    name: str
    code: str
    label: str


class SpecialistsOut(Output):
    """All specialists."""

    items: list[SpecialistOut]
    next_cursor: str | None = None


class NoteOut(Output):
    """A note."""

    id: UUID
    author: str
    body: str
    created_at: datetime


class NotePageOut(Output):
    """One page of notes."""

    items: list[NoteOut]
    next_cursor: str | None


class AuditEventOut(Output):
    """One change."""

    id: int
    at: datetime
    actor: str | None = Field(description="None stands for the service itself.")
    action: str
    changes: dict[str, Any] = Field(description="`{field: [old, new]}`")
    request_id: str | None


class HistoryOut(Output):
    """One page of a ticket's history."""

    items: list[AuditEventOut]
    next_cursor: str | None


def account_body(account: Account) -> dict[str, Any]:
    """Return an account as it is answered."""
    return {name: getattr(account, name) for name in AccountOut.model_fields}


def token_body(token: Token) -> dict[str, Any]:
    """Return a token as it is answered."""
    return {name: getattr(token, name) for name in TokenOut.model_fields}


def new_token_body(new: NewToken) -> dict[str, Any]:
    """Return a new token with its secret, the only time it is shown."""
    return token_body(new.token) | {"token": new.secret}

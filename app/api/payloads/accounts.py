"""Accounts, tokens, notes and history in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.api.payloads.fields import (
    AccountName,
    Flag,
    Input,
    Line,
    Moment,
    Note,
    Output,
    Patch,
    Slug,
)
from app.domain.accounts import Account, NewToken, Role, Token
from app.domain.audit import AuditEvent
from app.domain.undo import PartKind

_BLIND = (
    "Others' verdicts on a ticket are kept from it until its own is in; maintainers and admins "
    "cannot be blind."
)
_BLIND_AS = (
    "Others' verdicts on a ticket are kept from reviewers that speak for it until its own is in."
)


class AccountIn(Input):
    """An account to be made."""

    name: AccountName
    role: Role
    speaks_for: list[Slug] = Field(
        default=[], max_length=50, description="Specialists whose reviews it records."
    )
    display_name: Line | None = None
    blind: Flag = Field(default=False, description=_BLIND)


class AccountPatch(Patch):
    """A merge patch of an account: fields left out stay as they are."""

    role: Role = Field(default=Role.READER)
    speaks_for: list[Slug] = Field(default=[], max_length=50)
    display_name: Line | None = None
    blind: Flag = Field(default=False, description=_BLIND)
    disabled: Flag = Field(default=False, description="Nobody gets in as a disabled account.")

    def changes(self) -> dict[str, Any]:
        """Return the given fields as domain values."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "speaks_for" in given:
            given["speaks_for"] = tuple(sorted(set(given["speaks_for"])))
        return given


class SpecialistIn(Input):
    """A point of view to be added."""

    name: Slug = Field(examples=["security"])
    code: str = Field(
        pattern=r"^[A-Z]{2,5}$",
        description="Two to five capitals that stand in the keys of its tickets.",
        examples=["SEC"],
    )
    label: Line = Field(examples=["Security Specialist"])
    blind: Flag = Field(default=False, description=_BLIND_AS)


class SpecialistPatch(Patch):
    """A merge patch of a specialist: fields left out stay as they are."""

    label: Line = Field(default="", examples=["Security Specialist"])
    blind: Flag = Field(default=False, description=_BLIND_AS)

    def changes(self) -> dict[str, Any]:
        """Return the given fields."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class TokenIn(Input):
    """A token to be made."""

    label: Line = Field("token", description="What it is for, so that it can be told from others.")
    expires_at: Moment | None = Field(
        None, description="Left out: it ends with the token it is made with, or never."
    )
    role: Role | None = Field(
        None, description="The most it may do. Left out: what its account may."
    )


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
    blind: bool = Field(description="Others' verdicts are kept from it until its own is in.")
    blind_as: list[str] = Field(description="Those it speaks for who review blind.")
    created_at: datetime | None
    disabled: bool
    disabled_at: datetime | None


class AccountPageOut(Output):
    """One page of accounts."""

    items: list[AccountOut]
    next_cursor: str | None


class LoginLinkOut(Output):
    """A link that logs in once; it is shown this once."""

    url: str
    expires_at: datetime


class MeOut(AccountOut):
    """The account that a token stands for."""

    token_id: UUID | None
    queue: dict[str, int] = Field(
        description="How many tickets want a review, by the specialists you speak for; counted "
        "up to 1000."
    )


class TokenOut(Output):
    """A token, without its secret."""

    id: UUID
    account: str
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    role: Role | None = Field(description="The most it may do; null: what its account may.")


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
    blind: bool


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


class RestoredOut(Output):
    """What was put back."""

    restored: PartKind


class NotePageOut(Output):
    """One page of notes."""

    items: list[NoteOut]
    next_cursor: str | None


class AuditEventOut(Output):
    """One change."""

    id: str = Field(
        description="`<transaction>-<number>`: the order of commits.", examples=["1044-17"]
    )
    ticket: str | None = Field(description="Key of the ticket that changed.")
    at: datetime
    actor: str | None = Field(description="None stands for the service itself.")
    action: str
    changes: dict[str, Any] = Field(description="`{field: [old, new]}`")
    request_id: str | None


class ChangesOut(Output):
    """One page of changes to all tickets."""

    items: list[AuditEventOut]
    next_cursor: str | None
    last: str = Field(description="Send it as `since` to get what happens next.")


class HistoryOut(Output):
    """One page of a ticket's history."""

    items: list[AuditEventOut]
    next_cursor: str | None


def event_body(event: AuditEvent) -> dict[str, Any]:
    """Return a change as it is answered."""
    shown = {name: getattr(event, name) for name in AuditEventOut.model_fields}
    return {**shown, "id": str(event.id)}


def account_body(account: Account) -> dict[str, Any]:
    """Return an account as it is answered."""
    return {name: getattr(account, name) for name in AccountOut.model_fields}


def token_body(token: Token) -> dict[str, Any]:
    """Return a token as it is answered."""
    return {name: getattr(token, name) for name in TokenOut.model_fields}


def new_token_body(new: NewToken) -> dict[str, Any]:
    """Return a new token with its secret, the only time it is shown."""
    return token_body(new.token) | {"token": new.secret}

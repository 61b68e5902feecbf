"""What is answered of targets."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.api.payloads.fields import Output


class TargetOut(Output):
    """A target as it stands."""

    name: str
    domains: list[str] = Field(description="What it covers, sub-domains included; * is all.")
    packages: list[str]
    suite: list[str] = Field(description="Its folders.")
    kind: Literal["folder", "git"]
    revision: str | None = Field(description="The commit in force; a folder has none.")
    follows: str | None = Field(description="The branch or commit that its entry names.")
    package_digest: str | None
    suite_digest: str | None
    environment: str | None = Field(description="Digest of what workers run it with.")
    state: Literal["ok", "degraded"]
    reason: str | None = Field(description="Why it is degraded.")
    errors: list[str] = Field(description="Files that could not be collected, with the reason.")
    tests: int
    tickets: int = Field(description="Tickets that it covers.")


class RevisionOut(Output):
    """A revision of a target."""

    id: str = Field(description="Id of a commit; of a folder, the digest of its package.")
    at: datetime = Field(description="When it was committed; of a folder, when it was first seen.")
    author: str | None
    subject: str | None = Field(description="First line of the commit's message.")
    parents: list[str]
    touches: bool = Field(description="It changes the packages.")
    in_force: bool


class RevisionsOut(Output):
    """One page of revisions, newest first."""

    items: list[RevisionOut]
    next_cursor: str | None


class NotCoveredOut(Output):
    """A domain of tickets that no target covers."""

    name: str = Field(description="Empty: tickets without a domain.")
    tickets: int


class TargetsOut(Output):
    """All targets."""

    items: list[TargetOut]
    not_covered: list[NotCoveredOut]
    next_cursor: None

"""What is answered of targets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.api.payloads.fields import Output


class TargetOut(Output):
    """A target as it stands."""

    name: str
    domains: list[str] = Field(description="What it covers, sub-domains included; * is all.")
    packages: list[str]
    suite: list[str] = Field(description="Its folders.")
    kind: Literal["folder"]
    package_digest: str | None
    suite_digest: str | None
    environment: str | None = Field(description="Digest of what workers run it with.")
    state: Literal["ok", "degraded"]
    reason: str | None = Field(description="Why it is degraded.")
    errors: list[str] = Field(description="Files that could not be collected, with the reason.")
    tests: int
    tickets: int = Field(description="Tickets that it covers.")


class NotCoveredOut(Output):
    """A domain of tickets that no target covers."""

    name: str = Field(description="Empty: tickets without a domain.")
    tickets: int


class TargetsOut(Output):
    """All targets."""

    items: list[TargetOut]
    not_covered: list[NotCoveredOut]
    next_cursor: None

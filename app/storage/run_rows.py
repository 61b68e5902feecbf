"""Runs as they are read: the statements, and what is made of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Row, Select, bindparam, select
from sqlalchemy.dialects.postgresql import UUID as UuidType  # noqa: N811  # the other is Python's

from app.domain.minimise import minimised_from
from app.domain.plain import values_from_plain
from app.domain.runs import (
    ArmResult,
    NamedCommit,
    Run,
    RunFilter,
    RunKind,
    RunOutcome,
    RunStatus,
    SubmittedFile,
    hint_for,
)
from app.schema.accounts import accounts
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.storage.prepared import Prepared


@dataclass(frozen=True)
class NewestRun:
    """What a reader has to ask of a ticket's newest run before looking at it whole."""

    id: UUID
    status: RunStatus
    hint: str | None


THIS_RUN = runs.c.id == bindparam("wanted_run", None, type_=UuidType)


def conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """Return what narrows `select_runs`."""
    found: list[ColumnElement[bool]] = []
    for name in ("status", "outcome", "kind", "target"):
        values = getattr(wanted, name)
        if values:
            found.append(runs.c[name].in_(values))
    if wanted.ticket:
        found.append(tickets.c.key.in_(wanted.ticket))
    if wanted.requested_by:
        found.append(accounts.c.name.in_(wanted.requested_by))
    return found


def select_runs() -> Select[Any]:
    """Return the statement that reads runs as lists show them, for conditions to follow."""
    return (
        select(
            # The plan is large, and nobody but its worker reads it.
            *(column for column in runs.c if column is not runs.c.plan),
            tickets.c.key.label("ticket"),
            tickets.c.status.label("ticket_status"),
            tickets.c.evidence_state,
            accounts.c.name.label("requester"),
        )
        .join(tickets, tickets.c.id == runs.c.ticket_id)
        .join(accounts, accounts.c.id == runs.c.requested_by)
    )


def _showing() -> Select[Any]:
    plan = runs.c.plan
    return (
        select_runs()
        .add_columns(
            plan["tests"].label("tests"),
            plan["submitted"].label("submitted"),
            plan["suite_digest"].astext.label("suite_digest"),
            plan["commits"].label("commits"),
            plan["revision"].astext.label("revision"),
        )
        .where(THIS_RUN)
    )


SHOW = Prepared(_showing)
NEWEST = Prepared(
    lambda: (
        select(
            runs.c.id,
            runs.c.kind,
            runs.c.status,
            runs.c.outcome,
            tickets.c.status.label("ticket_status"),
            tickets.c.evidence_state,
        )
        .join(tickets, tickets.c.id == runs.c.ticket_id)
        .where(runs.c.ticket_id == bindparam("wanted_ticket", type_=BigInteger))
        .order_by(runs.c.queued_at.desc(), runs.c.id.desc())
        .limit(1)
    )
)


def _hint(row: Row[Any]) -> str | None:
    return hint_for(
        RunKind(row.kind),
        None if row.outcome is None else RunOutcome(row.outcome),
        ticket_is_open=row.ticket_status == "open",
        evidence=row.evidence_state,
    )


def newest_from(row: Row[Any]) -> NewestRun:
    """Return what `NEWEST` says of a run."""
    return NewestRun(row.id, RunStatus(row.status), _hint(row))


_AS_STORED = tuple(
    one.name
    for one in fields(Run)
    if one.name in runs.c and one.name not in ("requested_by", "minimised")
)
"""What a row has under a run's own words."""


def run_from(row: Row[Any], arms: tuple[ArmResult, ...] = ()) -> Run:
    """Return a run as lists show it, from a row of `select_runs`."""
    return Run(
        **values_from_plain(Run, {name: getattr(row, name) for name in _AS_STORED}),
        ticket=row.ticket,
        requested_by=row.requester,
        arms=arms,
        minimised=None if row.minimised is None else minimised_from(row.minimised),
        hint=_hint(row),
    )


def whole_run_from(row: Row[Any], arms: tuple[ArmResult, ...]) -> Run:
    """Return a run with what its plan says, from a row of `SHOW`."""
    return replace(
        run_from(row, arms),
        tests=tuple(str(test.get("node_id")) for test in _mappings(row.tests)),
        submitted=tuple(
            SubmittedFile(str(file.get("path")), str(file.get("digest")))
            for file in _mappings(row.submitted)
        ),
        suite_digest=row.suite_digest,
        revision=row.revision,
        commits=tuple(
            NamedCommit(*(str(one.get(name, "")) for name in ("id", "at", "author", "subject")))
            for one in _mappings(row.commits)
        ),
    )


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; nothing of a plan that a reader cannot make sense of."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

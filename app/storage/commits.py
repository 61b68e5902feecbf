"""Commits that tickets name and their target's repository lacks: they count for no gate."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.targets import Placement
from app.schema.tickets import tickets


async def unknown_commits(
    placement: Placement, target: str | None, commits: Sequence[str]
) -> tuple[str, ...]:
    """Return which commits the repository of a target lacks; of a folder all are believed."""
    name = target or placement.only
    if not commits or name is None:
        return ()
    return await asyncio.to_thread(placement.unknown, name, commits)


async def mark_unknown_commits(
    connection: AsyncConnection,
    placement: Placement,
    ticket_id: int,
    target: str | None,
    commits: Sequence[str],
) -> None:
    """Record which of a ticket's commits are unknown."""
    unknown = list(await unknown_commits(placement, target, commits))
    await connection.execute(
        update(tickets)
        .where(tickets.c.id == ticket_id, tickets.c.unknown_commits != unknown)
        .values(unknown_commits=unknown)
    )


async def mark_all_unknown_commits(
    connection: AsyncConnection, placement: Placement, target: str
) -> None:
    """Look again at the commits of a target's tickets: some may be there by now, others gone."""
    found = await connection.execute(
        select(tickets.c.id, tickets.c.commits, tickets.c.unknown_commits)
        .where(tickets.c.target == target, func.cardinality(tickets.c.commits) > 0)
        .order_by(tickets.c.id)
    )
    for row in found.all():
        unknown = list(await unknown_commits(placement, target, row.commits))
        if unknown != row.unknown_commits:
            await connection.execute(
                update(tickets).where(tickets.c.id == row.id).values(unknown_commits=unknown)
            )

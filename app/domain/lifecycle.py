"""The life of a ticket: which status follows which, and who may take the step.

The table `STEPS` is the rule; the functions only read it. What a closing has to show beside the
right status stands in ``gates``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.accounts import Role
from app.domain.tickets import Resolution, Status

MAX_COMMITS = 100
COMMIT = re.compile(r"[0-9a-f]{7,40}")
"""A commit as tickets name it: 7 to 40 lower-case hexadecimal digits."""


@dataclass(frozen=True)
class Step:
    """One step from a status to another."""

    before: Status
    after: Status
    role: Role
    """Who may take it on any ticket."""
    own_role: Role
    """Who may take it on a ticket that the account filed itself."""


@dataclass(frozen=True)
class Waiver:
    """A maintainer's word that a ticket may be closed as fixed although nothing can show it."""

    reason: str


@dataclass(frozen=True)
class Transition:
    """A step that a client asks for."""

    to: Status
    resolution: Resolution | None = None
    reason: str | None = None
    commits: tuple[str, ...] = ()
    """Added to those that the ticket has."""
    duplicate_of: str | None = None
    """Key of the ticket that this one repeats; makes the relation."""
    resolution_text: str | None = None
    override: bool = False
    """Take the step although requirements of the gate are open."""
    waiver: Waiver | None = None
    """Given where the fix cannot be shown by a run; counts for ``fixed`` alone."""


_AFTER: Mapping[Status, tuple[Status, ...]] = {
    Status.OPEN: (
        Status.INVESTIGATING,
        Status.FIX_IN_PROGRESS,
        Status.CLOSED,
        Status.WONT_FIX,
    ),
    Status.INVESTIGATING: (
        Status.OPEN,
        Status.FIX_IN_PROGRESS,
        Status.IN_REVIEW,
        Status.CLOSED,
        Status.WONT_FIX,
    ),
    Status.FIX_IN_PROGRESS: (
        Status.OPEN,
        Status.INVESTIGATING,
        Status.IN_REVIEW,
        Status.CLOSED,
        Status.WONT_FIX,
    ),
    Status.IN_REVIEW: (
        Status.OPEN,
        Status.INVESTIGATING,
        Status.FIX_IN_PROGRESS,
        Status.CLOSED,
        Status.WONT_FIX,
    ),
    Status.CLOSED: (Status.OPEN, Status.INVESTIGATING),
    Status.WONT_FIX: (Status.OPEN, Status.INVESTIGATING),
}


def _step(before: Status, after: Status) -> Step:
    if after.is_final:
        return Step(before, after, role=Role.MAINTAINER, own_role=Role.MAINTAINER)
    return Step(before, after, role=Role.REVIEWER, own_role=Role.REPORTER)


STEPS: tuple[Step, ...] = tuple(
    _step(before, after) for before, following in _AFTER.items() for after in following
)
"""Every step there is. A step that is not here does not exist, for nobody."""

OVERRIDE_ROLE = Role.MAINTAINER

RESOLUTIONS: Mapping[Status, tuple[Resolution, ...]] = {
    Status.CLOSED: (
        Resolution.FIXED,
        Resolution.ALREADY_FIXED,
        Resolution.NOT_A_BUG,
        Resolution.DUPLICATE,
    ),
    Status.WONT_FIX: (Resolution.WONT_FIX,),
}
"""The resolutions that a final status can have; other statuses have none."""

STATUS_MEANING: Mapping[Status, str] = {
    Status.OPEN: "Filed; nobody has taken it up.",
    Status.INVESTIGATING: "Somebody finds out whether the claim is true and how far it reaches.",
    Status.FIX_IN_PROGRESS: "A fix is being made.",
    Status.IN_REVIEW: "A fix is there and is being looked at.",
    Status.CLOSED: "Settled; the resolution says how.",
    Status.WONT_FIX: "True, and left as it is on purpose.",
}

RESOLUTION_MEANING: Mapping[Resolution, str] = {
    Resolution.FIXED: "The defect is gone, and it was shown.",
    Resolution.ALREADY_FIXED: "The defect was gone before the ticket was worked on.",
    Resolution.NOT_A_BUG: "The claim is false.",
    Resolution.DUPLICATE: "Another ticket says the same; the relation names it.",
    Resolution.WONT_FIX: "The claim is true, and the code stays as it is.",
}


def step(before: Status, after: Status) -> Step | None:
    """Return the step from `before` to `after`, or None when there is none."""
    return next((s for s in STEPS if s.before is before and s.after is after), None)


def allowed_from(before: Status) -> tuple[Status, ...]:
    """Return the statuses that can follow `before`, in the order of the table."""
    return tuple(s.after for s in STEPS if s.before is before)


def needed_role(taken: Step, *, own: bool, override: bool = False) -> Role:
    """Return the role that a step needs; `own` when the account filed the ticket itself."""
    role = taken.own_role if own else taken.role
    return OVERRIDE_ROLE if override and not role.includes(OVERRIDE_ROLE) else role


def may_edit(role: Role, *, own: bool, status: Status) -> bool:
    """Tell who may edit a ticket: a maintainer any, others their own open ones."""
    if role.includes(Role.MAINTAINER):
        return True
    return own and not status.is_final and role.includes(Role.REPORTER)


def resolution_for(to: Status, given: Resolution | None) -> Resolution | None:
    """Return the resolution that a ticket gets with the status `to`.

    Where the status allows only one it may be left out.

    Raises:
        ValueError: the status has no such resolution, or needs one that is not given.
    """
    allowed = RESOLUTIONS.get(to, ())
    if not allowed:
        if given is not None:
            raise ValueError(f"a ticket that is {to.value} has no resolution; leave it out")
        return None
    if given is None:
        if len(allowed) == 1:
            return allowed[0]
        raise ValueError(f"say how the ticket is settled: {to.value} needs a resolution")
    if given not in allowed:
        raise ValueError(f"{to.value} cannot have the resolution {given.value}")
    return given


def status_for(resolution: Resolution) -> Status:
    """Return the final status that `resolution` belongs to."""
    return next(status for status, allowed in RESOLUTIONS.items() if resolution in allowed)


def way(before: Status, after: Status) -> tuple[Status, ...]:
    """Return the shortest way of steps from `before` to `after`, without `before`.

    It never passes through a final status. Empty when there is none, or nothing to go.
    """
    queue: deque[tuple[Status, tuple[Status, ...]]] = deque()
    if before is not after:
        queue.append((before, ()))
    seen = {before}
    while queue:
        here, path = queue.popleft()
        for following in allowed_from(here):
            if following is after:
                return (*path, following)
            if following not in seen and not following.is_final:
                seen.add(following)
                queue.append((following, (*path, following)))
    return ()

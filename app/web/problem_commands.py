"""How the command meets each kind of problem: a line to type, and the exit code of it."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import FindingsError

_BY_SLUG: Mapping[str, str] = {
    "already-taken": "findings ticket file --key B2-DRL-10 ticket.toml",
    "conflict": "findings undo B2-DRL-10",
    "forbidden": "findings account list",
    "gate-unmet": "findings ticket move B2-DRL-10 closed --resolution fixed",
    "idempotency-key-reused": "findings ticket file ticket.toml",
    "illegal-transition": "findings ticket move B2-DRL-10 in-review",
    "internal": "findings ticket show B2-DRL-10",
    "invalid-input": "findings ticket list --severity P9",
    "method-not-allowed": "findings ticket show B2-DRL-10",
    "not-found": "findings ticket show B9-DRL-99",
    "not-placed": "findings verify B7-DRL-01",
    "nothing-to-run": "findings verify B2-DRL-10 --proof",
    "payload-too-large": "findings patch put B2-DRL-10 fix large.patch",
    "precondition-required": "findings ticket edit B2-DRL-10 --severity P2",
    "relation-cycle": "findings ticket relate B2-DRL-10 blocks:B2-DRL-09",
    "request-in-progress": "findings ticket file ticket.toml",
    "resolution-rests-on-it": "findings ticket relate B2-DRL-10 duplicate-of:B2-DRL-09 --remove",
    "sandbox-refused": "findings test submit B2-DRL-10 test_seed.py",
    "stale-etag": "findings ticket edit B2-DRL-10 --severity P2",
    "still-in-use": "findings ticket edit B2-DRL-10 change.json",
    "too-many-requests": "findings import audit/",
    "took-too-long": "findings ticket list --q 'gradient OR host'",
    "unauthenticated": "findings whoami",
    "unavailable": "findings ticket list",
    "unknown-host": "findings whoami",
    "unreadable-document": "findings import audit/",
    "unsupported-media-type": "findings import notes.docx",
}


def command_meeting(kind: type[FindingsError]) -> str:
    """Return a command that a problem of this kind may be the answer to."""
    return _BY_SLUG[kind.slug]


def exit_code(status: int) -> int:
    """Return how a command ends that is answered with this status."""
    if status in (409, 412, 428):
        return 1
    if status in (401, 403):
        return 3
    return 4 if status == 429 or status >= 500 else 2

"""What pages say: the meaning of the service's words, and what was done by a form."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.evidence import EvidenceState
from app.domain.relocated import PlaceState

FLASHES: Mapping[str, str] = {
    "welcome": "You are logged in.",
    "bye": "You are logged out.",
    "filed": "The finding is filed.",
    "edited": "The change is saved.",
    "unchanged": "Nothing was different, so nothing changed.",
    "reviewed": "Your review is recorded.",
    "judged": "Your verdict on the mutant is recorded.",
    "answered": "The objection is answered.",
    "confirmed": "The review holds for the present text.",
    "applied": "The amendment is taken into the ticket.",
    "noted": "Your note is added.",
    "moved": "The ticket has its new status.",
    "linked": "The test is linked.",
    "unlinked": "The test is no longer linked.",
    "submitted": "Your test is collected and linked.",
    "patched": "The patch is stored.",
    "planted": "The suite's own defect is stored.",
    "turned": "The patch is turned round.",
    "unpatched": "The patch is taken off.",
    "note-deleted": "The note is deleted.",
    "restored": "It is back as it was.",
    "queued": "The run is queued.",
    "cancelled": "The run is cancelled.",
    "ticked": "The checklist is saved.",
    "testability": "It is recorded whether this can be tested.",
    "related": "The relation is added.",
    "unrelated": "The relation is removed.",
    "synced": "The catalogue is in step with the suite.",
    "account": "The account is made.",
    "account-saved": "The account is saved.",
    "revoked": "The token is revoked.",
    "released": "You hold no tickets for review any more.",
    "loading": "The examples are being loaded. You can leave this page; it goes on by itself.",
    "settled": "Folder and status agree now.",
    "imported": "The document is taken in.",
    "view-saved": "The view is saved.",
    "view-changed": "The view is changed.",
    "view-deleted": "The view is deleted.",
    "queue-empty": "Nothing is left in your review queue.",
}
"""What a page says at its top after a form was handled, by the word in its address."""

UNDONE = ("unlinked", "unpatched", "note-deleted")
"""What can be taken back for a moment."""

PLACE: Mapping[str, tuple[str, str, str]] = {
    word: (sign, tone, PlaceState(word).meaning.rstrip("."))
    for word, sign, tone in (
        ("exact", "✓", "quiet"),
        ("moved", "→", "plain"),
        ("changed", "≠", "warn"),
        ("gone", "∅", "warn"),
        ("unknown", "?", "quiet"),
    )
}
"""How it is shown what became of the code of a location."""

EVIDENCE: Mapping[str, tuple[str, str, str]] = {
    word: (sign, tone, EvidenceState(word).meaning.rstrip("."))
    for word, sign, tone in (
        ("proven", "✓", "good"),
        ("regressed", "↺", "bad"),
        ("reproduced", "●", "bad"),
        ("fix-ready", "◐", "warn"),
        ("cannot-fail", "∅", "warn"),
        ("passing", "○", "plain"),
        ("unverified", "…", "plain"),
        ("none", "–", "quiet"),
        ("not-covered", "·", "quiet"),
    )
}
"""How each state of evidence is shown; the word always stands beside its sign."""

DEFECT: Mapping[str, tuple[str, str, str]] = {
    "there": ("●", "bad", "there"),
    "absent": ("✓", "good", "absent"),
    "not-known": ("?", "plain", "not known"),
}
"""Whether the defect is in the package: sign, tone and words."""

TESTS: Mapping[str, tuple[str, str, str]] = {
    "fix": ("✓", "good", "shown by the fix"),
    "history": ("✓", "good", "shown by history"),
    "defect": ("✓", "good", "shown by a planted defect"),
    "not-shown": ("?", "plain", "not shown"),
}
"""Whether the tests can tell a sound package from a defective one."""

STAGE: Mapping[str, tuple[str, str]] = {
    # state: (sign, what it says to those who do not see it)
    "done": ("✓", "done"),
    "open": ("", "to do"),
    "trouble": ("!", "in trouble"),
    "skipped": ("–", "left out"),
}

RESOLUTION: Mapping[str, tuple[str, str]] = {
    # word: (as a page says it, what it means)
    "fixed": (
        "fixed",
        "The defect was there when it was filed and has been mended since. A proof shows it; "
        "where no run can, a commit and a waiver.",
    ),
    "already-fixed": (
        "already fixed",
        "The defect was gone before anybody worked on this ticket. A proof shows it, or the "
        "commit that mended it.",
    ),
    "not-a-bug": (
        "not a bug",
        "The claim is wrong. A review says so, and you give the reason.",
    ),
    "duplicate": ("duplicate", "Another ticket says the same; this one points there."),
    "wont-fix": ("won't fix", "It is true, and stays as it is. You give the reason."),
}

STATUS: Mapping[str, str] = {
    "open": "Nobody is at it.",
    "investigating": "Somebody looks whether it is true.",
    "fix-in-progress": "Somebody mends it.",
    "in-review": "The fix waits for review.",
}

OUTCOME: Mapping[str, tuple[str, str]] = {
    # word: (sign, tone), of runs and of tests
    "passed": ("✓", "good"),
    "proven": ("✓", "good"),
    "measured": ("✓", "plain"),
    "bisected": ("✓", "plain"),
    "minimised": ("✓", "plain"),
    "killed": ("✓", "good"),
    "survived": ("✗", "warn"),
    "import": ("!", "warn"),
    "equivalent": ("=", "quiet"),
    "failed": ("✗", "bad"),
    "not-fixed": ("✗", "bad"),
    "breaks-others": ("✗", "bad"),
    "error": ("!", "bad"),
    "timed-out": ("◷", "bad"),
    "cannot-fail": ("∅", "warn"),
    "inconclusive": ("?", "warn"),
    "flaky": ("⇄", "warn"),
    "cancelled": ("–", "quiet"),
    "skipped": ("–", "quiet"),
    "xfailed": ("✗", "warn"),
    "xpassed": ("✓", "warn"),
    "queued": ("…", "plain"),
    "running": ("▸", "plain"),
    "finished": ("✓", "plain"),
}

SWEEP: Mapping[str, tuple[str, str, str]] = {
    # verdict: (sign, tone, meaning)
    "held": ("✓", "good", "Its tests end as they are known to"),
    "regressed": ("↺", "bad", "A test that passed fails again, each time and in the same way"),
    "flaky": ("⇄", "warn", "A test fails sometimes"),
    "infrastructure": ("!", "warn", "A test could not be run; the next sweep tries again"),
    "not-applicable": ("·", "quiet", "This revision does not follow what it was fixed in"),
    "repaired": ("○", "good", "The defect was there, and the tests pass: it may be closed"),
    "held-by-decision": ("–", "quiet", "A maintainer closed it at this very package"),
}
"""How each verdict of a sweep is shown."""

SIGNAL: Mapping[str, tuple[str, str]] = {
    # word: (as it is shown, meaning)
    "unanimous-not-executed": (
        "unanimous and not executed",
        "Several reviewers agree, and no run has shown anything",
    ),
    "contradicts-evidence": (
        "contradicts evidence",
        "A verdict says the contrary of what the runs show",
    ),
}
"""What is odd about the verdicts on a ticket, beside its evidence."""

CAUSE: Mapping[str, str] = {
    "assertion": "An assertion of the test did not hold",
    "package": "The package raised it",
    "interface": "The test and the package do not fit together: a call, a name, an argument",
    "environment": "What it needs is not there: a module, or what the cage refuses",
    "test": "The test is at fault: a name or fixture that there is not, or it never ran",
    "not-run": "It never started",
}
"""Why a test did not pass."""

MODE: Mapping[str, str] = {
    "alone": "Alone in its process",
    "together": "Together with the others, in the order of the files",
    "reversed": "Together with the others, in reversed order",
    "apart": "With the tests of its file, and no other file loaded",
}
"""In which company a test ran."""

VERDICT: Mapping[str, tuple[str, str, str]] = {
    "ENDORSE": ("+", "good", "Right, and worth acting on"),
    "NEUTRAL": ("=", "plain", "True but of little weight, or not mine to judge"),
    "REFINE": ("~", "warn", "Right in part: change severity, claim or fix"),
    "OBJECT": ("−", "bad", "The claim or its fix is wrong"),
    "OTHER": ("?", "plain", "A word that only imported documents hold"),
}

REQUIREMENT: Mapping[str, tuple[str, str, str]] = {
    "SATISFIED": ("✓", "good", "met"),
    "UNSATISFIED": ("✗", "bad", "missing"),
    "OVERRIDDEN": ("!", "warn", "overridden"),
    "NOT_APPLICABLE": ("–", "quiet", "does not apply"),
}

ADVISORY = ("!", "warn", "advisory")
"""A requirement that is not met and keeps nothing open."""

RELATION: Mapping[str, str] = {
    "related": "related to",
    "duplicate-of": "duplicate of",
    "duplicated-by": "duplicated by",
    "blocks": "blocks",
    "blocked-by": "blocked by",
}

ACTION: Mapping[str, str] = {
    "ticket.filed": "filed the ticket",
    "ticket.edited": "edited the ticket",
    "ticket.moved": "changed the status",
    "review.recorded": "recorded a review",
    "review.answered": "answered an objection",
    "review.confirmed": "confirmed a review",
    "review.applied": "applied an amendment",
    "note.added": "added a note",
    "note.deleted": "deleted a note",
    "note.restored": "put a note back",
    "test.restored": "linked a test again",
    "patch.restored": "put a patch back",
    "test.linked": "linked a test",
    "work-order.placed": "asked for work",
    "work-order.judged": "judged what was handed in",
    "test.unlinked": "unlinked a test",
    "test.submitted": "submitted a test",
    "patch.put": "stored a patch",
    "patch.removed": "removed a patch",
    "run.triggered": "triggered a run",
    "run.cancelled": "cancelled a run",
    "run.finished": "finished a run",
    "mutant.judged": "judged a mutant",
    "evidence.changed": "changed the evidence",
    "ticket.imported": "imported the ticket",
    "ticket.not-reported": "no longer reports it",
    "ticket.results-reported": "reported results of its tests",
    "checklist.ticked": "ticked a checklist item",
    "checklist.unticked": "unticked a checklist item",
    "testability.set": "said whether it can be tested",
    "relation.added": "added a relation",
    "relation.removed": "removed a relation",
}


def action(word: str) -> str:
    """Return an action of the audit trail as a reader says it."""
    return ACTION.get(word, word.replace(".", " ").replace("-", " "))

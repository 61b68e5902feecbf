"""Words with a fixed meaning, as the service's contract names them, to be offered by a shell.

The service alone decides what it takes; a test holds these against its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.document import SEVERITIES

_NONE = ""

WORDS: Mapping[str, Mapping[str, str]] = {
    "severity": {word: f"{means[0].lower()}{means[1:]}" for word, means in SEVERITIES.items()},
    "verdict": {
        "ENDORSE": "right and worth acting on",
        "NEUTRAL": "true but of little weight, or not mine to judge",
        "REFINE": "right in part: change severity, claim or fix",
        "OBJECT": "the claim or its fix is wrong",
    },
    **{
        kind: dict.fromkeys(words.split(), _NONE)
        for kind, words in {
            "status": "open investigating fix-in-progress in-review closed wont-fix",
            "resolution": "fixed already-fixed not-a-bug duplicate wont-fix",
            "closed-as": "fixed already-fixed not-a-bug duplicate",
            "category": "correctness concurrency resource-leak performance numerical-stability "
            "torch-compile dead-code api-contract test-gap documentation defensive-programming "
            "legacy-policy",
            "evidence": "not-covered none unverified reproduced fix-ready passing cannot-fail "
            "proven regressed",
            "role": "reader reporter reviewer maintainer admin",
            "purpose": "demonstrates guards",
            "claim": "true partly false not-checked",
            "fix": "agree disagree other",
            "answer": "accepted withdrawn overruled",
            "run-status": "queued running finished cancelled",
            "order-status": "open claimed submitted accepted rejected errored",
            "order-kind": "reproduce refute fix kill-mutant assess",
            "run-kind": "check proof strength bisection minimise",
            "scope": "function file",
            "mutant-verdict": "equivalent accepted",
            "run-outcome": "passed failed proven cannot-fail not-fixed breaks-others measured "
            "bisected minimised inconclusive error timed-out",
            "test-outcome": "passed failed error skipped xfailed xpassed timed-out",
            "sort": "-created created -updated updated severity -severity key -key title -title "
            "status -status evidence -evidence reviews -reviews agent -agent strength",
            "relation": "related: blocks: blocked-by: duplicate-of: duplicated-by:",
            "patch": "fix defect defect-2",
            "suppressed": "omit",
        }.items()
    },
}
"""By the kind of value that an option or an argument takes: each word with what it means."""

KINDS: Mapping[str, str] = {
    **{name: name for name in ("severity", "status", "resolution", "verdict", "evidence", "sort")},
    **{name: name for name in ("category", "domain", "claim", "purpose", "role", "specialist")},
    **{name: name for name in ("patch", "server", "target", "suppressed")},
    **dict.fromkeys(("key", "keys", "ticket", "duplicate_of"), "key"),
    **dict.fromkeys(("agent", "speaks_for", "which", "reviewer"), "specialist"),
    **dict.fromkeys(("assignee", "created_by", "requested_by"), "account"),
    **dict.fromkeys(("relation", "other"), "related"),
    **dict.fromkeys(("node_id", "test", "link"), "node-id"),
    **dict.fromkeys(("source", "file", "rationale_file", "amendment", "sources", "out"), "file"),
    "proposed_severity": "severity",
    "as_json": "fields",
    "run_id": "run",
    "to": "status",
    "place": "source",
    "view_name": "view",
}
"""By the name of a parameter: the kind of its values, unless its declaration says another one."""

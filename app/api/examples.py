"""Examples of the OpenAPI document: bodies as they are sent, and answers put together from them.

An answer is built from its schema, so that it cannot fall behind: a field is shown by the value
that its name has here, and otherwise by the first word or form that its schema allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RUN = "0198f2b4-7c1e-7a53-9f0e-2f6d3a1b8c44"
_DIGEST = "8e6245852f7cd15af6f433d6a228667533ddb1f1f96d3b15a290f6b614f0139c"
_NODE_ID = "tests/verification/test_b2_drl_10.py::test_seed_input_is_required"
_TIME = "2026-01-31T09:30:00Z"
_NEW = {"severity": "P3", "batch": 2, "agent": "drl"}
DIFF = """\
--- a/kasmina/blend_ops.py
+++ b/kasmina/blend_ops.py
@@ -1,1 +1,1 @@
-before
+after
"""

BODIES: Mapping[str, Any] = {
    "TicketPatch": {"severity": "P1", "assignee": "ada"},
    "TickIn": {"done": True},
    "ViewIn": {
        "name": "grave and open",
        "filters": {"severity": ["P0", "P1"], "status": ["open"]},
        "sort": "severity",
        "shared": True,
    },
    "ViewPatch": {"name": "grave"},
    "NoteIn": {"body": "Reproduced on the release branch."},
    "RelationIn": {"key": "B2-DRL-11", "kind": "blocks"},
    "BatchIn": {
        "items": [
            {
                "ref": "first",
                "title": "blend_multiply couples gradients",
                "summary": "Leaving seed_input out makes the host its own seed input.",
                "relations": [{"ref": "second", "kind": "related"}],
                **_NEW,
            },
            {"ref": "second", "title": "blend_add too", "summary": "The same there.", **_NEW},
        ],
        "atomic": True,
    },
    "TestabilityIn": {"state": "not-testable", "reason": "It is about wording alone."},
    "ReviewIn": {
        "specialist": "pytorch",
        "verdict": "ENDORSE",
        "rationale": "The gradient of the seed arrives at the host.",
        "claim": "true",
        "ticket_version": 1,
        "evidence": [{"kind": "code", "path": "kasmina/blend_ops.py", "start_line": 59}],
    },
    "BatchReviewsIn": {"items": [{"key": "B2-DRL-10", "specialist": "drl", "verdict": "NEUTRAL"}]},
    "AnswerIn": {"resolution": "overruled", "reason": "The run shows it."},
    "ConfirmIn": {"ticket_version": 2},
    "ClaimIn": {"specialist": "pytorch", "count": 5, "minutes": 30},
    "ReleaseIn": {"specialist": "pytorch", "keys": ["B2-DRL-10"]},
    "MutantVerdictIn": {"verdict": "equivalent", "reason": "At the bound both give the bound."},
    "WorkOrderIn": {"kind": "reproduce", "ticket": "B2-DRL-10", "note": "On CPU, please."},
    "WorkClaimIn": {"kinds": ["reproduce", "fix"], "minutes": 30},
    "WorkSubmitIn": {
        "filename": "test_scale.py",
        "source": "def test_scale():\n    assert scale(2.0, 3.0) == 6.0\n",
    },
    "SpecialistIn": {"name": "security", "code": "SEC", "label": "Security Specialist"},
    "SpecialistPatch": {"blind": True},
    "AccountIn": {"name": "ada", "role": "reviewer", "speaks_for": ["pytorch"]},
    "AccountPatch": {"role": "maintainer"},
    "TokenIn": {"label": "night audit", "role": "reporter"},
}
"""Of bodies by the name of their schema."""

TEXTS: Mapping[str, str] = {
    "text/x-diff": DIFF,
    "application/sarif+json": (
        '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Bandit"}},'
        ' "results": [{"ruleId": "B602"}]}]}'
    ),
    "text/markdown": "# Finding Ticket: blend_multiply couples gradients\n",
    "text/x-python": "def test_scale_uses_its_factor():\n    assert scale(2.0, 3.0) == 6.0\n",
    "text/plain": f"running\nbundled passed {_NODE_ID}\nfinished passed\n",
    "text/csv": "key,title\r\nB2-DRL-10,blend_multiply couples gradients\r\n",
    "text/html": '<!doctype html>\n<html lang="en">\n<title>Findings, 2026-01-02</title>\n',
    "text/event-stream": 'id: 1-1\nevent: status\ndata: {"status":"running"}\n\n',
    "application/xml": '<?xml version="1.0" encoding="utf-8"?>\n<testsuites/>\n',
    "application/x-ndjson": '{"kind":"ticket","key":"B2-DRL-10"}\n',
}
"""Of bodies that are no JSON, by media type."""

PARAMETERS: Mapping[str, Any] = {
    "If-Match": '"1"',
    "Idempotency-Key": "file-2026-01-31-0007",
    "Last-Event-ID": "1044-17",
    "X-Source-Path": "fixed/B2-DRL-10.md",
    "other": "B2-DRL-11",
    "id": _RUN,
    "name": "ada",
}
"""Of parameters by name, where they have none of their own."""

_ABSENT = """
answer any_of applied checklist_item cause closure disabled_at display_name external_ref
excerpt hint items last_attempt lease line log message next_cursor note only_as not_as
problem proposed_severity provenance reason remedy replaces resolution resolution_text
reused_from revoked_at section signature source_path stdout superseded_by testability then
traceback
"""
_FIELDS: Mapping[str, Any] = {
    **dict.fromkeys(_ABSENT.split()),
    "actor": "ada",
    "account": "ada",
    "agent": "drl",
    "also_broken": [],
    "amendment": {"severity": "P1"},
    "applies": "forward",
    "arm": "after",
    "assignee": "ada",
    "attempt": 1,
    "authors": {"patch": ["ada"], "tests": [], "same": False},
    "author": "ada",
    "batch": 2,
    "because": "reproduced",
    "body": "What the code does, and what it should do.",
    "by": "ada",
    "changes": {"severity": ["P3", "P1"]},
    "claim": {"true": 1, "partly": 0, "false": 0},
    "claim_was": "confirmed",
    "code": "PT",
    "compared": 40,
    "commits": ["4f2a9c1"],
    "created_by": "ada",
    "digest": _DIGEST,
    "disabled": False,
    "doc": "Leaving seed_input out is refused.",
    "domains": ["kasmina"],
    "environment": {"python": "3.11.7", "torch": "2.13.0", "layers": ["network", "seccomp"]},
    "explanation": "The evidence is proven and up to date.",
    "file": "reports/batch2-drl.md",
    "findings": ["B2-DRL-10"],
    "heading": "Detailed Description",
    "hints": [],
    "id": _RUN,
    "key": "B2-DRL-10",
    "label": "PyTorch Specialist",
    "last": "1044-17",
    "last_outcome": "passed",
    "missing": ["drl"],
    "name": "pytorch",
    "node_id": _NODE_ID,
    "not_comparable": [],
    "package_digest": _DIGEST,
    "patch": "fix",
    "path": "kasmina/blend_ops.py",
    "phase": "call",
    "properties": [],
    "queue": {"pytorch": 3},
    "rationale": "The gradient of the seed arrives at the host.",
    "ref": "first",
    "request_id": "0198f2b4-7c1e-7a53-9f0e-2f6d3a1b8c45",
    "requested_by": "ada",
    "reviewed_at": _TIME,
    "run": _RUN,
    "sentence": "The defect is absent here, and the tests catch it when it is planted.",
    "skipped_subtests": [],
    "speaks_for": ["pytorch"],
    "specialist": "pytorch",
    "start_line": 59,
    "end_line": 94,
    "suite_digest": _DIGEST,
    "summary": "Leaving seed_input out makes the host its own seed input.",
    "symbol": "blend_multiply()",
    "target": "kasmina",
    "text": "Every caller passes seed_input explicitly",
    "ticket": "B2-DRL-10",
    "title": "blend_multiply couples gradients when seed_input is left out",
    "token": "fnd_…",
    "total": 1,
    "total_is": "exact",
    "url": "http://127.0.0.1:8000/login?code=…",
    "version": 1,
    "warnings": [],
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "") -> Any:
    """Return an example of what `schema` describes.

    Args:
        schema: a JSON schema.
        schemas: those that it may refer to, by name.
        name: of the field that holds the value.
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if name in _FIELDS and _may_be(schema, _FIELDS[name]):
        return _FIELDS[name]
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas, name)
    return _of_type(schema, schemas)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {n: example_of(s, schemas, n) for n, s in schema["properties"].items()}
        case "object":
            values = schema.get("additionalProperties")
            return {"fix": example_of(values, schemas)} if isinstance(values, dict) else {}
        case "array":
            return [example_of(schema["items"], schemas)]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "string":
            return _FORMATS.get(schema.get("format", ""), "…")
        case _:
            return None


_FORMATS = {"date-time": _TIME, "date": "2026-01-31", "uuid": _RUN}
_TYPES = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}


def _may_be(schema: Mapping[str, Any], value: Any) -> bool:
    """Tell whether a schema allows values of this type; some names stand for several things."""
    forms = schema.get("anyOf", [schema])
    wanted = "null" if value is None else _TYPES[type(value)]
    return any(form.get("type") == wanted and "enum" not in form for form in forms)

"""Work orders by command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ID = "01a226da-5ec0-7058-b1c2-000aa75d3367"
ORDER = {
    "id": ID,
    "kind": "reproduce",
    "ticket": "B2-DRL-10",
    "status": "submitted",
    "specialist": None,
    "note": None,
    "created_by": None,
    "created_at": "2026-11-29T10:00:00Z",
    "claimed_by": "bot",
    "lease_expires_at": None,
    "run": "01a226da-0000-7000-8000-000000000001",
    "reason": None,
}
RUN = {"id": ORDER["run"], "ticket": "B2-DRL-10", "status": "finished", "outcome": "passed"}


def test_a_claim_that_finds_nothing_says_so(stub: Any, reply: Any, findings: Any) -> None:
    stub.on("POST", "work-orders/claim", reply({"order": None}))

    ended = findings("order", "claim", "fix", "assess")

    assert (ended.code, ended.out) == (1, "")
    assert stub.requests[0].json == {"kinds": ["fix", "assess"], "minutes": 30}


def test_a_test_is_handed_in_and_waited_for(
    stub: Any, reply: Any, findings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "test_own.py"
    file.write_text("def test_x(): ...\n")
    stub.on("GET", "work-orders", reply({"items": [ORDER], "next_cursor": None}))
    stub.on("POST", f"work-orders/{ID}/submit", reply(ORDER))
    stub.on("GET", f"runs/{RUN['id']}", reply(RUN))
    stub.on("GET", f"work-orders/{ID}", reply({**ORDER, "status": "rejected", "reason": "passed"}))

    ended = findings("order", "submit", ID[:9], "--test", str(file), "--wait")

    assert ended.code == 1
    assert "status\trejected" in ended.out
    assert stub.requests[1].json == {"filename": "test_own.py", "source": "def test_x(): ...\n"}


def test_an_assessment_is_a_review(stub: Any, reply: Any, findings: Any) -> None:
    stub.on("POST", f"work-orders/{ID}/submit", reply({**ORDER, "status": "accepted"}))

    ended = findings("order", "submit", ID, "--verdict", "endorse")

    assert (ended.code, "accepted" in ended.out) == (0, True)
    assert stub.requests[0].json == {"review": {"verdict": "ENDORSE", "rationale": ""}}

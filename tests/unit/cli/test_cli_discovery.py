"""Finding tickets, following changes, filing batches."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.support.terminal import Screen

EVENT = {
    "id": "7-1",
    "ticket": "KAS-1",
    "at": "2026-01-02T03:04:05Z",
    "actor": "ada",
    "action": "ticket.edited",
    "changes": {"title": ["old", "new"]},
    "request_id": None,
}
FILED = {
    "items": [
        {"ref": "1", "key": "KAS-1", "result": "created"},
        {"ref": "b", "key": None, "result": "refused", "problem": {"detail": "title: blank"}},
    ]
}


def test_search_sends_words_phrases_and_words_to_leave_out(
    findings: Any, stub: Any, reply: Any
) -> None:
    stub.on("GET", "tickets", reply({"items": [], "next_cursor": None}))

    done = findings("ticket", "search", "blend", "seed input", "--", "-host")

    assert done.code == 0
    assert stub.requests[0].query["q"] == ['blend "seed input" -host']


def test_similar_tickets_come_with_score_and_reasons(findings: Any, stub: Any, reply: Any) -> None:
    item = {"key": "KAS-2", "title": "T", "status": "open", "score": 0.85, "reasons": ["a", "b"]}
    stub.on("GET", "tickets/KAS-1/similar", reply({"items": [item], "next_cursor": None}))

    done = findings("ticket", "similar", "KAS-1")

    assert done.out == "0.85\tKAS-2\topen\ta; b\tT\n"


def test_changes_go_on_behind_an_event(findings: Any, stub: Any, reply: Any) -> None:
    page = {"items": [EVENT], "next_cursor": None, "last": "7-1"}
    stub.on("GET", "changes", reply(page))

    done = findings("changes", "--since", "6-3", "--mine")

    assert stub.requests[0].query == {"since": ["6-3"], "mine": ["true"], "limit": ["50"]}
    assert done.out.split("\t")[1:] == ["KAS-1", "ada", "ticket.edited", "title: old → new\n"]


def test_what_is_followed_is_a_line_each_within_the_terminal(stub: Any, reply: Any) -> None:
    event = EVENT | {"changes": {"title": [None, "a title " * 20]}}
    stream = f"id: 7-1\ndata: {json.dumps(event)}\n\n".encode()
    stub.on("GET", "events", reply(raw=stream), reply({"detail": "Revoked."}, status=401))
    screen = Screen([sys.executable, "-m", "app.cli", "changes", "--follow"], columns=80)

    assert screen.ends() == 3
    shown, said, *_ = screen.text.splitlines()
    assert shown.startswith("01-02 03:04:05Z  KAS-1  ada  ticket.edited  title: a title a")
    assert shown.endswith("…") and said.startswith("findings: Revoked.")


def test_following_goes_on_behind_the_last_event_when_the_stream_ends(
    findings: Any, stub: Any, reply: Any
) -> None:
    stream = f": open\n\nid: 7-1\nevent: change\ndata: {json.dumps(EVENT)}\n\n".encode()
    kind = {"Content-Type": "text/event-stream"}
    refusal = {"title": "A token is needed", "status": 401, "detail": "It was revoked."}
    stub.on("GET", "events", reply(raw=stream, headers=kind), reply(refusal, status=401))

    done = findings("changes", "--follow", "--mine", "--json")

    first, second = stub.requests
    assert json.loads(done.out.splitlines()[0]) == EVENT
    assert "last-event-id" not in first.headers and first.query == {"mine": ["true"]}
    assert second.headers["last-event-id"] == "7-1"
    assert done.code != 0


def test_a_batch_is_a_list_or_a_ticket_a_line(
    findings: Any, stub: Any, reply: Any, tmp_path: Any
) -> None:
    stub.on("POST", "tickets:batch", reply(FILED))
    tickets = [{"title": "one"}, {"ref": "b", "title": "two"}]
    texts = (
        json.dumps(tickets),
        json.dumps({"items": tickets}),
        "\n".join(json.dumps(ticket) for ticket in tickets),
    )
    for n, text in enumerate(texts):
        source = tmp_path / f"{n}.json"
        source.write_text(text)
        done = findings("batch", str(source), "--atomic")

        assert done.code == 1
        assert done.out == "1\tKAS-1\tcreated\t\nb\t\trefused\ttitle: blank\n"
        sent = stub.requests[-1]
        assert sent.json["items"] == [{"ref": "1", "title": "one"}, tickets[1]]
        assert (sent.json["atomic"], sent.json["dry_run"]) == (True, False)
        assert sent.headers["idempotency-key"]


def test_a_batch_that_cannot_be_read_is_a_wrong_command(findings: Any, tmp_path: Any) -> None:
    source = tmp_path / "x"
    source.write_text("no json")

    assert findings("batch", str(source)).code == 2

"""Every tool: what it is for, what it takes, what it answers, and of which calls it is made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.mcp import arguments as given
from app.mcp import outputs
from app.mcp.next_calls import tool_call
from app.mcp.rest import Call, Rest, quoted, result_of

_TITLE_ROOM = 100
_MOST_FAILED = 20

Work = Callable[[Rest, Any], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Tool:
    """A tool."""

    name: str
    description: str
    arguments: type[given.Arguments]
    output: type[outputs.Result]
    work: Work
    reads: bool = False
    """It changes nothing."""


async def _find(rest: Rest, args: given.Find) -> dict[str, Any]:
    page = await result_of(rest, Call("GET", "/tickets", args.given()))
    return {"items": [_row(one) for one in page["items"]], "next_cursor": page["next_cursor"]}


def _row(ticket: Mapping[str, Any]) -> dict[str, Any]:
    title = ticket["title"]
    return {
        "key": ticket["key"],
        "severity": ticket["severity"],
        "status": ticket["status"],
        "evidence": ticket["evidence"]["state"],
        "stale": ticket["evidence"].get("stale") or None,
        "untrusted_title": title if len(title) <= _TITLE_ROOM else title[: _TITLE_ROOM - 1] + "…",
    }


async def _show(rest: Rest, args: given.Show) -> dict[str, Any]:
    query = {"include": "source"} if args.source else {}
    return _ticket(await result_of(rest, Call("GET", quoted("tickets", args.key), query)))


def _ticket(ticket: Mapping[str, Any]) -> dict[str, Any]:
    consensus = ticket["consensus"]
    verdicts = {word: consensus.get(word, 0) for word in ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")}
    key = ticket["key"]
    return {
        **{
            name: ticket[name]
            for name in (
                *("key", "severity", "status", "resolution", "version", "agent", "created_by"),
                *("domains", "categories"),
            )
        },
        "evidence": _evidence(ticket["evidence"]),
        "verdicts": {word: count for word, count in verdicts.items() if count},
        "open_objections": _count(consensus.get("open_objections")),
        "verdicts_hidden": ticket["verdicts_hidden"],
        "signals": ticket["signals"],
        "patches": {name: patch["applies"] for name, patch in ticket["patches"].items()},
        "untrusted_title": ticket["title"],
        "untrusted_summary": ticket["summary"],
        "untrusted_locations": [_without_none(one, "id") for one in ticket["locations"]],
        "untrusted_sections": [_without_none(one, "id") for one in ticket["sections"]],
        "untrusted_checklist": [_without_none(one) for one in ticket["checklist"]],
        "untrusted_reviews": [_review_of(one) for one in ticket["reviews"]],
        "untrusted_tests": [_link(one) for one in ticket["tests"]],
        "untrusted_source": [_place(one) for one in ticket.get("source") or ()],
        "more": f"finding://{key}",
    }


def _changed(ticket: Mapping[str, Any]) -> dict[str, Any]:
    names = ("key", "severity", "status", "resolution", "version")
    return {
        **{name: ticket[name] for name in names},
        "evidence": ticket["evidence"]["state"],
        "untrusted_title": ticket["title"],
        "untrusted_summary": ticket["summary"],
        "untrusted_similar": [
            {name: one[name] for name in ("key", "status", "title")}
            for one in ticket.get("similar") or ()
        ],
        "more": f"finding://{ticket['key']}",
    }


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(value or 0)


def _evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": evidence["state"],
        "stale": bool(evidence["stale"]),
        "run": evidence.get("run"),
        "untrusted_sentence": evidence.get("sentence") or "",
    }


def _review_of(review: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "specialist", "author", "verdict", "claim", "outdated", "rationale")
    return {name: review[name] for name in names if review.get(name) not in (None, "", False)}


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "node_id", "purpose", "origin", "last_outcome")
    return {name: link[name] for name in names if link.get(name) is not None}


def _place(place: Mapping[str, Any]) -> dict[str, Any]:
    found = place["excerpt"]
    if found is None:
        return {"location": place["location"], "reason": place["reason"]}
    return {name: found[name] for name in ("path", "digest", "start", "lines")}


def _without_none(part: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    return {n: v for n, v in part.items() if v is not None and n not in left_out}


async def _source(rest: Rest, args: given.Source) -> dict[str, Any]:
    if args.path is None:
        found = await result_of(rest, Call("GET", "/source/files", {"target": args.target}))
        return {"target": found["target"], "files": found["items"]}
    found = await result_of(rest, Call("GET", "/source", args.given()))
    names = ("target", "path", "digest", "total_lines", "start", "next_line")
    return {**{n: found[n] for n in names}, "untrusted_lines": found["lines"]}


async def _file(rest: Rest, args: given.File) -> dict[str, Any]:
    query = {"dry_run": "true"} if args.dry_run else {}
    body = args.given("dry_run")
    return _changed(await result_of(rest, Call("POST", "/tickets", query, json=body)))


async def _review(rest: Rest, args: given.Review) -> dict[str, Any]:
    body = args.given("key", "model")
    if args.model is not None:
        body["provenance"] = {"model": args.model, "tool": "mcp"}
    path = quoted("tickets", args.key, "reviews")
    return _reviewed(await result_of(rest, Call("POST", path, json=body)))


async def _answer(rest: Rest, args: given.Answer) -> dict[str, Any]:
    confirms = args.resolution == "confirmed"
    verb = "confirm" if confirms else "answer"
    path = quoted("tickets", args.key, "reviews", args.review, verb)
    body = {} if confirms else args.given("key", "review")
    return _reviewed(await result_of(rest, Call("POST", path, json=body)))


def _reviewed(review: Mapping[str, Any]) -> dict[str, Any]:
    return {name: review[name] for name in ("id", "specialist", "verdict", "outdated")}


async def _submit_test(rest: Rest, args: given.SubmitTest) -> dict[str, Any]:
    path = quoted("tickets", args.key, "tests")
    found = await result_of(rest, Call("POST", path, json=args.given("key")))
    links = found.get("items") or [found]
    return {"untrusted_tests": [_link(link) for link in links], "hint": found.get("hint")}


async def _put_patch(rest: Rest, args: given.PutPatch) -> dict[str, Any]:
    path = quoted("tickets", args.key, "patches", args.name)
    found = await result_of(rest, Call("PUT", path, text=args.patch))
    return {"name": args.name, "digest": found["digest"], "applies": found["applies"]}


async def _verify(rest: Rest, args: given.Verify) -> dict[str, Any]:
    body = {"kind": args.kind, "force": args.force}
    path = quoted("tickets", args.key, "runs")
    run = await result_of(rest, Call("POST", path, json=body))
    if args.wait_s:
        run = await _run(rest, run["id"], args.wait_s)
    return _outcome(run)


async def _run_result(rest: Rest, args: given.RunResult) -> dict[str, Any]:
    return _outcome(await _run(rest, args.id, args.wait_s))


async def _run(rest: Rest, run: str, wait_s: int) -> Any:
    call = Call("GET", quoted("runs", run), {"wait": wait_s or None}, wait_s=wait_s)
    return await result_of(rest, call)


def _outcome(run: Mapping[str, Any]) -> dict[str, Any]:
    arms = run.get("arms") or ()
    failed = [
        {"arm": arm["name"], **_failure(result)}
        for arm in arms
        for result in arm["results"]
        if result["outcome"] not in ("passed", "skipped")
    ]
    return {
        **{name: run[name] for name in ("id", "ticket", "kind", "status", "outcome")},
        "untrusted_reason": run.get("reason"),
        "untrusted_hints": [*(run.get("hints") or ()), *filter(None, (run.get("hint"),))],
        "arms": {arm["name"]: _counts(arm) for arm in arms},
        "untrusted_failed": failed[:_MOST_FAILED],
        "more": f"run://{run['id']}/log",
    }


def _counts(arm: Mapping[str, Any]) -> dict[str, int]:
    """Return how often what came of an arm; of thousands the call tells only some."""
    counts = dict(Counter(result["outcome"] for result in arm["results"]))
    left_out = arm["results_total"] - len(arm["results"])
    return {**counts, "not told": left_out} if left_out else counts


def _failure(result: Mapping[str, Any]) -> dict[str, Any]:
    names = ("node_id", "outcome", "phase", "cause", "message", "traceback")
    return {name: result[name] for name in names if result.get(name)}


async def _gate(rest: Rest, args: given.Gate) -> dict[str, Any]:
    ticket = quoted("tickets", args.key)
    gate, following = await asyncio.gather(
        result_of(
            rest, Call("GET", f"{ticket}/gate", {"resolution": args.given().get("resolution")})
        ),
        result_of(rest, Call("GET", f"{ticket}/next")),
    )
    return {
        "requirements": [
            {
                "name": one["name"],
                "state": one["state"],
                "untrusted_explanation": one["explanation"],
            }
            for one in gate
        ],
        "next": tool_call(following) if following.get("path") else None,
        "untrusted_why": following.get("why"),
        "waiting_for": following.get("waiting_for"),
    }


async def _move(rest: Rest, args: given.Move) -> dict[str, Any]:
    body = args.given("key")
    if args.waiver is not None:
        body["waiver"] = {"reason": args.waiver}
    path = quoted("tickets", args.key, "transitions")
    return _changed(await result_of(rest, Call("POST", path, json=body)))


async def _claim_work(rest: Rest, args: given.ClaimWork) -> dict[str, Any]:
    found = await result_of(rest, Call("POST", "/work-orders/claim", json=args.given()))
    return _order(found["order"] or {})


async def _submit_work(rest: Rest, args: given.SubmitWork) -> dict[str, Any]:
    reviewed = ("verdict", "rationale", "specialist", "claim")
    body = args.given("id", *reviewed)
    if args.verdict is not None:
        body["review"] = {n: v for n, v in args.given().items() if n in reviewed}
    path = quoted("work-orders", args.id, "submit")
    return _order(await result_of(rest, Call("POST", path, json=body)))


async def _release_work(rest: Rest, args: given.ReleaseWork) -> dict[str, Any]:
    path = quoted("work-orders", args.id, "release")
    return _order(await result_of(rest, Call("POST", path)))


def _order(order: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "kind", "ticket", "status", "lease_expires_at", "run")
    return {
        **{name: order.get(name) for name in names},
        "mutant": (order.get("mutant") or {}).get("diff"),
        "untrusted_note": order.get("note"),
        "untrusted_reason": order.get("reason"),
    }


TOOLS: tuple[Tool, ...] = (
    Tool(
        "find",
        "Find tickets by words and filters, newest first; ten rows, then `next_cursor`.",
        given.Find,
        outputs.Found,
        _find,
        reads=True,
    ),
    Tool(
        "show",
        "Show a ticket: claim, reviews, tests, patches, evidence; with `source` its code too.",
        given.Show,
        outputs.Shown,
        _show,
        reads=True,
    ),
    Tool(
        "source",
        "Read the code under test or its suite, or list the files.",
        given.Source,
        outputs.SourceText,
        _source,
        reads=True,
    ),
    Tool(
        "file",
        "File a finding. Look at `untrusted_similar` for one that says the same. Then ask `gate`.",
        given.File,
        outputs.Changed,
        _file,
    ),
    Tool("review", "Record a cross-review.", given.Review, outputs.Reviewed, _review),
    Tool(
        "answer",
        "End an objection, or confirm an outdated review of yours.",
        given.Answer,
        outputs.Reviewed,
        _answer,
    ),
    Tool(
        "submit_test",
        "Link a test by its node id, or hand in a pytest file. A test asserts the sound "
        "behaviour: it fails while the defect is there.",
        given.SubmitTest,
        outputs.Linked,
        _submit_test,
    ),
    Tool("put_patch", "Give a patch of the package.", given.PutPatch, outputs.Patched, _put_patch),
    Tool(
        "verify",
        "Run the linked tests and wait. check: as the package is; proof: with and without patch.",
        given.Verify,
        outputs.RunOutcome,
        _verify,
    ),
    Tool(
        "run_result",
        "Show what came of a run, or wait for its end.",
        given.RunResult,
        outputs.RunOutcome,
        _run_result,
        reads=True,
    ),
    Tool(
        "gate",
        "What a ticket still has to show, and the next tool call that brings it on for you. Fill "
        "in what stands in angle brackets, then make each of its `then`, and ask again.",
        given.Gate,
        outputs.GateState,
        _gate,
        reads=True,
    ),
    Tool("move", "Change the status of a ticket, or close it.", given.Move, outputs.Changed, _move),
    Tool(
        "claim_work",
        "Take the next work order: reproduce, refute, fix, kill-mutant, assess. `show` its ticket.",
        given.ClaimWork,
        outputs.Order,
        _claim_work,
    ),
    Tool(
        "submit_work",
        "Hand in what an order wants. A run judges it; then look at `run_result`.",
        given.SubmitWork,
        outputs.Order,
        _submit_work,
    ),
    Tool("release_work", "Give an order back.", given.ReleaseWork, outputs.Order, _release_work),
)
"""In a stated order, so that each list of them is the same."""

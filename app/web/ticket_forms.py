"""The forms of a ticket's page: each calls one service, and says what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import LinkId, NoteId, ReviewId, TicketKey
from app.api.payloads.accounts import NoteIn
from app.api.payloads.mutants import MutantVerdictIn
from app.api.payloads.parts import RelationIn
from app.api.payloads.reviews import AnswerIn, ReviewIn
from app.api.payloads.runs import LinkIn, TriggerIn
from app.api.payloads.workflow import TestabilityIn, TransitionIn
from app.domain.catalogue import meant_by, search
from app.domain.runs import TestPurpose
from app.domain.tickets import Relation, RelationKind
from app.errors import FieldError, FindingsError, InvalidInput, Unauthenticated
from app.factory import Factory
from app.web.forms import Given, Refused, Sent, parse, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.ticket import ticket_page
from app.web.visitors import Maintainer, Reporter, Reviewer

router = new_router()

MOST_SEARCHED = 5000
_MOST_SUGGESTED = 8


Act = Callable[..., Awaitable[object]]


def attempt(form: str, flash: str) -> Callable[[Act], Callable[..., Awaitable[Response]]]:
    """Make an endpoint of what a form asks for: done, it leads back to the ticket.

    Refused, it shows the form as it was sent.

    Args:
        form: its name, in which parts of the path may stand in braces.
        flash: what the page says of it when it is done.
    """

    def endpoint(act: Act) -> Callable[..., Awaitable[Response]]:
        @wraps(act)
        async def answer(request: Request, **given: Any) -> Response:
            name, key = form.format(**given), given["key"]
            try:
                await act(**given)
            except Unauthenticated:
                raise
            except FindingsError as error:
                refused = Refused(name, (await sent(request)).values, error)
                return await ticket_page(request, given["visitor"], given["services"], key, refused)
            place = _PLACES.get(name.partition("-")[0], "main")
            return see_other(f"/tickets/{key}#{place}", flash=flash)

        own = signature(act)
        asked = Parameter("request", Parameter.KEYWORD_ONLY, annotation=Request)
        answer.__signature__ = own.replace(  # type: ignore[attr-defined]  # what FastAPI reads
            parameters=[*own.parameters.values(), asked], return_annotation=Response
        )
        return answer

    return endpoint


_PLACES = {
    "review": "reviews",
    "answer": "reviews",
    "confirm": "reviews",
    "apply": "reviews",
    "note": "notes",
    "link": "verification",
    "submit": "verification",
    "patch": "verification",
    "fix": "verification",
    "defect": "verification",
    "run": "verification",
    "mutant": "strength",
    "testability": "verification",
    "relation": "relations",
    "checklist": "checklist",
    "move": "main",
}
"""Where on the page the effect of each form is seen."""


@router.post("/tickets/{key}/reviews")
@attempt("review", "reviewed")
async def record_review(
    visitor: Reviewer, services: Services, key: TicketKey, given: Given
) -> None:
    """Record a review."""
    await services.reviews.record(visitor.actor, key, review_in(given).draft())


def review_in(given: Sent) -> ReviewIn:
    """Return the review that a form holds.

    Raises:
        InvalidInput: it is not complete.
    """
    names = ("specialist", "verdict", "rationale", "claim", "fix", "proposed_severity")
    body: dict[str, Any] = given.given(*names)
    body["ticket_version"] = given.number("ticket_version")
    amendment = {
        name: given.text(f"amended_{name}")
        for name in ("title", "summary")
        if given.text(f"amended_{name}")
    }
    if amendment:
        if body.get("proposed_severity"):
            amendment["severity"] = body["proposed_severity"]
        body["amendment"] = amendment
    body["evidence"] = _evidence_in(given)
    return parse(ReviewIn, body)


def _evidence_in(given: Sent) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if given.text("code_path"):
        place: dict[str, Any] = {"kind": "code", "path": given.text("code_path")}
        for name in ("start_line", "end_line"):
            if given.text(f"code_{name}"):
                place[name] = given.number(f"code_{name}")
        if given.text("code_note"):
            place["note"] = given.text("code_note")
        if given.text("code_snippet"):
            place["snippet"] = given.values["code_snippet"].strip("\n")
        found.append(place)
    found += _comments_in(given)
    if given.text("link_url"):
        found.append({"kind": "link", "url": given.text("link_url")})
    return found


def _comments_in(given: Sent) -> list[dict[str, Any]]:
    """Return the comments on lines of the code: where each is, what it says, and the line."""
    names = ("comment_at", "comment", "comment_code")
    found = []
    for at, text, code in zip(*(given.lists.get(name, ()) for name in names), strict=False):
        path, _, line = at.rpartition(":")
        if path and line.isdigit() and len(line) < 8 and text.strip():
            place = {"kind": "code", "path": path, "start_line": int(line), "note": text.strip()}
            found.append(place | ({"snippet": code} if code.strip() else {}))
    return found


@router.post("/tickets/{key}/reviews/{id}/answer")
@attempt("answer-{review_id}", "answered")
async def answer_objection(
    visitor: Reviewer, services: Services, key: TicketKey, review_id: ReviewId, given: Given
) -> None:
    """Answer an objection."""
    body = parse(AnswerIn, given.given("resolution", "reason"))
    await services.reviews.answer(visitor.actor, key, review_id, body.resolution, body.reason)


@router.post("/tickets/{key}/reviews/{id}/confirm")
@attempt("confirm", "confirmed")
async def confirm_review(
    visitor: Reviewer, services: Services, key: TicketKey, review_id: ReviewId, given: Given
) -> None:
    """Let an outdated review hold for the text that the visitor saw."""
    version = given.number("ticket_version")
    await services.reviews.confirm(visitor.actor, key, review_id, ticket_version=version)


@router.post("/tickets/{key}/reviews/{id}/apply")
@attempt("apply", "applied")
async def apply_amendment(
    visitor: Maintainer, services: Services, key: TicketKey, review_id: ReviewId
) -> None:
    """Take the amendment of a review into the ticket."""
    await services.amendments.apply(visitor.actor, key, review_id)


@router.post("/tickets/{key}/notes")
@attempt("note", "noted")
async def add_note(visitor: Reporter, services: Services, key: TicketKey, given: Given) -> None:
    """Add a note."""
    body = parse(NoteIn, {"body": given.text("body")})
    await services.tickets.add_note(visitor.actor, key, body.body)


@router.post("/tickets/{key}/notes/{id}/delete")
@attempt("note", "note-deleted")
async def delete_note(
    visitor: Reporter, services: Services, key: TicketKey, note_id: NoteId
) -> None:
    """Delete a note."""
    await services.tickets.delete_note(visitor.actor, key, note_id)


@router.post("/tickets/{key}/undo")
@attempt("undo", "restored")
async def undo(visitor: Reporter, services: Services, key: TicketKey) -> None:
    """Take back what the visitor has just removed."""
    await services.undo.take_back(visitor.actor, key)


@router.post("/tickets/{key}/transitions")
@attempt("move", "moved")
async def move(visitor: Reporter, services: Services, key: TicketKey, given: Given) -> None:
    """Take a step of the workflow."""
    to, _, resolution = given.text("to").partition(":")
    body: dict[str, Any] = {"to": to} | given.given("reason", "duplicate_of", "resolution_text")
    if resolution:
        body["resolution"] = resolution
    if given.text("commits"):
        body["commits"] = given.words("commits")
    if given.text("waiver"):
        body["waiver"] = {"reason": given.text("waiver")}
    if given.text("override"):
        body["override"] = True
    wanted = parse(TransitionIn, body).transition()
    await services.transitions.move(visitor.actor, key, wanted)


@router.post("/tickets/{key}/testability")
@attempt("testability", "testability")
async def set_testability(
    visitor: Reviewer, services: Services, key: TicketKey, given: Given
) -> None:
    """Say whether a test can decide the claim."""
    body = parse(TestabilityIn, given.given("state", "reason"))
    await services.gates.set_testability(visitor.actor, key, body.state, body.reason)


@router.post("/tickets/{key}/checklist/{id}")
@attempt("checklist", "ticked")
async def tick(
    visitor: Reporter, services: Services, key: TicketKey, id: str, given: Given
) -> None:
    """Tick or untick a checklist item."""
    done = given.text("done") == "true"
    etag = f'"{given.text("version")}"'
    await services.documents.tick(visitor.actor, key, id, done=done, if_match=etag)


@router.post("/tickets/{key}/relations")
@attempt("relation", "related")
async def relate(visitor: Reporter, services: Services, key: TicketKey, given: Given) -> None:
    """Add a relation to another ticket."""
    body = parse(RelationIn, given.given("key", "kind", "note"))
    relation = Relation(body.key, body.kind, body.note)
    await services.relations.add(visitor.actor, key, relation)


@router.post("/tickets/{key}/relations/{kind}/{other}/remove")
@attempt("relation", "unrelated")
async def unrelate(
    visitor: Reporter,
    services: Services,
    key: TicketKey,
    kind: RelationKind,
    other: str,
    given: Given,
) -> None:
    """Take a relation away."""
    etag = f'"{given.text("version")}"'
    await services.relations.remove(visitor.actor, key, kind, other, etag)


@router.post("/tickets/{key}/tests")
@attempt("link", "linked")
async def link_test(visitor: Reviewer, services: Services, key: TicketKey, given: Given) -> None:
    """Link a test of the suite."""
    fields = given.given("node_id", "purpose", "checklist_item")
    if "node_id" in fields:
        fields["node_id"] = await _node_id(services, key, fields["node_id"])
    body = parse(LinkIn, fields)
    await services.links.add(
        visitor.actor,
        key,
        body.node_id or "",
        purpose=body.purpose,
        checklist_item=body.checklist_item,
    )


async def _node_id(services: Factory, key: str, text: str) -> str:
    """Return the node id that a unique last part of one means, else `text` as it is.

    Raises:
        InvalidInput: it is the last part of several.
    """
    catalogue = await services.catalogues.of_ticket(key)
    tests = [test for _, test in await catalogue.tests(after=-1, limit=MOST_SEARCHED)]
    if any(text in (test.node_id, test.path) for test in tests):
        return text
    found = meant_by(tests, text)
    if len(found) > 1:
        told = f"{text[:100]} is the last part of several: {', '.join(found[:5])}"
        raise InvalidInput(FieldError("/node_id", told))
    return found[0] if found else text


@router.get("/tickets/{key}/tests/search")
async def search_tests(
    request: Request, _: Reviewer, services: Services, key: TicketKey
) -> Response:
    """Suggest tests of the ticket's suite by words of their names and docstrings."""
    words = request.query_params.get("q", "")[:200]
    catalogue = await services.catalogues.of_ticket(key)
    tests = [test for _, test in await catalogue.tests(after=-1, limit=MOST_SEARCHED)]
    found = search(tests, words, limit=_MOST_SUGGESTED)
    return page(request, "ticket/suggestions.html", {"tests": found})


@router.post("/tickets/{key}/tests/submit")
@attempt("submit", "submitted")
async def submit_test(visitor: Reporter, services: Services, key: TicketKey, given: Given) -> None:
    """Hand in a test file."""
    source = given.values.get("source", "")
    fields = {"filename": given.text("filename"), "source": source}
    body = parse(LinkIn, fields | given.given("purpose"))
    await services.submissions.submit(
        visitor.actor,
        key,
        filename=body.filename or "",
        source=source,
        purpose=TestPurpose(body.purpose),
    )


@router.post("/tickets/{key}/tests/{id}/remove")
@attempt("link", "unlinked")
async def unlink_test(
    visitor: Reviewer, services: Services, key: TicketKey, link_id: LinkId
) -> None:
    """Take a linked test off the ticket."""
    await services.links.remove(visitor.actor, key, link_id)


@router.post("/tickets/{key}/mutants/{digest}/verdict")
@attempt("mutant-{digest}", "judged")
async def judge_mutant(
    visitor: Reviewer, services: Services, key: TicketKey, digest: str, given: Given
) -> None:
    """Say of a survivor that it changes nothing, or that no test is wanted for it."""
    body = parse(MutantVerdictIn, given.given("verdict", "reason"))
    await services.mutants.judge(visitor.actor, digest[:64], body.verdict, body.reason)


@router.post("/tickets/{key}/runs")
@attempt("run", "queued")
async def trigger_run(visitor: Reviewer, services: Services, key: TicketKey, given: Given) -> None:
    """Run the ticket's tests."""
    body: dict[str, Any] = given.given("kind")
    if given.text("force"):
        body["force"] = True
    if given.text("repeat"):
        body["repeat"] = given.number("repeat")
    if given.text("patch"):
        body["patch"] = given.text("patch")
    wanted = parse(TriggerIn, body)
    await services.runs.trigger(
        visitor.actor,
        key,
        wanted.kind,
        repeats=wanted.repeat,
        force=wanted.force,
        patch=wanted.patch,
    )

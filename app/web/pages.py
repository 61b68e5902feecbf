"""Pages that need no account: the API's documentation, the kinds of problems, the keys."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import fastapi_swagger
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from app.api.openapi import document_of
from app.api.problems import all_kinds, calls_answering, example_of, explanation, from_http
from app.errors import NotFound
from app.formats import html
from app.web import (
    admin,
    bisections,
    documents,
    drift,
    examples,
    filing,
    help,
    home,
    moves,
    patch_forms,
    report,
    review,
    reviewers,
    runs,
    session,
    source,
    sweeps,
    targets,
    ticket,
    ticket_changes,
    ticket_edit,
    ticket_forms,
    tickets,
    views,
    work_orders,
)
from app.web.problem_commands import command_meeting, exit_code
from app.web.render import page
from app.web.routing import new_router, problem_page
from app.web.visitors import MaybeVisitor, visitor_if_any

HERE = Path(__file__).parent
router = new_router()

ROUTERS = (
    session.login_router,
    session.router,
    home.router,
    help.router,
    examples.router,
    moves.router,  # before the tickets: "/{key}" would take its address as well
    tickets.router,
    views.router,
    ticket.router,
    ticket_changes.router,
    ticket_forms.router,
    patch_forms.router,
    ticket_edit.router,
    filing.router,
    documents.router,
    drift.router,
    review.router,
    reviewers.router,
    bisections.router,
    runs.router,
    sweeps.router,
    targets.router,
    source.router,
    work_orders.router,
    admin.router,
    report.pages,
)

_DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)
"""The documentation's viewer sets styles from its script; nothing else may."""

_MOST_CALLS = 12
_ONE_YEAR = "public, max-age=31536000, immutable"
_FIVE_MINUTES = "public, max-age=300"


class Assets(StaticFiles):
    """Files that browsers may keep: for good when the address names their version."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file."""
        response = await super().get_response(path, scope)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = _ONE_YEAR if versioned else _FIVE_MINUTES
        return response


def install(app: FastAPI) -> None:
    """Add the pages and their assets to `app`, whose errors are installed already."""
    viewer = resources.files(fastapi_swagger) / "resources"
    app.router.routes.extend(router.routes)
    app.mount("/static/api-docs", Assets(directory=str(viewer)), name="api-docs")
    app.mount("/static", Assets(directory=HERE / "static"), name="static")
    for added in ROUTERS:
        app.router.routes.extend(added.routes)
    _show_missing_pages(app)


def _show_missing_pages(app: FastAPI) -> None:
    """Let browsers see a page where there is nothing; programs keep getting a problem."""
    otherwise = app.exception_handlers[HTTPException]

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        reads_html = "text/html" in request.headers.get("accept", "")
        of_page = reads_html and not request.url.path.startswith("/api/")
        if of_page and error.status_code in (404, 405):
            # Whoever is logged in goes on seeing the way to everything else.
            await visitor_if_any(request, request.app.state.factory)
            missing = NotFound(f"There is no page {request.url.path[:200]}.")
            met = missing if error.status_code == 404 else from_http(request, error)
            return problem_page(request, met)
        answer: Response = await otherwise(request, error)  # type: ignore[misc]  # ours is async
        return answer


@router.get("/static/code.css")
async def code_style() -> Response:
    """Give the colours of highlighted code, light and dark."""
    dark = html.stylesheet("github-dark")
    style = f"{html.stylesheet('default')}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
    return Response(style, media_type="text/css", headers={"Cache-Control": _FIVE_MINUTES})


@router.get("/docs")
async def api_docs(request: Request) -> Response:
    """Show the API's documentation."""
    response = page(request, "docs.html")
    response.headers["Content-Security-Policy"] = _DOCS_CSP
    return response


@router.get("/keys")
async def keys(request: Request, _: MaybeVisitor) -> Response:
    """List the keys by which pages can be used."""
    return page(request, "keys.html")


@router.get("/problems")
async def list_problems(request: Request, _: MaybeVisitor) -> Response:
    """List every kind of problem."""
    return page(request, "problems.html", {"kinds": all_kinds().values()})


@router.get("/problems/{slug}")
async def explain_problem(request: Request, slug: str, _: MaybeVisitor) -> Response:
    """Explain one kind of problem."""
    kind = all_kinds().get(slug)
    if kind is None:
        raise NotFound(f"There is no kind of problem {slug[:60]!r}; /problems lists them all.")
    calls = calls_answering(await document_of(request.app), kind.status)
    context = {
        "kind": kind,
        "text": explanation(kind),
        "example": example_of(kind),
        "command": command_meeting(kind),
        "code": exit_code(kind.status),
        "operations": calls[:_MOST_CALLS],
        "more": max(0, len(calls) - _MOST_CALLS),
    }
    return page(request, "problem.html", context)

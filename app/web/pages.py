"""Pages that need no account: the first page, the API's documentation, the kinds of problems."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import fastapi_swagger
from fastapi import APIRouter, FastAPI, Request
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.problems import all_kinds, explanation
from app.errors import NotFound

HERE = Path(__file__).parent
templates = Jinja2Templates(HERE / "templates")
router = APIRouter(include_in_schema=False)

_DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)
"""The documentation's viewer sets styles from its script; nothing else may."""


def install(app: FastAPI) -> None:
    """Add the pages and their assets to `app`."""
    viewer = resources.files(fastapi_swagger) / "resources"
    app.mount("/static/api-docs", StaticFiles(directory=str(viewer)), name="api-docs")
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(router)


@router.get("/")
async def first_page(request: Request, services: Services) -> Response:
    """Say what this is and what to do next."""
    context = {"url": services.settings.url, "token_file": services.settings.admin_token_file}
    return templates.TemplateResponse(request, "first.html", context)


@router.get("/docs")
async def api_docs(request: Request) -> Response:
    """Show the API's documentation."""
    response = templates.TemplateResponse(request, "docs.html")
    response.headers["Content-Security-Policy"] = _DOCS_CSP
    return response


@router.get("/problems")
async def list_problems(request: Request) -> Response:
    """List every kind of problem."""
    return templates.TemplateResponse(request, "problems.html", {"kinds": all_kinds().values()})


@router.get("/problems/{slug}")
async def explain_problem(request: Request, slug: str) -> Response:
    """Explain one kind of problem."""
    kind = all_kinds().get(slug)
    if kind is None:
        raise NotFound(f"There is no kind of problem {slug[:60]!r}; /problems lists them all.")
    context = {"kind": kind, "paragraphs": explanation(kind).split("\n\n")}
    return templates.TemplateResponse(request, "problem.html", context)

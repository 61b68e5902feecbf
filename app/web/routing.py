"""How pages are answered: forms checked, errors shown as pages, strangers sent to the login."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.problems import InternalError, invalid_input
from app.errors import FindingsError, Unauthenticated
from app.web.flash import keep
from app.web.render import page
from app.web.visitors import checked_form

log = structlog.get_logger(__name__)


class PageRoute(APIRoute):
    """A route of a page; every POST through it is checked for where it comes from."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                if request.method not in ("GET", "HEAD"):
                    factory = request.app.state.factory
                    request.state.form = await checked_form(request, factory)
                return await handle(request)
            except Unauthenticated:
                return to_login(request)
            except RequestValidationError as error:
                return problem_page(request, invalid_input(error.errors(), None, None))
            except FindingsError as error:
                return problem_page(request, error)
            except HTTPException:
                raise
            except Exception as error:
                log.error("page.failed", path=request.url.path, exc_info=error)
                told = "The page could not be made; the log says more under the request's id."
                return problem_page(request, InternalError(told))

        return answer


def new_router() -> APIRouter:
    """Return a router of pages."""
    return APIRouter(include_in_schema=False, route_class=PageRoute)


def problem_page(request: Request, error: FindingsError) -> Response:
    """Show an error as a page."""
    response = page(request, "problem_met.html", {"problem": error}, error.status)
    response.headers.update(error.headers)
    return response


def to_login(request: Request) -> Response:
    """Send somebody who is not logged in to the login, and back afterwards."""
    wanted = request.url.path
    if request.method not in ("GET", "HEAD"):
        wanted = "/"
    elif request.url.query:
        wanted += f"?{request.url.query}"
    suffix = "" if wanted == "/" else f"?next={quote(wanted, safe='')}"
    return see_other(f"/login{suffix}")


def see_other(path: str, *, flash: str | None = None) -> Response:
    """Send the browser on to a page of this service, after a form was handled.

    That page, and no other view of it, says what came of the form: a word of `words.FLASHES`.
    """
    response = RedirectResponse(path, 303)
    if flash is not None:
        keep(response, path, flash)
    return response


def local_path(wanted: str | None) -> str:
    """Return `wanted` when it is a path of this service, else the first page.

    Browsers read a backslash as a slash, drop control characters, and take ``//`` for the start
    of a host: none of these passes.
    """
    if not wanted or not wanted.startswith("/") or wanted.startswith("//") or len(wanted) > 2000:
        return "/"
    if "\\" in wanted or any(ord(character) < 33 for character in wanted):
        return "/"
    parts = urlsplit(wanted)
    return wanted if not parts.scheme and not parts.netloc else "/"

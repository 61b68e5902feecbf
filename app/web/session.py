"""Logging in and out."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.forms import read_form
from app.errors import FindingsError, Unauthenticated
from app.factory import Factory
from app.services.sessions import NewSession
from app.web.render import page
from app.web.routing import local_path, new_router, problem_page, see_other
from app.web.visitors import (
    MaybeVisitor,
    check_origin,
    cookie_name,
    drop_cookie,
    set_cookie,
)

router = new_router()
login_router = APIRouter(include_in_schema=False)
"""Apart, because a login has no session yet whose forms could be told from others."""

_MOST = 300


@login_router.get("/login")
async def login_page(request: Request, services: Services, visitor: MaybeVisitor) -> Response:
    """Ask who it is; of a one-time link, whether to log in by it.

    Opening a link uses nothing up: a chat's preview, a mail scanner or a browser that fetches
    ahead opens it before its reader does, and a stranger's link must not log a visitor in as
    somebody else. The code is spent by the form, which a person sends.
    """
    code = request.query_params.get("code", "")[:_MOST]
    following = local_path(request.query_params.get("next"))
    if visitor is not None and not code:
        return see_other(following)
    return _form(request, following, code=code)


@login_router.post("/login")
async def login(request: Request, services: Services) -> Response:
    """Log in by a token or by a one-time code."""
    try:
        check_origin(request, services)
        form = await read_form(request, max_files=0, max_fields=10)
    except FindingsError as error:
        return problem_page(request, error)
    following = local_path(_text(form, "next"))
    try:
        session = await _opened(services, form, _request_id(request))
    except Unauthenticated as error:
        return _form(request, following, error, status=401)
    return _logged_in(services, session, following)


async def _opened(services: Factory, form: FormData, request_id: str | None) -> NewSession:
    code, token = _text(form, "code"), _text(form, "token")
    if code:
        return await services.sessions.open_with_code(code, request_id)
    if not token:
        raise Unauthenticated("Paste a token, or open a one-time link.")
    return await services.sessions.open_with_token(token, request_id)


@router.post("/logout")
async def logout(request: Request, services: Services) -> Response:
    """Log out: the session is over for every window of this browser."""
    secret = request.cookies.get(cookie_name(services), "")
    await services.sessions.close(secret, _request_id(request))
    response = see_other("/login", flash="bye")
    drop_cookie(response, services)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _form(
    request: Request,
    following: str,
    error: FindingsError | None = None,
    *,
    code: str = "",
    status: int = 200,
) -> Response:
    context = {
        "following": following,
        "code": code,
        "problem": error,
    }
    return page(request, "session/login.html", context, status)


def _logged_in(services: Factory, session: NewSession, following: str) -> Response:
    response = see_other(following)
    set_cookie(response, services, session.secret)
    return response


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip()[:_MOST] if isinstance(value, str) else ""


def _request_id(request: Request) -> str | None:
    found: str | None = request.scope.get("state", {}).get("request_id")
    return found

"""Rendering errors after RFC 9457, and explaining each kind at ``/problems/<slug>``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any, get_args

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.api.requests import RefusedBody, escape_pointer
from app.api.responses import ProblemResponse
from app.errors import FieldError, FindingsError, InvalidInput, NotFound, PayloadTooLarge

log = structlog.get_logger(__name__)


class InternalError(FindingsError):
    """Something went wrong that the service did not foresee.

    The request id is in the log beside the cause; tell it to the operator.
    """

    slug = "internal"
    status = 500
    title = "The service failed"


class MethodNotAllowed(FindingsError):
    """The path exists, but not with this method; ``Allow`` lists those it has."""

    slug = "method-not-allowed"
    status = 405
    title = "Method not allowed"


def all_kinds() -> dict[str, type[FindingsError]]:
    """Return every kind of problem by slug."""
    found: dict[str, type[FindingsError]] = {}
    queue: list[type[FindingsError]] = [FindingsError]
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        if kind.status != 500 or kind is InternalError:
            found[kind.slug] = kind
    return dict(sorted(found.items()))


def explanation(kind: type[FindingsError]) -> str:
    """Return what the class says of itself."""
    return inspect.cleandoc(kind.__doc__ or "")


def problem(request: Request, error: FindingsError) -> ProblemResponse:
    """Render an error."""
    request_id = request.scope.get("state", {}).get("request_id")
    body: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": request.url.path,
        "request_id": request_id,
    }
    if isinstance(error, InvalidInput):
        body["errors"] = [_field_error(item) for item in error.errors]
    if error.remedies:
        body["remedy"] = [_without_none(asdict(remedy)) for remedy in error.remedies]
    body |= error.extra
    return ProblemResponse(body, error.status, error.headers)


def _field_error(error: FieldError) -> dict[str, Any]:
    body = _without_none(asdict(error))
    body["in"] = body.pop("location")
    return body


def _without_none(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if value is not None}


def install(app: FastAPI) -> None:
    """Render every error of `app` as a problem."""

    @app.exception_handler(FindingsError)
    async def _foreseen(request: Request, error: FindingsError) -> ProblemResponse:
        return problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
        model = _body_model(request)
        return problem(request, InvalidInput(*(translate(item, model) for item in error.errors())))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> ProblemResponse:
        return problem(request, _from_http(request, error))

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> ProblemResponse:
        log.error("request.failed", path=request.url.path, exc_info=error)
        return problem(
            request, InternalError("The service failed; its log says more under the request id.")
        )


def _from_http(request: Request, error: HTTPException) -> FindingsError:
    if isinstance(error, RefusedBody):
        return error.error
    headers = dict(error.headers or {})
    match error.status_code:
        case 404:
            return NotFound(f"There is nothing at {request.url.path[:200]}.")
        case 405:
            return MethodNotAllowed(
                f"{request.method} is not possible here; Allow lists what is.", headers=headers
            )
        case 413:
            return PayloadTooLarge("The body is larger than this call accepts.")
        case 400 | 422:
            return InvalidInput(FieldError("", str(error.detail)))
        case _:
            return InternalError(str(error.detail))


def _body_model(request: Request) -> type[BaseModel] | None:
    route = request.scope.get("route")
    field = getattr(route, "body_field", None)
    annotation = getattr(getattr(field, "field_info", None), "annotation", None)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return None


def translate(item: Mapping[str, Any], model: type[BaseModel] | None) -> FieldError:
    """Return one error of pydantic as the API words it."""
    location, *path = item["loc"] or ("body",)
    pointer = "".join(f"/{escape_pointer(str(part))}" for part in path)
    kind, context = item["type"], item.get("ctx", {})
    named = [part for part in path if isinstance(part, str)]
    name = named[-1] if named else "the body"
    if kind == "extra_forbidden":
        known = _known_fields(model, path[:-1])
        return FieldError(
            pointer,
            f"there is no field {name!r} here; known are {', '.join(known)}",
            allowed=known,
            did_you_mean=_nearest(name, known),
            location=str(location),
        )
    if kind in ("enum", "literal_error"):
        allowed = tuple(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return FieldError(
            pointer,
            f"{name} should be one of {', '.join(allowed)}",
            allowed=allowed,
            did_you_mean=_nearest(str(item.get("input")), allowed),
            location=str(location),
        )
    if kind == "missing":
        detail = f"{name} is required" if path else "a JSON body is required"
    else:
        detail = f"{name}: {_lower_first(item['msg'].removeprefix('Value error, '))}"
    return FieldError(pointer, detail, location=str(location))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _nearest(word: str, allowed: tuple[str, ...]) -> str | None:
    for candidate in allowed:
        if candidate.lower() == word.lower():
            return candidate
    near = get_close_matches(word, allowed, n=1, cutoff=0.5)
    return near[0] if near else None


def _known_fields(model: type[BaseModel] | None, path: list[Any]) -> tuple[str, ...]:
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        if not (inspect.isclass(current) and issubclass(current, BaseModel)):
            return ()
        field = current.model_fields.get(part)
        current = None if field is None else _model_in(field.annotation)
    if inspect.isclass(current) and issubclass(current, BaseModel):
        return tuple(field.alias or name for name, field in current.model_fields.items())
    return ()


def _model_in(annotation: Any) -> Any:
    """Return the model inside ``list[Model]``, ``Model | None`` and the like."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None

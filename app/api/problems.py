"""Rendering errors after RFC 9457, and explaining each kind at ``/problems/<slug>``."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any, get_args

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from app.api.requests import RefusedBody
from app.api.responses import ProblemResponse
from app.errors import (
    MOST_ERRORS,
    FieldError,
    FindingsError,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
)
from app.strict_json import escape_pointer

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
    """Return every kind of problem by slug; of a kind and its special cases the kind itself."""
    found: dict[str, type[FindingsError]] = {}
    queue: list[type[FindingsError]] = [FindingsError]
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        if "slug" in vars(kind) and (kind.status != 500 or kind is InternalError):
            found[kind.slug] = kind
    return dict(sorted(found.items()))


def explanation(kind: type[FindingsError]) -> str:
    """Return what the class says of itself."""
    return inspect.cleandoc(kind.__doc__ or "")


def example_of(kind: type[FindingsError]) -> str:
    """Return an answer of a kind, as JSON to be read."""
    body = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": explanation(kind).partition("\n\n")[0].replace("\n", " ").replace("`", ""),
        "instance": "/api/v1/tickets/B2-DRL-10",
        "request_id": "0198f2b4-7c1e-7a53-9f0e-2f6d3a1b8c44",
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def calls_answering(document: Mapping[str, Any], status: int) -> list[tuple[str, str, str]]:
    """Return (method, path, summary) of the calls that may answer with a status."""
    return [
        (method.upper(), path, operation.get("summary", ""))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if str(status) in operation["responses"]
    ]


def problem(request: Request, error: FindingsError) -> ProblemResponse:
    """Render an error."""
    return ProblemResponse(problem_body(request, error), error.status, error.headers)


def problem_body(request: Request, error: FindingsError) -> dict[str, Any]:
    """Return an error as answers word it, whole or for one item of a batch."""
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
        if error.more:
            body["more"] = error.more
    if error.remedies:
        body["remedy"] = [remedy.as_body() for remedy in error.remedies]
    return body | error.extra


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
        return problem(
            request,
            invalid_input(error.errors(), body_model(request), getattr(error, "body", None)),
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> ProblemResponse:
        return problem(request, from_http(request, error))


def unforeseen(request: Request, error: Exception) -> ProblemResponse:
    """Log an error that nobody foresaw, and render it without a word of its inside."""
    log.error("request.failed", path=request.url.path, exc_info=error)
    return problem(
        request, InternalError("The service failed; its log says more under the request id.")
    )


def from_http(request: Request, error: HTTPException) -> FindingsError:
    """Return what the framework refuses by itself as an error of this service."""
    if isinstance(error, RefusedBody):
        return error.error
    headers = dict(error.headers or {})
    match error.status_code:
        case 404:
            return NotFound(f"There is nothing at {request.url.path[:200]}.")
        case 405:
            allowed = ", ".join(methods_at(request))
            return MethodNotAllowed(
                f"{request.method[:20]} is not possible here; this is: {allowed}.",
                headers={**headers, "Allow": allowed},
            )
        case 413:
            return PayloadTooLarge("The body is larger than this call accepts.")
        case 400 | 422:
            return InvalidInput(FieldError("", str(error.detail)))
        case _:
            return InternalError(str(error.detail))


def methods_at(request: Request) -> list[str]:
    """Return the methods that the path has, of whichever route: the framework names one's."""
    routes: Sequence[BaseRoute] = request.app.routes
    # What is mounted has written the path that it is mounted at into the scope.
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", "")}
    tried = ("GET", "POST", "PUT", "PATCH", "DELETE")
    found = [m for m in tried if any(_fits(route, {**scope, "method": m}) for route in routes)]
    return ["GET", "HEAD", *found[1:]] if "GET" in found else found


def _fits(route: BaseRoute, scope: Scope) -> bool:
    # What is mounted takes any method at first; files are read and nothing else.
    if isinstance(route, Mount) and scope["method"] != "GET":
        return False
    return route.matches(scope)[0] is Match.FULL


def body_model(request: Request) -> type[BaseModel] | None:
    """Return the model of the body that the request's route reads."""
    route = request.scope.get("route")
    field = getattr(route, "body_field", None)
    annotation = getattr(getattr(field, "field_info", None), "annotation", None)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return None


def invalid_input(
    items: Sequence[Mapping[str, Any]], model: type[BaseModel] | None, body: Any
) -> InvalidInput:
    """Return errors of pydantic as one of the API's."""
    told = items[:MOST_ERRORS]
    return InvalidInput(
        *(translate(item, model, body) for item in told), more=len(items) - len(told)
    )


def translate(
    item: Mapping[str, Any], model: type[BaseModel] | None, body: Any = None
) -> FieldError:
    """Return one error of pydantic as the API words it; `body` is what was sent."""
    location, *path = item["loc"] or ("body",)
    if location == "body":
        path = _without_tags(path, body, missing=item["type"].startswith("missing"))
    pointer = "".join(f"/{escape_pointer(str(part))}" for part in path)
    kind, context = item["type"], item.get("ctx", {})
    named = [part for part in path if isinstance(part, str)]
    name = named[-1] if named else "the body"
    if kind == "extra_forbidden":
        known = _known_fields(model, path[:-1], body)
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
    """Return a sentence as it goes on behind a colon; a word in capitals stays one."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _nearest(word: str, allowed: tuple[str, ...]) -> str | None:
    for candidate in allowed:
        if candidate.lower() == word.lower():
            return candidate
    near = get_close_matches(word, allowed, n=1, cutoff=0.5)
    return near[0] if near else None


def _without_tags(path: list[Any], body: Any, *, missing: bool) -> list[Any]:
    """Leave out of a path what is not in the body: the names of a union's variants.

    The last part may be the name of a field that is missing.
    """
    kept: list[Any] = []
    for n, part in enumerate(path):
        inner = _step(body, part)
        last = n == len(path) - 1
        known = isinstance(body, dict | list | str | int | float)
        if inner is _ABSENT and known and not (missing and last):
            continue
        body = inner
        kept.append(part)
    return kept


def _known_fields(model: type[BaseModel] | None, path: list[Any], body: Any) -> tuple[str, ...]:
    """Return the names of the fields of the object that `path` leads to."""
    current: Any = model
    for part in path:
        body = _step(body, part)
        if isinstance(part, int):
            continue
        if not (inspect.isclass(current) and issubclass(current, BaseModel)):
            return ()
        field = current.model_fields.get(part)
        found = [] if field is None else list(_models_in(field.annotation))
        current = found if len(found) > 1 else next(iter(found), None)
    if isinstance(current, list):
        current = _variant(current, body)
    if inspect.isclass(current) and issubclass(current, BaseModel):
        return tuple(field.alias or name for name, field in current.model_fields.items())
    return ()


_ABSENT = object()


def _step(body: Any, part: Any) -> Any:
    if isinstance(body, dict):
        return body.get(part, _ABSENT)
    if isinstance(body, list) and isinstance(part, int) and part < len(body):
        return body[part]
    return _ABSENT


def _variant(models: list[type[BaseModel]], body: Any) -> type[BaseModel] | None:
    """Return the variant of a union that an object names by its ``kind`` or ``id``."""
    if not isinstance(body, dict):
        return None
    for model in models:
        field = model.model_fields.get("kind")
        if field is not None and body.get("kind") in get_args(field.annotation):
            return model
    # Of parts, those that are kept have an id.
    has_id = body.get("id") is not None
    return next((m for m in models if m.model_fields["id"].is_required() is has_id), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside ``list[Model]``, ``Model | None``, a union and the like."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)

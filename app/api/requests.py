"""Reading requests strictly: JSON that PostgreSQL can hold, and no parameter that is unknown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from copy import copy
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app import strict_json
from app.api.idempotency import answering_once, note_key, takes_key
from app.errors import MOST_ERRORS, FieldError, InvalidInput, UnsupportedMediaType
from app.strict_json import escape_pointer

JSON = "application/json"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_LONGEST_NAME = 100
"""Of longer names none that is known is near."""
_MOST_HANDLERS = 64
"""Of a route, for combinations of query parameters; those asked for last are kept."""

MERGE_PATCH = "application/merge-patch+json"
"""After RFC 7396; what calls that patch read as well."""


class RefusedBody(HTTPException):
    """Carries a refusal through the framework, which would make a 400 of any other error."""

    def __init__(self, error: InvalidInput) -> None:
        super().__init__(error.status)
        self.error = error


class StrictRequest(Request):
    """A request whose JSON body is by the standard, can be stored, and names nothing twice."""

    async def json(self) -> Any:
        """Parse the body.

        Raises:
            RefusedBody: it is no JSON, holds text that cannot be stored, or says something twice.
        """
        raw = await self.body()
        try:
            parsed = await strict_json.parsed(raw)
        except InvalidInput as error:
            raise RefusedBody(error) from None
        if b"\\u0000" in raw:
            errors = [
                FieldError(pointer, "the text holds a NUL character (U+0000); leave it out")
                for pointer in _nul_pointers(parsed, "")
            ]
            if errors:
                raise RefusedBody(InvalidInput(*errors))
        return parsed


class StrictRoute(APIRoute):
    """A route that refuses unknown query parameters and reads bodies strictly.

    Those that answer POST obey ``Idempotency-Key``. Query parameters that a request lacks cost it
    nothing: functions have their defaults themselves.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.takes_key = takes_key(options.get("methods"), options.get("dependencies"))
        if self.takes_key:
            endpoint = answering_once(endpoint)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        parameters = dict(sorted(_query_parameters(self.dependant)))
        handler_of = lru_cache(_MOST_HANDLERS)(self._handler_of)
        handler_of(frozenset())  # an error of the declaration shows now
        reads = _media_types(self.methods) if self.body_field is not None else ()
        no_body = self.body_field is None and self.takes_key and not self.openapi_extra

        async def strict(request: Request) -> Response:
            found = StrictRequest(request.scope, request.receive)
            given = _check_query(found, parameters)
            if reads:
                _check_media_type(found, reads)
            if no_body and _has_body(found):
                _check_empty(await found.json())
            if self.takes_key:
                note_key(found)
            return await handler_of(given)(found)

        return strict

    def _handler_of(self, given: frozenset[str]) -> Handler:
        """Return the framework's handler, which looks for these query parameters only."""
        narrowed = copy(self)
        narrowed.dependant = _asking_for(self.dependant, given)
        return APIRoute.get_route_handler(narrowed)


def _asking_for(dependant: Dependant, given: frozenset[str]) -> Dependant:
    return replace(
        dependant,
        query_params=[
            field
            for field in dependant.query_params
            if field.alias in given or field.field_info.is_required()
        ],
        dependencies=[_asking_for(inner, given) for inner in dependant.dependencies],
    )


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield the name of each query parameter, and whether it may be repeated."""
    for field in dependant.query_params:
        yield field.alias, get_origin(field.field_info.annotation) is tuple
    for inner in dependant.dependencies:
        yield from _query_parameters(inner)


def _media_types(methods: Collection[str] | None) -> tuple[str, ...]:
    return (JSON, MERGE_PATCH) if methods and "PATCH" in methods else (JSON,)


def _check_media_type(request: Request, reads: tuple[str, ...]) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip()
    if sent.lower() in reads or not (sent or _has_body(request)):
        return
    raise UnsupportedMediaType(
        f"This call reads {' or '.join(reads)}, not {sent[:80] or 'nothing'!r}. Set the "
        "Content-Type header."
    )


def _check_empty(body: Any) -> None:
    if isinstance(body, dict):
        errors = [
            FieldError(f"/{escape_pointer(name)}", "this call takes no fields", allowed=())
            for name in body
        ]
        if errors:
            raise InvalidInput(*errors)
    elif body is not None:
        raise InvalidInput(FieldError("", "this call takes no body"))


def _has_body(request: Request) -> bool:
    return (
        "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
    )


def _check_query(request: Request, parameters: Mapping[str, bool]) -> frozenset[str]:
    """Return the names of the query parameters that are given; all of them are known."""
    known = tuple(parameters)
    errors: list[FieldError] = []
    more = 0
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if len(errors) == MOST_ERRORS:
            more += name not in parameters
        elif name not in parameters:
            errors.append(_unknown_parameter(name, known))
        elif "\x00" in value:
            errors.append(FieldError(f"/{name}", f"{name} holds a NUL character", location="query"))
        elif name in seen and not parameters[name]:
            errors.append(FieldError(f"/{name}", f"{name} may be given once", location="query"))
        seen.add(name)
    if errors:
        raise InvalidInput(*errors, more=more)
    path = request.scope["path"]
    if "\x00" in path or "%00" in path:
        raise InvalidInput(
            FieldError("", "the path holds a NUL character", location="path"),
        )
    return frozenset(seen)


def _unknown_parameter(name: str, known: tuple[str, ...]) -> FieldError:
    near = get_close_matches(name[:_LONGEST_NAME], known, n=1)
    return FieldError(
        f"/{escape_pointer(name)}",
        f"there is no query parameter {name[:60]!r}"
        + (f"; known are {', '.join(known)}" if known else "; this call takes none"),
        allowed=known,
        did_you_mean=near[0] if near else None,
        location="query",
    )


def _nul_pointers(value: Any, pointer: str) -> Iterator[str]:
    # An own stack instead of recursion: depth is bounded by the parser, not by Python.
    stack: list[tuple[Any, str]] = [(value, pointer)]
    while stack:
        item, where = stack.pop()
        if isinstance(item, str):
            if "\x00" in item:
                yield where
        elif isinstance(item, list):
            stack += [(part, f"{where}/{n}") for n, part in enumerate(item)]
        elif isinstance(item, dict):
            for name, part in item.items():
                if "\x00" in name:
                    yield where
                stack.append((part, f"{where}/{escape_pointer(name)}"))

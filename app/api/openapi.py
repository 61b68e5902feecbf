"""The OpenAPI document: roles, errors and words that the framework does not know of."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.responses import Response

from app.api import examples
from app.api.idempotency import PARAMETER
from app.api.payloads.gates import RemedyOut, RequirementOut
from app.api.problems import all_kinds
from app.api.requests import JSON, MERGE_PATCH, StrictRoute
from app.api.security import RequireRole
from app.domain.accounts import Role
from app.domain.gate_calls import PLACEHOLDERS
from app.errors import FieldError, InvalidInput

_MEANING = {
    401: "No valid token came.",
    403: "The role is too small; `needs` and `you` say how.",
    404: "There is nothing under this name.",
    409: "The present state forbids it; `remedy` lists the calls that mend it.",
    412: "The ticket has changed since it was read; `etag` is the current one.",
    413: "The body is too large.",
    415: "The body is not of a media type that this call reads.",
    422: "A field or parameter is not valid; `errors` names each one.",
    428: "If-Match is missing; `etag` is the current one.",
    429: "The account sends more than its share; `Retry-After` says when to come again.",
    503: "A part of the service does not answer at present.",
}


class Problem(BaseModel):
    """An error after RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None
    errors: list[dict[str, Any]] | None = None
    remedy: list[RemedyOut] | None = Field(
        None, description="Calls that mend it, to be made in this order."
    )
    requirements: list[RequirementOut] | None = Field(
        None, description="With `gate-unmet`: everything that the step asks for."
    )
    allowed: list[str] | None = Field(
        None, description="With `illegal-transition`: the statuses that can follow."
    )
    etag: str | None = Field(None, description="With 412 and 428: the ticket's present ETag.")
    needs: str | None = Field(None, description="With 403: the role or specialist that may.")
    you: str | None = Field(None, description="With 403: what the token stands for.")


def answers(
    model: type[BaseModel] | None,
    status: int,
    *errors: int,
    also: Mapping[int, str] | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """Return what a route says of its answers.

    Args:
        model: of success.
        status: of success.
        errors: the route's own, beside those that every route may meet.
        also: other statuses of success with the same model, and what they mean.
        text: a media type that success may have as well.
    """
    responses: dict[int | str, Any] = {code: _problem(code) for code in errors}
    if model is not None:
        responses[status] = {"model": model}
        for code, meaning in (also or {}).items():
            responses[code] = {"model": model, "description": meaning}
    if text is not None:
        responses[status]["content"] = {text: {"schema": {"type": "string"}}}
    return {"responses": responses, "response_model": None}


REPORT: dict[str, Any] = {"schema": {"description": "A report of SARIF 2.1.0."}}
"""How a report of scanners is described; its own schema is that of SARIF."""


def text_answers(media_type: str, description: str, *errors: int) -> dict[str, Any]:
    """Return the same for a route that answers 200 with a text of `media_type`."""
    found = answers(None, 200, *errors)
    content: dict[str, Any] = {media_type: {"schema": {"type": "string"}}}
    if media_type.endswith("+json"):
        content = {media_type: REPORT}
    found["responses"][200] = {"description": description, "content": content}
    # The framework would add JSON, which it takes for what every route answers.
    return {**found, "response_class": Response}


def _problem(code: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": _MEANING[code],
        "content": {"application/problem+json": {"schema": schema}},
    }


def required_role(route: APIRoute) -> Role | None:
    """Return the role that a route asks for, or None when it is open."""
    return next(_roles(route.dependant), None)


def _roles(dependant: Dependant) -> Iterator[Role]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, RequireRole):
            yield inner.call.role
        yield from _roles(inner)


def operation_id(route: APIRoute) -> str:
    """Return a route's name as operations are named: ``file_ticket`` is ``fileTicket``."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def install(app: FastAPI, routes: list[APIRoute]) -> None:
    """Make `app` able to tell the completed document; `routes` are the documented routes."""

    @functools.cache
    def built() -> asyncio.Task[dict[str, Any]]:
        return asyncio.create_task(asyncio.to_thread(_build, app, routes), name="contract")

    app.state.contract = built


async def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the completed document.

    It takes a second to build: in a thread, once, for all who wait. The first of them may go away.
    """
    document: dict[str, Any] = await asyncio.shield(app.state.contract())
    return document


def part_of(document: Mapping[str, Any], tags: Collection[str]) -> dict[str, Any]:
    """Return the operations with one of `tags`, and the schemas that they need.

    Raises:
        InvalidInput: a tag is of no operation.
    """
    known = {tag for _, operation in _operations(document) for tag in operation["tags"]}
    if unknown := sorted(set(tags) - known):
        told = f"no operation has the tag {unknown[0][:60]!r}"
        allowed = tuple(sorted(known))
        raise InvalidInput(FieldError("/tags", told, allowed=allowed, location="query"))
    paths: dict[str, dict[str, Any]] = {}
    for path, operation_of in document["paths"].items():
        chosen = {
            method: operation
            for method, operation in operation_of.items()
            if not set(tags).isdisjoint(operation["tags"])
        }
        if chosen:
            paths[path] = chosen
    schemas = document["components"]["schemas"]
    needed: set[str] = set()
    todo = [*_references(paths)]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += _references(schemas[name])
    kept = {name: schema for name, schema in schemas.items() if name in needed}
    return {**document, "paths": paths, "components": {**document["components"], "schemas": kept}}


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _references(node: Any) -> Iterator[str]:
    """Yield the names of the schemas that a part of the document refers to."""
    if isinstance(node, dict):
        if isinstance(found := node.get("$ref"), str):
            yield found.rpartition("/")[2]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def _build(app: FastAPI, routes: list[APIRoute]) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    by_id = {operation_id(route): route for route in routes}
    for operations in found["paths"].values():
        for operation in operations.values():
            _complete(operation, by_id[operation["operationId"]])
            _show_examples(operation, schemas)
    found["x-remedy-placeholders"] = dict(PLACEHOLDERS)
    found["x-problem-types"] = [f"/problems/{slug}" for slug in all_kinds()]
    return found


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    text = inspect.cleandoc(route.endpoint.__doc__ or "")
    summary, _, description = text.partition("\n\n")
    operation["summary"] = summary.replace("\n", " ").rstrip(".")
    operation["description"] = description or summary
    responses = operation.setdefault("responses", {})
    responses["422"] = _problem(422)
    responses["429"] = _problem(429) | {"headers": {"Retry-After": _header("Seconds.")}}
    responses["503"] = _problem(503)
    role = required_role(route)
    if role is not None:
        operation["x-required-role"] = role.value
        responses["401"] = _problem(401)
        if role is not Role.READER:
            responses["403"] = _problem(403)
    if isinstance(route, StrictRoute) and route.takes_key:
        operation.setdefault("parameters", []).append(PARAMETER)
        responses.setdefault("409", _problem(409))
    sent = operation.get("requestBody", {}).get("content", {})
    if JSON in sent:
        responses["413"] = _problem(413)
        responses["415"] = _problem(415)
        if "PATCH" in (route.methods or ()):
            sent[MERGE_PATCH] = sent[JSON]
    for code in ("201", "202"):
        if code in responses:
            responses[code]["headers"] = {"Location": _header("Where the new thing is.")}
    operation["responses"] = dict(sorted(responses.items()))


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _show_examples(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in examples.PARAMETERS and "examples" not in parameter["schema"]:
            parameter.setdefault("example", examples.PARAMETERS[parameter["name"]])
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"].get("anyOf", [content["schema"]])[0]
        model = schema.get("$ref", "").rpartition("/")[2]
        if model in examples.BODIES:
            content["example"] = examples.BODIES[model]
        elif media_type in examples.TEXTS:
            content["example"] = examples.TEXTS[media_type]
    for code, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if media_type in examples.TEXTS:
                content["example"] = examples.TEXTS[media_type]
            elif media_type == JSON and code.startswith("2"):
                content["example"] = examples.example_of(content["schema"], schemas)

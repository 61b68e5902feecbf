"""Every call of the API with every role: who gets in, and what those are told who do not.

The table is a second statement of the rules, beside the one at the routes: a route that is new, or
whose role changes, has to be entered here by somebody who means it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from anyio import fail_after
from fastapi.routing import APIRoute

from app.api.middleware import API
from app.api.openapi import required_role
from app.domain.accounts import Role
from app.main import documented_routes
from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

SMALLEST_ROLE = """
reader      GET     /calibration
reader      GET     /changes
reader      GET     /domains
reader      GET     /events
reader      GET     /exports
reader      GET     /me
reader      GET     /me/tokens
reader      POST    /me/tokens
reader      DELETE  /me/tokens/{id}
reader      GET     /review-queue
reader      GET     /runs
reader      GET     /runs/{id}
reader      GET     /runs/{id}/events
reader      GET     /runs/{id}/junit.xml
reader      GET     /runs/{id}/log
reader      GET     /runs/{id}/mutants
reader      GET     /runs/{id}/results
reader      GET     /bisections/{id}
reader      GET     /bisections/{id}/events
reader      GET     /tickets/{key}/bisections
reader      GET     /source
reader      GET     /source/files
reader      GET     /specialists
reader      GET     /report
reader      GET     /stats
reader      GET     /template
reader      GET     /tests
reader      GET     /targets
reader      GET     /targets/{name}
reader      GET     /sweeps
reader      GET     /sweeps/{id}
reader      GET     /sweeps/{id}/events
reader      GET     /sweeps/{id}/items
reader      GET     /targets/{name}/revisions
reader      GET     /tickets
reader      GET     /tickets/{key}
reader      GET     /tickets/{key}.md
reader      GET     /tickets/{key}.sarif
reader      GET     /tickets/{key}/document
reader      GET     /tickets/{key}/gate
reader      GET     /tickets/{key}/history
reader      GET     /tickets/{key}/next
reader      GET     /tickets/{key}/external-results
reader      POST    /relocations
reader      GET     /tickets/{key}/notes
reader      GET     /tickets/{key}/patches/{name}
reader      GET     /tickets/{key}/reviews
reader      GET     /tickets/{key}/similar
reader      GET     /tickets/{key}/tests
reader      GET     /tickets/{key}/tests/{id}/source
reader      GET     /views
reader      POST    /views
reader      DELETE  /views/{id}
reader      GET     /views/{id}
reader      PATCH   /views/{id}
reader      GET     /work-orders
reader      GET     /work-orders/{id}
reader      GET     /workers
reader      GET     /workflow
reporter    POST    /tickets
reporter    PATCH   /tickets/{key}
reporter    PATCH   /tickets/{key}/checklist/{id}
reporter    POST    /tickets/{key}/external-results
reporter    POST    /tickets/{key}/notes
reporter    DELETE  /tickets/{key}/notes/{id}
reporter    POST    /tickets/{key}/undo
reporter    PUT     /tickets/{key}/patches/{name}
reporter    POST    /tickets/{key}/relations
reporter    DELETE  /tickets/{key}/relations/{kind}/{other}
reporter    POST    /tickets/{key}/tests
reporter    POST    /tickets/{key}/transitions
reporter    POST    /tickets:batch
reporter    POST    /transitions:batch
reviewer    POST    /review-queue/claim
reviewer    POST    /review-queue/release
reviewer    POST    /reviews:batch
reviewer    POST    /runs/{id}/cancel
reviewer    POST    /sweeps
reviewer    POST    /bisections/{id}/cancel
reviewer    POST    /tickets/{key}/bisections
reviewer    PUT     /mutants/{digest}/verdict
reviewer    POST    /tickets/{key}/reviews
reviewer    POST    /tickets/{key}/reviews/{id}/answer
reviewer    POST    /tickets/{key}/reviews/{id}/confirm
reviewer    POST    /tickets/{key}/runs
reviewer    PUT     /tickets/{key}/testability
reviewer    DELETE  /tickets/{key}/tests/{id}
reviewer    POST    /work-orders
reviewer    POST    /work-orders/claim
reviewer    POST    /work-orders/{id}/release
reviewer    POST    /work-orders/{id}/submit
maintainer  POST    /imports
maintainer  POST    /targets/{name}/sync
maintainer  POST    /tests/sync
maintainer  DELETE  /tickets/{key}/patches/{name}
maintainer  POST    /tickets/{key}/reviews/{id}/apply
admin       GET     /accounts
admin       POST    /accounts
admin       GET     /accounts/{name}
admin       PATCH   /accounts/{name}
admin       POST    /accounts/{name}/login-link
admin       GET     /accounts/{name}/tokens
admin       POST    /accounts/{name}/tokens
admin       DELETE  /accounts/{name}/tokens/{id}
admin       POST    /specialists
admin       PATCH   /specialists/{name}
"""
RULES = {
    (method, path): Role(role)
    for role, method, path in (line.split() for line in SMALLEST_ROLE.strip().splitlines())
}

# What stands for a parameter of a path: well formed, and nothing that exists.
NOTHING = {
    "key": "B9-DRL-999",
    "other": "B9-DRL-998",
    "id": str(UUID(int=0)),
    "name": "nobody",
    "digest": "0" * 64,
    "kind": "related",
}
ROUTES = {
    (method, route.path.removeprefix(API)): route
    for route in documented_routes()
    for method in route.methods
}


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        for role in set(Role) - {Role.ADMIN}:
            await found.account(role.value, role.value)
        yield found


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert set(ROUTES) == set(RULES)


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES.keys() & RULES.keys()))
def test_a_route_asks_for_the_role_of_its_rule(method: str, path: str) -> None:
    route: APIRoute = ROUTES[method, path]

    assert required_role(route) is RULES[method, path]


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
async def test_roles(api: Api, method: str, path: str) -> None:
    smallest = RULES[method, path]

    for role in Role:
        answer = await _call(api, method, path, as_=role.value)
        if role.includes(smallest):
            assert answer.status_code not in (401, 403), (role, answer.text)
            assert answer.status_code < 500, (role, answer.text)
        else:
            problem = answer.json()
            assert answer.status_code == 403, (role, answer.text)
            assert problem["needs"] == smallest.value
            assert problem["you"] == f"{role.value} ({role.value})"


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
async def test_without_a_token_nothing_is_told(api: Api, method: str, path: str) -> None:
    answer = await api.client.request(method, f"/api/v1{_filled(path)}", **_body(method, path))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Authorization: Bearer" in answer.json()["detail"]


async def _call(api: Api, method: str, path: str, *, as_: str) -> httpx.Response:
    with fail_after(30):
        return await api.call(method, _filled(path), as_=as_, **_body(method, path))


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: NOTHING[match[1]], path)


def _body(method: str, path: str) -> dict[str, Any]:
    if "/patches/" in path and method == "PUT":
        return {"content": "", "headers": {"Content-Type": "text/x-diff"}}
    if path == "/events":
        return {"headers": {"Last-Event-ID": "none"}}  # refused; a good one would stream for ever
    return {} if method in ("GET", "DELETE") else {"json": {}}

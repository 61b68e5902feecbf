"""Requests made up from the OpenAPI document, by every role: nothing falls over, all is documented.

``FINDINGS_TEST_CASES`` says how many are made for each operation; the seed is fixed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
import requests
import schemathesis
from anyio import from_thread
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

CASES = int(os.environ.get("FINDINGS_TEST_CASES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STREAMS = {"followChanges"}
"""Operations whose answer has no end."""


@schemathesis.serializer("application/zip")
def as_it_is(_: object, value: object) -> bytes:
    """Bytes that are no archive are sent as they are."""
    return value if isinstance(value, bytes) else str(value).encode()


NAMED = {"key": "B2-DRL-10", "other": "B2-DRL-11", "name": "ada", "kind": "blocks"}


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    """An application with one of everything that paths name, under the names of the examples."""
    async with running_api(module_database, shared=shared, requests_per_minute=10**6) as found:
        await found.account("ada", "reviewer", speaks_for=("pytorch",))
        for role in ("reader", "reporter", "maintainer"):
            await found.account(role, role)
        await found.file(key=NAMED["key"], checklist=[{"text": "callers pass it"}])
        await found.file(key=NAMED["other"])
        yield found


async def test_made_up_requests_are_answered_as_documented(api: Api) -> None:
    document = (await api.client.get("/api/v1/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 60

    def drive() -> None:
        for operation in operations:
            if operation.definition.raw["operationId"] not in STREAMS:
                _drive(api, operation)

    await anyio.to_thread.run_sync(drive)


def _drive(api: Api, operation: APIOperation) -> None:
    modes = [
        operation.as_strategy(generation_mode=mode, **known)
        for mode in GenerationMode
        for known in ({}, _known(operation))
    ]
    callers = [
        *({"Authorization": f"Bearer {token}"} for token in api.tokens.values()),
        {"Authorization": "Bearer fnd_of-nobody"},
        {},
    ]

    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(modes), caller=st.sampled_from(callers))
    def check(case: Case, caller: dict[str, str]) -> None:
        sent = requests.Request(**case.as_transport_kwargs("http://test", headers=caller)).prepare()
        case.validate_response(from_thread.run(_send, api.client, sent), checks=CHECKS)

    check()


def _known(operation: APIOperation) -> dict[str, Any]:
    """What makes requests reach a ticket instead of ending at one that does not exist."""
    here = {parameter.name for parameter in operation.iter_parameters()}
    named = {name: value for name, value in NAMED.items() if name in here}
    headers = {"If-Match": "*"} if "If-Match" in here else {}
    return {"path_parameters": named, "headers": headers}


async def _send(client: httpx.AsyncClient, sent: requests.PreparedRequest) -> httpx.Response:
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body
    request = client.build_request(
        str(sent.method), str(sent.url), headers=dict(sent.headers), content=body
    )
    with anyio.fail_after(60):
        return await client.send(request)

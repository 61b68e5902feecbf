"""The OpenAPI document: complete, valid, and true."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jsonschema
import pytest

from app.api import openapi
from app.domain.accounts import Role
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.support.target import defect

pytestmark = pytest.mark.anyio

ROOT = "/api/v1"


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


@pytest.fixture(scope="module")
async def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.client.get(f"{ROOT}/openapi.json")).json()
    return found


async def test_it_is_built_once_beside_the_loop_for_all_who_wait(
    database: str, shared: Shared, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    loop, loops_thread = asyncio.get_running_loop(), threading.get_ident()
    begun, may_end = asyncio.Event(), threading.Event()
    builders = []
    build = openapi.get_openapi

    def watched(**given: Any) -> dict[str, Any]:
        builders.append(threading.get_ident())
        loop.call_soon_threadsafe(begun.set)
        if builders[-1] != loops_thread:
            assert may_end.wait(60)
        return build(**given)

    monkeypatch.setattr(openapi, "get_openapi", watched)
    async with running_api(database, shared=shared) as fresh, asyncio.TaskGroup() as group:
        paths = ("openapi.json", "openapi.json", "openapi.json?tags=tickets")
        addresses = (*(f"{ROOT}/{path}" for path in paths), "/problems/not-found")
        first, *others = (group.create_task(fresh.client.get(path)) for path in addresses)
        await begun.wait()
        alive = await fresh.client.get("/healthz")
        first.cancel()  # a client that goes away takes nothing from those who wait with it
        may_end.set()
        answers = [await other for other in others]

    assert loops_thread not in builders
    assert len(builders) == 1
    assert [answer.status_code for answer in (alive, *answers)] == [200] * 4
    assert answers[0].json() == document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


async def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    ids = []
    for name, operation in operations(document):
        ids.append(operation["operationId"])
        assert operation["operationId"][0].islower() and operation["operationId"].isalnum(), name
        assert operation["summary"] and not operation["summary"].endswith("."), name
        assert operation["description"], name
        assert operation["tags"], name
        assert Role(operation["x-required-role"]), name
        assert operation["security"], name
    assert len(set(ids)) == len(ids)


async def test_every_operation_names_the_errors_that_any_may_meet(
    document: dict[str, Any],
) -> None:
    for name, operation in operations(document):
        expected = {"401", "422", "429", "503"}
        if operation["x-required-role"] != "reader":
            expected.add("403")
        if "{" in name:
            expected.add("404")
        assert expected <= operation["responses"].keys(), name
        assert any(code.startswith("2") for code in operation["responses"]), name


async def test_errors_are_problem_documents(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for code, response in operation["responses"].items():
            if code.startswith(("4", "5")):
                assert list(response["content"]) == ["application/problem+json"], (name, code)
                assert response["description"], (name, code)


async def test_bodies_and_parameters_are_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "schema" in parameter, (name, parameter["name"])
        body = operation.get("requestBody")
        if body is not None:
            assert body["content"], name


async def test_texts_and_lists_that_come_in_have_a_limit(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    unbounded = [
        f"{model}.{name}"
        for model, schema in schemas.items()
        if model.endswith(("In", "Patch"))
        for name, field in schema.get("properties", {}).items()
        for form in [field, *field.get("anyOf", ())]
        if (form.get("type") == "string" and not _bounded_text(form))
        or (form.get("type") == "array" and "maxItems" not in form)
    ]

    assert unbounded == []


def _bounded_text(form: dict[str, Any]) -> bool:
    return any(key in form for key in ("maxLength", "format", "enum", "const", "pattern"))


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def look(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                _resolved(document, node["$ref"])
            for part in node.values():
                look(part)
        elif isinstance(node, list):
            for part in node:
                look(part)

    look(document)


async def test_every_schema_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_examples_are_valid(document: dict[str, Any]) -> None:
    seen = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            seen += 1
            _validate(document, {"$ref": f"#/components/schemas/{name}"}, example)
    assert seen


async def test_every_body_and_every_answer_has_a_valid_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        answered = [r for code, r in operation["responses"].items() if code.startswith("2")]
        for part in [operation.get("requestBody", {}), *answered]:
            for media_type, content in part.get("content", {}).items():
                if media_type in ("application/zip", "multipart/form-data"):
                    continue
                schema = content["schema"]
                own = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
                assert "example" in content or "examples" in own, (name, media_type)
                if "example" in content:
                    _validate(document, schema, content["example"])


async def test_the_kinds_of_problems_are_listed(api: Api, document: dict[str, Any]) -> None:
    for path in document["x-problem-types"]:
        assert (await api.client.get(path)).status_code == 200


async def test_what_remedies_want_filled_in_is_documented(
    api: Api, document: dict[str, Any]
) -> None:
    path = f"/tickets/{(await api.file())['key']}"
    check = await api.call("POST", f"{path}/runs", json={"kind": "check"}, expect=409)
    link = {"node_id": "tests/verification/test_b2_cr_10.py"}
    await api.call("POST", f"{path}/tests", json=link, expect=201)
    proof = await api.call("POST", f"{path}/runs", json={"kind": "proof"}, expect=409)

    placeholders = document["x-remedy-placeholders"]
    bodies = [way["body"] for call in check.json()["remedy"] for way in call["any_of"]]
    assert bodies == [{"node_id": "<node_id>"}, {"filename": "<filename>", "source": "<source>"}]
    bodies = [way["body"] for call in proof.json()["remedy"] for way in call["any_of"]]
    assert bodies == ["<patch>", "<patch>"]
    assert {"<node_id>", "<patch>"} <= placeholders.keys()


async def test_answers_are_as_documented(api: Api, document: dict[str, Any]) -> None:
    """A walk through the API; each answer is held against the schema of its operation."""

    async def call(method: str, template: str, path: str, **options: Any) -> Any:
        answer = await api.call(method, path, **options)
        operation = document["paths"][f"{ROOT}{template}"][method.lower()]
        response = operation["responses"][str(answer.status_code)]
        if "content" in response:
            media_type = answer.headers["content-type"].partition(";")[0]
            content = response["content"][media_type]
            if "json" in media_type:
                _validate(document, content["schema"], answer.json())
        return answer.json() if "json" in answer.headers.get("content-type", "") else None

    key = "B2-DRL-10"
    one, base = f"/tickets/{key}", "/tickets/{key}"
    filed = {
        "title": "t",
        "severity": "P3",
        "batch": 2,
        "agent": "drl",
        "summary": "s",
        "key": key,
        "categories": ["api-contract"],
        "locations": [{"path": "kasmina/blend_ops.py", "start_line": 1}],
        "sections": [{"heading": "h", "body": "b"}],
        "checklist": [{"text": "c"}],
        "reports": [{"file": "r.md"}],
        "reported_on": "2026-01-02",
    }
    ticket = await call("POST", "/tickets", "/tickets", json=filed)
    await call("POST", "/tickets", "/tickets", json=filed)  # taken
    await call("POST", "/tickets", "/tickets", json={})  # refused
    review = {"specialist": "drl", "verdict": "OBJECT", "rationale": "r", "claim": "false"}
    await call("POST", f"{base}/reviews", f"{one}/reviews", json=review)
    await call("GET", f"{base}/reviews", f"{one}/reviews?all=true")
    await call("POST", f"{base}/notes", f"{one}/notes", json={"body": "n"})
    await call("GET", f"{base}/notes", f"{one}/notes")
    await call(
        "PUT",
        f"{base}/patches/{{name}}",
        f"{one}/patches/defect",
        content=defect(key),
        headers={"Content-Type": "text/x-diff"},
    )
    await call("GET", f"{base}/patches/{{name}}", f"{one}/patches/defect")
    link = {"node_id": "tests/verification/test_b2_cr_10.py", "purpose": "guards"}
    await call("POST", f"{base}/tests", f"{one}/tests", json=link)
    await call("GET", f"{base}/tests", f"{one}/tests")
    await call("GET", "/tests", "/tests?limit=2")
    run = await call("POST", f"{base}/runs", f"{one}/runs", json={"kind": "check"})
    await call("GET", "/runs/{id}", f"/runs/{run['id']}")
    await call("GET", "/runs", "/runs")
    counted = await call("GET", "/runs", f"/runs?count=true&ticket={key}&limit=1")
    assert (counted["total"], counted["total_is"]) == (1, "exact")
    catalogue = await call("GET", "/tests", "/tests?count=true&limit=1")
    assert catalogue["total"] > len(catalogue["items"]) == 1
    await call("POST", "/runs/{id}/cancel", f"/runs/{run['id']}/cancel")
    await call("POST", "/runs/{id}/cancel", f"/runs/{run['id']}/cancel")  # ended already
    item = ticket["checklist"][0]["id"]
    tick, ticked = f"{base}/checklist/{{id}}", f"{one}/checklist/{item}"
    await call("PATCH", tick, ticked, json={"done": True})  # without If-Match
    await call("PATCH", tick, ticked, json={"done": True}, headers={"If-Match": '"1"'})
    await call("PATCH", base, one, json={"title": "u"}, headers={"If-Match": '"1"'})  # stale
    await call("PATCH", base, one, json={"title": "u"}, headers={"If-Match": '"2"'})
    await call("GET", base, one)
    await call("GET", "/tickets", "/tickets?count=true")
    await call("GET", "/tickets", "/tickets?limit=0")  # refused
    await call("GET", f"{base}/history", f"{one}/history")
    await call("GET", base, "/tickets/B9-DRL-99")  # not found
    await call("GET", "/me", "/me")
    await call("GET", "/specialists", "/specialists")
    await call("POST", "/accounts", "/accounts", json={"name": "ada", "role": "reader"})
    tokens = "/accounts/{name}/tokens"
    await call("POST", tokens, "/accounts/ada/tokens", json={"label": "l"})
    await call("GET", tokens, "/accounts/ada/tokens")


def _resolved(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/"), reference
    node: Any = document
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _validate(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(value)


async def test_no_merge_patch_has_a_default_that_a_client_could_send(
    document: dict[str, Any],
) -> None:
    # What is left out stays as it is: a generated client that fills in defaults would reset it.
    patches = {
        name: schema["properties"]
        for name, schema in document["components"]["schemas"].items()
        if name.endswith(("Patch", "Change"))
    }

    assert {"TicketPatch", "ViewPatch", "AccountPatch", "LocationChange"} <= patches.keys()
    for name, fields in patches.items():
        assert [field for field, schema in fields.items() if "default" in schema] == [], name

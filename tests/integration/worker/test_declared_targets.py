"""Packages that an operator declares, each with an interpreter of its own."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from app.database import libpq_url
from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.environments import base_interpreters, make_environment
from tests.support.shared import Shared
from tests.support.target import write_files

pytestmark = pytest.mark.anyio

DEFECTIVE = "def scale(value, factor):\n    return value\n"
SOUND = "def scale(value, factor):\n    return value * factor\n"
FIX = """\
--- a/src/app/scaling.py
+++ b/src/app/scaling.py
@@ -1,2 +1,2 @@
 def scale(value, factor):
-    return value
+    return value * factor
"""
TESTS = """\
import sys
import pytest
import helper
from app import DATA
from app.scaling import scale


@pytest.mark.finding("B7-DRL-01")
@pytest.mark.slow
def test_scale_uses_its_factor(seven):
    assert scale(2, 3) == seven - 1


def test_data_files_are_there():
    assert DATA == helper.WORD


def test_nothing_of_the_service_is_there():
    with pytest.raises(ImportError):
        import sqlalchemy
    assert "kasmina" not in sys.modules
"""
APP = {
    "src/app/__init__.py": (
        "from pathlib import Path\nDATA = Path(__file__).with_name('data.txt').read_text()\n"
    ),
    "src/app/data.txt": "word",
    "src/app/scaling.py": DEFECTIVE,
    "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef seven():\n    return 7\n",
    "checks/findings/helper.py": "WORD = 'word'\n",
    "checks/findings/test_scale.py": TESTS,
    "checks/more/check_more.py": "from app import DATA\n\n\ndef test_more():\n    assert DATA\n",
    "pyproject.toml": (
        "[tool.pytest.ini_options]\naddopts = '--strict-markers --strict-config --cov=app -n 4'\n"
        "timeout = 15\nfilterwarnings = ['error']\n"
        "markers = ['slow: takes long']\npython_files = ['test_*.py', 'check_*.py']\n"
    ),
}
UTILS = {
    "utils/__init__.py": "def one():\n    return 1\n",
    "tests/test_one.py": "from utils import one\n\n\ndef test_one():\n    assert one() == 1\n",
}
SLOW = {
    "slow/scaling.py": DEFECTIVE,
    "tests/test_linked.py": (
        "from slow.scaling import scale\n\n\ndef test_scale():\n    assert scale(2, 3) == 6\n\n\n"
        "def test_beside():\n    assert scale(1, 1) == 1\n"
    ),
    "tests/test_a_quick.py": "def test_quick():\n    pass\n",
    "tests/test_b_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(20)\n",
    "tests/test_c_behind.py": "def test_behind():\n    pass\n",
}
DECLARED = """\
[[target]]
name = "acme"
root = "acme"
packages = ["src/app"]
suite = ["checks/findings", "checks/more"]
python = "{python}"
pytest = "auto"
domains = ["acme", "shared"]

[[target]]
name = "tools"
root = "tools"
packages = ["utils"]
suite = "tests"
domains = ["shared/tools"]

[[target]]
name = "slow"
root = "slow"
packages = ["slow"]
suite = "tests"
limits = {{ others_s = 0.5 }}

[[target]]
name = "broken"
root = "nowhere"
packages = ["x"]
suite = "y"
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_directory() as found:
        write_files(found / "acme", APP)
        write_files(found / "tools", UTILS)
        write_files(found / "slow", SLOW)
        python = make_environment(found / "env", base_interpreters()[0])
        (found / "targets.toml").write_text(DECLARED.format(python=python))
        yield found


@pytest.fixture(scope="module")
async def service(module_database: str, folder: Path, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(
        module_database, shared=shared, workers=1, targets=folder / "targets.toml"
    ) as found:
        await found.factory.catalogues.in_step()
        while (await found.client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.02)
        yield found


async def run(api: Api, key: str, kind: str) -> Any:
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": kind}, expect=202)
    return await api.get(f"/runs/{answer.json()['id']}?wait=60")


async def test_targets_are_listed_and_a_wrong_entry_stops_none(service: Api) -> None:
    await service.file(domains=["elsewhere/deep"])

    found = await service.get("/targets")
    by_name = {target["name"]: target for target in found["items"]}

    assert set(by_name) == {"kasmina", "acme", "tools", "slow", "broken"}
    assert by_name["acme"]["state"] == "ok", by_name["acme"]["reason"]
    assert by_name["acme"]["suite"] == ["checks/findings", "checks/more"]
    assert by_name["acme"]["tests"] == 4
    assert by_name["broken"]["state"] == "degraded"
    assert "root: " in by_name["broken"]["reason"]
    assert {"name": "elsewhere/deep", "tickets": 1} in found["not_covered"]
    assert (await service.get("/targets/tools"))["packages"] == ["utils"]
    await service.call("GET", "/targets/nobody", expect=404)
    degraded = (await service.client.get("/readyz")).json()["degraded"]
    assert [line for line in degraded if "broken: root: " in line]


async def test_a_finding_of_a_package_called_app_is_proven_under_its_own_interpreter(
    service: Api, folder: Path
) -> None:
    filed = await service.file(key="B7-DRL-01", domains=["acme"])
    assert filed["evidence"]["state"] == "unverified"

    check = await run(service, "B7-DRL-01", "check")
    assert (check["outcome"], check["target"]) == ("failed", "acme"), check["reason"]
    assert check["environment"]["torch"] == ""
    version = check["environment"]["python"]
    expected = base_interpreters()[0].resolve()
    assert version.rpartition(".")[0] in str(expected)

    patch = {"content": FIX, "headers": {"Content-Type": "text/x-diff"}}
    await service.call("PUT", "/tickets/B7-DRL-01/patches/fix", expect=201, **patch)
    proof = await run(service, "B7-DRL-01", "proof")
    assert proof["outcome"] == "proven", proof["reason"]
    assert (await service.get("/tickets/B7-DRL-01"))["evidence"]["state"] == "fix-ready"

    write_files(folder / "acme", {"src/app/scaling.py": SOUND})
    landed = await run(service, "B7-DRL-01", "proof")
    assert landed["outcome"] == "proven", landed["reason"]
    assert (await service.get("/tickets/B7-DRL-01"))["evidence"]["state"] == "proven"


async def test_where_the_suite_takes_long_the_files_of_the_linked_tests_are_run(
    service: Api,
) -> None:
    key = await with_fix_of_slow(service)

    proof = await run(service, key, "proof")

    assert proof["outcome"] == "proven", proof["reason"]
    (hint,) = proof["hints"]
    assert "longer than 0.5 s (limits.others_s of the target)" in hint
    assert hint.endswith("other tests were not.")
    seen = {result["node_id"] for result in proof["arms"][-1]["results"]}
    assert seen >= {"tests/test_linked.py::test_scale", "tests/test_linked.py::test_beside"}
    assert seen.isdisjoint(
        {"tests/test_b_slow.py::test_slow", "tests/test_c_behind.py::test_behind"}
    )


async def move(api: Api, key: str, domain: str) -> None:
    etag = (await api.call("GET", f"/tickets/{key}")).headers["ETag"]
    body = {"domains": [domain]}
    await api.call("PATCH", f"/tickets/{key}", json=body, headers={"If-Match": etag}, expect=200)


async def with_fix_of_slow(api: Api) -> str:
    """File a ticket about `slow` with a test and its fix; return the ticket's key."""
    key = str((await api.file(domains=["slow"]))["key"])
    link = {"node_id": "tests/test_linked.py::test_scale"}
    await api.call("POST", f"/tickets/{key}/tests", json=link, expect=201)
    patch = {"content": FIX.replace("src/app", "slow"), "headers": {"Content-Type": "text/x-diff"}}
    await api.call("PUT", f"/tickets/{key}/patches/fix", expect=201, **patch)
    return key


async def test_a_run_on_the_target_of_before_decides_nothing(service: Api) -> None:
    key = await with_fix_of_slow(service)
    begun = await service.call("POST", f"/tickets/{key}/runs", json={"kind": "proof"}, expect=202)
    await move(service, key, "shared/tools")

    found = await service.get(f"/runs/{begun.json()['id']}?wait=60")

    assert (found["target"], found["outcome"]) == ("slow", "proven"), found["reason"]
    ticket = await service.get(f"/tickets/{key}")
    assert (ticket["target"], ticket["evidence"]["state"]) == ("tools", "none")
    # Back with the package that it speaks of, the same decides.
    await move(service, key, "slow")
    assert (await run(service, key, "proof"))["outcome"] == "proven"
    assert (await service.get(f"/tickets/{key}"))["evidence"]["state"] == "fix-ready"


async def test_a_patch_of_the_target_of_before_applies_to_nothing(service: Api) -> None:
    key = await with_fix_of_slow(service)
    await move(service, key, "shared/tools")
    link = {"node_id": "tests/test_one.py::test_one"}
    await service.call("POST", f"/tickets/{key}/tests", json=link, expect=201)

    refused = await service.call("POST", f"/tickets/{key}/runs", json={"kind": "proof"}, expect=409)
    assert refused.json()["remedy"]
    assert (await run(service, key, "check"))["outcome"] == "passed"
    body = {"kind": "strength"}
    refused = await service.call("POST", f"/tickets/{key}/runs", json=body, expect=409)
    assert "no patch touches one" in refused.json()["detail"]


async def test_a_ticket_is_placed_by_its_longest_domain_and_moves_with_it(service: Api) -> None:
    filed = await service.file(domains=["shared/tools/x"])
    key = filed["key"]
    link = {"node_id": "tests/test_one.py::test_one"}
    await service.call("POST", f"/tickets/{key}/tests", json=link, expect=201)
    found = await run(service, key, "check")
    assert (found["target"], found["outcome"]) == ("tools", "passed")
    body = {"kind": "check", "target": "acme"}
    refused = await service.call("POST", f"/tickets/{key}/runs", json=body, expect=422)
    assert refused.json()["errors"][0]["allowed"] == ["tools"]
    body["target"] = "tools"
    await service.call("POST", f"/tickets/{key}/runs", json=body, expect=202)

    ticket = await service.call("GET", f"/tickets/{key}")
    headers = {"If-Match": ticket.headers["ETag"]}
    edit = {"json": {"domains": ["shared"]}, "headers": headers}
    await service.call("PATCH", f"/tickets/{key}", expect=200, **edit)
    assert (await service.get(f"/tickets/{key}"))["evidence"]["state"] == "none"


async def test_lists_exports_figures_and_metrics_tell_targets_apart(service: Api) -> None:
    here = (await service.file(domains=["shared/tools/x"]))["key"]
    elsewhere = await service.file(domains=["unknown"])
    assert elsewhere["target"] is None
    assert (await service.get(f"/tickets/{here}"))["target"] == "tools"

    listed = (await service.get("/tickets?target=tools&limit=200"))["items"]
    assert {item["target"] for item in listed} == {"tools"}
    assert here in {item["key"] for item in listed}
    exported = await service.call("GET", "/exports?format=csv&target=tools", expect=200)
    rows = list(csv.DictReader(io.StringIO(exported.text.lstrip("\ufeff"))))
    assert {row["target"] for row in rows} == {"tools"}
    assert {item["key"] for item in listed} == {row["key"] for row in rows}
    moves = {"filter": {"target": ["tools"]}, "to": "investigating"}
    tried = await service.call(
        "POST", "/transitions:batch", json={**moves, "dry_run": True}, expect=200
    )
    assert {item["key"] for item in tried.json()["items"]} == {row["key"] for row in rows}

    stats = await service.get("/stats")
    assert set(stats["targets"]) == {"kasmina", "acme", "tools", "slow"}
    assert stats["targets"]["tools"]["tickets"] == len(rows)
    headers = {"Authorization": f"Bearer {service.tokens['admin']}"}
    metrics = (await service.client.get("/metrics", headers=headers)).text
    assert f'findings_tickets{{target="tools"}} {float(len(rows))}' in metrics
    assert 'findings_target_up{target="tools"} 1.0' in metrics
    assert 'findings_target_up{target="broken"} 0.0' in metrics
    assert 'findings_target_runs_queued{target="tools"} 0.0' in metrics


async def test_a_ticket_that_is_taken_in_elsewhere_is_placed_by_what_is_declared_there(
    service: Api, other_database: str
) -> None:
    key = (await service.file(domains=["shared/tools/y"]))["key"]
    exported = (await service.call("GET", "/exports?format=jsonl", expect=200)).content
    lines = [json.loads(line) for line in exported.splitlines()]
    assert {line["ticket"]["target"] for line in lines if line["kind"] == "ticket"} >= {"tools"}

    async with running_api(other_database) as other:
        await other.call(
            "POST",
            "/imports?format=jsonl",
            content=exported,
            headers={"Content-Type": "application/x-ndjson"},
            expect=200,
        )
        found = await other.get(f"/tickets/{key}")

    assert (found["target"], found["evidence"]["state"]) == (None, "not-covered")


async def test_a_ticket_that_no_target_covers_says_what_to_do(service: Api) -> None:
    for domains in ([], ["elsewhere"]):
        key = (await service.file(domains=domains))["key"]
        answer = await service.call("POST", f"/tickets/{key}/runs", json={"kind": "check"})

        assert answer.status_code == 409
        assert answer.json()["type"] == "/problems/not-placed"
        (remedy,) = answer.json()["remedy"]
        assert remedy["operation"] == "editTicket"
        assert (await service.get(f"/tickets/{key}"))["evidence"]["state"] == "not-covered"


SPY = """\
import os
import socket
import pytest


def connect(family, place):
    with socket.socket(getattr(socket, family)) as made:
        made.connect(place)


@pytest.mark.parametrize("path", {paths!r})
def test_no_file_is_there(path):
    assert not os.path.exists(path)


def test_the_database_is_out_of_reach():
    with pytest.raises(OSError):
        connect({family!r}, {place!r})


def test_nothing_is_told_by_the_environment():
    assert not [name for name in os.environ if name.startswith(("FINDINGS", "DATABASE", "PG"))]
"""


async def test_a_target_sees_no_file_of_another_nor_token_nor_database(
    service: Api, folder: Path
) -> None:
    """Nor the folder that holds them, or the declaration."""
    database = conninfo_to_dict(libpq_url(service.factory.database_url))
    host, port = str(database["host"]), int(database.get("port") or 5432)
    in_files = host.startswith("/")
    family = "AF_UNIX" if in_files else "AF_INET"
    place = f"{host}/.s.PGSQL.{port}" if in_files else (host, port)
    with socket.socket(getattr(socket, family)) as made:
        made.connect(place)  # for the service it is there
    other = service.factory.declared.targets["acme"]
    hidden = [
        folder / "acme" / "src" / "app" / "scaling.py",
        folder / "targets.toml",
        service.factory.settings.data_dir / "admin-token",
        Path(other.interpreter.python),
    ]
    assert all(path.exists() for path in hidden)
    spy = SPY.format(paths=list(map(str, hidden)), family=family, place=place)
    write_files(folder / "tools", {"tests/test_spy.py": spy})
    await service.call("POST", "/targets/tools/sync", expect=200)
    key = (await service.file(domains=["shared/tools"]))["key"]
    link = {"node_id": "tests/test_spy.py"}
    await service.call("POST", f"/tickets/{key}/tests", json=link, expect=201)

    found = await run(service, key, "check")
    assert found["outcome"] == "passed", found["arms"]
    assert len(found["arms"][0]["results"]) >= len(hidden) + 2


async def test_an_interpreter_that_is_gone_is_a_stated_outcome(service: Api, folder: Path) -> None:
    key = (await service.file(domains=["acme"]))["key"]
    link = {"node_id": "checks/findings/test_scale.py::test_data_files_are_there"}
    await service.call("POST", f"/tickets/{key}/tests", json=link, expect=201)
    python = folder / "env" / "bin" / "python"
    python.rename(python.with_name("gone"))
    try:
        found = await run(service, key, "check")
    finally:
        python.with_name("gone").rename(python)

    assert found["outcome"] == "error"
    assert "cannot be started" in found["reason"]

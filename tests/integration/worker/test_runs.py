"""The main job end to end, and that a proof can fail: real worker, real cage, real package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.shared import Shared
from tests.support.target import (
    PACKAGE,
    apply_patch,
    copy_target,
    defect,
    diff_of,
    fix_of,
    package_files,
)

pytestmark = pytest.mark.anyio

KEY = "B2-DRL-10"
FILE = "tests/verification/test_b2_drl_10.py"
CALL = f"{FILE}::test_seed_input_cannot_be_left_out"
GRADIENTS = f"{FILE}::test_gradients_follow_the_seed_input_that_was_passed"
SLOT = f"{FILE}::test_slot_passes_the_tensor_its_seed_was_given"
REVIEWS = {
    "pytorch": ("ENDORSE", "The subtraction carries the host's graph into the multiplier."),
    "drl": ("NEUTRAL", "True, but every caller passes it."),
    "codereview": ("NEUTRAL", "The default was meant as a convenience."),
}


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    """The service with its worker, for the bundled package."""
    async with running_api(module_database, shared=shared, workers=1) as found:
        yield found


async def put(api: Api, key: str, name: str, text: str) -> None:
    headers = {"Content-Type": "text/x-diff"}
    answer = await api.call("PUT", f"/tickets/{key}/patches/{name}", content=text, headers=headers)
    assert answer.status_code in (200, 201), answer.text


async def run(api: Api, key: str, kind: str, **fields: Any) -> dict[str, Any]:
    """Trigger a run and wait for its end."""
    body = {"kind": kind, **fields}
    answer = await api.call("POST", f"/tickets/{key}/runs", json=body, expect=202)
    found: dict[str, Any] = await api.get(f"{answer.headers['location'][7:]}?wait=60")
    assert found["status"] == "finished", found
    return found


async def evidence(api: Api, key: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/tickets/{key}"))["evidence"]
    return found


async def linked(api: Api, *node_ids: str, **fields: Any) -> str:
    key = str((await api.file(**fields))["key"])
    for node_id in node_ids:
        await api.call("POST", f"/tickets/{key}/tests", json={"node_id": node_id}, expect=201)
    return key


def arms(found: dict[str, Any]) -> str:
    """The arms of a run in a line: ``before+defect after``."""
    words = []
    for arm in found["arms"]:
        use = arm["patch"]
        sign = "" if use is None else "-" if use["reverse"] else "+"
        words.append(f"{arm['name']}{sign}{'' if use is None else use['name']}")
    return " ".join(words)


def failing(found: dict[str, Any], arm_name: str) -> set[str]:
    (arm,) = [arm for arm in found["arms"] if arm["name"] == arm_name]
    return {result["node_id"] for result in arm["results"] if result["outcome"] == "failed"}


async def test_a_finding_is_filed_reviewed_run_and_proven(api: Api) -> None:
    for name in REVIEWS:
        await api.account(name, "reviewer", speaks_for=(name,))
    filed = await api.file(
        key=KEY,
        severity="P3",
        categories=["api-contract"],
        locations=[
            {
                "path": "kasmina/blend_ops.py",
                "start_line": 59,
                "end_line": 94,
                "symbol": "blend_multiply()",
            }
        ],
        checklist=[
            {"text": "Every caller passes seed_input explicitly"},
            {"text": "A test holds the isolation of gradients"},
        ],
        reports=[{"file": "reports/batch2-drl.md", "section": "blend_ops.py"}],
    )
    assert filed["evidence"]["state"] == "unverified"
    for name, (verdict, rationale) in REVIEWS.items():
        review = {"verdict": verdict, "rationale": rationale}
        await api.call("POST", f"/tickets/{KEY}/reviews", as_=name, json=review, expect=201)

    check = await run(api, KEY, "check")
    after_check = await evidence(api, KEY)
    for name, patch in {"defect": KEY, "defect-2": f"{KEY}-2", "defect-3": f"{KEY}-3"}.items():
        await put(api, KEY, name, defect(patch))
    proof = await run(api, KEY, "proof")

    assert (check["outcome"], arms(check)) == ("passed", "bundled")
    assert after_check["state"] == "passing"
    assert proof["outcome"] == "proven", proof["reason"]
    assert arms(proof) == "before+defect before-2+defect-2 before-3+defect-3 after"
    assert failing(proof, "before") == {CALL}
    assert GRADIENTS in failing(proof, "before-2")
    assert SLOT in failing(proof, "before-3")
    assert failing(proof, "after") == set()
    assert proof["environment"]["torch"].startswith("2.13")
    assert isinstance(proof["environment"]["layers"], list)

    ticket = await api.get(f"/tickets/{KEY}")
    shown = ticket["evidence"]
    assert (shown["state"], shown["stale"], shown["run"]) == ("proven", False, proof["id"])
    assert shown["sentence"] == (
        "The defect is absent here, and the tests catch it when it is planted."
    )
    assert shown["last_attempt"] is None
    assert (ticket["consensus"]["ENDORSE"], ticket["consensus"]["NEUTRAL"]) == (1, 2)
    assert {test["last_outcome"] for test in ticket["tests"]} == {"passed"}
    assert ticket["version"] == 1
    history = [event["action"] for event in (await api.get(f"/tickets/{KEY}/history"))["items"]]
    assert history[0] == "ticket.filed"
    assert history.count("review.recorded") == 3
    assert history.count("run.finished") == 2
    assert set(history[-2:]) == {"run.finished", "evidence.changed"}
    assert (await api.get("/tickets?evidence=proven"))["items"][0]["key"] == KEY


async def test_a_check_keeps_what_was_proven(api: Api) -> None:
    """Follows the test above on the same ticket."""
    found = await run(api, KEY, "check")

    assert found["outcome"] == "passed"
    assert (await evidence(api, KEY))["state"] == "proven"


async def test_a_defect_without_effect_shows_that_the_tests_cannot_fail(api: Api) -> None:
    key = await linked(api, CALL)
    sound = package_files(api.factory.settings.target_root)
    path = f"{PACKAGE}/blend_ops.py"
    await put(api, key, "defect", diff_of(sound, {**sound, path: f"{sound[path]}# A remark.\n"}))

    found = await run(api, key, "proof")

    assert (found["outcome"], arms(found)) == ("cannot-fail", "before+defect after")
    assert (await evidence(api, key))["state"] == "cannot-fail"
    assert (await evidence(api, key))["package_digest"] == found["arms"][1]["package_digest"]


async def test_each_test_is_caught_by_the_defect_of_its_own_row(api: Api) -> None:
    key = await linked(api, CALL, GRADIENTS)
    await put(api, key, "defect", defect(KEY))

    first_alone = await run(api, key, "proof")
    await put(api, key, "defect-2", defect(f"{KEY}-2"))
    both = await run(api, key, "proof")

    assert first_alone["outcome"] == "cannot-fail"
    assert first_alone["reason"].startswith(GRADIENTS)
    assert both["outcome"] == "proven", both["reason"]
    assert GRADIENTS not in failing(both, "before")
    assert GRADIENTS in failing(both, "before-2")


async def test_a_run_over_some_of_the_tests_decides_nothing(api: Api) -> None:
    key = await linked(api, CALL, GRADIENTS)

    found = await run(api, key, "check", tests=[CALL])

    shown = await evidence(api, key)
    assert [result["node_id"] for result in found["arms"][0]["results"]] == [CALL]
    assert (shown["state"], shown["last_attempt"]["run"]) == ("unverified", found["id"])


# --- a package that is broken --------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken() -> Iterator[Path]:
    """A copy of package and suite with the first defect in the package."""
    with short_directory() as folder:
        copy_target(folder)
        apply_patch(folder, defect(KEY))
        yield folder


async def test_a_broken_package_is_reproduced_mended_and_proven(
    database: str, broken: Path, shared: Shared
) -> None:
    fix = fix_of(defect(KEY))
    async with running_api(database, shared=shared, workers=1, target_root=broken) as api:
        await api.call("POST", "/tests/sync", expect=200)
        key = await linked(api, CALL)

        check = await run(api, key, "check")
        assert (check["outcome"], (await evidence(api, key))["state"]) == ("failed", "reproduced")
        (result,) = check["arms"][0]["results"]
        assert (result["outcome"], result["phase"]) == ("failed", "call")
        assert "DID NOT RAISE" in result["message"] + result["traceback"]

        # The defect is in the package already: planting it again is no proof.
        await put(api, key, "defect", defect(f"{KEY}-2"))
        other = await run(api, key, "proof")
        assert (other["outcome"], arms(other)) == ("not-fixed", "before+defect after")
        assert (await evidence(api, key))["state"] == "reproduced"

        await put(api, key, "fix", fix)
        assert (await api.get(f"/tickets/{key}"))["patches"]["fix"]["applies"] == "forward"
        ready = await run(api, key, "proof")
        assert (ready["outcome"], arms(ready)) == ("proven", "before after+fix")
        assert (await evidence(api, key))["state"] == "fix-ready"

        apply_patch(broken, fix)
        await api.call("POST", "/tests/sync", expect=200)
        landed = await api.get(f"/tickets/{key}")
        assert landed["patches"]["fix"]["applies"] == "reverse"
        assert (landed["evidence"]["state"], landed["evidence"]["stale"]) == ("fix-ready", True)
        proof = await run(api, key, "proof")
        assert (proof["outcome"], arms(proof)) == ("proven", "before-fix after")
        shown = await evidence(api, key)
        assert (shown["state"], shown["stale"]) == ("proven", False)
        assert shown["sentence"].startswith("The tests fail on the package without the fix")

        apply_patch(broken, defect(KEY))
        again = await run(api, key, "check")
        assert (again["outcome"], (await evidence(api, key))["state"]) == ("failed", "regressed")

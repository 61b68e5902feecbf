"""Packages whose revisions are read from a git repository."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.repositories import MadeRepository

pytestmark = pytest.mark.anyio

DEFECTIVE = "def scale(value, factor):\n    return value\n"
SOUND = "def scale(value, factor):\n    return value * factor\n"
TESTS = """\
import pytest
from acme.scaling import scale


@pytest.mark.finding("B7-DRL-01")
def test_scale_uses_its_factor():
    assert scale(2, 3) == 6


def test_scale_by_one():
    assert scale(2, 1) == 2
"""
DECLARED = """\
[[target]]
name = "acme"
root = "acme.git"
revision = "main"
packages = ["src/acme"]
import_root = "src"
suite = "tests/findings"
domains = ["acme"]
"""


class Yard:
    """A repository with one defect and its fix, and the service that looks at it."""

    def __init__(self, api: Api, made: MadeRepository, commits: dict[str, str]) -> None:
        self.api = api
        self.made = made
        self.commits = commits

    async def run(self, key: str, **body: Any) -> dict[str, Any]:
        answer = await self.api.call("POST", f"/tickets/{key}/runs", json=body, expect=202)
        found: dict[str, Any] = await self.api.get(f"/runs/{answer.json()['id']}?wait=60")
        assert found["status"] == "finished", found
        return found


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[MadeRepository, dict[str, str]]]:
    with short_directory() as folder:
        made = MadeRepository(folder / "acme.git")
        commits = {"empty": made.commit({"README.md": "to come\n"}, message="Begin")}
        commits["sound"] = made.commit(
            {"src/acme/__init__.py": "", "src/acme/scaling.py": SOUND}, message="Scale"
        )
        commits["bad"] = made.commit({"src/acme/scaling.py": DEFECTIVE}, message="Simplify")
        commits["filed"] = made.commit({"FINDINGS.md": "B7-DRL-01\n"}, message="File a finding")
        commits["fix"] = made.commit({"src/acme/scaling.py": SOUND}, message="Use the factor")
        commits["tests"] = made.commit(
            {"tests/findings/test_scale.py": TESTS}, message="Tests of findings"
        )
        (folder / "targets.toml").write_text(DECLARED)
        yield made, commits


@pytest.fixture(scope="module")
async def yard(
    made: tuple[MadeRepository, dict[str, str]], module_database: str, shared: Any
) -> AsyncIterator[Yard]:
    repository, commits = made
    async with running_api(
        module_database,
        workers=1,
        shared=shared,
        targets=repository.folder.parent / "targets.toml",
    ) as api:
        await api.call("POST", "/targets/acme/sync", expect=200)
        await api.file(key="B7-DRL-01", batch=7, domains=["acme"])
        yield Yard(api, repository, commits)


async def test_a_git_target_is_what_its_branch_holds(yard: Yard) -> None:
    found = await yard.api.get("/targets/acme")

    assert (found["kind"], found["state"], found["tests"]) == ("git", "ok", 2)
    assert (found["revision"], found["follows"]) == (yard.commits["tests"], "main")


async def test_revisions_are_listed_from_what_is_in_force(yard: Yard) -> None:
    first = await yard.api.get("/targets/acme/revisions?limit=4")
    second = await yard.api.get(f"/targets/acme/revisions?limit=4&cursor={first['next_cursor']}")

    found = first["items"] + second["items"]
    order = ["tests", "fix", "filed", "bad", "sound", "empty"]
    assert [one["id"] for one in found] == [yard.commits[name] for name in order]
    assert [one["touches"] for one in found] == [False, True, False, True, True, False]
    assert [one["in_force"] for one in found] == [True] + 5 * [False]
    assert (found[1]["subject"], found[1]["author"]) == ("Use the factor", "Ada")
    assert second["next_cursor"] is None

    from_bad = await yard.api.get(f"/targets/acme/revisions?from={yard.commits['bad'][:12]}")
    assert from_bad["items"][0]["id"] == yard.commits["bad"]
    for query in ("from=nowhere", "cursor=x"):
        await yard.api.call("GET", f"/targets/acme/revisions?{query}", expect=422)


async def test_a_folder_has_its_states_as_revisions(yard: Yard) -> None:
    target = await yard.api.get("/targets/kasmina")
    (state,) = (await yard.api.get("/targets/kasmina/revisions"))["items"]

    assert state["id"] == target["package_digest"]
    assert state["in_force"]
    await yard.api.call("GET", "/targets/kasmina/revisions?from=main", expect=422)


async def test_source_is_shown_at_a_revision(yard: Yard) -> None:
    path = "/source?target=acme&path=src/acme/scaling.py"
    now = await yard.api.get(path)
    before = await yard.api.get(f"{path}&revision={yard.commits['bad'][:10]}")

    assert "\n".join(now["lines"]) + "\n" == SOUND
    assert now["revision"] == yard.commits["tests"]
    assert "\n".join(before["lines"]) + "\n" == DEFECTIVE
    assert before["revision"] == yard.commits["bad"]
    await yard.api.call("GET", f"{path}&revision=nowhere", expect=422)
    await yard.api.call("GET", f"{path}&revision={yard.commits['empty']}", expect=404)


async def test_what_is_in_force_is_run(yard: Yard) -> None:
    run = await yard.run("B7-DRL-01", kind="check")

    assert run["outcome"] == "passed"
    ticket = await yard.api.get("/tickets/B7-DRL-01")
    assert ticket["evidence"]["state"] == "passing"


async def test_a_branch_that_moves_is_followed(yard: Yard) -> None:
    moved = yard.made.commit({"src/acme/scaling.py": DEFECTIVE}, message="Break it")
    try:
        found = (await yard.api.call("POST", "/targets/acme/sync", expect=200)).json()
        assert found["revision"] == moved
        run = await yard.run("B7-DRL-01", kind="check")
        assert run["outcome"] == "failed"
    finally:
        yard.made.set("main", yard.commits["tests"])  # the commit that was in force is gone
    await yard.api.call("POST", "/targets/acme/sync", expect=200)
    found = await yard.api.get("/targets/acme")
    assert (found["revision"], found["state"]) == (yard.commits["tests"], "ok")


def by_name(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {arm["name"]: arm for arm in run["arms"]}


def outcomes(arm: dict[str, Any]) -> set[str]:
    linked = [one for one in arm["results"] if "uses_its_factor" in one["node_id"]]
    return {one["outcome"] for one in linked}


async def evidence_of(yard: Yard) -> dict[str, Any]:
    found: dict[str, Any] = (await yard.api.get("/tickets/B7-DRL-01"))["evidence"]
    return found


async def test_two_revisions_prove_a_fix(yard: Yard) -> None:
    commits = yard.commits
    run = await yard.run("B7-DRL-01", kind="proof", before=commits["bad"][:9], after=commits["fix"])

    arms = by_name(run)
    assert run["outcome"] == "proven", run["reason"]
    assert list(arms) == ["before", "after", "bundled"]
    assert [arm["revision"] for arm in run["arms"]] == [
        commits[name] for name in ("bad", "fix", "tests")
    ]
    assert outcomes(arms["before"]) == {"failed"}
    assert outcomes(arms["after"]) == outcomes(arms["bundled"]) == {"passed"}
    assert [one["subject"] for one in run["revisions"]] == [
        "Simplify",
        "Use the factor",
        "Tests of findings",
    ]
    evidence = await evidence_of(yard)
    assert (evidence["state"], evidence["by"]) == ("proven", "history")
    assert "history proves it" in evidence["sentence"]


async def test_the_commits_of_a_ticket_are_taken_by_themselves(yard: Yard) -> None:
    ticket = await yard.api.call("GET", "/tickets/B7-DRL-01")
    both = [yard.commits["filed"][:8], yard.commits["fix"]]
    await yard.api.call(
        "PATCH",
        "/tickets/B7-DRL-01",
        json={"commits": both},
        headers={"If-Match": ticket.headers["ETag"]},
        expect=200,
    )
    run = await yard.run("B7-DRL-01", kind="proof", force=True)

    assert run["outcome"] == "proven", run["reason"]
    arms = by_name(run)
    # The commit that only files the ticket leaves the package alone.
    assert arms["before"]["revision"] == yard.commits["filed"]
    assert arms["after"]["revision"] == yard.commits["fix"]


async def test_a_commit_that_brings_the_defect_in_proves_nothing(yard: Yard) -> None:
    before = await evidence_of(yard)
    run = await yard.run("B7-DRL-01", kind="proof", after=yard.commits["bad"])

    assert run["outcome"] == "cannot-fail"
    assert "brings the defect in" in run["reason"]
    assert by_name(run)["before"]["revision"] == yard.commits["sound"]
    assert (await evidence_of(yard))["state"] == before["state"]


async def test_a_commit_that_only_files_the_ticket_proves_nothing(yard: Yard) -> None:
    run = await yard.run("B7-DRL-01", kind="proof", after=yard.commits["filed"])

    assert run["outcome"] == "not-fixed"
    assert "may only file the ticket" in run["reason"]


async def test_a_fix_that_was_lost_again_is_regressed(yard: Yard) -> None:
    yard.made.commit({"src/acme/scaling.py": DEFECTIVE}, message="Lose it again")
    try:
        run = await yard.run(
            "B7-DRL-01", kind="proof", before=yard.commits["bad"], after=yard.commits["fix"]
        )
        assert run["outcome"] == "proven"
        assert "the defect is back" in run["reason"]
        assert (await evidence_of(yard))["state"] == "regressed"
    finally:
        yard.made.set("main", yard.commits["tests"])
        await yard.api.call("POST", "/targets/acme/sync", expect=200)


async def test_a_check_of_another_revision_decides_nothing(yard: Yard) -> None:
    await yard.run("B7-DRL-01", kind="check", force=True)
    before = await evidence_of(yard)
    run = await yard.run("B7-DRL-01", kind="check", revision=yard.commits["bad"])

    assert (run["outcome"], run["arms"][0]["name"]) == ("failed", "revision")
    assert f"at {yard.commits['bad'][:10]}" in run["reason"]
    after = await evidence_of(yard)
    assert (after["state"], after["run"]) == (before["state"], before["run"])

    in_force = await yard.run("B7-DRL-01", kind="check", revision="main")
    assert in_force["arms"][0]["name"] == "bundled"
    assert in_force["arms"][0]["revision"] == yard.commits["tests"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "check", "revision": "nowhere"}, "/revision"),
        ({"kind": "check", "revision": "empty"}, "/revision"),
        ({"kind": "proof", "before": "nowhere"}, "/before"),
        ({"kind": "proof", "before": "main", "after": "empty"}, "/after"),
        ({"kind": "proof", "revision": "main"}, ""),
        ({"kind": "check", "before": "main"}, ""),
    ],
)
async def test_what_names_no_revision_is_refused(
    yard: Yard, body: dict[str, str], pointer: str
) -> None:
    sent = {name: yard.commits.get(value, value) for name, value in body.items()}
    answer = await yard.api.call("POST", "/tickets/B7-DRL-01/runs", json=sent, expect=422)
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_folder_has_no_revision_to_run(yard: Yard) -> None:
    await yard.api.file(key="B7-DRL-09", batch=7, domains=["kasmina"])
    body = {"kind": "check", "revision": "main"}
    answer = await yard.api.call("POST", "/tickets/B7-DRL-09/runs", json=body, expect=422)
    assert "is a folder" in answer.text


async def test_a_commit_that_the_repository_lacks_counts_for_nothing(yard: Yard) -> None:
    await yard.api.file(key="B7-DRL-02", batch=7, domains=["acme"])
    ticket = await yard.api.call("GET", "/tickets/B7-DRL-02")
    changed = await yard.api.call(
        "PATCH",
        "/tickets/B7-DRL-02",
        json={"commits": ["badc0de", yard.commits["fix"][:9]]},
        headers={"If-Match": ticket.headers["ETag"]},
        expect=200,
    )
    assert changed.json()["unknown_commits"] == ["badc0de"]

    await yard.api.file(key="B7-DRL-03", batch=7, domains=["acme"])
    step = {"to": "closed", "resolution": "already-fixed", "commits": ["badc0de"]}
    path = "/tickets/B7-DRL-03/transitions"
    refused = await yard.api.call("POST", path, json=step, expect=409)
    assert "has no commit badc0de" in refused.text
    step["commits"] = [yard.commits["fix"]]
    await yard.api.call("POST", path, json=step, expect=200)


async def test_an_import_warns_of_commits_that_the_repository_lacks(yard: Yard) -> None:
    await yard.api.file(key="B7-DRL-14", batch=7, domains=["acme"])
    ticket = await yard.api.call("GET", "/tickets/B7-DRL-14")
    await yard.api.call(
        "PATCH",
        "/tickets/B7-DRL-14",
        json={"commits": ["badc0de"]},
        headers={"If-Match": ticket.headers["ETag"]},
        expect=200,
    )
    document = (await yard.api.call("GET", "/tickets/B7-DRL-14.md", expect=200)).text
    found = await yard.api.call(
        "POST",
        "/imports?format=markdown&on_conflict=suffix",
        content=document.replace("B7-DRL-14", "B7-DRL-12").encode(),
        headers={"Content-Type": "text/markdown", "X-Source-Path": "B7-DRL-12.md"},
        expect=200,
    )
    (item,) = found.json()["items"]
    assert item["result"] == "created", item
    assert any("no commit badc0de" in one for one in item["warnings"]), item


async def test_a_folder_believes_its_tickets(yard: Yard) -> None:
    await yard.api.file(key="B7-DRL-04", batch=7, domains=["kasmina"])
    step = {"to": "closed", "resolution": "already-fixed", "commits": ["badc0de"]}
    await yard.api.call("POST", "/tickets/B7-DRL-04/transitions", json=step, expect=200)

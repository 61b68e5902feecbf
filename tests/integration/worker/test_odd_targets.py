"""Targets of which something is wrong or odd: each a stated outcome, and the others go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import target_doctor
from app.config import load_settings
from app.domain.targets import Target
from app.factory import Factory
from app.sandbox.arms import read_target
from app.sandbox.digests import FolderError
from app.sandbox.watch import look_at
from app.worker.worker import Worker
from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.environments import make_environment
from tests.support.shared import Shared
from tests.support.target import write_files

pytestmark = pytest.mark.anyio

IMPORTS = "import {0}\n\n\ndef test_it():\n    assert {0}.__name__ == '{0}'\n"
SERVER = "import socketserver\nserver = socketserver.TCPServer(('127.0.0.1', 0), None)\n"
THREADS = """\
import threading
print("printed \\0 at import")
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
WHOSE = "import common\n\n\ndef test_it():\n    assert common.WHOSE == '{}'\n"
PROJECTS = {
    "bare": {"bare/__init__.py": "", "tests/test_it.py": IMPORTS.format("bare")},
    "moved": {"moved/__init__.py": "", "tests/test_it.py": IMPORTS.format("moved")},
    "torn": {"torn/__init__.py": "", "tests/test_it.py": "", "tests/conftest.py": "1 / 0\n"},
    "mended": {"mended/__init__.py": "1 / 0\n", "tests/test_it.py": IMPORTS.format("mended")},
    "noisy": {"noisy/__init__.py": THREADS, "tests/test_it.py": IMPORTS.format("noisy")},
    "server": {"server/__init__.py": SERVER, "tests/test_it.py": IMPORTS.format("server")},
    "pluggy": {"pluggy/__init__.py": "", "tests/test_it.py": IMPORTS.format("pluggy")},
    "linked": {"linked/__init__.py": "", "tests/test_it.py": IMPORTS.format("linked")},
    "one": {"common/__init__.py": "WHOSE = 'one'\n", "tests/test_it.py": WHOSE.format("one")},
    "one/inner": {"common/__init__.py": "WHOSE = 'two'\n", "tests/test_it.py": WHOSE.format("two")},
}
NODE = "tests/test_it.py::test_it"


def entry(name: str, root: str, package: str, more: str = "") -> str:
    return (
        f'[[target]]\nname = "{name}"\nroot = "{root}"\npackages = ["{package}"]\n'
        f'suite = "tests"\n{more}\n'
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_directory() as found:
        for name, files in PROJECTS.items():
            write_files(found / name, files)
        (found / "linked" / "linked" / "shadow.py").symlink_to("/etc/passwd")
        # What is not named is not looked at: reading this would wait for ever.
        (found / "one" / "node_modules").mkdir()
        os.mkfifo(found / "one" / "node_modules" / "pipe")
        python = make_environment(found / "env", pytest=False)
        declared = [
            entry(name, name, name)
            for name in ("torn", "mended", "noisy", "server", "pluggy", "linked")
        ]
        own = make_environment(found / "own")
        declared += [entry("moved", "moved", "moved", f'python = "{own}"')]
        declared += [entry("bare", "bare", "bare", f'python = "{python}"')]
        declared += [entry("one", "one", "common"), entry("two", "one/inner", "common")]
        (found / "targets.toml").write_text("\n".join(declared))
        yield found


@pytest.fixture(scope="module")
async def service(module_database: str, folder: Path, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(
        module_database, shared=shared, targets=folder / "targets.toml"
    ) as found:
        await found.factory.catalogues.in_step()
        yield found


EXTRA = {"METADATA": "Name: extra\nVersion: 1.0\n"}


def install_something(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    write_files(packages / "extra-1.0.dist-info", EXTRA)


async def triggered(api: Api, target: str) -> tuple[str, str]:
    """Ask for a check of a new ticket of a target; return the ticket's key and the run's id."""
    key = (await api.file(domains=[target]))["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": NODE}, expect=201)
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
    return key, answer.json()["id"]


async def run(api: Api, target: str) -> Any:
    """Run a check of a new ticket of a target."""
    _, run_id = await triggered(api, target)
    return await api.get(f"/runs/{run_id}?wait=60")


@pytest.fixture
async def worker(service: Api) -> AsyncIterator[None]:
    task = asyncio.create_task(Worker(service.factory, concurrency=1).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_each_says_what_is_wrong_with_it(service: Api) -> None:
    found = {target["name"]: target for target in (await service.get("/targets"))["items"]}
    reasons = {name: target["reason"] or "" for name, target in found.items()}

    assert {name for name, target in found.items() if target["state"] == "ok"} == {
        *("kasmina", "moved", "noisy", "one", "two")
    }
    assert "it has no pytest; install one" in reasons["bare"]
    assert "ZeroDivisionError" in reasons["torn"]
    assert "ZeroDivisionError" in reasons["mended"]
    assert "PermissionError" in reasons["server"]
    assert "pluggy has the name of a module that is loaded already" in reasons["pluggy"]
    assert "shadow.py is a symbolic link" in reasons["linked"]


async def test_what_could_not_be_collected_for_the_package_is_once_that_is_mended(
    service: Api, folder: Path
) -> None:
    (folder / "mended" / "mended" / "__init__.py").write_text("")
    await service.factory.catalogues.of("mended").in_step()

    found = await service.get("/targets/mended")
    assert (found["state"], found["errors"], found["tests"]) == ("ok", [], 1)


@pytest.mark.usefixtures("worker")
async def test_threads_and_print_at_import_hinder_no_check(service: Api) -> None:
    found = await run(service, "noisy")

    assert found["outcome"] == "passed", found["reason"]
    assert found["target"] == "noisy"


@pytest.mark.usefixtures("worker")
async def test_two_packages_of_one_name_are_each_tested_as_their_own(service: Api) -> None:
    """One of them lies inside the other's root, too."""
    for target in ("one", "two", "one"):
        found = await run(service, target)
        assert (found["outcome"], found["target"]) == ("passed", target), found["reason"]


async def test_an_environment_that_changes_before_the_run_is_the_one_that_it_tells(
    service: Api, folder: Path
) -> None:
    key, run_id = await triggered(service, "moved")
    target = service.factory.declared.targets["moved"]
    before = service.factory.environment_of(target)["installed"]
    install_something(folder / "own")
    task = asyncio.create_task(Worker(service.factory, concurrency=1).run())
    try:
        found = await service.get(f"/runs/{run_id}?wait=60")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert found["outcome"] == "passed", found["reason"]
    assert found["environment"]["installed"] != before
    evidence = (await service.get(f"/tickets/{key}"))["evidence"]
    assert (evidence["state"], evidence["stale"]) == ("passing", False)


@pytest.mark.parametrize("name", ["kasmina", "moved"])
def test_what_this_process_puts_on_its_path_is_no_part_of_an_environment(
    service: Api, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing setuptools does, with a folder of packages of its own."""
    target = service.factory.declared.targets[name]
    before = service.factory.environment_of(target)
    write_files(tmp_path / "extra-1.0.dist-info", EXTRA)
    monkeypatch.syspath_prepend(tmp_path)

    assert service.factory.environment_of(target) == before


async def test_what_cannot_be_read_is_no_conflict_of_the_ticket(service: Api) -> None:
    key = (await service.file(domains=["linked"]))["key"]

    body = {"kind": "check"}
    refused = await service.call("POST", f"/tickets/{key}/runs", json=body, expect=503)

    assert "shadow.py is a symbolic link; use a plain file" in refused.json()["detail"]


async def test_a_worker_takes_the_runs_of_the_targets_that_it_knows(
    service: Api, folder: Path
) -> None:
    runs = [(await triggered(service, name))[1] for name in ("one", "two")]
    half = folder / "half.toml"
    half.write_text(entry("two", "one/inner", "common"))
    settings = load_settings(
        data_dir=service.factory.settings.data_dir,
        database_url=service.factory.database_url,
        targets=half,
    )
    factory = Factory(settings, service.factory.database_url, name="worker")
    task = asyncio.create_task(Worker(factory, concurrency=1).run())
    try:
        done = await service.get(f"/runs/{runs[1]}?wait=60")
        while not (workers := (await service.get("/workers"))["items"]):
            await asyncio.sleep(0.05)
        waits = await service.get(f"/runs/{runs[0]}")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await factory.close()
        await service.call("POST", f"/runs/{runs[0]}/cancel", expect=200)

    assert (done["outcome"], waits["status"]) == ("passed", "queued")
    assert "waits for a worker that can run the target one" in waits["reason"]
    (worker,) = workers
    assert set(worker["environment"]["targets"]) == {"kasmina", "two"}


async def test_the_doctor_names_what_hinders_and_passes_what_does_not(folder: Path) -> None:
    settings = load_settings(data_dir=folder, targets=folder / "targets.toml")

    async def told(name: str) -> dict[str, tuple[bool, str]]:
        found = await asyncio.to_thread(target_doctor.examine, settings, name)
        return {one.name: (one.ok, one.detail) for one in found}

    clash = (await told("pluggy"))["name"]
    assert clash == (
        False,
        "pluggy is the name of a module that pytest or torch loads; it cannot be tested",
    )
    assert (await told("bare"))["interpreter"][0] is False
    assert "two lies inside its root" in (await told("one"))["neighbour"][1]
    ok, detail = (await told("server"))["collection"]
    assert not ok and "PermissionError" in detail


MANY = {f"pack/{name}.py": "" for name in "abc"} | {"tests/test_a.py": "", "tests/more.py": ""}


@pytest.mark.parametrize(
    ("limit", "most", "told"),
    [
        ("digests.MOST_FILES", 2, "pack and what lies before it hold more than 2 files"),
        ("digests.MOST_FILE_BYTES", 9, "pack/large.bin has more than 0 MiB; keep what is so"),
        ("digests.MOST_BYTES", 9, "pack holds more than 0 MiB; keep what is so large outside"),
    ],
)
def test_a_folder_that_holds_too_much_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, told: str
) -> None:
    write_files(tmp_path, {**MANY, "pack/large.bin": "0123456789"})
    monkeypatch.setattr(f"app.sandbox.{limit}", most)

    with pytest.raises(FolderError, match=told):
        read_target(Target("pack", tmp_path, packages=("pack",), suites=("tests",)))


def test_packages_and_suite_may_hold_so_many_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, MANY)
    monkeypatch.setattr("app.domain.targets.MOST_FILES", 4)

    with pytest.raises(FolderError, match="it holds more than 4 files; name the folders of the"):
        read_target(Target("pack", tmp_path, packages=("pack",), suites=("tests",)))


async def test_a_target_of_very_many_files_is_looked_at_within_bounds(
    service: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be used is not counted to its end, and says so each time."""
    target = service.factory.declared.targets["one"]
    catalogue = service.factory.catalogues.of("one")
    monkeypatch.setattr("app.sandbox.watch.MOST_FILES", 1)
    monkeypatch.setattr("app.sandbox.digests.MOST_FILES", 1)
    write_files(folder / "one" / "common", {f"more{number}.py": "" for number in range(9)})
    try:
        assert len(look_at(target)) == 2
        for _ in range(3):
            found = await service.get("/targets/one")
            assert "hold more than 1 files; name the folders of the code alone" in found["reason"]
    finally:
        for number in range(9):
            (folder / "one" / "common" / f"more{number}.py").unlink()
    monkeypatch.undo()
    await catalogue.require_readable()

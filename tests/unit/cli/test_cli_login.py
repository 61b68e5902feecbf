"""Logging in: what is kept, for whom, and which service a command then talks to."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli import servers
from app.cli.errors import UsageProblem
from app.cli.server import read_server
from tests.support.terminal import Screen

ME = {"name": "ada", "role": "maintainer"}
SECRET = "fnd_ofAda"


@pytest.fixture
def unset(stub: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing in the environment says which service to talk to."""
    for name in ("FINDINGS_URL", "FINDINGS_TOKEN", "FINDINGS_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FINDINGS_DATA_DIR", str(tmp_path))


def log_in(url: str, *words: str) -> Screen:
    screen = Screen([sys.executable, "-m", "app.cli", "login", url, *words], columns=200)
    screen.shows("Token")
    screen.types(f"{SECRET}\r")
    return screen


@pytest.mark.usefixtures("unset")
def test_a_token_is_asked_for_unseen_and_kept_for_its_owner_alone(
    stub: Any, reply: Any, findings: Any
) -> None:
    stub.on("GET", "me", reply(ME))

    screen = log_in(stub.url)

    assert screen.ends() == 0
    assert f"Logged in to local ({stub.url}) as ada, maintainer" in screen.text
    assert SECRET not in screen.text
    assert stub.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    path = servers.file_of(os.environ)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert findings("whoami").out.startswith("name\tada\n")
    assert stub.requests[-1].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.usefixtures("unset")
def test_a_token_that_is_not_taken_is_not_kept(stub: Any, reply: Any) -> None:
    stub.on("GET", "me", reply({"detail": "This token is not known."}, 401))

    screen = log_in(stub.url)

    assert screen.ends() != 0
    assert "This token is not known." in screen.text
    assert servers.read(os.environ).known == {}


@pytest.mark.usefixtures("unset")
def test_another_server_is_used_by_its_name_and_forgotten(
    stub: Any, reply: Any, findings: Any
) -> None:
    stub.on("GET", "me", reply(ME))
    for name in ("one", "two"):
        assert log_in(stub.url, "--name", name).ends() == 0

    assert findings("servers").out == f"one\t{stub.url}\t\ntwo\t{stub.url}\tdefault\n"
    assert findings("whoami", "--server", "one").code == 0
    assert findings("--server", "one", "whoami").code == 0
    unknown = findings("whoami", "--server", "three")
    assert unknown.code == 2
    assert "there is no server 'three'. Known are one, two" in unknown.err

    assert findings("logout").code == 0
    assert servers.read(os.environ).default == "one"
    assert findings("logout", "one").code == 0
    assert "there is no token" in findings("whoami").err


def test_the_environment_outweighs_a_login_but_not_a_name(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    known = servers.Servers().with_one("work", servers.Known("https://work.example", SECRET))
    servers.write(known, environment)
    given = environment | {"FINDINGS_URL": "https://other.example", "FINDINGS_TOKEN": "fnd_x"}

    assert read_server(environment).url == "https://work.example"
    assert read_server(given).url == "https://other.example"
    assert read_server(given, "work").token == SECRET


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    path = servers.write(servers.Servers(), environment)
    path.chmod(0o640)
    with pytest.raises(UsageProblem, match="chmod 600"):
        servers.read(environment)


@pytest.mark.parametrize("content", ["x", "[servers.a]\nurl = 1", "servers = 3", "\udcff"])
def test_a_file_that_is_none_is_explained(tmp_path: Path, content: str) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    path = servers.write(servers.Servers(), environment)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageProblem, match="log in again"):
        servers.read(environment)


def test_names_and_tokens_come_back_as_they_went(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    known = servers.Servers().with_one("a.b-c", servers.Known("https://x.example:1", 'f"\\nd'))
    servers.write(known, environment)
    assert servers.read(environment) == known


@pytest.mark.usefixtures("unset")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://findings.example", "plain http"),
        ("findings.example", "is not the address of a service"),
        ("https://u:p@findings.example", "is not the address of a service"),
    ],
)
def test_an_address_that_is_none_is_refused(findings: Any, url: str, said: str) -> None:
    done = findings("login", url, "--name", "x")
    assert done.code == 2
    assert said in done.err

"""Where a command goes, and which token may go there."""

from pathlib import Path

import pytest

from app.cli.errors import UsageProblem
from app.cli.server import is_loopback, read_server


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "admin-token").write_text("fnd_local\n")
    return tmp_path


def test_nothing_set_means_this_machine_and_its_admin(data_dir: Path) -> None:
    server = read_server({"FINDINGS_DATA_DIR": str(data_dir)})
    assert (server.url, server.token) == ("http://127.0.0.1:8000", "fnd_local")


def test_a_token_of_your_own_outweighs_the_admins(data_dir: Path) -> None:
    server = read_server({"FINDINGS_DATA_DIR": str(data_dir), "FINDINGS_TOKEN": "fnd_mine"})
    assert server.token == "fnd_mine"


def test_the_local_service_is_where_its_own_setting_says(data_dir: Path) -> None:
    server = read_server({"FINDINGS_DATA_DIR": str(data_dir), "FINDINGS_PORT": "9000"})
    assert server.url == "http://127.0.0.1:9000"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://findings.example"])
def test_the_admin_token_stays_where_a_url_is_set(url: str, data_dir: Path) -> None:
    with pytest.raises(UsageProblem, match="no token for the service that FINDINGS_URL names"):
        read_server({"FINDINGS_DATA_DIR": str(data_dir), "FINDINGS_URL": url})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "http://127.8.9.10:80",
        "http://localhost:8000",
        "http://LOCALHOST",
        "http://[::1]:8000",
        "https://findings.example",
        "https://findings.example:8443/",
        "HTTPS://findings.example",
    ],
)
def test_addresses_a_token_may_go_to(url: str) -> None:
    server = read_server({"FINDINGS_URL": url, "FINDINGS_TOKEN": "fnd_x"})
    assert server.url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://findings.example",
        "http://10.0.0.1:8000",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.1",
        "http://0.0.0.0:8000",
        "http://[::ffff:10.0.0.1]",
        "HTTP://findings.example",
    ],
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(UsageProblem, match="plain http"):
        read_server({"FINDINGS_URL": url, "FINDINGS_TOKEN": "fnd_x"})


@pytest.mark.parametrize(
    "url",
    [
        "findings.example",
        "ftp://findings.example",
        "file:///etc/passwd",
        "http://",
        "http://127.0.0.1@evil.example",
        "http://127.0.0.1\\@evil.example",
        "http://user:pw@127.0.0.1:8000",
        "http://127.0.0.1:8000/api",
        "http://127.0.0.1:8000?x=1",
        "http://127.0.0.1:8000#x",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1%2eevil.example",
        "http://[::1",
        "http://exa\nmple",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageProblem, match="not the address of a service"):
        read_server({"FINDINGS_URL": url, "FINDINGS_TOKEN": "fnd_x"})


@pytest.mark.parametrize("token", ["two words", "fnd_é", "fnd_\nx", "x" * 600])
def test_what_is_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(UsageProblem, match="FINDINGS_TOKEN holds no token") as caught:
        read_server({"FINDINGS_TOKEN": token})
    assert token not in str(caught.value)


def test_a_missing_admin_token_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        read_server({"FINDINGS_DATA_DIR": str(tmp_path)})
    assert str(tmp_path / "admin-token") in str(caught.value)
    assert "`findings serve`" in str(caught.value)


def test_an_unreadable_admin_token_is_explained(tmp_path: Path) -> None:
    (tmp_path / "admin-token").mkdir()
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_server({"FINDINGS_DATA_DIR": str(tmp_path)})


def test_a_token_does_not_show_in_what_is_logged() -> None:
    server = read_server({"FINDINGS_TOKEN": "fnd_hidden"})
    assert "fnd_hidden" not in repr(server)


@pytest.mark.parametrize(
    ("host", "local"), [("::1", True), ("127.0.0.1", True), ("localhost.", False), ("", False)]
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local

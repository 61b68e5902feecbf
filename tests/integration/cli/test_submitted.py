"""A test of one's own: skeleton, handing in, and the diff that brings it into the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.cli.commands.submitted import marked
from tests.support.service import Service

SOURCE = '''\
"""Scaling."""

from __future__ import annotations

from kasmina import blend_add


class TestScale:
    def test_it_is_there(self) -> None:
        assert blend_add is not None


def test_alone() -> None:
    assert True
'''


def _findings(service: Service, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env={**service.environment(), "PYTHONPATH": str(Path.cwd())},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_markers_and_the_import_are_added_once() -> None:
    text = marked(SOURCE, "B9-DRL-01")

    assert text.count('@pytest.mark.finding("B9-DRL-01")') == 2
    assert '    @pytest.mark.finding("B9-DRL-01")\n    def test_it_is_there' in text
    assert text.count("import pytest") == 1
    assert marked(text, "B9-DRL-01") == text
    compile(text, "test_x.py", "exec")


def test_from_skeleton_to_the_diff(service: Service, tmp_path: Path) -> None:
    with service.client() as client:
        body = {
            "title": 'scale says """what"""',
            "severity": "P3",
            "batch": 91,
            "agent": "human",
            "summary": "It ignores its factor.",
        }
        key = client.post("/tickets", json=body).json()["key"]

    skeleton = _findings(service, "test", "new", key, cwd=tmp_path)
    again = _findings(service, "test", "new", key, cwd=tmp_path)
    name = skeleton.stdout.strip()
    compile((tmp_path / name).read_text(), name, "exec")
    (tmp_path / "test_scale.py").write_text(SOURCE)
    handed_in = _findings(service, "test", "submit", key, "test_scale.py", cwd=tmp_path)
    diff = _findings(service, "test", "promote", key, cwd=tmp_path)
    with service.client() as client:
        node = client.get(f"/tickets/{key}/tests").json()["items"][0]["node_id"]
    source = _findings(service, "test", "source", key, node, cwd=tmp_path)
    by_name = _findings(service, "test", "source", key, "test_scale.py", cwd=tmp_path)
    unknown = _findings(service, "test", "source", key, "test_other.py", cwd=tmp_path)
    applied = subprocess.run(
        ["git", "apply", "--check", "-"], input=diff.stdout, text=True, cwd=tmp_path, check=False
    )

    assert (skeleton.returncode, again.returncode) == (0, 2)
    assert handed_in.returncode == 0, handed_in.stderr
    assert source.stdout == by_name.stdout == SOURCE
    assert unknown.returncode == 2
    assert node.partition("::")[0] in unknown.stderr
    assert "tests/verification/test_scale.py" in diff.stdout
    assert f'+@pytest.mark.finding("{key}")' in diff.stdout
    assert applied.returncode == 0

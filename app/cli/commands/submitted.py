"""``findings test new|submit|promote``: tests of your own, from a skeleton into the repository."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any

from app.cli.errors import UsageProblem
from app.cli.inputs import read_bytes
from app.cli.session import JsonSession, Key, PlainSession, Session
from app.cli.signature import Argument, Option
from app.cli.views import tickets as view

SUITE = "tests/verification"

_SKELETON = '''"""{title}

A verification test asserts the SOUND behaviour. It therefore
- fails while the defect is there (a check then says: reproduced),
- passes once the defect is gone (a proof then says: proven).
To show that "scale ignores its factor", assert scale(2.0, 3.0) == 6.0, not that it returns 2.0.
"""

from __future__ import annotations

import pytest
import torch

import kasmina


@pytest.mark.finding("{key}")
def test_{name}() -> None:
    """{claim}"""
    raise AssertionError("replace this line: call the code, and assert what should hold")
'''


def new_test(
    session: PlainSession,
    key: Key,
    out: Annotated[
        Path | None,
        Option("--out", metavar="FILE", help="Where to write it, else test_<key>.py here."),
    ] = None,
) -> None:
    """Write the skeleton of a verification test for a ticket, with words on what it asserts."""
    ticket = session.client.get("tickets", key)
    path = out or Path(f"test_{_slug(key)}.py")
    text = _SKELETON.format(
        key=key,
        name=_slug(key),
        title=_in_docstring(f"{key}: {ticket.get('title')}"),
        claim=_in_docstring(str(ticket.get("summary", "")).splitlines()[0]),
    )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageProblem(
            f"{path} exists already", "Name another file with --out, or move it away"
        ) from None
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror}") from None
    session.out.line(str(path))
    session.out.remark(f"Hand it in with: findings test submit {key} {path}")


def submit_test(
    session: JsonSession,
    key: Key,
    file: Annotated[str, Argument(metavar="FILE", help="A pytest file of at most 64 KiB.")],
    purpose: Annotated[str | None, Option(help="demonstrates (default) or guards.")] = None,
) -> None:
    """Hand in a test of your own; it is collected and run in the cage only."""
    try:
        source = read_bytes(file, limit=64 << 10).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageProblem(f"{file} is not UTF-8") from None
    body: dict[str, Any] = {"filename": Path(file).name, "source": source}
    if purpose:
        body["purpose"] = purpose
    link = session.client.post("tickets", key, "tests", body=body)
    if not session.out.printed_json(link):
        view.show_links(session.out, link.get("items") or [link], kind="")


def show_source(
    session: PlainSession,
    key: Key,
    test: Annotated[
        str, Argument(metavar="FILE", help="Name or path of the file, or the id of a test in it.")
    ],
) -> None:
    """Print the source of a submitted test; in a pipe exactly as it was handed in."""
    wanted = test.partition("::")[0]
    links = session.client.get("tickets", key, "tests").get("items", [])
    files = {
        str(link["node_id"]).partition("::")[0]: str(link["id"])
        for link in links
        if link.get("origin") == "submitted"
    }
    found = [path for path in files if path == wanted or path.endswith(f"/{wanted}")]
    if len(found) != 1:
        known = f"There are: {', '.join(sorted(files))}" if files else "It has none"
        raise UsageProblem(f"{key} has no submitted test {wanted}", known)
    content = session.client.call(
        "GET", "tickets", key, "tests", files[found[0]], "source", safe=True
    ).content
    if session.out.terminal:
        session.out.block(content.decode("utf-8", "replace"))
    else:
        session.out.raw(content)


def promote_test(session: PlainSession, key: Key) -> None:
    """Print the diff that brings a ticket's submitted tests and defects into the repository.

    Apply it at the project's root with `git apply`. The tests get the ticket's marker where it is
    missing, and the defect patches go to the suite's folder of defects.
    """
    files = _promoted(session, key)
    if not files:
        raise UsageProblem(
            f"{key} has no submitted test",
            f"Hand one in with `findings test submit {key} FILE`",
        )
    for path, text in files.items():
        session.out.raw(_added(path, text).encode())


def _promoted(session: Session, key: str) -> dict[str, str]:
    links = session.client.get("tickets", key, "tests").get("items", [])
    ids = {str(link["id"]): link for link in links if link.get("origin") == "submitted"}
    files: dict[str, str] = {}
    for link_id, link in ids.items():
        answer = session.client.call("GET", "tickets", key, "tests", link_id, "source", safe=True)
        name = str(link["node_id"]).partition("::")[0].rpartition("/")[2]
        files[f"{SUITE}/{name}"] = marked(answer.content.decode("utf-8"), key)
    if not files:
        return {}
    patches = session.client.get("tickets", key).get("patches", {})
    for name in sorted(patches):
        if name.startswith("defect"):
            text = session.client.call("GET", "tickets", key, "patches", name, safe=True).content
            suffix = name.removeprefix("defect")
            files[f"{SUITE}/defects/{key}{suffix}.patch"] = text.decode("utf-8")
    return files


def marked(source: str, key: str) -> str:
    """Return a test file whose test functions carry the ticket's marker."""
    lines = source.splitlines(keepends=True)
    result: list[str] = []
    for n, line in enumerate(lines):
        match = re.match(r"( *)(?:async )?def test_", line)
        if match and not _has_marker(lines[:n]):
            result.append(f'{match[1]}@pytest.mark.finding("{key}")\n')
        result.append(line)
    text = "".join(result)
    if "import pytest" not in text and "@pytest" in text:
        text = _with_import(text)
    return text if text.endswith("\n") else text + "\n"


def _has_marker(before: list[str]) -> bool:
    for line in reversed(before):
        stripped = line.strip()
        if stripped.startswith("@pytest.mark.finding("):
            return True
        if not stripped.startswith("@"):
            return False
    return False


def _with_import(text: str) -> str:
    match = re.search(r"^(?:import|from (?!__future__)) ?\S", text, re.MULTILINE)
    where = match.start() if match else 0
    return text[:where] + "import pytest\n" + text[where:]


def _added(path: str, text: str) -> str:
    lines = text.splitlines(keepends=True)
    body = "".join(difflib.unified_diff([], lines, "/dev/null", f"b/{path}"))
    return f"diff --git a/{path} b/{path}\nnew file mode 100644\n{body}"


def _slug(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", key.lower()).strip("_")


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")

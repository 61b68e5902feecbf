"""What an edit of a document changes."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from app.formats.markdown import facts, merge, parse


def edit(text: str, **changes: Any) -> list[str]:
    """The diff that some changed facts make; merging again must change nothing."""
    before = text.encode()
    stated = facts(parse(before))
    assert merge(before, stated) == before
    wanted = replace(stated, **changes)
    after = merge(before, wanted)
    assert merge(after, wanted) == after
    read = facts(parse(after))
    for name, value in changes.items():
        assert getattr(read, name) == value
    lines = difflib.unified_diff(text.split("\n"), after.decode().split("\n"), n=0, lineterm="")
    return [line for line in list(lines)[2:] if not line.startswith("@")]

"""Which part of an answer is printed as JSON: some fields, or what a jq filter makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from app.cli.errors import UsageProblem
from app.cli.text import json_text, visible, visible_block

EVERYTHING = "*"
"""What ``--json`` stands for without names behind it."""

JQ = "findings.jq"
"""Where the context of a command keeps what was given for ``--jq``."""


class Selection(NamedTuple):
    """What ``--json`` and ``--jq`` ask for."""

    fields: str | None = None
    """Names with commas between; ``*`` for the answer as it is; None for no JSON at all."""
    jq: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether JSON is to be printed."""
        return self.fields is not None or self.jq is not None

    def of(self, value: Any, *, pretty: bool) -> Iterator[str]:
        """Yield what is to be printed of an answer.

        Args:
            value: the answer; of a list, fields are those of its items.
            pretty: indent it for people.

        Raises:
            UsageProblem: a field is not there, or the filter does not fit the answer.
        """
        if self.fields not in (None, EVERYTHING):
            names = [name.strip() for name in str(self.fields).split(",") if name.strip()]
            own = set(value) if isinstance(value, dict) else set()
            items = value.get("items") if isinstance(value, dict) else value
            if isinstance(items, list) and not own.intersection(names):
                value = [_picked(item, names) for item in items]
            else:
                value = _picked(value, names)
        if self.jq is None:
            yield json_text(value, pretty=pretty)
            return
        for result in _filtered(self.jq, value):
            # As jq -r does: a text is printed as it is, to be used by the next program.
            yield (
                visible_block(result)
                if isinstance(result, str)
                else json_text(result, pretty=pretty)
            )


def _picked(item: Any, names: list[str]) -> dict[str, Any]:
    known = item if isinstance(item, dict) else {}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageProblem(
            f"there is no field {visible(unknown[0])!r}", f"There are {visible(', '.join(known))}"
        )
    return {name: known[name] for name in names}


def _filtered(expression: str, value: Any) -> Iterator[Any]:
    import jq  # only who filters waits for it

    try:
        program = jq.compile(expression)
    except ValueError as error:
        raise UsageProblem(f"--jq cannot be read: {_detail(error)}") from None
    try:
        yield from program.input_value(value)
    except ValueError as error:
        raise UsageProblem(f"--jq does not fit the answer: {_detail(error)}") from None


def _detail(error: ValueError) -> str:
    first = (str(error).strip().splitlines() or ["?"])[0]
    return visible(re.sub(r"^(jq: )?(error: )?", "", first)).rstrip(" :")

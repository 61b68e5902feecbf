"""Long texts are written in the editor that ``VISUAL`` or ``EDITOR`` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import click

from app.cli.errors import Stopped, UsageProblem
from app.cli.signature import Option

Editor = Annotated[
    bool, Option("--editor", "-e", help="Write the long texts in $VISUAL or $EDITOR.")
]

_SCISSORS = "------ 8< ------ What stands below is not taken. ------ 8< ------"
_HEADING = "## "


def written(about: str, text: str = "") -> str:
    """Return what a person makes of `text` in an editor; `about` tells what it is for.

    Raises:
        Stopped: it was left without a word in it, or without being saved.
        UsageProblem: there is no editor.
    """
    try:
        found = click.edit(f"{text}\n\n{_SCISSORS}\n{about}\n", extension=".md")
    except click.ClickException as error:
        raise UsageProblem(
            f"the editor cannot be used: {error.format_message()}", "Set EDITOR to one that can"
        ) from None
    body = "" if found is None else found.partition(_SCISSORS)[0].strip()
    if not body:
        raise Stopped("nothing was written, so nothing was done")
    return body


def rewritten(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return summary and sections of a ticket as a person leaves them in an editor.

    A section that keeps its heading keeps its id.

    Raises:
        Stopped, UsageProblem: as `written` and `as_document` do.
    """
    sections = draft.get("sections") or []
    text = written(
        "Above stands the summary, in a sentence or two; then sections, each under a line\n"
        "`## HEADING`. A section that is taken away here is removed.",
        as_document(str(draft.get("summary") or ""), sections),
    )
    summary, new = from_document(text)
    ids = {part["heading"]: part["id"] for part in sections if "id" in part}
    return {
        "summary": summary,
        "sections": [
            {"id": ids[part["heading"]], **part} if part["heading"] in ids else part for part in new
        ],
    }


def as_document(summary: str, sections: Sequence[Mapping[str, Any]]) -> str:
    """Return the texts of a ticket as one: the summary, then each section under its heading.

    Raises:
        UsageProblem: a section holds lines that would be taken for headings of others.
    """
    parts = [summary.strip()]
    parts += [f"{_HEADING}{part['heading']}\n\n{part['body'].strip()}" for part in sections]
    document = "\n\n".join(parts)
    again = [part["heading"] for part in from_document(document)[1]]
    if again != [part["heading"] for part in sections]:
        raise UsageProblem(
            "a section holds headings of its own, which an editor cannot tell from sections",
            "Change it with a FILE, or on its page with --web",
        )
    return document


def from_document(text: str) -> tuple[str, list[dict[str, str]]]:
    """Return the summary and the sections that a document holds."""
    summary: list[str] = []
    sections: list[dict[str, Any]] = []
    for line in text.splitlines():
        if line.startswith(_HEADING):
            sections.append({"heading": line.removeprefix(_HEADING).strip(), "lines": []})
        else:
            (sections[-1]["lines"] if sections else summary).append(line)
    return "\n".join(summary).strip(), [
        {"heading": part["heading"], "body": "\n".join(part["lines"]).strip()} for part in sections
    ]

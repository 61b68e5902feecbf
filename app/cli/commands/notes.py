"""``findings note``: remarks on a ticket that are no review."""

from __future__ import annotations

from typing import Annotated, Any

from app.cli.editor import written
from app.cli.errors import UsageProblem
from app.cli.ids import is_beginning, whole_id
from app.cli.inputs import is_interactive, read_text
from app.cli.moments import moment
from app.cli.session import Everything, JsonSession, Key, Limit
from app.cli.signature import Argument
from app.cli.tables import Id, Table


def add_note(
    session: JsonSession,
    key: Key,
    text: Annotated[
        str | None,
        Argument(metavar="[TEXT]", help="Markdown; - for standard input; else $EDITOR opens."),
    ] = None,
) -> None:
    """Add a note to a ticket."""
    if text is None and not is_interactive():
        raise UsageProblem("there is no text", "Give it, or - for standard input")
    body = written(f"Above: a note on {key}, in Markdown.") if text is None else text
    body = read_text("-") if text == "-" else body
    note = session.client.post("tickets", key, "notes", body={"body": body})
    if not session.out.printed_json(note):
        session.out.remark(f"Noted on {key}.")


def list_notes(
    session: JsonSession, key: Key, limit: Limit = 50, everything: Everything = False
) -> None:
    """List the notes of a ticket, oldest first."""
    session.list(
        "tickets",
        key,
        "notes",
        params={},
        limit=None if everything else limit,
        table=Table(("note", "at", "by", "text"), (), empty="No note yet.", prose="text"),
        row=_row,
    )


def delete_note(
    session: JsonSession,
    key: Key,
    note_id: Annotated[str, Argument(metavar="NOTE_ID", help="Its id; the beginning is enough.")],
) -> None:
    """Delete a note of yours; a maintainer may delete any. The history keeps its first
    20,000 characters.
    """
    if is_beginning(note_id):
        pages = session.client.pages("tickets", key, "notes", params={}, limit=None)
        ids = [str(note["id"]) for found in pages for note in found["items"]]
        note_id = whole_id(ids, note_id, "note", f"findings note list {key}")
    session.client.call("DELETE", "tickets", key, "notes", note_id)
    session.out.remark(
        f"The note is deleted. `findings undo {key}` puts it back within 15 seconds."
    )


def undo(session: JsonSession, key: Key) -> None:
    """Put back what you removed last from a ticket: a patch, a linked test or a note."""
    restored = session.client.post("tickets", key, "undo")
    if not session.out.printed_json(restored):
        session.out.remark(f"The {restored['restored']} is back on {key}.")


def _row(note: dict[str, Any]) -> tuple[object, ...]:
    return (
        Id(note.get("id") or ""),
        moment(note.get("created_at")),
        note.get("author"),
        note.get("body"),
    )

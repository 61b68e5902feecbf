"""The fields of a document are declared once; what is written out beside them follows."""

from __future__ import annotations

from dataclasses import fields

import pytest

from app.api.payloads.tickets import SummaryOut, TicketIn, TicketOut, TicketPatch
from app.domain.document import DOCUMENT, LISTED, OWN_ROW, PARTS, SKELETON
from app.domain.tickets import Severity, Ticket, TicketDraft, TicketSummary
from app.schema.tickets import tickets

FILED = {name for name, field in DOCUMENT.items() if field.is_filed}


def marked(mark: str) -> set[str]:
    return {name for name, field in DOCUMENT.items() if getattr(field, mark)}


def test_marks_are_those_of_the_contract() -> None:
    assert marked("is_required") == {"title", "severity", "batch", "agent", "summary"}
    assert marked("is_content") == {"title", "severity", "summary", "domains"}
    assert DOCUMENT.keys() - FILED == {"commits", "resolution_text"}
    assert marked("is_searched") == {
        "title", "summary", "locations", "sections", "checklist", "commits", "resolution_text",
    }  # fmt: skip


def test_inputs_take_every_field() -> None:
    assert set(TicketIn.model_fields) == FILED | {"key"}
    assert set(TicketPatch.model_fields) == set(DOCUMENT)


def test_what_is_written_out_has_every_field() -> None:
    assert {field.name for field in fields(TicketDraft)} == FILED | {"key", "severity_raw"}
    assert {field.name for field in fields(Ticket)} >= DOCUMENT.keys()
    assert TicketOut.model_fields.keys() >= DOCUMENT.keys()
    assert set(tickets.c.keys()) >= set(OWN_ROW)
    assert {field.name for field in fields(TicketSummary)} & DOCUMENT.keys() == set(LISTED)
    assert SummaryOut.model_fields.keys() & DOCUMENT.keys() == set(LISTED)
    assert set(OWN_ROW) | set(PARTS) | {"relations"} == set(DOCUMENT)


def test_the_skeleton_is_a_ticket() -> None:
    draft = TicketIn.model_validate(SKELETON).draft()

    assert draft.severity is Severity.P2
    assert (draft.locations[0].end_line, draft.checklist[0].done) == (94, False)
    assert draft.assignee is None and draft.relations == ()


@pytest.mark.parametrize("name", sorted(FILED - {"title", "severity", "batch", "agent", "summary"}))
def test_null_clears_a_field_or_empties_a_list(name: str) -> None:
    changed = TicketPatch.model_validate({name: None}).changes()

    assert changed == {name: () if DOCUMENT[name].is_list else None}

"""A ticket born here is written in the template's layout, and reading it gives an equal ticket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.tickets import ChecklistItem, Location, Section
from app.formats.markdown import (
    FormatError,
    TicketFacts,
    canonical,
    facts,
    parse,
    write,
)
from tests.unit.formats.markdown_samples import FULL

EXPECTED = """\
# Finding Ticket: Pump runs dry

---

## Ticket Metadata

| Field | Value |
|-------|-------|
| **Ticket ID** | `B7-PT-03` |
| **Severity** | `P2` |
| **Status** | `open` |
| **Batch** | 7 |
| **Agent** | `pytorch` |
| **Domain** | `garden`, `garden/pump` |
| **Assignee** | |
| **Created** | 2025-03-01 |
| **Updated** | 2025-03-02 |

---

## Location

| Field | Value |
|-------|-------|
| **File(s)** | `pump.py` |
| **Line(s)** | `10-12` |
| **Function/Class** | `start()` |

**Additional locations (if multi-file):**
- `b.py:3` - too

---

## Summary

**One-line summary:** It runs dry.

**Category:**
- [x] Correctness bug
- [ ] Race condition / concurrency
- [ ] Memory leak / resource issue
- [ ] Performance bottleneck
- [ ] Numerical stability
- [ ] torch.compile compatibility
- [ ] Dead code / unwired functionality
- [ ] API design / contract violation
- [x] Test coverage gap
- [ ] Documentation / naming
- [ ] Defensive programming violation
- [ ] Legacy code policy violation

---

## Detailed Description

### What's Wrong

Dry.

---

## Verification

### How to Verify the Fix

- [ ] Start it
- [x] Stop it

---

## Related Findings

| Ticket ID | Relationship | Notes |
|-----------|--------------|-------|
| `B7-PT-01` | `duplicate` | the same |

---

## Cross-Review (DRL Specialist)

| Field | Value |
|-------|-------|
| **Verdict** | `ENDORSE` |
| **Reviewer** | DRL Specialist |
| **Date** | 2025-03-03 |

**Evaluation:** Yes.

Really.

---

## Investigation Notes

None yet.

---

## Resolution

### Final Fix Description

Off.

### Commits

- `abc1234`

---

## Appendix

### Original Report Reference

**Report file:** `reports/pump.md`
**Section:** Water
"""


def test_the_layout_is_the_templates() -> None:
    assert write(FULL).decode() == EXPECTED
    assert facts(parse(EXPECTED.encode())) == FULL
    assert parse(EXPECTED.encode(), source_path="open/B7-PT-03.md").warnings == ()


def test_the_least_ticket() -> None:
    least = TicketFacts(key="A-1", title="T")
    assert facts(parse(write(least))) == least


def test_a_fact_that_no_document_can_state_is_refused() -> None:
    with pytest.raises(FormatError, match="commits"):
        write(replace(FULL, commits=("pull request 7",)))
    assert b"pull request 7" in write(replace(FULL, commits=("pull request 7",)), lenient=True)


def test_canonical_says_what_the_format_cannot_tell_apart() -> None:
    loose = replace(
        FULL,
        title=" Pump\r\n runs dry ",
        summary="It\nruns dry.\n",
        categories=("test-gap", "correctness", "test-gap"),
        sections=(Section("A", "\n\na\r\nb\n\n"), Section(" ", "")),
        checklist=(ChecklistItem("  "), ChecklistItem("a\nb")),
        commits=("abc1234567", "abc1234"),
        locations=(Location(), Location(" a ", None, 5)),
    )
    tight = canonical(loose)
    assert (tight.title, tight.summary) == ("Pump runs dry", "It runs dry.")
    assert tight.categories == ("correctness", "test-gap")
    assert tight.sections == (Section("A", "a\nb"),)
    assert tight.checklist == (ChecklistItem("a b"),)
    assert tight.commits == ("abc1234567",)
    assert tight.locations == (Location("a"),)
    assert canonical(tight) == tight
    assert facts(parse(write(loose))) == tight

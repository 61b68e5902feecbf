"""Synthetic tickets for the format's tests: every layout, in words of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from app.domain.tickets import ChecklistItem, Location, ReportReference, Section
from app.formats.markdown import RelationText, ReviewText, TicketFacts

FULL = TicketFacts(
    key="B7-PT-03",
    title="Pump runs dry",
    severity="P2",
    batch=7,
    agent="pytorch",
    domains=("garden", "garden/pump"),
    created=date(2025, 3, 1),
    updated=date(2025, 3, 2),
    locations=(Location("pump.py", 10, 12, "start()"), Location("b.py", 3, None, None, "too")),
    summary="It runs dry.",
    categories=("correctness", "test-gap"),
    sections=(
        Section("Detailed Description", "### What's Wrong\n\nDry."),
        Section("Investigation Notes", "None yet."),
    ),
    checklist=(ChecklistItem("Start it"), ChecklistItem("Stop it", done=True)),
    relations=(RelationText("B7-PT-01", "duplicate-of", "the same"),),
    reviews=(ReviewText("drl", "ENDORSE", "Yes.\n\nReally.", date(2025, 3, 3)),),
    resolution_text="### Final Fix Description\n\nOff.",
    commits=("abc1234",),
    reports=(ReportReference("reports/pump.md", "Water"),),
)
"""What the tracker holds of a ticket that has each part."""

CATEGORY_LABELS = (
    "Correctness bug",
    "Race condition / concurrency",
    "Memory leak / resource issue",
    "Performance bottleneck",
    "Numerical stability",
    "torch.compile compatibility",
    "Dead code / unwired functionality",
    "API design / contract violation",
    "Test coverage gap",
    "Documentation / naming",
    "Defensive programming violation",
    "Legacy code policy violation",
)

METADATA = """\
## Ticket Metadata

| Field | Value |
|-------|-------|
| **Ticket ID** | `B7-PT-03` |
| **Severity** | `P2` |
| **Status** | `open` |
| **Batch** | 7 |
| **Agent** | `pytorch` |
| **Domain** | `garden` |
| **Assignee** | |
| **Created** | 2025-03-01 |
| **Updated** | 2025-03-02 |"""

LOCATION = """\
## Location

| Field | Value |
|-------|-------|
| **File(s)** | `/srv/garden/pump.py` |
| **Line(s)** | `10-12` |
| **Function/Class** | `Pump.start()` |"""

DESCRIPTION = """\
## Detailed Description

### What's Wrong

The pump starts twice.

```python
# garden/pump.py:10-12
## not a heading
start()
```"""

VERIFICATION = """\
## Verification

### How to Verify the Fix

- [ ] Start the pump once
- [x] Count the starts"""

APPENDIX = """\
## Appendix

### Original Report Reference

**Report file:** `reports/pump.md`
**Section:** "Water" - part 2"""

NAMES = {
    "drl": "DRL Specialist",
    "pytorch": "PyTorch Specialist",
    "codereview": "Code Review Specialist",
}


def summary(checked: Sequence[str] = ("Correctness bug",), labels: Sequence[str] = ()) -> str:
    """A summary section with a check-list of categories."""
    rows = [f"- [{'x' if c in checked else ' '}] {c}" for c in labels or CATEGORY_LABELS]
    text = "**One-line summary:** The pump runs `a|b` dry."
    return "\n".join(["## Summary", "", text, "", "**Category:**", *rows])


def ticket(*sections: str, title: str = "# Finding Ticket: Pump runs dry") -> str:
    """A document of sections separated by rules."""
    return "\n\n---\n\n".join([title, *sections]) + "\n"


def finding(*more: str, metadata: str = METADATA, location: str = LOCATION) -> str:
    """A finding ticket with a few sections more."""
    return ticket(metadata, location, summary(), DESCRIPTION, *more)


def with_row(table: str, key: str, value: str) -> str:
    """A table with the value of one row replaced."""
    lines = table.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| **{key}**"))
    lines[at] = f"| **{key}** | {value} |" if value else f"| **{key}** | |"
    return "\n".join(lines)


def fields(
    verdict: str, name: str, text: str, date: str = "", *, reviewer_first: bool = False
) -> str:
    """Body 1 and 1b."""
    rows = [f"| **Verdict** | {verdict} |", f"| **Reviewer** | {name} |"]
    if reviewer_first:
        rows.reverse()
    if date:
        rows.append(f"| **Date** | {date} |")
    return "\n".join(["| Field | Value |", "|-------|-------|", *rows, "", text])


TEXTS = {
    "drl": "Agents see `x|y` wrongly.",
    "pytorch": "No kernel is hurt.",
    "codereview": "The naming misleads.",
}
VERDICTS = {"drl": "ENDORSE", "pytorch": "NEUTRAL", "codereview": "OBJECT"}


def _own(form: str, body: str) -> str:
    """Three sections, one for each reviewer."""
    sections = []
    for role, name in NAMES.items():
        text = body.format(v=VERDICTS[role], name=name, text=TEXTS[role], role=role)
        sections.append(f"## {form.format(name=name)}\n\n{text}")
    return "\n\n---\n\n".join(sections)


def _shared(header: str, row: str, below: str = "", names: dict[str, str] | None = None) -> str:
    """One table with a row for each reviewer, and paragraphs below."""
    width = header.count("|") - 1
    lines = ["## Cross-Review", "", header, "|" + "---|" * width]
    names = names or NAMES
    for role, name in names.items():
        lines.append(row.format(v=VERDICTS[role], name=name, text=TEXTS[role]))
    for role, name in names.items() if below else ():
        short = name.replace(" Specialist", "")
        lines += ["", below.format(name=short, text=TEXTS[role])]
    return "\n".join(lines)


A, B = "Cross-Review ({name})", "Cross-Review: {name}"
_F = "| Field | Value |\n|-------|-------|\n"
_1 = _F + "| **Verdict** | `{v}` |\n| **Reviewer** | {name} |\n\n**Evaluation:** {text}"
_1_DATED = _1.replace("{name} |\n", "{name} |\n| **Date** | 2025-03-04 |\n")
_1B = _F + (
    "| **Reviewer** | `{role}` |\n| **Date** | 2025-03-04 |\n| **Verdict** | **{v}** |\n\n"
    "### Evaluation\n\n{text}"
)
_2 = "| Verdict | **{v}** |\n|---------|---------|\n\n"
_2B = "| Verdict | {v} |\n|---|---|\n| **Evaluation** | {text} |"
_3 = "| Verdict | Evaluation |\n|---|---|\n| **{v}** | {text} |"
_4 = "| Verdict | Reviewer | Date |\n|---|---|---|\n| **{v}** | {name} | 2025-03-04 |\n\n{text}"
_6 = (
    "| Reviewer | Verdict | Date |\n|---|---|---|\n| {name} | `{v}` | 2025-03-04 |\n\n"
    "**Evaluation:** {text}"
)
_SHORT = {"drl": "DRL", "pytorch": "PyTorch", "codereview": "CodeReview"}
_CODED = {"drl": "`drl-specialist`", "pytorch": "`pytorch`", "codereview": "`code-review`"}

LAYOUTS: dict[str, str] = {
    "1 A": _own(A, _1),
    "1 A dated": _own(A, _1_DATED),
    "1 B": _own(B, _1),
    "1b B": _own(B, _1B),
    "2 A": _own(A, _2 + "**Evaluation:** {text}"),
    "2 B labelled": _own(B, _2 + "**Evaluation:** {text}"),
    "2 B plain": _own(B, _2.replace("**", "") + "{text}"),
    "2b A": _own(A, _2B + "\n| **Priority Adjustment** | P3 |"),
    "2b B": _own(B, _2B),
    "3 B": _own(B, _3),
    "4 A": _own(A, _4),
    "5 A": _own(A, "**Verdict:** {v}\n\n{text}"),
    "6 A": _own(A, _6),
    "7 C": _shared("| Agent | Verdict | Evaluation |", "| **{name}** | {v} | {text} |", "", _SHORT),
    "8 C plain": _shared("| Reviewer | Verdict | Evaluation |", "| {name} | **{v}** | {text} |"),
    "8 C bold": _shared("| Reviewer | Verdict | Evaluation |", "| **{name}** | `{v}` | {text} |"),
    "8 C code": _shared(
        "| Reviewer | Verdict | Evaluation |", "| {name} | **{v}** | {text} |", "", _CODED
    ),
    "9 C": _shared(
        "| Reviewer | Verdict | Date |",
        "| {name} | **{v}** | 2025-03-04 |",
        "**{name} Evaluation:** {text}",
    ),
    "10 C": _shared(
        "| Verdict | Reviewer | Domain |",
        "| **{v}** | {name} | water |",
        "**{name} Evaluation:** {text}",
    ),
    "11 C": "## Cross-Review\n\n"
    + "\n\n".join(
        f"### {name}\n\n" + _2B.format(v=VERDICTS[role], text=TEXTS[role])
        for role, name in NAMES.items()
    ),
    "1 C with A": "## Cross-Review\n\n"
    + fields("`ENDORSE`", "DRL Specialist", f"**Evaluation:** {TEXTS['drl']}")
    + "\n\n---\n\n"
    + "\n\n---\n\n".join(
        f"## Cross-Review ({NAMES[role]})\n\n"
        + _1.format(v=VERDICTS[role], name=NAMES[role], text=TEXTS[role])
        for role in ("pytorch", "codereview")
    ),
}
"""All three reviewers with the verdicts and texts above, by body and heading family."""

ORPHAN_ROW = """\
## Cross-Review

| Reviewer | Verdict | Date |
|----------|---------|------|
| Code Review Specialist | **OBJECT** | 2025-03-04 |
| PyTorch Specialist | **NEUTRAL** | 2025-03-04 |

**Code Review Evaluation:** The naming misleads.

**PyTorch Evaluation:** No kernel is hurt.

| DRL Specialist | **ENDORSE** | 2025-03-04 |

**DRL Evaluation:** Agents see `x|y` wrongly."""
"""Body 9b."""

"""The fields of a ticket's document, declared once.

Inputs and merge patches of the API, what an edit changes, what a row holds, what a review speaks
about, the forms and the options of ``findings ticket file`` are read from `DOCUMENT`. `Ticket`,
`TicketDraft` and `TicketOut` stay written out, so that they can be typed and searched for; a test
holds them against this. The command loads this module, so it needs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """A field of the document."""

    kind: str
    """Of its value: ``line``, ``day``, ``number``, … or of a list's items: ``locations``, …"""
    label: str
    """On a page."""
    meaning: str
    """What belongs there, in a sentence."""
    most: int = 0
    """Of a list: so many items."""
    is_required: bool = False
    is_filed: bool = True
    """A client may give it when it files; the others come with the work on a ticket."""
    is_content: bool = False
    """Reviews speak about it: a change makes them outdated."""
    is_searched: bool = False
    """Full text finds the ticket by it."""
    is_listed: bool = False
    """Lists show it."""
    is_in_form: bool = True
    """The forms of the pages have it."""
    option: str = ""
    """Of the command, where it is not the field's name."""
    metavar: str | None = None
    """Of the option."""
    example: Any = None
    """As JSON, of what is filled in to begin with; None: it is left out there."""

    @property
    def is_list(self) -> bool:
        """It has several values."""
        return self.most > 0


DOCUMENT: Mapping[str, Field] = {
    "title": Field(
        "title",
        "Title",
        "What is wrong, in one line.",
        is_required=True,
        is_content=True,
        is_searched=True,
        is_listed=True,
        example="One line: what is wrong, and where",
    ),
    "severity": Field(
        "severity",
        "Severity",
        "P0 (worst) to P4.",
        is_required=True,
        is_content=True,
        is_listed=True,
        example="P2",
    ),
    "batch": Field(
        "number", "Batch", "Number of the audit batch.", is_required=True, is_listed=True, example=1
    ),
    "agent": Field(
        "slug",
        "Found by",
        "Who found it, like drl. A key is minted only for a specialist's name.",
        is_required=True,
        is_listed=True,
        example="codereview",
    ),
    "summary": Field(
        "summary",
        "Summary",
        "The finding in a sentence or two.",
        is_required=True,
        is_content=True,
        is_searched=True,
        is_listed=True,
        example="One sentence: what happens, and what should happen instead.",
    ),
    "domains": Field(
        "domains",
        "Domains",
        "Part of the code base.",
        most=20,
        is_content=True,
        option="domain",
        metavar="WORD",
        is_listed=True,
        example=["kasmina"],
    ),
    "categories": Field(
        "categories",
        "Categories",
        "Like correctness or api-contract.",
        most=12,
        option="category",
        metavar="WORD",
        is_listed=True,
        example=["correctness"],
    ),
    "locations": Field(
        "locations",
        "Where",
        "Where it is.",
        most=200,
        is_searched=True,
        option="location",
        metavar="PATH[:LINE[-LINE]][#SYMBOL]",
        example=[
            {
                "path": "kasmina/blend_ops.py",
                "start_line": 59,
                "end_line": 94,
                "symbol": "blend_add()",
            }
        ],
    ),
    "sections": Field(
        "sections",
        "Sections",
        "A section in Markdown.",
        most=100,
        is_searched=True,
        option="section",
        metavar="HEADING=TEXT|HEADING=@FILE",
        example=[
            {
                "heading": "Detailed Description",
                "body": "What the code does, why that is wrong, and how to see it.",
            },
            {"heading": "Impact", "body": "Who meets it, and what it costs them."},
            {"heading": "Recommended Fix", "body": "What to change, and what to leave alone."},
        ],
    ),
    "checklist": Field(
        "checklist",
        "What has to be shown",
        "A step that shows the fix right.",
        most=200,
        is_searched=True,
        metavar="WORD",
        example=[{"text": "A test fails without the fix and passes with it", "done": False}],
    ),
    "relations": Field(
        "relations",
        "Relations",
        "Another ticket.",
        most=200,
        is_in_form=False,
        option="relation",
        metavar="[KIND:]KEY",
    ),
    "reports": Field(
        "reports",
        "Reports",
        "Where it was found.",
        most=50,
        is_in_form=False,
        option="report",
        metavar="FILE[#SECTION]",
    ),
    "assignee": Field("line", "Assignee", "Who takes care of it.", is_listed=True),
    "reported_on": Field("day", "Reported on", "When it was found.", metavar="YYYY-MM-DD"),
    "external_ref": Field(
        "reference",
        "Your own id",
        "Your own id of it, unique among your tickets.",
        is_in_form=False,
    ),
    "commits": Field(
        "commits",
        "Commits",
        "Those that hold its fix.",
        most=100,
        is_filed=False,
        is_searched=True,
        option="commit",
        metavar="HASH",
    ),
    "resolution_text": Field(
        "markdown",
        "Resolution",
        "How it was settled, in Markdown.",
        is_filed=False,
        is_searched=True,
    ),
}
"""By name, in the order in which they are shown."""

PARTS = ("sections", "locations", "checklist")
"""Lists whose items keep their ids, in tables of their own."""
OWN_ROW = tuple(name for name in DOCUMENT if name not in (*PARTS, "relations"))
"""What stands in the ticket's own row."""
PLAIN = tuple(name for name in OWN_ROW if not DOCUMENT[name].is_list and name != "severity")
"""Of these what a row holds as the ticket does."""
LINES = tuple(name for name in DOCUMENT if DOCUMENT[name].kind == "line")
"""What a document states in a row of its metadata, under the field's label."""
LISTED = tuple(name for name, field in DOCUMENT.items() if field.is_listed)
SKELETON: Mapping[str, Any] = {
    name: field.example for name, field in DOCUMENT.items() if field.example is not None
}
"""A ticket that is accepted as it stands, with words that say what belongs there."""

SEVERITIES: Mapping[str, str] = {
    "P0": "Data loss, a wrong result in ordinary use, or a security hole: stop and mend",
    "P1": "Wrong in a case that users will meet",
    "P2": "Wrong in a case that is rare, or costly in ordinary use",
    "P3": "A trap for the next change: misleading contract, missing check",
    "P4": "Style, naming, documentation",
}
"""When to choose which, in words that every face shows."""

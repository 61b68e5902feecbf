"""Tickets as SARIF 2.1.0, written one at a time; rules stand behind the results that use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from app.domain.gates import gate_of
from app.domain.tickets import Category, Location, Resolution, Severity, Status, Ticket
from app.formats.interface import Circumstances, Items, ReportedBy, ReportedTicket

MOST_IN_RUN = 25_000
"""GitHub takes so many results of a run, and twenty runs of a file."""

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.P3: "warning", Severity.P4: "note"}
_RANKS = {severity: 100.0 - 20.0 * n for n, severity in enumerate(Severity)}
_ANY = "finding"
_HELP = {
    Category.CORRECTNESS: "The code gives a wrong result.",
    Category.CONCURRENCY: "The code is wrong when several threads or processes run it.",
    Category.RESOURCE_LEAK: "Something that is taken is not given back.",
    Category.PERFORMANCE: "The code takes more time or memory than it needs.",
    Category.NUMERICAL_STABILITY: "Rounding, overflow or NaN spoil a result.",
    Category.TORCH_COMPILE: "Compiled code differs from eager code, or is compiled too often.",
    Category.DEAD_CODE: "The code is never used, or never has an effect.",
    Category.API_CONTRACT: "What a caller is promised is not what it gets.",
    Category.TEST_GAP: "No test would see the defect.",
    Category.DOCUMENTATION: "What is written about the code is missing or wrong.",
    Category.DEFENSIVE_PROGRAMMING: "Bad input or misuse is not met.",
    Category.LEGACY_POLICY: "The code keeps what the project's rules say should go.",
}
_SETTLED = (Resolution.FIXED, Resolution.ALREADY_FIXED)


class SarifWriter:
    """A SARIF file of many tickets.

    Args:
        said: where and by which version of the service, and whether what is settled is left out.
    """

    items = Items.REPORTED

    def __init__(self, said: Circumstances) -> None:
        self._url, self._version, self._omits = said.url, said.version, said.omit
        self._installation = said.installation
        self._rules: dict[str, dict[str, Any]] = {}
        self._places: dict[str, int] = {}
        self._count = 0

    def opening(self) -> bytes:
        """What stands before the first result."""
        head = {"$schema": _SCHEMA, "version": "2.1.0"}
        return orjson.dumps(head)[:-1] + b',"runs":[' + self._run_opening()

    def item(self, value: ReportedTicket) -> bytes:
        """One ticket; a new run begins where the last one is full."""
        ticket, reported = value.ticket, value.by
        said = reported.said if reported else {}
        if self._omits and (ticket.status.is_final or suppressions(ticket, said)):
            return b""
        before = b""
        if self._count == MOST_IN_RUN:
            before = self._run_closing() + b"," + self._run_opening()
        elif self._count:
            before = b","
        self._count += 1
        return before + orjson.dumps(self._result(ticket, reported))

    def closing(self) -> bytes:
        """What stands behind the last result."""
        return self._run_closing() + b"]}"

    def _run_opening(self) -> bytes:
        self._rules, self._places, self._count = {}, {}, 0
        return b'{"columnKind":"utf16CodeUnits","results":['

    def _run_closing(self) -> bytes:
        driver = {
            "name": "Findings",
            "version": self._version,
            "informationUri": self._url,
            "rules": list(self._rules.values()),
        }
        return b'],"tool":' + orjson.dumps({"driver": driver}) + b"}"

    def _result(self, ticket: Ticket, reported: ReportedBy | None) -> dict[str, Any]:
        said = reported.said if reported else {}
        settled = ticket.resolution in _SETTLED
        rule = self._rule(ticket, reported)
        found: dict[str, Any] = {
            "ruleId": rule,
            "ruleIndex": self._places[rule],
            "kind": "pass" if settled else "fail",
            "level": "none" if settled else _LEVELS.get(ticket.severity, "error"),
            "baselineState": "absent" if settled else "unchanged",
            "rank": _RANKS[ticket.severity],
            "message": {"text": ticket.summary or ticket.title},
            "locations": [_location(place, said) for place in ticket.locations[:1]],
            "relatedLocations": [
                {"id": n, **_location(place, {})}
                for n, place in enumerate(ticket.locations[1:1000], 1)
            ],
            "partialFingerprints": {
                **said.get("partialFingerprints", {}),
                "findingsKey/v2": f"{self._installation}/{ticket.key}",
            },
            "workItemUris": [f"{self._url}/tickets/{quote(ticket.key)}"],
            "properties": {
                "findings/installation": self._installation,
                **_properties(ticket, reported),
            },
        }
        for name in ("fingerprints", "guid", "correlationGuid", "hostedViewerUri"):
            if said.get(name):
                found[name] = said[name]
        if silenced := suppressions(ticket, said):
            found["suppressions"] = silenced
        return {name: value for name, value in found.items() if value != []}

    def _rule(self, ticket: Ticket, reported: ReportedBy | None) -> str:
        """Return the id of a ticket's rule, which the run lists from then on."""
        category = next(iter(ticket.categories), None)
        name = reported.rule if reported else (category.value if category else _ANY)
        if name not in self._rules:
            help_text = _HELP[category] if category else "A finding of an audit."
            self._places[name] = len(self._rules)
            self._rules[name] = {
                "id": name,
                "shortDescription": {"text": help_text},
                "help": {"text": help_text},
                "properties": {"tags": [one.value for one in ticket.categories]},
            }
        return name


def suppressions(ticket: Ticket, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what silences a ticket: its resolution here, or else what its scanner said.

    The latter came in as a review, and is hidden where reviews are.
    """
    closed = ticket.status is Status.WONT_FIX or ticket.resolution in (
        Resolution.NOT_A_BUG,
        Resolution.DUPLICATE,
    )
    if not closed:
        return [] if ticket.verdicts_hidden else list(said.get("suppressions", ()))
    reason = (ticket.closure and ticket.closure.reason) or ticket.resolution_text
    word = str(ticket.resolution or ticket.status)
    told = f"{word}: {reason}" if reason else word
    return [{"kind": "external", "status": "accepted", "justification": told}]


def _properties(ticket: Ticket, reported: ReportedBy | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "findings/key": ticket.key,
        "findings/title": ticket.title,
        "findings/severity": ticket.severity.value,
        "findings/status": ticket.status.value,
        "findings/resolution": ticket.resolution.value if ticket.resolution else None,
        "findings/evidence": {
            "state": ticket.evidence.state.value,
            "stale": ticket.evidence.stale,
        },
        "findings/reviews": {review.specialist: review.verdict.value for review in ticket.reviews},
        "tags": [category.value for category in ticket.categories],
    }
    if not ticket.verdicts_hidden:
        found["findings/gate"] = {one.name.value: one.state.value for one in gate_of(ticket)}
    if reported:
        found["findings/scanner"] = reported.tool
    return found


def _location(place: Location, said: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if place.path:
        artifact = {"uri": quote(place.path.replace("\\", "/"), safe="/"), "uriBaseId": "%SRCROOT%"}
        physical: dict[str, Any] = {"artifactLocation": artifact}
        if place.start_line:
            region: dict[str, Any] = {"startLine": place.start_line}
            if place.end_line:
                region["endLine"] = place.end_line
            if said.get("columnKind") == "utf16CodeUnits":
                region |= said.get("columns", {})
            physical["region"] = region
        found["physicalLocation"] = physical
    if place.symbol:
        found["logicalLocations"] = [{"fullyQualifiedName": place.symbol}]
    if place.note:
        found["message"] = {"text": place.note}
    return found

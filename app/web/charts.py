"""Charts of the start page: drawn on the server, each with its figures as a table.

A chart is a specification for Vega-Lite that the library turns into SVG; no script runs in the
page and nothing is asked of any other host. Its colours become the style sheet's, so that one
drawing serves light and dark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import vl_convert
from markupsafe import Markup

from app.domain.evidence import EvidenceState
from app.domain.figures import Figures
from app.domain.reviews import GIVEN_VERDICTS
from app.domain.tickets import Severity, Status

_UNKNOWN = "unknown"
"""The severity of tickets whose document has words for it that are none."""

_INK, _FAINT = "#010101", "#010102"
_SERIES = tuple(f"#0101{n:02x}" for n in range(0x11, 0x1A))
_ROLES = {_INK: "var(--quiet)", _FAINT: "var(--line)"} | {
    colour: f"var(--chart-{n})" for n, colour in enumerate(_SERIES, 1)
}
"""Colours that stand for roles while a chart is drawn."""

_EVIDENCE_SERIES = {
    "proven": 3, "passing": 7, "fix-ready": 8, "reproduced": 2, "regressed": 4,
    "cannot-fail": 5, "unverified": 1, "none": 9,
}  # fmt: skip


_WIDTH, _NARROW = 520, 310
"""Each chart is drawn twice, for wide and for narrow windows: labels included, so that side by side
their letters have one size, and a bar has its length wherever it is looked at."""


@dataclass(frozen=True)
class Cell:
    """A figure of a table, with the list of what it counts."""

    text: str
    address: str | None = None


@dataclass(frozen=True)
class Chart:
    """A chart with its table."""

    name: str
    title: str
    summary: str
    """What is to be seen, for those who do not see it."""
    svg: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


_drawn_last: list[tuple[Figures, list[Chart]]] = []


def charts(figures: Figures) -> list[Chart]:
    """Return the charts of the start page; those that have nothing to show are left out.

    The same figures, which the service keeps while nothing changes, give the same charts.
    """
    if not (_drawn_last and _drawn_last[0][0] is figures):
        _drawn_last[:] = [(figures, _all(figures))]
    return _drawn_last[0][1]


def _all(figures: Figures) -> list[Chart]:
    made = [_severities(figures), _evidence(figures), _verdicts(figures), _weeks(figures)]
    return [chart for chart in made if chart is not None]


def _tickets(number: int) -> str:
    return f"{number} ticket{'' if number == 1 else 's'}"


def _listed(severity: str) -> str:
    """The severity under which lists have it: what is unknown stands among the gravest."""
    return Severity.P0.value if severity == _UNKNOWN else severity


def _severities(figures: Figures) -> Chart | None:
    counts: dict[tuple[str, str], int] = {}
    for one in figures.tickets:
        counts[one.severity, one.status] = counts.get((one.severity, one.status), 0) + one.tickets
    if not counts:
        return None
    words = [s.value for s in Severity]
    if any(severity == _UNKNOWN for severity, _ in counts):
        words.append(_UNKNOWN)
    values = [
        {"severity": s, "status": t, "tickets": n, "href": _list(severity=_listed(s), status=t)}
        for (s, t), n in sorted(counts.items())
    ]
    svg = _drawn(
        values,
        {
            "y": _axis("severity", sort=words),
            "x": _count("tickets"),
            "color": _colour("status", [s.value for s in Status], (2, 8, 7, 5, 3, 6)),
            "order": {"field": "status"},
            "href": {"field": "href"},
        },
        height=210,
    )
    rows = [
        [
            Cell(s),
            *(
                _cell(counts.get((s, t.value), 0), severity=_listed(s), status=t.value)
                for t in Status
            ),
        ]
        for s in words
    ]
    open_ones = sum(n for (_, t), n in counts.items() if not Status(t).is_final)
    return Chart(
        "severity", "Severity and status",
        f"{_tickets(sum(counts.values()))}, {open_ones} of them open, by severity.",
        svg, ["Severity", *(t.value for t in Status)], rows,
    )  # fmt: skip


def _evidence(figures: Figures) -> Chart | None:
    counts = dict.fromkeys((state.value for state in EvidenceState), 0)
    stale = 0
    for one in figures.tickets:
        if one.stale:
            stale += one.tickets
        else:
            counts[one.evidence] += one.tickets
    left_out = counts.pop("not-covered")
    if not any(counts.values()) and not stale:
        return None
    values = [
        {"evidence": name, "tickets": counts[name], "href": _list(evidence=name)}
        for name in _EVIDENCE_SERIES
    ]
    colour = _colour("evidence", list(_EVIDENCE_SERIES), tuple(_EVIDENCE_SERIES.values()))
    svg = _drawn(
        values,
        {
            "y": _axis("evidence", sort=list(_EVIDENCE_SERIES)),
            "x": _count("tickets"),
            "color": colour | {"legend": None},
            "href": {"field": "href"},
        },
        height=210,
    )
    rows = [[Cell(name), _cell(counts[name], evidence=name)] for name in _EVIDENCE_SERIES]
    rows.append([Cell("stale (apart)"), _cell(stale, stale="true")])
    rows.append([Cell("not-covered (apart)"), _cell(left_out, evidence="not-covered")])
    return Chart(
        "evidence", "Evidence of what can be run",
        f"{_tickets(sum(counts.values()) + stale)} can be run, {counts['proven']} proven"
        + (f", evidence of {stale} is stale" if stale else "")
        + (f"; {left_out} more are not covered." if left_out else "."),
        svg, ["Evidence", "Tickets"], rows,
    )  # fmt: skip


def _verdicts(figures: Figures) -> Chart | None:
    if not figures.specialists:
        return None
    words = [verdict.value for verdict in GIVEN_VERDICTS]
    values = [
        {
            "specialist": name,
            "verdict": word,
            "reviews": found.verdicts.get(word, 0),
            "href": _list(verdict=word, reviewer=name),
        }
        for name, found in sorted(figures.specialists.items())
        for word in words
    ]
    svg = _drawn(
        values,
        {
            "y": _axis("specialist"),
            "x": _count("reviews"),
            "color": _colour("verdict", words, (3, 6, 8, 4)),
            "href": {"field": "href"},
        },
        height=50 + max(70, 34 * len(figures.specialists)),
    )
    rows = [
        [
            Cell(name),
            *(_cell(found.verdicts.get(word, 0), verdict=word, reviewer=name) for word in words),
            Cell(str(found.outdated)), Cell(str(found.upheld)), Cell(str(found.contradicted)),
        ]
        for name, found in sorted(figures.specialists.items())
    ]  # fmt: skip
    return Chart(
        "verdicts", "Verdicts by specialist",
        f"What the current reviews of {len(figures.specialists)} specialists say.",
        svg, ["Specialist", *words, "outdated", "upheld", "contradicted"], rows,
    )  # fmt: skip


def _weeks(figures: Figures) -> Chart | None:
    if not any(week.opened or week.closed for week in figures.weeks):
        return None
    values = [
        {"week": week.week.isoformat(), "what": what, "tickets": n}
        for week in figures.weeks
        for what, n in (("opened", week.opened), ("closed", week.closed))
    ]
    svg = _drawn(
        values,
        {
            "x": {
                "field": "week", "type": "ordinal", "title": None,
                "axis": {"grid": False, "domain": False, "ticks": False, "labelAngle": -40,
                         "labelExpr": "slice(datum.label, 5)"},
            },
            "y": _count("tickets"),
            "xOffset": {"field": "what", "sort": ["opened", "closed"]},
            "color": _colour("what", ["opened", "closed"], (2, 3)),
        },
        height=210,
        mark={"type": "bar"},
    )  # fmt: skip
    rows = [
        [Cell(week.week.isoformat()), Cell(str(week.opened)), Cell(str(week.closed))]
        for week in figures.weeks
    ]
    last = figures.weeks[-1]
    return Chart(
        "weeks", "Opened and closed by week",
        f"{last.opened} opened and {last.closed} closed this week.",
        svg, ["Week from", "Opened", "Closed"], rows,
    )  # fmt: skip


def _cell(count: int, **filters: str) -> Cell:
    return Cell(str(count), _list(**filters) if count else None)


def _list(**filters: str) -> str:
    return f"/tickets?{urlencode(filters)}"


def _axis(name: str, sort: list[str] | None = None) -> dict[str, Any]:
    return {
        "field": name, "type": "nominal", "title": None, "sort": sort,
        "axis": {"ticks": False, "domain": False, "labelPadding": 8},
    }  # fmt: skip


def _count(name: str) -> dict[str, Any]:
    # Between 0 and 1 the library has a line at 0.5, which would be labelled 1.
    whole = "datum.value % 1 ? '' : datum.label"
    axis = {"tickMinStep": 1, "tickCount": 5, "domain": False, "ticks": False, "format": "d",
            "labelExpr": whole}  # fmt: skip
    return {"field": name, "type": "quantitative", "title": None, "axis": axis}


def _colour(name: str, words: list[str], series: Sequence[int]) -> dict[str, Any]:
    return {
        "field": name, "type": "nominal", "sort": None,
        "scale": {"domain": words, "range": [_SERIES[n - 1] for n in series]},
        "legend": {
            "title": None, "orient": "top", "symbolType": "square",
            "columns": 4 if len(words) == 4 else 3, "columnPadding": 24,
        },
    }  # fmt: skip


def _drawn(
    values: Sequence[Mapping[str, Any]],
    encoding: Mapping[str, Any],
    *,
    height: int,
    mark: Mapping[str, Any] | None = None,
) -> Markup:
    drawn = [
        Markup('<div class="{}">{}</div>').format(
            name,
            Markup(_svg(_specification(values, encoding, width, height, mark))),  # noqa: S704  # drawn by us
        )
        for name, width in (("drawn", _WIDTH), ("drawn narrow", _NARROW))
    ]
    return Markup().join(drawn)


def _specification(
    values: Sequence[Mapping[str, Any]],
    encoding: Mapping[str, Any],
    width: int,
    height: int,
    mark: Mapping[str, Any] | None,
) -> str:
    specification = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": list(values)},
        "mark": mark or {"type": "bar", "height": {"band": 0.72}},
        "encoding": encoding if width == _WIDTH else _in_two_columns(encoding),
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "background": None,
        "padding": {"left": 22, "right": 14, "top": 2, "bottom": 2},
        "config": {
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {"labelColor": _INK, "gridColor": _FAINT, "labelFontSize": 12},
            "legend": {"labelColor": _INK, "labelFontSize": 12},
        },
    }
    return json.dumps(specification, sort_keys=True)


def _in_two_columns(encoding: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an encoding whose legend has room in a narrow window."""
    colour = encoding.get("color")
    if colour is None or colour.get("legend") is None:
        return encoding
    legend = {**colour["legend"], "columns": 2, "columnPadding": 12}
    return {**encoding, "color": {**colour, "legend": legend}}


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Load the library that draws, beside all else: its first drawing takes half a second."""
    empty = _specification([], {"x": _count("n")}, _WIDTH, 100, None)
    Thread(target=_svg, args=(empty,), name="charts", daemon=True).start()


@lru_cache(maxsize=128)
def _svg(specification: str) -> str:
    """Draw a chart; an equal one comes from memory."""
    drawn = str(vl_convert.vegalite_to_svg(specification))
    for colour, role in _ROLES.items():
        drawn = drawn.replace(colour, role)
    # The table beside it is what is read aloud; the drawing is one image with a summary.
    drawn = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", drawn)
    # Its links are for the mouse; those of the table are the same, for everybody. The library
    # puts an address of its own before them.
    drawn = re.sub(
        r'<a xlink:href="[^"]*?(/tickets\?[^"]*)"[^>]*>', r'<a href="\1" tabindex="-1">', drawn
    )
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)

"""Charts: their figures, their colours, and that they bring nothing of their own along."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from app.domain.figures import Figures, SpecialistFigures, TicketCount, Week
from app.web.charts import charts

FIGURES = Figures(
    tickets=(
        TicketCount(True, "P1", "open", "proven", False, None, 3),
        TicketCount(True, "P1", "closed", "proven", False, None, 1),
        TicketCount(False, "P3", "open", "not-covered", False, None, 2),
    ),
    weeks=(Week(date(2026, 1, 5), 4, 1), Week(date(2026, 1, 12), 2, 0)),
    specialists={"drl": SpecialistFigures()},
    contradicted=(),
    targets=(),
)


def test_each_chart_has_its_figures_as_a_table_with_links() -> None:
    found = {chart.name: chart for chart in charts(FIGURES)}

    assert set(found) == {"severity", "evidence", "verdicts", "weeks"}
    row = next(row for row in found["severity"].rows if row[0].text == "P1")
    assert [cell.text for cell in row] == ["P1", "3", "0", "0", "0", "1", "0"]
    assert row[1].address == "/tickets?severity=P1&status=open"
    assert row[2].address is None


def test_each_chart_is_drawn_for_wide_and_for_narrow_windows() -> None:
    for chart in charts(FIGURES):
        found = re.findall(r'<svg[^>]* width="([\d.]+)"', chart.svg)
        widths = [int(float(width)) for width in found]
        assert widths == [520, 310], chart.name


def test_what_cannot_be_run_is_counted_apart() -> None:
    evidence = next(chart for chart in charts(FIGURES) if chart.name == "evidence")

    assert "4 tickets can be run, 4 proven" in evidence.summary
    assert "2 more are not covered" in evidence.summary
    assert "not-covered" not in evidence.svg


def test_one_ticket_is_told_and_counted_as_one() -> None:
    (severity, *_) = charts(replace(FIGURES, tickets=(replace(FIGURES.tickets[0], tickets=1),)))

    assert severity.summary.startswith("1 ticket, ")
    assert re.findall(r">([01])<", severity.svg) == ["0", "1"] * 2, "once for each width"


def test_without_figures_there_is_no_chart() -> None:
    assert charts(Figures((), (), {}, (), ())) == []


def test_a_drawing_takes_its_colours_from_the_style_sheet_and_has_no_style_or_script() -> None:
    for chart in charts(FIGURES):
        assert "var(--chart-" in chart.svg
        assert "#0101" not in chart.svg
        assert not re.search(r"<style|<script|style=|on\w+=|target=", chart.svg)


def test_bars_lead_to_their_lists_by_mouse_and_are_passed_over_by_keyboard() -> None:
    drawings = {chart.name: chart.svg for chart in charts(FIGURES)}

    links = re.findall(r"<a [^>]*>", drawings["severity"])
    assert '<a href="/tickets?severity=P1&amp;status=open" tabindex="-1">' in links
    for svg in drawings.values():
        for link in re.findall(r"<a [^>]*>", svg):
            assert re.fullmatch(r'<a href="/tickets\?[^"]*" tabindex="-1">', link)


def test_the_same_figures_are_drawn_once() -> None:
    assert charts(FIGURES) is charts(FIGURES)

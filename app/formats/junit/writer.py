"""Runs as JUnit XML, as CI servers read it: one suite for each arm.

Written for the schema of Jenkins' xUnit plug-in (https://github.com/jenkinsci/xunit-plugin).
Text of tests may hold anything; characters that XML 1.0 has no place for are written as
``#x1B``, as pytest does. A run that did not come out well is never a green file: where no test says
so, a case of its own does.
"""

from __future__ import annotations

import re
from typing import assert_never
from xml.etree import ElementTree as ET

from app.domain.runs import ArmResult, Run, RunOutcome, TestMode, TestOutcome, TestResult

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnitXml:
    """A file of runs."""

    def opening(self) -> bytes:
        """The declaration and the outermost element."""
        return b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n'

    def item(self, value: Run) -> bytes:
        """The suites of one run."""
        suites = [_suite(value, arm) for arm in value.arms]
        if not _is_good(value) and not any(map(_is_red, suites)):
            suites.append(_outcome_suite(value))
        return b"".join(
            ET.tostring(suite, encoding="utf-8", xml_declaration=False) + b"\n" for suite in suites
        )

    def closing(self) -> bytes:
        """The end of the outermost element."""
        return b"</testsuites>\n"


def render(run: Run) -> bytes:
    """One run as a whole file."""
    form = JUnitXml()
    return form.opening() + form.item(run) + form.closing()


def xml_text(text: str) -> str:
    """Text with what XML cannot hold spelled out."""
    return _ILLEGAL.sub(lambda match: f"#x{ord(match.group()):02X}", text)


def _is_good(run: Run) -> bool:
    return run.outcome in (RunOutcome.PASSED, RunOutcome.PROVEN)


def _is_red(suite: ET.Element) -> bool:
    return suite.get("failures") != "0" or suite.get("errors") != "0"


def _outcome_suite(run: Run) -> ET.Element:
    """What a run says that its tests do not: it was cancelled, goes on, or shows nothing."""
    said = run.outcome.value if run.outcome else run.status.value
    suite = ET.Element(
        "testsuite",
        name=xml_text(f"{run.ticket} {run.kind.value}"),
        tests="1",
        failures="0",
        errors="1",
        skipped="0",
        time=_seconds(0),
    )
    _properties(suite, run, None)
    case = ET.SubElement(suite, "testcase", classname="run", name="outcome", time=_seconds(0))
    message = xml_text(run.reason or f"the run is {said}")
    ET.SubElement(case, "error", type=said, message=message)
    return suite


def _suite(run: Run, arm: ArmResult) -> ET.Element:
    broken = _arm_failure(arm)
    outcomes = [result.outcome for result in arm.results]
    errors = sum(o in (TestOutcome.ERROR, TestOutcome.TIMED_OUT) for o in outcomes)
    suite = ET.Element(
        "testsuite",
        name=xml_text(f"{run.ticket} {run.kind.value} {arm.name}"),
        tests=str(len(outcomes) + bool(broken)),
        failures=str(outcomes.count(TestOutcome.FAILED)),
        errors=str(errors + bool(broken)),
        skipped=str(sum(o in (TestOutcome.SKIPPED, TestOutcome.XFAILED) for o in outcomes)),
        time=_seconds(sum(result.duration_s for result in arm.results)),
    )
    if run.started_at:
        suite.set("timestamp", run.started_at.isoformat())
    _properties(suite, run, arm)
    for result in arm.results:
        _case(suite, arm, result)
    if broken:
        case = ET.SubElement(suite, "testcase", classname=xml_text(arm.name), name="arm", time="0")
        ET.SubElement(case, "error", type="arm", message=xml_text(broken))
    return suite


def _arm_failure(arm: ArmResult) -> str | None:
    return arm.failure or ("the arm as a whole met its deadline" if arm.timed_out else None)


def _properties(suite: ET.Element, run: Run, arm: ArmResult | None) -> None:
    """What a run says of itself, and of the arm that a suite stands for."""
    used = arm.patch if arm else None
    patch = f"{used.name}{' (reverse)' if used.reverse else ''}" if used else None
    values = {
        "run": str(run.id),
        "target": run.target,
        "outcome": run.outcome.value if run.outcome else run.status.value,
        "reason": run.reason,
        "package_digest": arm.package_digest if arm else None,
        "patch": patch,
    }
    parent = ET.SubElement(suite, "properties")
    for name, value in values.items():
        if value is not None:
            ET.SubElement(parent, "property", name=name, value=xml_text(value))


def _case(suite: ET.Element, arm: ArmResult, result: TestResult) -> None:
    path, _, name = result.node_id.partition("::")
    repeat = f" #{result.repeat}" if result.repeat > 1 else ""
    case = ET.SubElement(
        suite,
        "testcase",
        classname=xml_text(f"{arm.name}.{path.removesuffix('.py').replace('/', '.')}"),
        name=xml_text((name or result.node_id) + repeat),
        time=_seconds(result.duration_s),
    )
    _recorded(case, result)
    message = xml_text(result.message or "")
    match result.outcome:
        case TestOutcome.PASSED | TestOutcome.XPASSED:
            pass
        case TestOutcome.FAILED:
            _detail(case, "failure", result.phase or "call", message, result)
        case TestOutcome.ERROR | TestOutcome.TIMED_OUT:
            _detail(case, "error", result.outcome.value, message, result)
        case TestOutcome.SKIPPED | TestOutcome.XFAILED:
            ET.SubElement(case, "skipped", type=result.outcome.value, message=message)
        case _:
            assert_never(result.outcome)
    if result.stdout:
        ET.SubElement(case, "system-out").text = xml_text(result.stdout)
    logged = "\n".join(filter(None, (result.log, *result.warnings)))
    if logged:
        ET.SubElement(case, "system-err").text = xml_text(logged)


def _recorded(case: ET.Element, result: TestResult) -> None:
    """How a test ran, why it failed and where, and what it recorded itself, as properties."""
    place = result.file and (f"{result.file}:{result.line}" if result.line else result.file)
    values = [
        ("mode", result.mode.value if result.mode is not TestMode.ALONE else None),
        ("cause", result.cause and result.cause.value),
        ("at", place),
        *(("skipped_subtest", name) for name in result.skipped_subtests),
        *result.properties,
    ]
    given = [(name, value) for name, value in values if value]
    if given:
        parent = ET.SubElement(case, "properties")
        for name, value in given:
            ET.SubElement(parent, "property", name=xml_text(name), value=xml_text(value))


def _detail(case: ET.Element, tag: str, kind: str, message: str, result: TestResult) -> None:
    element = ET.SubElement(case, tag, type=xml_text(kind), message=message)
    element.text = xml_text(result.traceback or "")


def _seconds(value: float) -> str:
    return f"{value:.6f}"

"""Attacks on the truth: leaving early, forging the report, bending pytest."""

from __future__ import annotations

import pytest

from app.domain.causes import Cause
from app.domain.runs import TestOutcome
from app.sandbox.interface import ArmStatus
from tests.integration.sandbox.lab import FILE, SUITE, Lab, only, outcomes

TWO_TESTS = """
    import pack
    def test_first(): pass
    def test_attacks():
        {attack}
    def test_last():
        assert False
"""


def run_attack(lab: Lab, attack: str) -> tuple[ArmStatus, dict[str, TestOutcome], str]:
    report = lab.run(TWO_TESTS.format(attack=attack))
    return report.status, outcomes(report), report.reason or ""


@pytest.mark.parametrize("status", [0, 1, 2, 5, 77, 125])
def test_leaving_early_is_tampering_whatever_the_status(lab: Lab, status: int) -> None:
    found, results, reason = run_attack(lab, f"import os; os._exit({status})")

    assert found is ArmStatus.TAMPERED
    assert results == {"test_first": TestOutcome.PASSED, "test_attacks": TestOutcome.ERROR}
    assert f"status {status}" in reason


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT", "SIGTERM"])
def test_a_death_by_signal_never_passes(lab: Lab, name: str) -> None:
    """As the first process of its namespace a guest ignores signals it sends itself."""
    fault = "import ctypes; ctypes.string_at(0)"
    attack = fault if name == "SIGSEGV" else f"import os, signal; os.kill(0, signal.{name})"
    found, results, _ = run_attack(lab, attack)

    if found is ArmStatus.CRASHED:
        assert results["test_attacks"] is TestOutcome.ERROR
    else:
        assert found is ArmStatus.COMPLETED
        assert results["test_last"] is TestOutcome.FAILED


@pytest.mark.parametrize(
    "end", ["import pytest; pytest.exit('fine', returncode=0)", "raise KeyboardInterrupt('fine')"]
)
def test_telling_pytest_to_stop_leaves_the_rest_not_run(lab: Lab, end: str) -> None:
    report = lab.run(TWO_TESTS.format(attack=end))
    first, attacks, last = report.results

    assert report.status is ArmStatus.COMPLETED, report
    assert "fine" in (report.quit or "")
    assert first.outcome is TestOutcome.PASSED
    assert attacks.outcome is TestOutcome.ERROR
    assert (last.outcome, last.cause) == (TestOutcome.ERROR, Cause.NOT_RUN)


FORGED = """import json, os
        for name in os.listdir('/proc/self/fd'):
            for line in ({line}):
                try: os.write(int(name), json.dumps(line).encode() + b'\\n')
                except OSError: pass"""


def test_lines_written_into_every_descriptor_are_noticed(lab: Lab) -> None:
    line = f"{{'k': 'start', 'id': '{FILE}::test_last'}}, {{'k': 'end', 'exit': 0}}"
    found, results, reason = run_attack(lab, FORGED.format(line=line))

    assert found is ArmStatus.TAMPERED
    assert "written into the report by something else" in reason
    assert "test_last" not in results


def test_noise_in_every_descriptor_is_noticed(lab: Lab) -> None:
    found, _, _ = run_attack(lab, FORGED.format(line="'noise', 7"))

    assert found is ArmStatus.TAMPERED


CHANNEL = """import gc
        of_type = [o for o in gc.get_objects() if type(o).__name__ == 'Channel']
        channel, = (o for o in of_type if o._owner == __import__('os').getpid())
        passed = dict(outcome='passed', duration=0)
        """


@pytest.mark.parametrize(
    "forgery",
    [
        "channel.send('start', id='{file}::test_last')",
        "channel.send('phase', id='{file}::test_last', phase='setup', **passed)",
        "channel.send('phase', id='{file}::test_attacks', phase='call', **passed)",
        "channel.send('end', uses=[])",
        "channel.send('hello', layers=['all'], environment={{}})",
        "channel.send('item', id='{file}::test_x', doc=None, findings=[], purpose='x');"
        + "channel.send('start', id='{file}::test_x')",
        "channel.send('verdict', outcome='proven')",
    ],
    ids=["start", "other test", "own result", "end", "hello", "invented", "kind"],
)
def test_a_second_report_through_the_channel_itself_is_noticed(caged: Lab, forgery: str) -> None:
    found, _, _ = run_attack(caged, CHANNEL + forgery.format(file=FILE))

    assert found is ArmStatus.TAMPERED


def test_a_report_closed_early_with_its_own_exit_is_noticed(caged: Lab) -> None:
    """The canary had no chance to fail."""
    attack = CHANNEL + (
        f"own = dict(id='{FILE}::test_attacks', outcome='passed', duration=0);"
        "channel.send('phase', phase='call', **own);"
        "channel.send('phase', phase='teardown', **own);"
        f"channel.send('stop', id='{FILE}::test_attacks');"
        "channel.send('end', uses=[]); import os; os._exit(0)"
    )
    found, _, reason = run_attack(caged, attack)

    assert found is ArmStatus.TAMPERED
    assert "hidden test" in reason


BENT = {
    "every test fails": """
        import pytest
        def runtest(self):
            raise AssertionError("as wanted")
        pytest.Function.runtest = runtest
    """,
    "runtest does nothing": "import pytest; pytest.Function.runtest = lambda self: None",
    "calls always succeed": """
        import _pytest.runner as r
        original = r.CallInfo.from_call.__func__
        def from_call(cls, func, when, reraise=None):
            found = original(cls, func, when, reraise)
            found.excinfo = None
            return found
        r.CallInfo.from_call = classmethod(from_call)
    """,
    "reports always pass": """
        import _pytest.reports as r
        original = r.TestReport.from_item_and_call.__func__
        def build(cls, item, call):
            found = original(cls, item, call)
            found.outcome, found.longrepr = "passed", None
            return found
        r.TestReport.from_item_and_call = classmethod(build)
    """,
    "everything is skipped": """
        import _pytest.reports as r
        original = r.TestReport.from_item_and_call.__func__
        def build(cls, item, call):
            found = original(cls, item, call)
            if found.failed:
                found.outcome, found.longrepr = "skipped", ("f", 1, "later")
            return found
        r.TestReport.from_item_and_call = classmethod(build)
    """,
    "failures are expected": """
        import _pytest.reports as r
        original = r.TestReport.from_item_and_call.__func__
        def build(cls, item, call):
            found = original(cls, item, call)
            if found.failed:
                found.outcome, found.wasxfail = "skipped", "known"
            return found
        r.TestReport.from_item_and_call = classmethod(build)
    """,
    "fail does not raise": "import pytest; pytest.fail = lambda *a, **k: None",
}


@pytest.mark.parametrize("patch", BENT.values(), ids=list(BENT))
def test_a_package_that_bends_pytest_shows_by_the_canary(lab: Lab, patch: str) -> None:
    tests = "import pack\ndef test_first(): pass\ndef test_last(): assert False"
    report = lab.run(tests, patch)

    assert report.status is ArmStatus.TAMPERED, report
    assert "hidden test" in (report.reason or "")


def test_a_conftest_does_not_get_at_the_canary(lab: Lab) -> None:
    """It is in no list of tests, so a hook that keeps some of them does not take it away."""
    arm = lab.arm(
        files={
            "pack/__init__.py": "import pytest; pytest.Function.runtest = lambda self: None",
            f"{SUITE}/conftest.py": """
            import pytest
            @pytest.hookimpl(wrapper=True)
            def pytest_collection_modifyitems(items):
                yield
                items[:] = [item for item in items if item.name == "test_first"]
            """,
            FILE: "import pack\ndef test_first(): pass\ndef test_last(): assert False",
        }
    )
    report = lab.run_arm(arm)

    assert report.status is ArmStatus.TAMPERED
    assert "hidden test" in (report.reason or "")


HOSTILE = """
    import gc, os, pathlib, signal, socket, subprocess
    def attempt(action):
        try:
            action()
        except BaseException:
            pass
    attempt(lambda: pathlib.Path("{outside}/planted").write_text("x"))
    attempt(lambda: pathlib.Path("{arm}").chmod(0o777))
    attempt(lambda: pathlib.Path(__file__).write_text("x = 1"))
    attempt(lambda: os.kill({victim}, signal.SIGKILL))
    attempt(lambda: os.kill(-1, signal.SIGKILL))
    attempt(lambda: socket.create_connection(("127.0.0.1", 22), 1))
    attempt(lambda: subprocess.Popen(["sleep", "600"], start_new_session=True))
    for name in os.listdir("/proc/self/fd"):
        attempt(lambda: os.write(int(name), b'{{"k": "end", "exit": 0}}\\n'))
    os._exit(0)
"""


def test_a_package_that_does_all_this_at_import_harms_only_its_own_arm(caged: Lab) -> None:
    import os

    outside = caged.folder / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    tests = "import pack\ndef test_it(): pass"
    sound = caged.arm(tests)
    hostile = caged.arm(tests, HOSTILE.format(outside=outside, arm=sound.root, victim=os.getpid()))

    report = caged.run_arm(hostile, [f"{FILE}::test_it"])

    assert report.status is ArmStatus.TAMPERED
    assert report.results == ()
    assert list(outside.iterdir()) == []
    assert only(caged.run_arm(sound)).outcome is TestOutcome.PASSED

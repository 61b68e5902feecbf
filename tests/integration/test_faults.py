"""Processes are killed and halted under load; what was acknowledged is there afterwards, once.

``benchmarks/soak.py`` does the same for as long as one likes.
"""

from __future__ import annotations

import os
import signal

import pytest

from app.embedded.postmaster import running_postmaster
from benchmarks.soak import soak
from tests.support.cluster import short_directory
from tests.support.service import start, wait_until

SECONDS = 9.0


def test_nothing_acknowledged_is_lost_and_nothing_is_left_over() -> None:
    tally = soak(SECONDS, seed=11)

    assert tally.wrong == []
    assert tally.faults
    assert tally.runs
    assert set(tally.outcomes) == {"passed"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_database_ends_with_its_service_however_it_is_told(number: signal.Signals) -> None:
    with short_directory() as data_dir:
        service = start(data_dir, {"FINDINGS_WORKERS": "0"})
        assert running_postmaster(data_dir / "pg") is not None

        service.process.send_signal(number)

        assert service.process.wait(60) == 0
        assert running_postmaster(data_dir / "pg") is None


def test_a_database_that_was_killed_is_started_again() -> None:
    with short_directory() as data_dir:
        service = start(data_dir, {"FINDINGS_WORKERS": "0"})
        try:
            found = running_postmaster(data_dir / "pg")
            assert found is not None
            os.kill(found.pid, signal.SIGKILL)

            with service.client() as client:
                wait_until(
                    lambda: (
                        client.get("/me").status_code == 200 and running_postmaster(data_dir / "pg")
                    ),
                    why="the service answers again",
                )
        finally:
            service.process.send_signal(signal.SIGINT)
            assert service.process.wait(60) == 0

"""Metrics in the text format of Prometheus: this process's requests, and the installation's state.

Requests, the connection pool and the process are counted here, for this process alone. Runs,
workers and housekeeping come from the database: they are the same whichever web host is asked, and
a worker needs no port.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from app.domain.monitoring import (
    DURATION_BOUNDS_S,
    RUN_DURATIONS,
    RUN_SECONDS,
    RUNS_FINISHED,
    RUNS_OF_TARGETS,
    SWEEP_REOPENED,
    SWEEP_VERDICTS,
    SWEEPS_FINISHED,
    SWEPT,
    ZYGOTE_STARTS,
    Labels,
    Readings,
)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_LATENCY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """What this process counts; one per application, so that several in a process keep apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        by_route = ("method", "route")
        self._requests = Counter(
            "findings_http_requests",
            "Requests that were answered.",
            (*by_route, "status"),
            registry=self.registry,
        )
        self._latency = Histogram(
            "findings_http_request_duration_seconds",
            "From the request to the end of its answer; waiting for a run to end counts in.",
            by_route,
            buckets=_LATENCY_BOUNDS_S,
            registry=self.registry,
        )
        self._limited = Counter(
            "findings_http_requests_limited",
            "Requests refused because an account sent more than its share.",
            registry=self.registry,
        )
        self._pool = Gauge(
            "findings_database_pool_connections",
            "Database connections of this process: in use, idle, and the most there may be.",
            ("state",),
            registry=self.registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by the template of its route, which is one of a few."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(seconds)
        if status == 429:
            self._limited.inc()

    def render(self, readings: Readings, pool: Mapping[str, int]) -> bytes:
        """Return everything as text."""
        for state, number in pool.items():
            self._pool.labels(state).set(number)
        return generate_latest(self.registry) + generate_latest(_Read(readings))


class _Read:
    """Readings in the shape of a registry."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        now, totals = self._readings, self._readings.counters
        yield _gauge("findings_runs_queued", "Runs that wait for a worker.", now.queued)
        yield _gauge("findings_runs_running", "Runs that are being executed.", now.running)
        yield _gauge(
            "findings_run_queue_age_seconds",
            "For how long the first of the waiting runs has waited.",
            now.oldest_queued_s,
        )
        yield _gauge("findings_workers", "Workers heard of lately.", len(now.workers))
        yield _gauge(
            "findings_worker_slots",
            "Runs that these workers can execute at once.",
            sum(worker.concurrency for worker in now.workers),
        )
        yield _counter(
            "findings_runs_finished",
            "Runs that ended with an outcome.",
            ("kind", "outcome"),
            totals.get(RUNS_FINISHED, {}),
        )
        yield _durations(totals)
        yield _counter(
            "findings_zygote_starts",
            "Starts of the process that tests are forked from: one per worker, and one more each "
            "time that it had to be replaced.",
            (),
            {(): sum(totals.get(ZYGOTE_STARTS, {}).values())},
        )
        yield from _of_targets(now)
        yield _counter(
            "findings_housekeeping_removed",
            "What was removed after its time.",
            ("what",),
            totals.get(SWEPT, {}),
        )


def _of_targets(now: Readings) -> Iterator[Metric]:
    names = ("target",)
    rows = sorted(now.targets.items())
    for name, text, values in (
        (
            "findings_target_up",
            "1 where the suite was collected whole and a living worker can run it, else 0.",
            {name: float(found.runnable) for name, found in rows},
        ),
        (
            "findings_target_tests",
            "Tests of the suite.",
            {name: found.tests for name, found in rows},
        ),
        (
            "findings_target_runs_queued",
            "Runs of it that wait for a worker.",
            {name: found.queued for name, found in rows},
        ),
        (
            "findings_tickets",
            "Tickets by the target that covers them; without one, those that none covers.",
            {**{name: found.tickets for name, found in rows}, "": now.not_covered},
        ),
    ):
        family = GaugeMetricFamily(name, text, labels=names)
        for target, value in values.items():
            family.add_metric((target,), value)
        yield family
    yield _counter(
        "findings_target_runs_finished",
        "Runs that ended with an outcome, by target.",
        ("target", "outcome"),
        now.counters.get(RUNS_OF_TARGETS, {}),
    )
    yield _counter(
        "findings_sweeps_finished",
        "Sweeps that ended, by target.",
        ("target",),
        now.counters.get(SWEEPS_FINISHED, {}),
    )
    yield _counter(
        "findings_sweep_tickets",
        "Tickets that sweeps spoke of, by target and verdict.",
        ("target", "verdict"),
        now.counters.get(SWEEP_VERDICTS, {}),
    )
    yield _counter(
        "findings_sweep_reopened",
        "Tickets that sweeps opened again, by target.",
        ("target",),
        now.counters.get(SWEEP_REOPENED, {}),
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, labels: Labels, totals: Mapping[Labels, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, total in sorted(totals.items()):
        family.add_metric(values, total)
    return family


def _durations(totals: Mapping[str, Mapping[Labels, float]]) -> Metric:
    family = HistogramMetricFamily(
        "findings_run_duration_seconds",
        "From the start of a run's last attempt to its end.",
        labels=("kind",),
    )
    buckets = totals.get(RUN_DURATIONS, {})
    for (kind,), seconds in sorted(totals.get(RUN_SECONDS, {}).items()):
        bounds = [*map(str, DURATION_BOUNDS_S), "+Inf"]
        counts = itertools.accumulate(buckets.get((kind, bound), 0.0) for bound in bounds)
        cumulative: list[Any] = list(zip(bounds, counts, strict=True))
        family.add_metric((kind,), cumulative, sum_value=seconds)
    return family

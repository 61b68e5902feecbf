"""Traces from a request over the queue to the run that it asked for.

Nothing is recorded unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set; then the extra ``otel`` has to be
installed. The other ``OTEL_*`` variables work as OpenTelemetry describes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace

from app.errors import StartupError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def configure(service: str) -> None:
    """Send this process's spans to the endpoint, if one is set.

    Raises:
        StartupError: the exporter is not installed.
    """
    if not os.environ.get(ENDPOINT):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise StartupError(
            f"{ENDPOINT} is set, but what sends traces is not installed.",
            remedy="Install findings[otel], or unset it.",
        ) from None
    name = os.environ.get("OTEL_SERVICE_NAME") or service
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def is_configured() -> bool:
    """Tell whether spans of this process go anywhere."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def current() -> str | None:
    """Return the present span as a ``traceparent``, to go on with elsewhere; None without one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(parent: str | None, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
    """Open a span for the length of the block, below the one that `parent` names."""
    above = propagate.extract({"traceparent": parent} if parent else {})
    with trace.get_tracer("findings").start_as_current_span(
        name, context=above, attributes=dict(attributes)
    ):
        yield

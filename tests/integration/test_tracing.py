"""A trace leads from the request over the queue to the run, where an endpoint is set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.api import ticket_body
from tests.support.service import running_service

NODE_ID = "tests/verification/test_b2_drl_10.py"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector that keeps what it is sent."""
    kept: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class names it
            if self.path == "/v1/traces":
                kept.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_run_belongs_to_the_trace_of_the_request_that_asked_for_it(installation: Path) -> None:
    with collector() as (endpoint, kept):
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        }
        with running_service(installation, settings) as service, service.client() as client:
            key = client.post("/tickets", json=ticket_body()).json()["key"]
            client.post(f"/tickets/{key}/tests", json={"node_id": NODE_ID})
            run = client.post(f"/tickets/{key}/runs", json={"kind": "check"}).json()
            client.get(f"/runs/{run['id']}", params={"wait": 60})

    spans = [
        span
        for body in kept
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (executed,) = [span for span in spans if span.name == "run"]
    (asked,) = [span for span in spans if span.span_id == executed.parent_span_id]
    assert executed.trace_id == asked.trace_id
    assert asked.name == "POST /api/v1/tickets/{key}/runs"
    assert {a.key: a.value.string_value for a in executed.attributes} == {"run.id": run["id"]}

"""A collector in small: takes spans by OTLP over HTTP, as OpenTelemetry's collector does, and writes them to a file.

Each line is a span as `TRACES_FILE` has it, so `traces.read_spans` reads both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.waiting import join_threads


@contextmanager
def collector(file: Path) -> Iterator[str]:
    """Run a collector that writes to this file; yields its endpoint."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/traces"
            with lock, file.open("a") as out:
                for resource in request.resource_spans:
                    service = {item.key: item.value.string_value for item in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        out.writelines(json.dumps(_as_line(span, service)) + "\n" for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        join_threads(thread)


def _as_line(span: Any, service: dict[str, str]) -> dict[str, Any]:
    return {
        "name": span.name,
        "context": {"trace_id": span.trace_id.hex(), "span_id": span.span_id.hex()},
        "parent_id": span.parent_span_id.hex(),
        "links": [{"context": {"span_id": link.span_id.hex()}} for link in span.links],
        "attributes": {item.key: item.value.string_value or item.value.int_value for item in span.attributes},
        "status": {"status_code": str(span.status.code)},
        "resource": service,
    }

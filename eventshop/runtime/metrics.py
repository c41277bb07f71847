"""The metrics that the program counts while it works. What tables hold is read when Prometheus asks (`operations`).

Names and units follow Prometheus' conventions; `docs/metrics.md` lists all of them. The values of labels are bounded:
types, routes and names from the code, never ids, paths or texts from outside.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from eventshop.runtime.metric_buffer import flush_before_scrapes

flush_before_scrapes()
# One series less for each counter: nobody asks when a process began to count.
disable_created_metrics()  # type: ignore[no-untyped-call]

#: Upper bounds in seconds: of one command or request, and of a batch.
REQUEST_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_BATCH: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_LATE: Final = (0.1, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)
_PROCESS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0, 21_600.0, 86_400.0, 345_600.0)

COMMANDS: Final = Counter("eventshop_commands", "Commands by type and outcome.", ["command", "outcome"])
COMMAND_SECONDS: Final = Histogram(
    "eventshop_command_duration_seconds", "From a command to its receipt, one at a time.", buckets=REQUEST_BUCKETS
)
COMMAND_BATCH_SECONDS: Final = Histogram(
    "eventshop_command_batch_duration_seconds", "From a batch of commands to its receipts.", buckets=_BATCH
)
AGGREGATE_LOADS: Final = Counter("eventshop_aggregate_loads", "Single commands whose aggregate was not in the cache.")
APPEND_CONFLICTS: Final = Counter(
    "eventshop_append_conflicts", "Appends that another writer had overtaken, or deadlocks; each is decided again."
)
SNAPSHOTS_TAKEN: Final = Counter("eventshop_snapshots_taken", "Snapshots that were taken.")

PUBLISHED_RECORDS: Final = Counter("eventshop_published_records", "Records that Kafka has confirmed.", ["topic"])
PUBLISH_SECONDS: Final = Histogram(
    "eventshop_publish_batch_duration_seconds", "Reading and publishing one batch.", ["topic"], buckets=_BATCH
)
PUBLISH_FAILURES: Final = Counter(
    "eventshop_publish_failures", "Terms of a leader that ended with an error.", ["topic"]
)

PROJECTION_EVENTS: Final = Counter(
    "eventshop_projection_events", "Records that a projection processed.", ["projection"]
)
PROJECTION_SECONDS: Final = Histogram(
    "eventshop_projection_batch_duration_seconds", "Folding one batch.", ["projection"], buckets=_BATCH
)
PROJECTION_FAILURES: Final = Counter(
    "eventshop_projection_batch_failures", "Batches that were rolled back.", ["projection"]
)

SAGA_EVENTS_ROUTED: Final = Counter("eventshop_saga_events_routed", "Events that the event router has read.")
SAGA_MESSAGES: Final = Counter("eventshop_saga_messages_processed", "Inbox messages that sagas have processed.")
SAGAS_STARTED: Final = Counter("eventshop_sagas_started", "Sagas that have processed their first message.", ["saga"])
SAGA_SECONDS: Final = Histogram(
    "eventshop_saga_duration_seconds", "From a saga's start to its end.", ["saga"], buckets=_PROCESS
)
EFFECT_ATTEMPTS: Final = Counter("eventshop_effect_attempts", "Attempts of effects.", ["effect", "outcome"])
TIMER_DELAY_SECONDS: Final = Histogram("eventshop_timer_delay_seconds", "How late timers were fired.", buckets=_LATE)

HTTP_REQUESTS: Final = Counter("eventshop_http_requests", "Responses of pages and API.", ["method", "route", "status"])
HTTP_SECONDS: Final = Histogram(
    "eventshop_http_request_duration_seconds",
    "From a request to its response.",
    ["method", "route"],
    buckets=REQUEST_BUCKETS,
)
LIVE_CONNECTIONS: Final = Gauge(
    "eventshop_live_connections", "Open live connections of pages.", multiprocess_mode="livesum"
)
WEBHOOK_ATTEMPTS: Final = Counter("eventshop_webhook_attempts", "Attempts to deliver webhooks.", ["outcome"])
CIRCUIT_REFUSALS: Final = Counter(
    "eventshop_circuit_refusals", "Calls that were refused because a server had failed repeatedly.", ["circuit"]
)
CACHE_LOOKUPS: Final = Counter(
    "eventshop_cache_lookups", "Look-ups in the cache: figures, health, entity tags.", ["cache", "outcome"]
)
PERIODIC_JOB_RUNS: Final = Counter("eventshop_periodic_job_runs", "Runs of periodic jobs.", ["job", "outcome"])

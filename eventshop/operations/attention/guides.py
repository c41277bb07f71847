"""For each part of health: its entry of the runbook, and the one page or command that helps."""

from __future__ import annotations

from typing import Final, NamedTuple


class Guide(NamedTuple):
    """Where somebody who is told about a part goes on. `view` is a page of the admin, `command` one of manage.py."""

    title: str
    runbook: str
    step: str
    view: str = ""
    command: str = ""


_CHECKPOINTS: Final = "projection_engine_checkpoint_changelist"
SAGAS: Final = "process_saga_changelist"
SAGA_GROUPS: Final = "process_saga_groups"
DEAD_LETTERS: Final = "projection_engine_deadletter_changelist"
JOBS: Final = "ops_periodicwork_changelist"

GUIDES: Final = {
    "database": Guide(
        "The database does not answer", "the-database-does-not-answer", "Bring the database up", command="health"
    ),
    "event log": Guide("Kafka does not answer", "kafka-does-not-answer", "Bring Kafka up", command="health"),
    "broker": Guide(
        "The broker of tasks does not answer",
        "the-broker-of-tasks-does-not-answer",
        "Bring the broker up",
        command="health",
    ),
    "event table": Guide(
        "A transaction holds up all readers",
        "a-transaction-holds-up-all-readers",
        "End the session that health names",
        command="health",
    ),
    "divergence": Guide(
        "Database and Kafka have parted",
        "database-and-kafka-have-parted",
        "Follow docs/recovery.md for this state",
        command="health",
    ),
    "relay": Guide("Events are not published", "events-are-not-published", "Start a relay", command="relay"),
    "publisher": Guide("The outbox grows", "the-outbox-grows", "Start a publisher", command="publish_projections"),
    "projections": Guide(
        "Projections stand still", "a-projection-stands-still", "Look at the checkpoints; start a worker", _CHECKPOINTS
    ),
    "ledger": Guide(
        "The ledger does not close",
        "the-ledger-does-not-close",
        "Look at the projection, then rebuild it",
        _CHECKPOINTS,
    ),
    "dead letters": Guide(
        "Events are set aside", "events-are-set-aside", "Look at the dead letters, then retry or skip", DEAD_LETTERS
    ),
    "unreadable records": Guide(
        "Records are unreadable",
        "records-are-unreadable",
        "Find out who wrote them, then acknowledge",
        "log_acknowledgedrecord_changelist",
    ),
    "deleted records": Guide(
        "Kafka has deleted records",
        "kafka-has-deleted-records",
        "Find out what deleted them, then publish them again",
        command="verify_log",
    ),
    "certificates": Guide(
        "A certificate has expired", "a-certificate-or-key-has-expired", "Renew it", command="health"
    ),
    "gateway key": Guide(
        "The payment gateway refuses our key",
        "a-certificate-or-key-has-expired",
        "Renew PAYMENT_GATEWAY_SECRET",
        command="health",
    ),
    "sagas": Guide("Sagas do not get on", "sagas-do-not-get-on", "Start a worker with --sagas", SAGAS),
    "event router": Guide(
        "The event router is behind", "sagas-do-not-get-on", "Start a worker with --sagas", command="run_sagas --once"
    ),
    "saga runner": Guide(
        "The saga runner is behind", "sagas-do-not-get-on", "Start a worker with --sagas", command="run_sagas --once"
    ),
    "timers": Guide(
        "Timers are late", "sagas-do-not-get-on", "Start a worker with --sagas", command="run_sagas --once"
    ),
    "effects": Guide(
        "Effects are late", "sagas-do-not-get-on", "Start a worker with --sagas", command="run_sagas --once"
    ),
    "suspended": Guide("A saga is suspended", "a-saga-is-suspended", "Retry, compensate or resolve them", SAGA_GROUPS),
    "retrying": Guide("Effects fail", "effects-fail", "Look at the cause; retry now", SAGA_GROUPS),
    "overdue": Guide(
        "A saga waits longer than usual", "a-saga-waits-longer-than-usual", "Look at what it waits for", SAGAS
    ),
    "workers": Guide(
        "A worker is silent",
        "a-worker-is-silent",
        "Look at the worker; start another",
        "runtime_workerprocess_changelist",
    ),
    "clocks": Guide(
        "A clock is wrong", "a-clock-is-wrong", "Set the clock of that machine", "runtime_workerprocess_changelist"
    ),
    "periodic jobs": Guide("Periodic jobs do not run", "periodic-jobs-do-not-run", "Start beat and a worker", JOBS),
    "failed job": Guide("A periodic job fails", "a-periodic-job-fails", "Read its result", JOBS),
    "verification": Guide("A verification fails", "a-verification-fails", "Read its finding", JOBS),
    "payments": Guide(
        "The payment gateway does not answer", "effects-fail", "Look at the cause; retry now", SAGA_GROUPS
    ),
    "venue": Guide("The venue does not answer", "effects-fail", "Look at the cause; retry now", SAGA_GROUPS),
    "webhooks": Guide(
        "Webhooks are not sent",
        "webhooks-are-not-sent",
        "Look at the deliveries; start a worker",
        "web_webhookdelivery_changelist",
    ),
    "receiver": Guide(
        "A webhook's receiver fails",
        "a-webhooks-receiver-fails",
        "Look at its deliveries; tell the receiver",
        "web_webhookdelivery_changelist",
    ),
    "letters": Guide(
        "Letters are not sent",
        "letters-are-not-sent",
        "Start a worker; look at the mail server",
        "projections_projectedeffect_changelist",
    ),
    "erasures": Guide(
        "An erasure has stopped",
        "an-erasure-has-stopped",
        "Read its problem and its findings",
        "privacy_erasure_changelist",
    ),
}
#: Of a part that has no guide, such as that of a new app.
DEFAULT: Final = Guide("", "faults-and-how-they-are-seen", "Ask health for the reason", command="health")

"""What the library contributes to the roles of staff."""

from __future__ import annotations

from typing import Final

from eventshop.operations.roles import RolePart, view

_STORE: Final = (*view("store", "storedevent", "storedreceipt"), *view("ops", "stream", "signedroot"))
_LOGS: Final = view("ops", "accessrecord", "operatoraction")
_RUNNING: Final = (
    *view("ops", "periodicwork", "measurement", "attentionitem", "operatoraction"),
    *view("process", "saga", "sagalivepoint"),
    *view("projection_engine", "checkpoint", "deadletter", "skippedevent", "rebuild", "replay", "eventcorrection"),
    *view("projection_engine", "unreadablerecord", "deadletterjob"),
    *view("log", "acknowledgedrecord", "knowntopic"),
    *view("runtime", "workerprocess"),
)
_OPERATE: Final = (
    "ops.handle_attentionitem",
    "process.operate_saga",
    "projection_engine.pause_projection",
    "projection_engine.rebuild_projection",
    "projection_engine.replay_projection",
    "projection_engine.retry_dead_letters",
    "projection_engine.skip_dead_letters",
    "projection_engine.correct_dead_letters",
    "projection_engine.approve_corrections",
    "ops.run_periodic_job",
)

ROLES: Final = (
    RolePart("Support", (*view("process", "saga"), *view("ops", "attentionitem"))),
    RolePart(
        "Operations",
        (
            *_STORE,
            *_RUNNING,
            *_OPERATE,
            *view("web", "webhookendpoint", "webhookdelivery"),
            "web.resend_webhookdelivery",
        ),
    ),
    RolePart(
        "Privacy officer",
        (*view("privacy", "erasure", "certificate", "retentionrun"), *_LOGS, "privacy.resolve_finding"),
    ),
    RolePart(
        "Auditor",
        (
            *_STORE,
            *_RUNNING,
            *_LOGS,
            *view("privacy", "erasure", "certificate", "retentionrun"),
            *view("auth", "user", "group"),
            *view("web", "apitoken", "webhookendpoint", "webhookdelivery"),
        ),
    ),
)

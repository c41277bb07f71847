"""Imports every module that registers admin pages; Django's autodiscovery finds this one."""

from eventshop.admin_console import (
    access_admin,
    acknowledged_record_admin,
    dead_letter_admin,
    erasure_admin,
    event_admin,
    periodic_admin,
    projection_admin,
    receipt_admin,
    replay_admin,
    saga_admin,
    saga_live_point_admin,
    signed_root_admin,
    stream_admin,
    user_admin,
    worker_admin,
)

__all__ = [
    "access_admin",
    "acknowledged_record_admin",
    "dead_letter_admin",
    "erasure_admin",
    "event_admin",
    "periodic_admin",
    "projection_admin",
    "receipt_admin",
    "replay_admin",
    "saga_admin",
    "saga_live_point_admin",
    "signed_root_admin",
    "stream_admin",
    "user_admin",
    "worker_admin",
]

"""What Django's admin finds of the console."""

from eventshop.admin_console import (
    erasure_admin,
    event_admin,
    periodic_admin,
    receipt_admin,
    saga_admin,
    signed_root_admin,
    stream_admin,
    user_admin,
)

__all__ = [
    "erasure_admin",
    "event_admin",
    "periodic_admin",
    "receipt_admin",
    "saga_admin",
    "signed_root_admin",
    "stream_admin",
    "user_admin",
]

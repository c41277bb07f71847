"""What Django's admin finds of the console."""

from eventshop.ops.console import access, erasures, events, periodic, receipts, roots, sagas, streams

__all__ = ["access", "erasures", "events", "periodic", "receipts", "roots", "sagas", "streams"]

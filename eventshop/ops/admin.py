"""What Django's admin finds of the console."""

from eventshop.ops.console import access, events, receipts, streams

__all__ = ["access", "events", "receipts", "streams"]

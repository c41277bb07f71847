"""Outgoing webhooks (Standard Webhooks): events are enqueued from the event feed, signed, sent and retried."""

"""Celery tasks of the API. Losing one is a delay: what is to be sent stands in the database."""

from __future__ import annotations

from contextlib import suppress

from celery import shared_task

from eventshop.core.errors import TailBusy
from eventshop.web.webhooks.delivery import send_due
from eventshop.web.webhooks.enqueue import enqueue_deliveries


@shared_task(ignore_result=True)
def send_webhooks() -> None:
    """Sent by beat every few seconds."""
    with suppress(TailBusy):
        enqueue_deliveries()
    send_due()

"""Celery tasks of the API. A lost task only causes a delay: deliveries are stored in the database."""

from __future__ import annotations

from contextlib import suppress

from celery import shared_task

from eventshop.core.errors import TailBusy
from eventshop.web.webhooks.delivery import send_due
from eventshop.web.webhooks.enqueue import enqueue_deliveries


@shared_task(ignore_result=True)
def send_webhooks() -> None:
    """Enqueue and send webhook deliveries. Celery beat starts it every few seconds."""
    with suppress(TailBusy):
        enqueue_deliveries()
    send_due()

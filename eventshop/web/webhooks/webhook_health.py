"""The health of the webhooks: whether deliveries leave when they are due."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from eventshop.operations.health_checks import MAX_COUNTED, ComponentHealth, judge_progress, measure_waiting
from eventshop.operations.objectives import Objective, Progress
from eventshop.web.models import WebhookDelivery

#: Failed deliveries are reported for so long; they are the receiver's fault, and can be resent.
FAILED_WITHIN: Final = timedelta(days=1)


def measure_webhooks() -> Progress:
    """Deliveries that are due and that nobody sends, since when, and those that failed for good within a day."""
    due = WebhookDelivery.objects.filter(
        state=WebhookDelivery.State.WAITING, endpoint__active=True, due_at__lte=Now()
    ).order_by("due_at")
    failed = WebhookDelivery.objects.filter(state=WebhookDelivery.State.FAILED, due_at__gt=Now() - FAILED_WITHIN)
    return measure_waiting(due, "due_at", set_aside=failed[:MAX_COUNTED].count())


def check_webhooks() -> ComponentHealth:
    """Whether deliveries are sent when they are due. What a receiver refuses is shown; it is no fault of this part."""
    return judge_progress("webhooks", measure_webhooks(), Objective(settings.HEALTH_LAG_S, MAX_COUNTED))

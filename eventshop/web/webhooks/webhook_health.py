"""The health of the webhooks: whether deliveries leave when they are due."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from eventshop.operations.health_checks import ComponentHealth, judge_progress, seconds_since
from eventshop.operations.objectives import Objective, Progress
from eventshop.web.models import WebhookDelivery

#: Deliveries are counted up to this number.
MAX_COUNTED: Final = 1_000
#: Failed deliveries are reported for so long; they are the receiver's fault, and can be resent.
FAILED_WITHIN: Final = timedelta(days=1)


def measure_webhooks() -> Progress:
    """Deliveries that are due and that nobody sends, since when, and those that failed for good within a day."""
    due = WebhookDelivery.objects.filter(
        state=WebhookDelivery.State.WAITING, endpoint__active=True, due_at__lte=Now()
    ).order_by("due_at")
    failed = WebhookDelivery.objects.filter(state=WebhookDelivery.State.FAILED, due_at__gt=Now() - FAILED_WITHIN)
    oldest = due.values_list("due_at", flat=True).first()
    set_aside = failed[:MAX_COUNTED].count()
    return Progress(due[:MAX_COUNTED].count() if oldest else 0, seconds_since(oldest), set_aside)


def check_webhooks() -> ComponentHealth:
    """Whether deliveries are sent when they are due. What a receiver refuses is shown; it is no fault of this part."""
    return judge_progress("webhooks", measure_webhooks(), Objective(settings.HEALTH_LAG_S, MAX_COUNTED))

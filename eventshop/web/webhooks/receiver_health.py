"""Receivers of webhooks that fail or are slow, for what needs attention: it is their fault, and staff may tell them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.db.models import Count, Min

from eventshop.operations.attention.findings import Finding
from eventshop.operations.attention.guides import GUIDES
from eventshop.operations.objectives import State
from eventshop.web.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

#: Deliveries that failed as often make their receiver a failing one.
FAILED_TRIES: Final = 3
#: The newest attempts that are looked at, and how many of one receiver say how fast it is.
NEWEST: Final = 200
LEAST_ATTEMPTS: Final = 3
#: A receiver whose median answer takes longer is slow. After 5 s an attempt ends.
SLOW_MS: Final = 2_000


def find_failing_receivers() -> Sequence[Finding]:
    """One finding for each active webhook whose deliveries fail again and again, or whose answers are slow."""
    failing = WebhookDelivery.objects.filter(
        state=WebhookDelivery.State.WAITING, tries__gte=FAILED_TRIES, endpoint__active=True
    )
    counts = failing.order_by().values_list("endpoint").annotate(Count("pk"), Min("attempts__at"))
    found = {endpoint: (f"{count:,} deliveries fail", count, since) for endpoint, count, since in counts}
    slow = {endpoint: ms for endpoint, ms in _median_times().items() if ms > SLOW_MS and endpoint not in found}
    found |= {endpoint: (f"answers after {ms / 1000:.1f} s", 1, None) for endpoint, ms in slow.items()}
    endpoints = WebhookEndpoint.objects.filter(pk__in=found, active=True).order_by("pk") if found else ()
    return [
        Finding(
            f"receiver {endpoint.pk}",
            "receiver",
            State.DEGRADED,
            f"Webhook to {urlsplit(endpoint.url).hostname}: {found[endpoint.pk][0]}"[:200],
            GUIDES["receiver"],
            since=found[endpoint.pk][2],
            number=found[endpoint.pk][1],
            query=urlencode({"state__exact": WebhookDelivery.State.WAITING}) if endpoint.pk not in slow else "",
        )
        for endpoint in endpoints
    ]


def _median_times() -> dict[UUID, float]:
    """The median time of the newest attempts of each receiver, in milliseconds."""
    times: dict[UUID, list[int]] = {}
    newest = WebhookAttempt.objects.order_by("-pk").values_list("delivery__endpoint", "took_ms")[:NEWEST]
    for endpoint, took_ms in newest:
        times.setdefault(endpoint, []).append(took_ms)
    return {endpoint: median(taken) for endpoint, taken in times.items() if len(taken) >= LEAST_ATTEMPTS}

"""What the gateway wrote about payments, in its words: emptied when the customer is erased."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from orders.models import GatewayMessage, Payment


def erase_payment_texts(person: UUID, streams: Collection[UUID]) -> str:
    """Empty the reasons and card tokens of the payments of these orders, and the beginnings of messages about them."""
    charges = list(Payment.objects.filter(order_id__in=streams).values_list("pk", flat=True))
    payments = Payment.objects.filter(Q(pk__in=charges) | Q(charge__in=charges))
    keys = list(payments.values_list("pk", flat=True))
    messages = GatewayMessage.objects.filter(key__in=keys).exclude(why="", begins="")
    count = payments.exclude(reason="", trouble="", token="").update(reason="", trouble="", token="")
    return f"{count} payments and {messages.update(why='', begins='')} messages of the gateway emptied"

"""The REST API of observed facts: what happened to an order elsewhere, in any state."""

from __future__ import annotations

from uuid import UUID

from orders import permissions
from orders.api.orders import OrderAction
from orders.application.observed_facts import ObservedFact
from orders.domain.observed_commands import ObservedCommand


class ObservedFacts(OrderAction):
    """Record what happened elsewhere, in any state of the order: it is stored as the fact that it is.

    It is marked as observed. Where it breaks a rule of the shop (shipped before it was paid, cancelled after shipping),
    the order is listed for review. Nothing is charged, refunded or moved in stock because of it.
    """

    body = ObservedFact
    owner_allowed = False
    permission = permissions.IMPORT_FACTS
    status = 201

    def build_command(self, order_id: UUID, body: ObservedFact, command_id: UUID) -> ObservedCommand:
        return body.command(order_id)

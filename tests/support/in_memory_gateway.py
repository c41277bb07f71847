"""The payment gateway of `deploy/gateway` in this process: its own ledger behind the port, without HTTP.

It refuses what the gateway refuses, because it is the gateway. The payment method of a charge chooses what happens to
it, such as `card`, `declined`, `pending` or `late` (`deploy/gateway/behaviours.py`).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from deploy.gateway.behaviours import ResponseKind
from deploy.gateway.ledger import Ledger, RequestRefused
from deploy.gateway.requests import HttpError, origin_of, parse_payment, parse_session
from eventshop.core.money import Money, from_minor_units
from eventshop.sagas.saga_registry import SagaRegistry
from orders.application.data_uses import hand_over_parcel, with_ground
from orders.application.payment_gateway_port import Outcome, Unknown, minor_units
from orders.payment_gateway.responses import decode_payment, outcome_of
from orders.sagas.fulfilment_effects import (
    CapturePayment,
    HandOverParcel,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)
from orders.sagas.fulfilment_saga import Fulfilment
from orders.sagas.fulfilment_version_1 import FulfilmentOfVersion1
from orders.sagas.payment_effects import PaymentEffects
from orders.sagas.return_window_saga import ReturnWindow

SHOP: Final = "http://127.0.0.1:8000"
#: Pending charges end when a test says so.
PENDING_S: Final = 10_000_000


class InMemoryGateway:
    """A `PaymentGateway`. While `is_down`, no request reaches it."""

    def __init__(self) -> None:
        self.ledger = Ledger(":memory:", pending_s=PENDING_S)
        self.requested_keys: list[UUID] = []
        self.is_down = False

    def charge(
        self,
        *,
        key: UUID,
        amount: Money,
        order_id: UUID,
        method: str,
        token: str = "",
        capture: bool = True,
        payment_id: UUID | None = None,
    ) -> Outcome:
        body = {"order_id": str(order_id), "method": method, "token": token, "capture": capture}
        return self._post("charge", key, amount, body)

    def capture(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        return self._post("capture", key, amount, {"charge": str(charge)})

    def void(self, *, key: UUID, charge: UUID, payment_id: UUID | None = None) -> Outcome:
        return self._post("void", key, None, {"charge": str(charge)})

    def refund(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        return self._post("refund", key, amount, {"charge": str(charge)})

    def find(self, key: UUID) -> Outcome | None:
        payment = None if self.is_down else self.ledger.find_payment(str(key))
        return None if payment is None else _outcome(payment)

    def enter_card(self, *, order_id: UUID, amount: Money, behaviour: str = "card") -> str:
        """Enter a test card on the hosted page; gives the token with which the customer comes back."""
        body: dict[str, Any] = {"order_id": str(order_id), "reference": "1", "return_url": SHOP, "cancel_url": SHOP}
        body |= {"amount": minor_units(amount), "currency": amount.currency}
        session_id = self.ledger.sessions.create(parse_session(body, {origin_of(SHOP)}))
        return self.ledger.sessions.complete(session_id, behaviour).partition("token=")[2]

    @property
    def open_charges(self) -> list[UUID]:
        rows = self.ledger.database.rows("SELECT key FROM payment WHERE kind = 'charge' AND status = 'pending'")
        return [UUID(row["key"]) for row in rows]

    def finish_charge(self, key: UUID, *, succeeds: bool = True) -> Outcome:
        """End a charge that was pending or late."""
        reason = "" if succeeds else "refused later"
        self.ledger.database.rows("UPDATE payment SET due_at = 0, reason = ? WHERE key = ?", reason, str(key))
        self.ledger.do_due_work()
        payment = self.ledger.find_payment(str(key))
        assert payment is not None
        return _outcome(payment)

    @property
    def balance(self) -> Decimal:
        """What was taken and not refunded."""
        taken = self._sum("SELECT captured, currency FROM payment WHERE kind = 'charge'")
        return taken - self._sum("SELECT amount, currency FROM payment WHERE kind = 'refund' AND status = 'succeeded'")

    @property
    def set_aside(self) -> Decimal:
        """What is authorised, and neither captured nor voided."""
        return self._sum("SELECT amount, currency FROM payment WHERE kind = 'charge' AND status = 'authorised'")

    def saga_registry(self) -> SagaRegistry:
        """A registry with the fulfilment saga, which uses this gateway."""
        sagas, effects = SagaRegistry(), PaymentEffects(lambda: self)
        for saga in (FulfilmentOfVersion1, Fulfilment, ReturnWindow):
            sagas.register(saga)
        sagas.register_effect(TakePayment, with_ground(effects.take_payment))
        sagas.register_effect(HandOverParcel, hand_over_parcel)
        sagas.register_effect(CapturePayment, effects.capture_payment)
        sagas.register_effect(VoidAuthorisation, effects.void_authorisation)
        sagas.register_effect(RefundPayment, effects.refund_payment)
        return sagas

    def _post(self, kind: str, key: UUID, amount: Money | None, body: dict[str, Any]) -> Outcome:
        if amount is not None:
            body |= {"amount": minor_units(amount), "currency": amount.currency}
        self.requested_keys.append(key)
        if self.is_down:
            return Unknown(key, "no answer")
        try:
            request = parse_payment(f"/v1/{kind}s", str(key), body)
            if self.ledger.count_error(request):
                return Unknown(key, "500")
            payment, behaviour = self.ledger.record_payment(request)
        except (HttpError, RequestRefused) as error:
            return Unknown(key, str(error))
        if behaviour.response not in (ResponseKind.AT_ONCE, ResponseKind.SLOWLY):
            return Unknown(key, "no answer that can be read")
        return _outcome(payment)

    def _sum(self, statement: str) -> Decimal:
        rows = self.ledger.database.rows(statement)
        return sum((from_minor_units(*row).amount for row in rows), Decimal(0))


def _outcome(payment: dict[str, Any]) -> Outcome:
    return outcome_of(decode_payment(json.dumps(payment).encode()))

"""Fields of events about payments by which staff look for them: what a bank's or a gateway's statement names."""

from __future__ import annotations

from typing import Final

from eventshop.eventstore.payload_indexes import PayloadIndex

PAYLOAD_INDEXES: Final = (
    PayloadIndex(
        "payment_id",
        (
            "PaymentRequested",
            "PaymentAuthorised",
            "PaymentProcessed",
            "PaymentDeclined",
            "PaymentVoided",
            "RefundRequested",
            "PaymentRefunded",
        ),
    ),
    PayloadIndex("charge_id", ("PaymentAuthorised", "PaymentProcessed", "PaymentVoided")),
    PayloadIndex("refund_id", ("RefundRequested", "PaymentRefunded")),
)

"""Why something that the gateway says is refused, and what cannot be asked of it."""

from __future__ import annotations

from eventshop.core.errors import Conflict, EventShopError


class GatewayNotConfigured(EventShopError):
    """No payment gateway is set; see PAYMENT_GATEWAY_URL."""

    code = "no-gateway"


class PaymentKeyReused(Conflict):
    """This key was already used for another payment."""

    code = "payment-key-reused"


class MessageRefused(EventShopError):
    """The gateway said something that is not believed."""

    code = "message-refused"


# --- answers ------------------------------------------------------------------------------------------------------


class InvalidJson(MessageRefused):
    """This is not the JSON that it should be."""

    code = "not-json"


class ResponseTooLarge(MessageRefused):
    """The answer is larger than any payment."""

    code = "answer-too-large"


class PaymentMismatch(MessageRefused):
    """This is about another payment."""

    code = "other-payment"


class AmountMismatch(MessageRefused):
    """The gateway names another amount than was asked for."""

    code = "other-amount"


class GatewayRefused(MessageRefused):
    """The gateway refuses the request."""

    code = "gateway-refused"


class PaymentAlreadyEnded(MessageRefused):
    """This payment has ended otherwise."""

    code = "payment-finished"


# --- notices ------------------------------------------------------------------------------------------------------


class WebhookTooLarge(MessageRefused):
    """The notice is larger than any payment."""

    code = "notice-too-large"


class MissingSignature(MessageRefused):
    """The notice lacks webhook-id, webhook-timestamp or webhook-signature."""

    code = "not-signed"


class WrongSignature(MessageRefused):
    """The signature does not fit the notice."""

    code = "wrong-signature"


class StaleTimestamp(MessageRefused):
    """The notice was signed too long ago, or in the future."""

    code = "not-of-now"


class WebhookIdReused(MessageRefused):
    """A notice with this id said something else."""

    code = "notice-id-reused"


class UnknownPayment(MessageRefused):
    """The shop knows of no such payment."""

    code = "unknown-payment"

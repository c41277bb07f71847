"""The errors of the payment gateway: refused messages and invalid requests."""

from __future__ import annotations

from eventshop.core.errors import Conflict, EventShopError
from eventshop.runtime.service_errors import MessageRefused


class GatewayNotConfigured(EventShopError):
    """No payment gateway is configured; set PAYMENT_GATEWAY_URL."""

    code = "no-gateway"


class PaymentKeyReused(Conflict):
    """This key was already used for another payment."""

    code = "payment-key-reused"


class GatewayUnreachable(EventShopError):
    """The payment gateway cannot be reached now. Try again in a moment."""

    code = "gateway-unreachable"


class OutcomeUnknown(EventShopError):
    """The gateway did not say what became of the request."""

    code = "outcome-unknown"


class CaptureDeclined(EventShopError):
    """The gateway declined to take what it had authorised; the goods are on their way."""

    code = "capture-declined"


class VoidDeclined(EventShopError):
    """The gateway declined to release what it had authorised."""

    code = "void-declined"


# --- responses ----------------------------------------------------------------------------------------------------


class PaymentMismatch(MessageRefused):
    """The message is about another payment."""

    code = "other-payment"


class AmountMismatch(MessageRefused):
    """The gateway's amount differs from the requested one."""

    code = "other-amount"


class GatewayRefused(MessageRefused):
    """The gateway refused the request."""

    code = "gateway-refused"


class PaymentAlreadyEnded(MessageRefused):
    """This payment has already ended with another outcome."""

    code = "payment-finished"


# --- webhooks -----------------------------------------------------------------------------------------------------


class WebhookIdReused(MessageRefused):
    """Another webhook with this id was already received."""

    code = "notice-id-reused"


class UnknownPayment(MessageRefused):
    """There is no such payment in the shop."""

    code = "unknown-payment"

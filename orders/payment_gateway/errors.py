"""Why something that the gateway says is refused, and what cannot be asked of it."""

from __future__ import annotations

from eventshop.core.errors import Conflict, EventShopError


class NoGateway(EventShopError):
    """No payment gateway is set; see PAYMENT_GATEWAY_URL."""

    code = "no-gateway"


class PaymentKeyReused(Conflict):
    """This key was already used for another payment."""

    code = "payment-key-reused"


class MessageRefused(EventShopError):
    """The gateway said something that is not believed."""

    code = "message-refused"


# --- answers ------------------------------------------------------------------------------------------------------


class NotJson(MessageRefused):
    """This is not the JSON that it should be."""

    code = "not-json"


class AnswerTooLarge(MessageRefused):
    """The answer is larger than any payment."""

    code = "answer-too-large"


class OtherPayment(MessageRefused):
    """This is about another payment."""

    code = "other-payment"


class OtherAmount(MessageRefused):
    """The gateway names another amount than was asked for."""

    code = "other-amount"


class GatewayRefused(MessageRefused):
    """The gateway refuses the request."""

    code = "gateway-refused"


class PaymentFinished(MessageRefused):
    """This payment has ended otherwise."""

    code = "payment-finished"


# --- notices ------------------------------------------------------------------------------------------------------


class NoticeTooLarge(MessageRefused):
    """The notice is larger than any payment."""

    code = "notice-too-large"


class NotSigned(MessageRefused):
    """The notice lacks webhook-id, webhook-timestamp or webhook-signature."""

    code = "not-signed"


class WrongSignature(MessageRefused):
    """The signature does not fit the notice."""

    code = "wrong-signature"


class NotOfNow(MessageRefused):
    """The notice was signed too long ago, or in the future."""

    code = "not-of-now"


class NoticeIdReused(MessageRefused):
    """A notice with this id said something else."""

    code = "notice-id-reused"


class UnknownPayment(MessageRefused):
    """The shop knows of no such payment."""

    code = "unknown-payment"

"""The behaviours of the gateway, chosen by a card token or by an amount of 1,000.00 plus the behaviour's number."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

#: In pennies: 100,007 chooses behaviour number 7.
BASE_AMOUNT: Final = 100_000


class ResponseKind(StrEnum):
    """How the gateway responds to a request."""

    AT_ONCE = "at once"
    SLOWLY = "slowly"
    NEVER = "never"
    CUT_OFF = "cut off"
    ERROR = "500"
    NOT_JSON = "html"
    DRIBBLED = "dribbled"
    OTHER_AMOUNT = "other amount"
    HUGE = "huge"


class WebhookMode(StrEnum):
    """Which webhooks the gateway sends when a payment has ended."""

    ONE = "one"
    NONE = "none"
    THREE = "three"
    FORGED_FIRST = "forged first"
    OTHER_AMOUNT = "other amount"


class Behaviour(NamedTuple):
    """One behaviour.

    With a `reason` the payment is declined; with `is_pending` it ends later; `errors_first` is the number of 500
    responses before anything happens.
    """

    token: str
    meaning: str
    reason: str = ""
    is_pending: bool = False
    response: ResponseKind = ResponseKind.AT_ONCE
    webhooks: WebhookMode = WebhookMode.ONE
    errors_first: int = 0


#: The behaviour of any other token.
DEFAULT: Final = Behaviour("card", "Succeeds at once; a webhook follows.")
BEHAVIOURS: Final = (
    DEFAULT,
    Behaviour("declined", "Declined: not enough money.", reason="insufficient funds"),
    Behaviour("expired", "Declined: the card has expired.", reason="card expired"),
    Behaviour("slow", "Succeeds; the response is slow.", response=ResponseKind.SLOWLY),
    Behaviour("pending", "Pending; succeeds later, with a webhook.", is_pending=True),
    Behaviour(
        "pending_declined", "Pending; declined later, with a webhook.", reason="refused by the bank", is_pending=True
    ),
    Behaviour(
        "silent", "Pending; succeeds later without a webhook: query it.", is_pending=True, webhooks=WebhookMode.NONE
    ),
    Behaviour("late", "No response; succeeds later, with a webhook.", is_pending=True, response=ResponseKind.NEVER),
    Behaviour(
        "lost",
        "Succeeds; the connection is closed without a response.",
        response=ResponseKind.CUT_OFF,
        webhooks=WebhookMode.NONE,
    ),
    Behaviour("unstable", "Two 500 responses before anything happens, then it succeeds.", errors_first=2),
    Behaviour("down", "Always a 500 response; nothing happens.", errors_first=1_000_000),
    Behaviour("broken", "Succeeds, but each response is a 500.", response=ResponseKind.ERROR),
    Behaviour("html", "Succeeds; the response is an HTML page.", response=ResponseKind.NOT_JSON),
    Behaviour("dribble", "Succeeds; the response comes byte by byte and never ends.", response=ResponseKind.DRIBBLED),
    Behaviour("other_amount", "Succeeds; the response has a penny less.", response=ResponseKind.OTHER_AMOUNT),
    Behaviour("duplicate", "Succeeds; the webhook comes three times.", webhooks=WebhookMode.THREE),
    Behaviour(
        "forged",
        "Pending; a webhook with a wrong signature, then the true one.",
        is_pending=True,
        webhooks=WebhookMode.FORGED_FIRST,
    ),
    Behaviour(
        "other_notice", "Pending; the webhook has a penny less.", is_pending=True, webhooks=WebhookMode.OTHER_AMOUNT
    ),
    Behaviour("huge", "Succeeds; the response is a megabyte.", response=ResponseKind.HUGE),
    Behaviour("hasty", "Succeeds; the webhook comes before the slow response.", response=ResponseKind.SLOWLY),
    Behaviour("refund_pending", "Succeeds; its refunds are pending and succeed later."),
    Behaviour("refund_declined", "Succeeds; its refunds are declined."),
)
_BY_TOKEN: Final = {behaviour.token: behaviour for behaviour in BEHAVIOURS}
_REFUND_BEHAVIOURS: Final = {
    "refund_pending": _BY_TOKEN["pending"],
    "refund_declined": Behaviour("", "", reason="the account is closed"),
}


def charge_behaviour(token: str, amount: int) -> Behaviour:
    """The behaviour of a charge; `amount` in pennies. A known token takes precedence over the amount."""
    number = amount - BASE_AMOUNT
    by_amount = BEHAVIOURS[number] if 0 < number < len(BEHAVIOURS) else DEFAULT
    return by_amount if token == DEFAULT.token else _BY_TOKEN.get(token, by_amount)


def refund_behaviour(token: str, charged: int) -> Behaviour:
    """The behaviour of a refund of a charge; `charged` in pennies."""
    return _REFUND_BEHAVIOURS.get(charge_behaviour(token, charged).token, DEFAULT)

"""The behaviours of the gateway, each chosen by a test card on the card page, or by its name as payment method."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


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
    """One behaviour; `method` is its name.

    With a `reason` the payment is declined; with `is_pending` it ends later; `errors_first` is the number of 500
    responses before anything happens.
    """

    method: str
    meaning: str
    reason: str = ""
    is_pending: bool = False
    response: ResponseKind = ResponseKind.AT_ONCE
    webhooks: WebhookMode = WebhookMode.ONE
    errors_first: int = 0


#: What happens with an ordinary card.
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
BY_METHOD: Final = {behaviour.method: behaviour for behaviour in BEHAVIOURS}
#: Methods besides the names of behaviours. They succeed at once.
OTHER_METHODS: Final = ("voucher", "bank_transfer")
_REFUND_BEHAVIOURS: Final = {
    "refund_pending": BY_METHOD["pending"],
    "refund_declined": Behaviour("", "", reason="the account is closed"),
}


def _test_card(number: int) -> str:
    """The test card of a behaviour; the last digit is the check digit of ISO/IEC 7812 (Luhn)."""
    digits = f"400000000000{number:03d}" if number else "424242424242424"
    return next(card for check in range(10) if is_card_number(card := f"{digits}{check}"))


def is_card_number(text: str) -> bool:
    """Whether these are 12 to 19 digits of which the last is the check digit of the others."""
    if not (text.isascii() and text.isdecimal() and 12 <= len(text) <= 19):
        return False
    digits = [int(digit) for digit in reversed(text)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


#: The behaviours by the numbers of their test cards.
TEST_CARDS: Final = {_test_card(number): behaviour for number, behaviour in enumerate(BEHAVIOURS)}


def charge_behaviour(method: str) -> Behaviour | None:
    """The behaviour of a charge by this method; None for an unknown method."""
    return DEFAULT if method in OTHER_METHODS else BY_METHOD.get(method)


def refund_behaviour(behaviour: str) -> Behaviour:
    """The behaviour of a refund of a charge with this behaviour."""
    return _REFUND_BEHAVIOURS.get(behaviour, DEFAULT)

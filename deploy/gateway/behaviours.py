"""What can be made to happen: by a card token, or by an amount of 1,000 and so many pennies."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

#: The pennies of behaviour number 0; number 7 is chosen by 100,007 pennies.
BASE_AMOUNT: Final = 100_000


class ResponseKind(StrEnum):
    """How a request is answered."""

    AT_ONCE = "at once"
    SLOWLY = "slowly"
    NEVER = "never"
    CUT_OFF = "cut off"
    ERROR = "500"
    NOT_JSON = "html"
    DRIBBLED = "dribbled"
    OTHER_AMOUNT = "other amount"
    HUGE = "huge"


class Webhooks(StrEnum):
    """What the shop is told afterwards."""

    ONE = "one"
    NONE = "none"
    THREE = "three"
    FORGED_FIRST = "forged first"
    OTHER_AMOUNT = "other amount"


class Behaviour(NamedTuple):
    """One way to behave. `reason`: it ends declined. `later`: it is pending at first. `errors`: so many 500s before."""

    token: str
    meaning: str
    reason: str = ""
    is_pending: bool = False
    response: ResponseKind = ResponseKind.AT_ONCE
    webhooks: Webhooks = Webhooks.ONE
    errors_first: int = 0


#: What any other token does.
DEFAULT: Final = Behaviour("card", "Succeeds at once; a notice follows.")
BEHAVIOURS: Final = (
    DEFAULT,
    Behaviour("declined", "Declined: not enough money.", reason="insufficient funds"),
    Behaviour("expired", "Declined: the card has expired.", reason="card expired"),
    Behaviour("slow", "Succeeds, and the answer takes its time.", response=ResponseKind.SLOWLY),
    Behaviour("pending", "Pending; succeeds later, a notice says so.", is_pending=True),
    Behaviour(
        "pending_declined", "Pending; declined later, a notice says so.", reason="refused by the bank", is_pending=True
    ),
    Behaviour("silent", "Pending; succeeds later and nobody says so: ask.", is_pending=True, webhooks=Webhooks.NONE),
    Behaviour("late", "No answer; succeeds later, a notice says so.", is_pending=True, response=ResponseKind.NEVER),
    Behaviour(
        "lost", "Succeeds; the connection is cut before the answer.", response=ResponseKind.CUT_OFF, webhooks=Webhooks.NONE
    ),
    Behaviour("unstable", "Two errors (500) before anything happens, then it succeeds.", errors_first=2),
    Behaviour("down", "Errors (500) for ever; nothing happens.", errors_first=1_000_000),
    Behaviour("broken", "Succeeds, and is answered with an error (500) each time.", response=ResponseKind.ERROR),
    Behaviour("html", "Succeeds, and is answered with a page of HTML.", response=ResponseKind.NOT_JSON),
    Behaviour("dribble", "Succeeds; the answer comes byte by byte, without an end.", response=ResponseKind.DRIBBLED),
    Behaviour("other_amount", "Succeeds; the answer names a penny less.", response=ResponseKind.OTHER_AMOUNT),
    Behaviour("duplicate", "Succeeds; the notice comes three times.", webhooks=Webhooks.THREE),
    Behaviour(
        "forged",
        "Pending; a notice with a wrong signature, then the true one.",
        is_pending=True,
        webhooks=Webhooks.FORGED_FIRST,
    ),
    Behaviour("other_notice", "Pending; the notice names a penny less.", is_pending=True, webhooks=Webhooks.OTHER_AMOUNT),
    Behaviour("huge", "Succeeds; the answer is a megabyte.", response=ResponseKind.HUGE),
    Behaviour("hasty", "Succeeds; the notice comes before the slow answer.", response=ResponseKind.SLOWLY),
    Behaviour("refund_pending", "Succeeds; its refunds are pending and succeed later."),
    Behaviour("refund_declined", "Succeeds; its refunds are declined."),
)
_BY_TOKEN: Final = {behaviour.token: behaviour for behaviour in BEHAVIOURS}
_REFUND_BEHAVIOURS: Final = {
    "refund_pending": _BY_TOKEN["pending"],
    "refund_declined": Behaviour("", "", reason="the account is closed"),
}


def charge_behaviour(token: str, amount: int) -> Behaviour:
    """How a charge behaves; `amount` in pennies. A token that is known decides before the amount."""
    number = amount - BASE_AMOUNT
    by_amount = BEHAVIOURS[number] if 0 < number < len(BEHAVIOURS) else DEFAULT
    return by_amount if token == DEFAULT.token else _BY_TOKEN.get(token, by_amount)


def refund_behaviour(token: str, charged: int) -> Behaviour:
    """How a refund of a charge behaves."""
    return _REFUND_BEHAVIOURS.get(charge_behaviour(token, charged).token, DEFAULT)

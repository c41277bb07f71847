"""What can be made to happen: by a card token, or by an amount of 1,000 and so many pennies."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

#: The pennies of behaviour number 0; number 7 is chosen by 100,007 pennies.
FIRST_AMOUNT: Final = 100_000


class Answer(StrEnum):
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


class Notices(StrEnum):
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
    later: bool = False
    answer: Answer = Answer.AT_ONCE
    notices: Notices = Notices.ONE
    errors: int = 0


#: What any other token does.
GOOD: Final = Behaviour("card", "Succeeds at once; a notice follows.")
BEHAVIOURS: Final = (
    GOOD,
    Behaviour("declined", "Declined: not enough money.", reason="insufficient funds"),
    Behaviour("expired", "Declined: the card has expired.", reason="card expired"),
    Behaviour("slow", "Succeeds, and the answer takes its time.", answer=Answer.SLOWLY),
    Behaviour("pending", "Pending; succeeds later, a notice says so.", later=True),
    Behaviour(
        "pending_declined", "Pending; declined later, a notice says so.", reason="refused by the bank", later=True
    ),
    Behaviour("silent", "Pending; succeeds later and nobody says so: ask.", later=True, notices=Notices.NONE),
    Behaviour("late", "No answer; succeeds later, a notice says so.", later=True, answer=Answer.NEVER),
    Behaviour(
        "lost", "Succeeds; the connection is cut before the answer.", answer=Answer.CUT_OFF, notices=Notices.NONE
    ),
    Behaviour("unstable", "Two errors (500) before anything happens, then it succeeds.", errors=2),
    Behaviour("down", "Errors (500) for ever; nothing happens.", errors=1_000_000),
    Behaviour("broken", "Succeeds, and is answered with an error (500) each time.", answer=Answer.ERROR),
    Behaviour("html", "Succeeds, and is answered with a page of HTML.", answer=Answer.NOT_JSON),
    Behaviour("dribble", "Succeeds; the answer comes byte by byte, without an end.", answer=Answer.DRIBBLED),
    Behaviour("other_amount", "Succeeds; the answer names a penny less.", answer=Answer.OTHER_AMOUNT),
    Behaviour("duplicate", "Succeeds; the notice comes three times.", notices=Notices.THREE),
    Behaviour(
        "forged",
        "Pending; a notice with a wrong signature, then the true one.",
        later=True,
        notices=Notices.FORGED_FIRST,
    ),
    Behaviour("other_notice", "Pending; the notice names a penny less.", later=True, notices=Notices.OTHER_AMOUNT),
    Behaviour("huge", "Succeeds; the answer is a megabyte.", answer=Answer.HUGE),
    Behaviour("hasty", "Succeeds; the notice comes before the slow answer.", answer=Answer.SLOWLY),
    Behaviour("refund_pending", "Succeeds; its refunds are pending and succeed later."),
    Behaviour("refund_declined", "Succeeds; its refunds are declined."),
)
_BY_TOKEN: Final = {behaviour.token: behaviour for behaviour in BEHAVIOURS}
_OF_REFUNDS: Final = {
    "refund_pending": _BY_TOKEN["pending"],
    "refund_declined": Behaviour("", "", reason="the account is closed"),
}


def of_charge(token: str, amount: int) -> Behaviour:
    """How a charge behaves; `amount` in pennies. A token that is known decides before the amount."""
    number = amount - FIRST_AMOUNT
    by_amount = BEHAVIOURS[number] if 0 < number < len(BEHAVIOURS) else GOOD
    return by_amount if token == GOOD.token else _BY_TOKEN.get(token, by_amount)


def of_refund(token: str, charged: int) -> Behaviour:
    """How a refund of a charge behaves."""
    return _OF_REFUNDS.get(of_charge(token, charged).token, GOOD)

"""The trade confirmation: a letter about each execution, with everything that was agreed."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from eventshop.core.messages import Meta
from eventshop.datetimes import format_datetime
from eventshop.eventstore.event_store import store
from eventshop.web.letters.letter import Action, Letter, site_url
from eventshop.web.letters.letter_kinds import LetterKind
from trading.application.number_formatting import format_number, format_price
from trading.domain.events import AccountOpened, TradeExecuted, TradeSubmitted, volume


def _owner_of(account_id: UUID) -> UUID | None:
    """The owner of an account, by its first event."""
    for recorded in store.get_events(account_id, to_version=1):
        if isinstance(recorded.event, AccountOpened):
            return recorded.event.owner_id
    return None


def _owner(event: TradeExecuted) -> UUID | None:
    return _owner_of(event.deal.account_id)


def _confirmation(event: TradeExecuted, meta: Meta) -> Letter:
    deal, money = event.deal, event.deal.currency
    submitted = next((one.event for one in store.get_events(event.trade_id, to_version=1)), None)
    reference = submitted.reference if isinstance(submitted, TradeSubmitted) else str(event.trade_id)
    rows = [
        (
            format_datetime(fill.at, seconds=True),
            f"{format_number(fill.quantity)} at {format_price(fill.price, money)}",
            format_price(fill.notional, money) if deal.contract is None else "",
        )
        for fill in event.fills
    ]
    return Letter(
        f"Trade confirmation {reference}",
        [f"Your order to {deal.side.lower()} {deal.instrument} was executed."],
        rows=rows,
        facts=[
            ("Trade", reference),
            ("Instrument", deal.instrument),
            ("Side", deal.side.lower()),
            ("Executed now", format_number(volume(event.fills))),
            ("Still open", format_number(event.open)),
        ],
        action=Action("See the trade", site_url(reverse("trading:trade", args=[event.trade_id]))),
        because="You get this letter because we must confirm each execution to you.",
    )


TRADE_LETTERS: Final[list[LetterKind[Any]]] = [
    LetterKind(
        kind="trade-confirmation",
        label="your order was executed",
        event=TradeExecuted,
        compose=_confirmation,
        person=_owner,
        purpose="LegalCompliance",
    )
]

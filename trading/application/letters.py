"""The trade confirmation: a letter about each execution, with everything that was agreed."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from eventshop.core.messages import Meta
from eventshop.datetimes import format_datetime
from eventshop.eventstore.event_store import store
from eventshop.web.letters.letter import Action, Letter, site_url
from eventshop.web.letters.letter_kinds import LetterKind
from trading.application.number_formatting import format_number, format_price
from trading.domain.events import AccountOpened, TradeExecuted, TradeSubmitted, volume

_ORDERED: Final = {
    "BUY": gettext_noop("Your order to buy {instrument} was executed."),
    "SELL": gettext_noop("Your order to sell {instrument} was executed."),
}
_SIDES: Final = {"BUY": gettext_noop("buy"), "SELL": gettext_noop("sell")}


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
            _("{quantity} at {price}").format(
                quantity=format_number(fill.quantity), price=format_price(fill.price, money)
            ),
            format_price(fill.notional, money) if deal.contract is None else "",
        )
        for fill in event.fills
    ]
    return Letter(
        _("Trade confirmation {reference}").format(reference=reference),
        [_(_ORDERED[deal.side]).format(instrument=deal.instrument)],
        rows=rows,
        facts=[
            (_("Trade"), reference),
            (_("Instrument"), deal.instrument),
            (_("Side"), _(_SIDES[deal.side])),
            (_("Executed now"), format_number(volume(event.fills))),
            (_("Still open"), format_number(event.open)),
        ],
        action=Action(_("See the trade"), site_url(reverse("trading:trade", args=[event.trade_id]))),
        because=_("You get this letter because we must confirm each execution to you."),
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

"""The confirmation of a trade as a PDF: its terms and every fill that stands, for the owner's files."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from eventshop.datetimes import format_datetime
from eventshop.eventstore.event_store import store
from eventshop.web.pages.new_document import new_document
from eventshop.web.shared.customer_port import customer_required
from trading.application.number_formatting import format_number, format_price
from trading.application.trade_timeline import describe_terms, load_customer_trade
from trading.domain.contract_value import fill_value, money_currency
from trading.domain.events import AccountOpened
from trading.domain.fees import fee_amount, fees_of


@require_safe
@customer_required
def confirmation(request: HttpRequest, person: UUID, trade_id: UUID) -> HttpResponse:
    """A trade without a fill has no confirmation."""
    trade = load_customer_trade(trade_id, person)
    if trade is None or not trade.state.executed:
        raise Http404
    terms, instrument = trade.terms, trade.terms.instrument
    fills = sorted((record.fill for record in trade.state.fills if not record.void), key=lambda fill: fill.at)
    document = new_document(f"Trade confirmation {terms.reference}", issuer=settings.ORGANISATION, made_at=fills[-1].at)
    contract, money = instrument.contract, money_currency(instrument)
    facts = [
        ("Account", _account_name(terms.account_id)),
        ("Order", describe_terms(terms)),
        ("Instrument", instrument.code),
        ("Side", terms.side.capitalize()),
        ("Executed", format_number(trade.state.executed)),
        ("Still open", format_number(trade.state.open)),
        ("Average price", trade.average_price),
        ("Fees", format_price(fees_of(tuple(fills)), money)),
        ("State", trade.label),
    ]
    document.add_facts(facts)
    document.add_table(
        ("Time", "Venue trade id", "Quantity", "Price", "Value", "Fee"),
        [
            (
                format_datetime(fill.at, seconds=True),
                fill.venue_trade_id,
                format_number(fill.quantity),
                format_price(fill.price, instrument.currency),
                format_price(fill_value(contract, fill), money),
                format_price(fee_amount(fill), money),
            )
            for fill in fills
        ],
        widths=(22, 22, 12, 16, 16, 12),
        numeric_columns=4,
    )
    return document.to_response(f"confirmation-{terms.reference}.pdf")


def _account_name(account_id: UUID) -> str:
    for recorded in store.get_events(account_id, to_version=1):
        if isinstance(recorded.event, AccountOpened):
            return recorded.event.reference
    return str(account_id)

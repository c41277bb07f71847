"""What a trader fills in: a trade to be placed, and why one is cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms

from eventshop.core.errors import EventShopError
from eventshop.eventstore.event_store import store
from eventshop.web.pages.command_form import CommandForm
from trading.application.number_formatting import format_number
from trading.application.submit_trade import NewTrade, amount_to_freeze, trade_id_for
from trading.application.trade_timeline import LimitUsage, CustomerAccount
from trading.domain.errors import LimitExceeded, NoPrice, UnknownInstrument, WrongCurrency, WrongLot, WrongTick
from trading.domain.events import MAX_DECIMALS, OrderType, Side
from trading.domain.instruments import INSTRUMENTS

_DECIMAL_ATTRS: Final = {"inputmode": "decimal", "autocomplete": "off"}
#: Which field an error of the rules belongs to.
_FIELD_OF: Final[dict[type[EventShopError], str]] = {
    UnknownInstrument: "instrument",
    WrongTick: "limit_price",
    WrongLot: "quantity",
    LimitExceeded: "quantity",
    WrongCurrency: "account",
    NoPrice: "type",
}


def _decimal_field(label: str, help_text: str = "", *, required: bool = True) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=required,
        max_digits=10 + MAX_DECIMALS,
        decimal_places=MAX_DECIMALS,
        widget=forms.TextInput(attrs=_DECIMAL_ATTRS),
        error_messages={"required": f"Give a {label.lower()}", "invalid": "Give a number such as 12.5"},
    )


class TicketForm(CommandForm):
    """One trade. What it freezes is shown before it is placed: `seen` is the amount that was shown."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)
    account = forms.ChoiceField(label="Account")
    instrument = forms.ChoiceField(
        label="Instrument",
        choices=[(code, f"{code} ({it.currency})") for code, it in sorted(INSTRUMENTS.items())],
        error_messages={"invalid_choice": "Choose an instrument of the list"},
    )
    side = forms.ChoiceField(label="Buy or sell", choices=[(Side.BUY, "Buy"), (Side.SELL, "Sell")])
    quantity = _decimal_field("Quantity")
    type = forms.ChoiceField(
        label="Type",
        choices=[(OrderType.LIMIT, "Limit: at a price or better"), (OrderType.MARKET, "Market: at once, at any price")],
    )
    limit_price = _decimal_field("Limit price", "Only for a limit order.", required=False)

    def __init__(self, desks: Sequence[CustomerAccount], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.accounts = {str(it.id): it for it in desks}
        account = self.fields["account"]
        assert isinstance(account, forms.ChoiceField)  # noqa: S101  (narrows a type)
        account.choices = [(key, f"{it.opened.reference} ({it.opened.currency})") for key, it in self.accounts.items()]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        is_limit = values.get("type") == OrderType.LIMIT
        if is_limit and values.get("limit_price") is None and "limit_price" not in self.errors:
            self.add_error("limit_price", "A limit order needs its limit price")
        if not is_limit and values.get("limit_price") is not None:
            self.add_error("limit_price", "A market order has no limit price; leave it empty")
        if not self.errors:
            self._check_rules(values)
        return values

    def _check_rules(self, values: dict[str, Any]) -> None:
        """Whatever the rules say about it already now."""
        try:
            order = self.new_trade(values).to_command(UUID(int=0))
            if order.instrument.currency != self.account_details(values).opened.currency:
                raise WrongCurrency(
                    account=self.account_details(values).opened.currency, trade=order.instrument.currency
                )
            self.amount = amount_to_freeze(order)
            if self.amount > self.tightest_limit(values).available:
                raise LimitExceeded(
                    limit=self.tightest_limit(values).name,
                    asked=format_number(self.amount),
                    left=format_number(self.tightest_limit(values).available),
                )
        except EventShopError as refusal:
            self.add_refusal(refusal)

    def add_refusal(self, refusal: EventShopError) -> None:
        """Say it beside the field that it is about."""
        self.add_error(_FIELD_OF.get(type(refusal)), refusal.message)

    @property
    def trade_id(self) -> UUID:
        """The trade that this very form places."""
        return trade_id_for(self.cleaned_data["form_id"])

    @property
    def is_submitted(self) -> bool:
        """Whether it has: then the limit may be too small for a second one, which nobody wants."""
        return "form_id" in self.cleaned_data and bool(store.get_events(self.trade_id, to_version=1))

    def new_trade(self, values: dict[str, Any]) -> NewTrade:
        price: Decimal | None = values["limit_price"]
        return NewTrade(
            account_id=UUID(values["account"]),
            instrument=values["instrument"],
            side=Side(values["side"]),
            type=OrderType(values["type"]),
            quantity=values["quantity"],
            limit_price=price,
        )

    def account_details(self, values: dict[str, Any]) -> CustomerAccount:
        return self.accounts[values["account"]]

    def tightest_limit(self, values: dict[str, Any]) -> LimitUsage:
        """The limit that the trade comes closest to."""
        return self.account_details(values).tightest_limit(values["instrument"])


class CancelRequestForm(CommandForm):
    """Why."""

    reason = forms.ChoiceField(
        label="Why do you cancel?",
        choices=[
            ("the market moved", "The market moved"),
            ("placed by mistake", "I placed it by mistake"),
            ("it takes too long", "It takes too long"),
            ("another reason", "Another reason"),
        ],
    )

"""Forms of the trading pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms

from eventshop.core.errors import EventShopError
from eventshop.eventstore.event_store import store
from eventshop.formats.form_fields import StrictDecimalField
from eventshop.web.pages.command_form import CommandForm
from trading.application.customer_accounts import CustomerAccount, LimitUsage
from trading.application.instruments import active_listings
from trading.application.number_formatting import format_number
from trading.application.submit_trade import NewTrade, amount_to_freeze, trade_id_for
from trading.domain.contract_value import money_currency
from trading.domain.errors import (
    DuplicateTrade,
    InactiveInstrument,
    LimitExceeded,
    MissingRate,
    NegativePrice,
    NoPrice,
    OutsidePriceBand,
    StaleRate,
    UnknownInstrument,
    WrongLot,
    WrongTick,
)
from trading.domain.events import MAX_DECIMALS, OrderType, Side

_DECIMAL_ATTRS: Final = {"inputmode": "decimal", "autocomplete": "off"}
#: The field beside which the form shows an error of the domain.
_FIELD_OF: Final[dict[type[EventShopError], str]] = {
    UnknownInstrument: "instrument",
    InactiveInstrument: "instrument",
    NegativePrice: "limit_price",
    WrongTick: "limit_price",
    WrongLot: "quantity",
    LimitExceeded: "quantity",
    MissingRate: "account",
    StaleRate: "account",
    OutsidePriceBand: "limit_price",
    DuplicateTrade: "quantity",
    NoPrice: "type",
}


def _decimal_field(label: str, help_text: str = "", *, required: bool = True) -> StrictDecimalField:
    return StrictDecimalField(
        label=label,
        help_text=help_text,
        required=required,
        max_digits=10 + MAX_DECIMALS,
        decimal_places=MAX_DECIMALS,
        widget=forms.TextInput(attrs=_DECIMAL_ATTRS),
        error_messages={"required": f"Enter a {label.lower()}", "invalid": "Enter a number such as 12.5"},
    )


def instrument_choices() -> list[tuple[str, str]]:
    """The instruments that can be traded now, with the currency of their money."""
    return [(item.code, f"{item.code} ({money_currency(item.instrument)})") for item in active_listings()]


class TicketForm(CommandForm):
    """The trade ticket. The page previews the frozen amount before it submits; `seen` identifies the preview."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)
    account = forms.ChoiceField(label="Account")
    instrument = forms.ChoiceField(
        label="Instrument",
        choices=instrument_choices,
        error_messages={"invalid_choice": "Choose an instrument from the list"},
    )
    side = forms.ChoiceField(label="Buy or sell", choices=[(Side.BUY, "Buy"), (Side.SELL, "Sell")])
    quantity = _decimal_field("Quantity")
    type = forms.ChoiceField(
        label="Type",
        choices=[(OrderType.LIMIT, "Limit: at a price or better"), (OrderType.MARKET, "Market: at once, at any price")],
    )
    limit_price = _decimal_field("Limit price", "Only for a limit order.", required=False)

    def __init__(self, accounts: Sequence[CustomerAccount], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.accounts = {str(account.id): account for account in accounts}
        field = self.fields["account"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (narrows a type)
        field.choices = [
            (account_id, f"{account.opening_event.reference} ({account.opening_event.currency})")
            for account_id, account in self.accounts.items()
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        is_limit = values.get("type") == OrderType.LIMIT
        if is_limit and values.get("limit_price") is None and "limit_price" not in self.errors:
            self._add_error("limit_price", "A limit order needs its limit price", "required")
        if not is_limit and values.get("limit_price") is not None:
            self._add_error("limit_price", "A market order has no limit price; leave it empty", "not-allowed")
        if not self.errors:
            self._check_rules(values)
        return values

    def _check_rules(self, values: dict[str, Any]) -> None:
        """Check the domain rules before the trade is submitted; sets `amount` to the amount to freeze."""
        try:
            order = self.new_trade(values).to_command(UUID(int=0))
            currency = self.account_details(values).opening_event.currency
            self.amount, limit = amount_to_freeze(order, currency), self.tightest_limit(values)
            if self.amount > limit.available:
                raise LimitExceeded(
                    limit=limit.name, requested=format_number(self.amount), available=format_number(limit.available)
                )
        except EventShopError as refusal:
            self.add_refusal(refusal)

    def add_refusal(self, refusal: EventShopError) -> None:
        """Show a refusal beside the field that it concerns."""
        self._add_error(_FIELD_OF.get(type(refusal)), refusal.message, refusal.code)

    def _add_error(self, field: str | None, message: str, code: str) -> None:
        self.add_error(field, forms.ValidationError(message, code=code))

    @property
    def trade_id(self) -> UUID:
        """The id of the trade that this form submits."""
        return trade_id_for(self.cleaned_data["form_id"])

    @property
    def is_submitted(self) -> bool:
        """Whether this form has already submitted its trade. Then the limit may be too small for a second one."""
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
        """The limit with the smallest available amount for the chosen instrument."""
        return self.account_details(values).tightest_limit(values["instrument"])


class CancelRequestForm(CommandForm):
    """The reason of a cancellation by the client."""

    reason = forms.ChoiceField(
        label="Why do you cancel?",
        choices=[
            ("the market moved", "The market moved"),
            ("placed by mistake", "I placed it by mistake"),
            ("it takes too long", "It takes too long"),
            ("another reason", "Another reason"),
        ],
    )

"""Forms of the trading pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms

from eventshop.core.decimal_math import format_plain
from eventshop.core.errors import EventShopError
from eventshop.eventstore.event_store import store
from eventshop.formats.form_fields import StrictDecimalField
from eventshop.web.pages.command_form import CommandForm
from trading.application.customer_accounts import CustomerAccount, LimitUsage
from trading.application.exchange_rates import convertible_currencies
from trading.application.instruments import active_listings
from trading.application.number_formatting import format_number
from trading.application.pre_trade_checks import check_duplicate, check_price_band
from trading.application.submit_trade import NewTrade, amount_to_freeze, trade_id_for
from trading.domain.commands import AmendTrade, SubmitTrade
from trading.domain.contract_value import money_currency
from trading.domain.errors import (
    DuplicateTrade,
    InactiveInstrument,
    LimitExceeded,
    MissingRate,
    NegativePrice,
    NoPrice,
    NotAmendable,
    OutsidePriceBand,
    StaleRate,
    UnknownInstrument,
    WrongLot,
    WrongTick,
)
from trading.domain.events import MAX_DECIMALS, OrderType, Side, TimeInForce, TradeSubmitted

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
    DuplicateTrade: "repeated",
    NotAmendable: "quantity",
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


GOOD_LABELS: Final = {
    TimeInForce.GTC: "Until it is cancelled",
    TimeInForce.DAY: "For the trading day",
    TimeInForce.IOC: "At once: what is not filled is cancelled",
}
#: Instruments that the field suggests, and that an error names.
_MAX_SUGGESTED: Final = 500
_MAX_NAMED: Final = 10


class InstrumentField(forms.CharField):
    """An instrument, by its code or by any part of it that only one instrument has.

    It suggests the instruments that one of the accounts can trade: their money can be converted into its currency.
    """

    def __init__(self) -> None:
        attrs = {"list": "instruments", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        super().__init__(
            label="Instrument",
            help_text="Type a part of its name, such as SAP.",
            max_length=60,
            widget=forms.TextInput(attrs=attrs),
            error_messages={"required": "Enter an instrument"},
        )

    def suggestions(self, currencies: Sequence[str]) -> list[tuple[str, str]]:
        """The codes of the instruments for accounts in these currencies, each with the currency of its money."""
        worth = {currency for one in currencies for currency in convertible_currencies(one)}
        priced = ((listing.code, money_currency(listing.instrument)) for listing in active_listings())
        return [(code, currency) for code, currency in priced if currency in worth][:_MAX_SUGGESTED]

    def clean(self, value: Any) -> str:
        text = super().clean(value).casefold()
        codes = [listing.code for listing in active_listings()]
        exact = [code for code in codes if text in (code.casefold(), code.partition("/")[2].casefold())]
        matches = exact or [code for code in codes if text in code.casefold()]
        if len(matches) == 1:
            return matches[0]
        if not matches:
            raise forms.ValidationError("No instrument has this in its name", code="invalid_choice")
        more = f" and {len(matches) - _MAX_NAMED} more" if len(matches) > _MAX_NAMED else ""
        raise forms.ValidationError(f"This could be {', '.join(matches[:_MAX_NAMED])}{more}", code="ambiguous")


class TicketForm(CommandForm):
    """The trade ticket. The page repeats it in full before it submits; `seen` identifies what was repeated."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=500)
    account = forms.ChoiceField(label="Account")
    instrument = InstrumentField()
    side = forms.ChoiceField(label="Buy or sell", choices=[(Side.BUY, "Buy"), (Side.SELL, "Sell")])
    quantity = _decimal_field("Quantity")
    type = forms.ChoiceField(
        label="Type",
        choices=[(OrderType.LIMIT, "Limit: at a price or better"), (OrderType.MARKET, "Market: at once, at any price")],
    )
    limit_price = _decimal_field("Limit price", "Only for a limit order.", required=False)
    time_in_force = forms.ChoiceField(label="Good", required=False, choices=list(GOOD_LABELS.items()))
    repeated = forms.BooleanField(
        label="Yes, place it a second time", required=False, widget=forms.CheckboxInput(attrs={"class": "tick"})
    )

    order: SubmitTrade
    amount: Decimal

    def __init__(self, accounts: Sequence[CustomerAccount], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.accounts = {str(account.id): account for account in accounts}
        field = self.fields["account"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (narrows a type)
        field.choices = [
            (account_id, f"{account.opening_event.reference} ({account.opening_event.currency})")
            for account_id, account in self.accounts.items()
        ]

    @property
    def instruments(self) -> list[tuple[str, str]]:
        """The instruments to suggest: those of the chosen account or, before one is chosen, of all."""
        chosen = self.accounts.get(str(self["account"].value()))
        accounts = [chosen] if chosen else list(self.accounts.values())
        field = self.fields["instrument"]
        assert isinstance(field, InstrumentField)  # noqa: S101  (narrows a type)
        return field.suggestions([account.opening_event.currency for account in accounts])

    @property
    def asks_if_repeated(self) -> bool:
        """Whether the same trade is open already."""
        return self.is_bound and ("repeated" in self.errors or bool(self.cleaned_data.get("repeated")))

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
        """Check all rules before the trade is submitted; sets `order`, and `amount` to the amount to freeze."""
        try:
            order = self.order = self.new_trade(values).to_command(self.trade_id)
            currency = self.account_details(values).opening_event.currency
            self.amount, limit = amount_to_freeze(order, currency), self.tightest_limit(values)
            if self.amount > limit.available:
                raise LimitExceeded(
                    limit=limit.name, requested=format_number(self.amount), available=format_number(limit.available)
                )
            check_price_band(order)
            if not values["repeated"]:
                check_duplicate(order)
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
            time_in_force=TimeInForce(values["time_in_force"] or TimeInForce.GTC),
            repeated=values["repeated"],
        )

    def account_details(self, values: dict[str, Any]) -> CustomerAccount:
        return self.accounts[values["account"]]

    def tightest_limit(self, values: dict[str, Any]) -> LimitUsage:
        """The limit with the smallest available amount for the chosen instrument."""
        return self.account_details(values).tightest_limit(values["instrument"])


_REASONS: Final = [
    ("the market moved", "The market moved"),
    ("placed by mistake", "I placed it by mistake"),
    ("it takes too long", "It takes too long"),
    ("another reason", "Another reason"),
]


class CancelRequestForm(CommandForm):
    """The reason of a cancellation by the client."""

    reason = forms.ChoiceField(label="Why do you cancel?", choices=_REASONS)


class AmendForm(CommandForm):
    """The new quantity and limit price of an open trade, and the reason. A market order has no limit price."""

    quantity = _decimal_field("Quantity", "Of the whole trade, with what is filled already.")
    limit_price = _decimal_field("Limit price")
    reason = forms.ChoiceField(label="Why do you change it?", choices=_REASONS)

    def __init__(self, terms: TradeSubmitted, data: Any = None) -> None:
        price = None if terms.limit_price is None else format_plain(terms.limit_price)
        super().__init__(data, initial={"quantity": format_plain(terms.quantity), "limit_price": price})
        if terms.type is OrderType.MARKET:
            del self.fields["limit_price"]

    def to_command(self, trade_id: UUID) -> AmendTrade:
        values = self.cleaned_data
        return AmendTrade(trade_id, values["reason"], values["quantity"], values.get("limit_price"))

    def add_refusal(self, refusal: EventShopError) -> None:
        """Show a refusal beside the field that it concerns."""
        field = _FIELD_OF.get(type(refusal))
        self.add_error(
            field if field in self.fields else None, forms.ValidationError(refusal.message, code=refusal.code)
        )

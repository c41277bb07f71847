"""The statement of a trading account for its owner, as a page and as CSV."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.decimal_math import format_plain
from eventshop.core.errors import EventShopError
from eventshop.datetimes import format_date, format_datetime
from eventshop.operations.completeness import missing_from
from eventshop.runtime.csv_cells import safe_cell
from eventshop.web.pages.new_document import new_document
from eventshop.web.shared.customer_port import customer_required
from eventshop.web.shared.incomplete_files import name_file
from projections.models import TradingAccount
from projections.position_result import METHOD_LABELS
from projections.statement import Statement, account_statement
from trading.application.number_formatting import format_number, format_price, format_result

#: Which trades an account has is read from this projection; what they are, from their events.
SOURCES = ("trade-blotter",)
COLUMNS = (
    "kind",
    "time",
    "instrument",
    "side",
    "quantity",
    "price",
    "value",
    "currency",
    "realised",
    "number",
    "fee",
    "net",
)


#: Near the limits of dates, a day has no end.
_FIRST, _LAST = date(1900, 1, 1), date(2999, 12, 31)
_DAYS = f"Enter a day from {_FIRST:%Y} to {_LAST:%Y}"


class StatementForm(forms.Form):
    """The day, and the moment up to which events count: without one, all."""

    day = forms.DateField(
        label="Day (UTC)",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[MinValueValidator(_FIRST, _DAYS), MaxValueValidator(_LAST, _DAYS)],
        error_messages={"required": "Enter a day", "invalid": "Enter a day such as 2026-11-30"},
    )
    known_at = forms.DateTimeField(
        label="As it was known at (UTC)",
        required=False,
        error_messages={"invalid": "Enter a time such as 2026-11-30 15:00"},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


@require_safe
@customer_required
def statement(request: HttpRequest, person: UUID, account_id: UUID) -> HttpResponse:
    """The trades of a day, and the positions and results at its end; `format=csv` or `pdf` gives a file."""
    account = TradingAccount.objects.filter(pk=account_id, owner_id=person).first()
    if account is None:
        raise Http404
    now = datetime.now(UTC)
    form = StatementForm({"day": now.date(), **request.GET.dict()})
    context = {"form": form, "account": account, "methods": METHOD_LABELS}
    if not form.is_valid():
        return render(request, "trading/statement.html", context, status=422)
    known_at = form.cleaned_data["known_at"]
    try:
        computed = account_statement(
            account_id, form.cleaned_data["day"], known_at.replace(tzinfo=UTC) if known_at else now
        )
    except EventShopError as error:
        form.add_error(None, error.message)
        return render(request, "trading/statement.html", context, status=422)
    match request.GET.get("format"):
        case "csv":
            return _csv(computed, account.reference, computed.day)
        case "pdf":
            return _pdf(computed, account.reference)
    method = METHOD_LABELS[computed.method]
    return render(request, "trading/statement.html", {**context, "statement": computed, "method": method})


def _pdf(computed: Statement, reference: str) -> HttpResponse:
    document = new_document(f"Statement of {reference}", issuer=settings.ORGANISATION, made_at=computed.known_at)
    document.add_facts(
        [
            ("Account", reference),
            ("Day", f"{format_date(computed.day)}, by the venue's times, in UTC"),
            ("Known at", format_datetime(computed.known_at, seconds=True)),
            ("Method of cost", METHOD_LABELS[computed.method]),
        ]
    )
    if missing := missing_from(SOURCES):
        document.add_paragraph(f"Incomplete: {missing}.")
    document.add_heading("Trades of the day")
    if not computed.trades:
        document.add_paragraph("No trade was filled on this day.")
    else:
        rows = [
            (
                f"{item.fill.at:%H:%M:%S}",
                item.deal.instrument,
                item.deal.side.lower(),
                format_number(item.fill.quantity),
                format_price(item.fill.price, item.deal.currency),
                format_price(item.value, item.value_currency),
                format_price(item.fee, item.value_currency),
            )
            for item in computed.trades
        ]
        headings = ("Time", "Instrument", "Side", "Quantity", "Price", "Value", "Fee")
        document.add_table(headings, rows, widths=(11, 24, 8, 12, 16, 16, 13), numeric_columns=4)
    document.add_heading("Positions at its end")
    if not computed.positions:
        document.add_paragraph("There was no position yet.")
    else:
        lines = [
            (
                row.instrument,
                format_number(row.quantity),
                *(
                    format_result(value, row.currency)
                    for value in (row.open_cost, row.realised_today, row.fees_today, row.realised, row.net)
                ),
            )
            for row in computed.positions
        ]
        of_positions = ("Instrument", "Quantity", "Cost", "Earned on the day", "Fees", "Earned in all", "Less all fees")
        document.add_table(of_positions, lines, widths=(22, 12, 14, 14, 10, 14, 14), numeric_columns=6)
        document.add_heading("Totals of the day")
        totals = [
            (currency, *(format_result(value, currency) for value in (total.realised, total.fees, total.net)))
            for currency, total in computed.totals.items()
        ]
        document.add_table(
            ("Currency", "Earned", "Fees", "Less fees"), totals, widths=(25, 25, 25, 25), numeric_columns=3
        )
    name = f"statement-{computed.account_id}-{computed.day}.pdf"
    response = document.to_response(name)
    name_file(response, name, missing)
    return response


def _csv(computed: Statement, reference: str, day: date) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name_file(response, f"statement-{computed.account_id}-{day}.csv", missing_from(SOURCES))
    table = csv.writer(response, lineterminator="\n")
    table.writerow(COLUMNS)
    for item in computed.trades:
        fill, deal = item.fill, item.deal
        numbers = (format_plain(number) for number in (fill.quantity, fill.price, item.value))
        cells = (
            fill.at.isoformat(),
            deal.instrument,
            deal.side,
            *numbers,
            item.value_currency,
            "",
            fill.venue_trade_id,
            format_plain(item.fee),
            "",
        )
        table.writerow(("trade", *map(safe_cell, cells)))
    for row in computed.positions:
        quantity, cost, realised, fees, net = map(
            format_plain,
            (
                row.quantity,
                row.open_cost,
                row.realised_today,
                row.fees_today,
                row.net_today,
            ),
        )
        cells = (day.isoformat(), row.instrument, "", quantity, "", cost, row.currency, realised, "", fees, net)
        table.writerow(("position", *map(safe_cell, cells)))
    for currency, total in computed.totals.items():
        realised, fees, net = map(format_plain, (total.realised, total.fees, total.net))
        table.writerow(("total", day.isoformat(), *[""] * 5, currency, realised, "", fees, net))
    return response

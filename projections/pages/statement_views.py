"""The statement of a trading account for its owner, as a page and as CSV."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.decimal_math import format_plain
from eventshop.core.errors import EventShopError
from eventshop.runtime.csv_cells import safe_cell
from eventshop.web.shared.customer_port import customer_required
from projections.models import TradingAccount
from projections.position_result import METHOD_LABELS
from projections.statement import Statement, account_statement

COLUMNS = ("kind", "time", "instrument", "side", "quantity", "price", "value", "currency", "realised", "number")


class StatementForm(forms.Form):
    """The day, and the moment up to which events count: without one, all."""

    day = forms.DateField(label="Day (UTC)", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    known_at = forms.DateTimeField(
        label="As it was known at (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


@require_safe
@customer_required
def statement(request: HttpRequest, person: UUID, account_id: UUID) -> HttpResponse:
    """The trades of a day, and the positions and results at its end; `format=csv` gives a file."""
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
    if request.GET.get("format") == "csv":
        return _csv(computed, account.reference, computed.day)
    method = METHOD_LABELS[computed.method]
    return render(request, "trading/statement.html", {**context, "statement": computed, "method": method})


def _csv(computed: Statement, reference: str, day: date) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="statement-{computed.account_id}-{day}.csv"'
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
        )
        table.writerow(("trade", *map(safe_cell, cells)))
    for row in computed.positions:
        quantity, cost, realised = map(format_plain, (row.quantity, row.open_cost, row.realised_today))
        cells = (day.isoformat(), row.instrument, "", quantity, "", cost, row.currency, realised, "")
        table.writerow(("position", *map(safe_cell, cells)))
    return response

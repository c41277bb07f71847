"""The table of instruments: seeded, changed by staff and by imports, with history, and read from memory."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from msgspec.structs import replace

from eventshop.core.messages import new_id
from tests.support.trader import open_account
from tests.unit.trading.domain.test_instruments import GOOD, write
from trading.application.instruments import (
    active_listings,
    current_listings,
    find_listing,
    get_instrument,
    save_listing,
    versions_of,
)
from trading.application.submit_trade import NewTrade, load_terms, submit_trade
from trading.domain.errors import InactiveInstrument, InstrumentChanged, UnknownInstrument, WrongLot
from trading.domain.events import OrderType, Side

pytestmark = pytest.mark.usefixtures("clean_database")
SAP = "XETRA/SAP"


def order(account: object, **terms: object) -> NewTrade:
    values = {"instrument": SAP, "quantity": Decimal(10), "limit_price": Decimal("20.00")} | terms
    return NewTrade(account_id=account, side=Side.BUY, type=OrderType.LIMIT, **values)  # type: ignore[arg-type]


def change_sap(**terms: object) -> None:
    listing = find_listing(SAP)
    changed = replace(listing, instrument=replace(listing.instrument, **terms))
    assert save_listing(changed, actor="staff:test", reason="new lot")


def test_the_first_instruments_are_there_and_say_where_they_come_from() -> None:
    assert len(current_listings()) == 8
    assert [(row.version, row.changed_by) for row in versions_of(SAP)] == [(1, "migration")]


def test_a_change_applies_to_later_trades_and_keeps_its_history() -> None:
    account = open_account(None, currency="EUR", limit="10000")
    before = submit_trade(order(account), actor="ada", command_id=new_id()).aggregate_id
    change_sap(lot=Decimal(5))
    with pytest.raises(WrongLot, match="lot 5"):
        submit_trade(order(account, quantity=Decimal(7)), actor="ada", command_id=new_id())
    after = submit_trade(order(account), actor="ada", command_id=new_id()).aggregate_id
    assert [load_terms(trade).instrument.lot for trade in (before, after)] == [1, 5]
    assert next((row.version, row.lot, row.reason) for row in versions_of(SAP)) == (2, 5, "new lot")
    assert not save_listing(find_listing(SAP), actor="staff:test", reason="again")


def test_an_instrument_that_is_unknown_or_ended_is_refused_with_what_to_do() -> None:
    account = open_account(None, currency="EUR")
    with pytest.raises(UnknownInstrument, match=r"import_instruments.*XETRA/NEW"):
        submit_trade(order(account, instrument="XETRA/NEW"), actor="ada", command_id=new_id())
    save_listing(replace(find_listing(SAP), active_to=date(2026, 3, 2)), actor="staff:test", reason="delisted")
    with pytest.raises(InactiveInstrument, match="XETRA/SAP"):
        submit_trade(order(account), actor="ada", command_id=new_id())
    assert get_instrument(SAP, datetime(2026, 3, 2, 12, tzinfo=UTC)).code == SAP
    assert SAP not in {listing.code for listing in active_listings(datetime(2026, 3, 3, 12, tzinfo=UTC))}


def test_the_table_costs_one_statement_on_its_key() -> None:
    current_listings()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(3):
            get_instrument(SAP)
    assert len(queries) == 3
    assert all("LIMIT 1" in query["sql"] for query in queries)


def test_of_two_who_change_the_same_version_one_is_told() -> None:
    barrier, answers = Barrier(2), list[str]()

    def change(lot: int) -> None:
        listing = find_listing(SAP)
        changed = replace(listing, instrument=replace(listing.instrument, lot=Decimal(lot)))
        barrier.wait()
        try:
            save_listing(changed, actor="staff:test", reason="lot", expected_version=1)
            answers.append("saved")
        except InstrumentChanged as error:
            answers.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=change, args=(lot,)) for lot in (5, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["instrument-changed", "saved"]
    assert versions_of(SAP).count() == 2


def test_a_file_is_imported_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    errors, out = StringIO(), StringIO()
    bad = write(tmp_path, GOOD, GOOD.replace("CL", "BZ").replace("0.01", "-1"))
    with pytest.raises(CommandError, match="Nothing was imported: 1 rows"):
        call_command("import_instruments", bad, reason="new contracts", stderr=errors)
    assert f"{bad}:3: tick" in errors.getvalue()
    assert "NYMEX/CL" not in current_listings()
    for expected in ("1 instruments were added or changed, 0", "0 instruments were added or changed, 1"):
        call_command("import_instruments", write(tmp_path, GOOD), reason="new contracts", stdout=out)
        assert expected in out.getvalue()
    assert find_listing("NYMEX/CL").instrument.negative_prices


def test_staff_add_and_change_an_instrument_in_the_console() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    page = reverse("admin:trading_instrumentversion_add")
    values = {
        "code": "XETRA/BMW", "currency": "EUR", "tick": "0.01", "tick_table": "100:0.02", "lot": "1", "multiplier": "1",
        "value_currency": "EUR", "settlement_days": "2", "settlement_calendar": "TARGET", "trading_calendar": "XETRA",
        "reason": "clients asked for it",
    }  # fmt: skip
    assert "is not a band" in client.post(page, values | {"tick_table": "x"}).content.decode()
    assert client.post(page, values).status_code == 302
    assert "Version 1 of XETRA/BMW is there already" in client.post(page, values).content.decode()
    [row] = versions_of("XETRA/BMW")
    change = reverse("admin:trading_instrumentversion_change", args=[row.pk])
    del values["code"]
    assert client.post(change, values | {"lot": "10", "reason": "block trading"}).status_code == 302
    assert [(row.version, row.lot) for row in versions_of("XETRA/BMW")] == [(2, 10), (1, 1)]
    assert client.post(change, values | {"lot": "20"}).status_code == 302  # an old version is no page any more
    assert versions_of("XETRA/BMW").count() == 2
    newest = versions_of("XETRA/BMW")[0]
    text = client.get(reverse("admin:trading_instrumentversion_change", args=[newest.pk])).content.decode()
    assert "block trading" in text
    assert "clients asked for it" in text
    assert client.post(reverse("admin:trading_instrumentversion_delete", args=[newest.pk])).status_code == 403

"""What is kept of rows beside them: written with them, rebuilt, undone and repaired with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.projections import dead_letter_retry, kept_rows
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild
from eventshop.projections.projection import Projection
from eventshop.projections.rebuild import rebuild
from eventshop.projections.row_repair import check_rows
from eventshop.projections.targets import discard, rebuild_target
from projections.market_minute import market_minute
from projections.models import MarketMinute, MarketMinuteTrade, Position, PositionPage
from projections.position import position
from tests.support.read_models import assert_rows_equal_fold, catch_up
from tests.support.trade_commands import OCCURRED_AT, submit_trade
from trading.domain.commands import BustTrade, ExecuteTrade
from trading.domain.events import Fill

pytestmark = pytest.mark.usefixtures("clean_database")
both = pytest.mark.parametrize("projection", [position, market_minute], ids=lambda projection: projection.name)


@pytest.fixture(autouse=True)
def traded(clean_database: None) -> None:
    for projection in (position, market_minute):
        discard(rebuild_target(projection))
        kept_rows.forget(projection)
    submit_trade("T-1", ("100.00", "0.5"), ("102.00", "0.5"), ordered="4")
    submit_trade("T-2", ("101.00", "1"))
    catch_up(position, market_minute)


def details(projection: Projection[Any]) -> dict[tuple[str, str], str]:
    assert projection.details is not None
    return {(row.row, row.key): row.value for row in projection.details._default_manager.all()}


def fill_more(number: str = "v9") -> None:
    trade = submit_trade("T-1", ordered="4")
    send(ExecuteTrade(trade, (Fill(number, Decimal("99.00"), Decimal(1), OCCURRED_AT),)), envelope=Envelope(new_id()))


def run(projection: Projection[Any]) -> Rebuild:
    return rebuild(projection, DatabaseEventLog(), requested_by="ada")


def assert_whole(projection: Projection[Any]) -> None:
    """Rows and details are what the events say."""
    assert_rows_equal_fold(projection)
    for key in projection.model._default_manager.values_list("pk", flat=True):
        found = check_rows(projection, DatabaseEventLog(), key=key)
        assert (found.added, found.changed, found.removed) == (0, 0, 0), found.examples


@both
def test_a_rebuild_brings_its_details_and_a_switch_is_undone_with_them(projection: Projection[Any]) -> None:
    assert_whole(projection)
    before = details(projection)
    projection.model._default_manager.update(currency="XXX")
    projection.details._default_manager.all().delete()  # type: ignore[union-attr]
    job = run(projection)
    assert details(projection) == before
    assert_whole(projection)
    fill_more()
    catch_up(projection)
    kept_rows.request_undo(job, requested_by="grace", reason="to compare")
    assert run(projection).state == Rebuild.State.DONE
    assert not before.keys() & details(projection).keys() or projection is position
    tables = connection.introspection.table_names()
    assert not [name for name in tables if name.endswith(("__rebuild", "__previous"))]


@both
def test_details_that_are_lost_are_found_and_repaired(projection: Projection[Any]) -> None:
    before = details(projection)
    projection.details._default_manager.all().delete()  # type: ignore[union-attr]
    [key] = projection.model._default_manager.values_list("pk", flat=True)
    assert check_rows(projection, DatabaseEventLog(), key=key).changed == 1
    assert details(projection) == {}
    assert check_rows(projection, DatabaseEventLog(), key=key, repair=True).changed == 1
    assert details(projection) == before
    fill_more()
    catch_up(projection)
    assert_whole(projection)


@both
def test_rows_of_the_previous_release_are_rebuilt_before_the_next_fill_is_folded(projection: Projection[Any]) -> None:
    """A row that version 1 wrote has no details: a fill folded into it would count alone."""
    expected = details(projection)
    projection.details._default_manager.all().delete()  # type: ignore[union-attr]
    columns = {"results": ""} if projection is position else {"trades": 1}
    projection.model._default_manager.update(**columns)
    Checkpoint.objects.filter(projection=projection.name).update(version=projection.version - 1)
    fill_more()
    catch_up(projection)
    assert expected.items() <= details(projection).items() or projection is position
    assert_whole(projection)
    assert Checkpoint.objects.get(projection=projection.name).version == projection.version
    assert Rebuild.objects.get().reason == f"version {projection.version}"


@both
def test_a_retried_dead_letter_writes_its_details(projection: Projection[Any]) -> None:
    Position.objects.update(bought=Decimal(10) ** 22 - 1)
    MarketMinute.objects.update(volume=Decimal(10) ** 22 - 1)
    before = details(projection)
    fill_more()
    catch_up(projection)
    letter = DeadLetter.objects.get(projection=projection.name)
    assert details(projection) == before  # nothing of what is set aside
    Position.objects.update(bought=Decimal(2))
    MarketMinute.objects.update(volume=Decimal(2))
    dead_letter_retry.retry(projection.name, letter.aggregate_id)
    assert_whole(projection)


def test_a_minute_knows_low_and_high_after_its_extremes_are_void() -> None:
    trade = submit_trade("T-1", ordered="4")
    for number in ("T-1-0", "T-1-1"):
        send(BustTrade(trade, number, "void"), envelope=Envelope(new_id()))
        catch_up(market_minute)
    row = MarketMinute.objects.get()
    assert (row.trades, row.low, row.high) == (1, 101, 101)
    assert MarketMinuteTrade.objects.count() == 1
    assert PositionPage.objects.count() == 1


@both
def test_one_fill_writes_what_it_concerns(projection: Projection[Any]) -> None:
    """However many fills there are: no value that is written grows with them."""
    trade = submit_trade("T-3", ordered="4000")
    fills = [
        Fill(f"n{number}", Decimal(100 + number % 5), Decimal(1), OCCURRED_AT.replace(microsecond=number))
        for number in range(600)
    ]
    for start in range(0, 600, 200):
        send(ExecuteTrade(trade, tuple(fills[start : start + 200])), envelope=Envelope(new_id()))
    catch_up(projection)
    [row] = projection.model._default_manager.all()
    texts = [value for value in vars(row).values() if isinstance(value, str)]
    assert max(map(len, [*texts, *details(projection).values()])) < 6_000
    assert_whole(projection)

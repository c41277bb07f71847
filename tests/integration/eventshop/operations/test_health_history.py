"""The history of health: a row a minute, a summary of each hour, and charts that say what was not measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest
from django.utils import timezone

from eventshop.operations.history.models import Measurement, RequestTally
from eventshop.operations.history.reading import PERIODS, read_steps, values_of
from eventshop.operations.history.recorder import record_minute
from eventshop.operations.history.request_tallies import group_of, tally, write_tallies
from eventshop.operations.tasks import record_history
from eventshop.projections.models import Checkpoint
from eventshop.runtime.metric_buffer import flush_buffers
from projections.order_summary import order_summary
from tests.support.order_fulfilment import receive_stock
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, clerk
from tests.support.waiting import wait_until
from tests.support.web_server import gunicorn

pytestmark = pytest.mark.usefixtures("clean_database")

Span: Final = Measurement.Span
NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
PAGE: Final = "/admin/ops/measurement/"
#: As for a scrape, and those of the history itself.
MAX_STATEMENTS: Final = 66


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def test_a_minute_has_what_waits_and_how_fast_it_was_done() -> None:
    append(Sale(1).order_id, Sale(1).created)
    catch_up(order_summary)
    record_minute(now=minute(0))
    assert "rate" not in Measurement.objects.get(at=minute(0)).parts["event table"]  # nothing to compare with
    append(Sale(1).order_id, Sale(1).paid, Sale(1).shipped)
    record_minute(now=minute(2))
    late = Measurement.objects.get(at=minute(2)).parts
    assert late["event table"]["rate"] == 1.0
    assert late["projections/order-summary"]["waiting"] == 2
    assert late["projections/order-summary"]["rate"] == 0.0
    catch_up(order_summary)
    record_minute(now=minute(3))
    done = Measurement.objects.get(at=minute(3)).parts
    assert done["projections/order-summary"].get("waiting", 0) == 0
    assert done["projections/order-summary"]["rate"] == 2.0


def test_a_count_that_fell_or_is_too_old_makes_no_rate() -> None:
    append(Sale(1).order_id, Sale(1).created, Sale(1).paid)
    catch_up(order_summary)
    record_minute(now=minute(0))
    Checkpoint.objects.update(events=1)  # a rebuild begins at 0
    record_minute(now=minute(1))
    assert "rate" not in Measurement.objects.get(at=minute(1)).parts["projections/order-summary"]
    record_minute(now=minute(30))
    assert "rate" not in Measurement.objects.get(at=minute(30)).parts["event table"]


def test_the_job_measures_once_a_minute_with_few_statements() -> None:
    receive_stock("mug", 1)
    queries = capture_queries(record_history)
    assert len(queries) <= MAX_STATEMENTS
    record_history()
    assert Measurement.objects.filter(span=Span.MINUTE).count() in (1, 2)  # 2: a new minute began


def store(span: Measurement.Span, at: datetime, **parts: dict[str, float]) -> None:
    Measurement.objects.create(span=span, at=at, parts=parts, totals={"at": at.timestamp(), "counts": {}})


def test_an_hour_has_the_highest_of_its_minutes_and_the_mean_of_its_rates() -> None:
    for number, wait_s, rate in ((0, 4.0, 10.0), (30, 9.0, 20.0), (59, 1.0, 0.0)):
        store(Span.MINUTE, minute(number), relay={"wait_s": wait_s, "rate": rate})
    store(Span.MINUTE, minute(60), relay={"wait_s": 100.0})
    assert "1 hours summarised" in record_minute(now=minute(61))
    hour = Measurement.objects.get(span=Span.HOUR)
    assert (hour.at, hour.parts) == (NOON, {"relay": {"wait_s": 9.0, "rate": 10.0}})
    assert "summarised" not in record_minute(now=minute(62))
    record_minute(now=minute(200))  # after a pause: what was measured before it
    assert set(Measurement.objects.filter(span=Span.HOUR).values_list("at", flat=True)) == {NOON, minute(60)}


def test_steps_combine_parts_and_leave_gaps() -> None:
    store(Span.MINUTE, minute(0), **{"projections/a": {"wait_s": 3.0}, "projections/b": {"wait_s": 5.0, "rate": 1.0}})
    store(Span.MINUTE, minute(1), **{"projections/a": {}, "relay": {"wait_s": 50.0}})
    store(Span.MINUTE, minute(4), **{"projections/a": {}})
    steps = read_steps(PERIODS["3h"], now=minute(5))
    assert [at for at, _ in steps][-3:] == [minute(0), minute(2), minute(4)]
    assert values_of(steps, "wait_s", lambda name: name.startswith("projections/"), max)[-3:] == [5.0, None, 0]
    assert values_of(steps, "rate", lambda name: name.startswith("projections/"))[-3:] == [1.0, None, None]


def test_the_page_draws_every_period_and_each_part_with_its_values() -> None:
    now = timezone.now()
    for hours in range(30):
        at = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        store(Span.HOUR, at, **{"relay": {"wait_s": 1234.5, "state": 1}, "projections/orders": {"rate": 7.0}})
    store(Span.MINUTE, now - timedelta(minutes=3), relay={"waiting": 17})
    staff = clerk("view_measurement")
    page = staff.get(PAGE, {"period": "30d"}).content.decode()
    assert page.count('data-testid="chart"') == 7  # of what is known
    assert "1,234.5" in page and "not measured" in page and "Times in Europe/London" in page
    assert "<option>projections/orders</option>" in page
    of_a_part = staff.get(PAGE, {"period": "3h", "part": "relay"}).content.decode()
    assert "<option selected>relay</option>" in of_a_part and ">17</td>" in of_a_part
    assert staff.get(PAGE, {"period": "1d"}).status_code == 200
    for wrong in ({"period": "3h", "part": "no"}, {"period": "9"}):
        assert staff.get(PAGE, wrong).status_code == 404
    assert clerk().get(PAGE).status_code == 403


def test_without_measurements_the_page_says_which_job_makes_them() -> None:
    page = boss().get(PAGE).content.decode()
    assert "record-history" in page and "Health history" in page


def test_a_minute_has_the_requests_their_errors_and_how_long_they_took_by_group_of_routes() -> None:
    flush_buffers()
    write_tallies()  # of other tests
    RequestTally.objects.all().delete()
    now = timezone.now()
    tally([("api/v1/orders", 201, 0.02)] * 98 + [("api/v1/orders", 503, 2.0)] * 2 + [("", 200, 0.0009)])
    write_tallies()
    write_tallies()  # there is nothing more
    record_minute(now=now + timedelta(seconds=30))
    parts = Measurement.objects.get().parts
    assert parts["requests/api orders"] == {"rate": 100.0, "errors": 2.0, "error_percent": 2.0, "p99_ms": 1750.0}
    assert parts["requests/home"]["p99_ms"] <= 1.0
    assert (parts["requests"]["rate"], parts["requests"]["error_percent"]) == (101.0, 1.98)
    later = now + timedelta(hours=1)
    record_minute(now=later)
    assert Measurement.objects.latest("at").parts["requests"] == {"rate": 0.0}  # nobody asked: that is known
    assert not RequestTally.objects.exists()


def test_a_web_server_writes_what_it_answers_and_the_page_draws_it(database_url: str, tmp_path: Path) -> None:
    with gunicorn(database_url, tmp_path) as server:
        urlopen(f"{server.address}/healthz").close()
        wait_until(RequestTally.objects.filter(group="healthz").exists, seen=server.log)
    record_minute()
    page = boss().get(PAGE, {"period": "3h"}).content.decode()
    assert "Requests per minute" in page and "<option>requests/healthz</option>" in page
    assert "Errors among 100 requests" in page and "99 of 100 requests" in page


@pytest.mark.parametrize(
    ("route", "group"),
    [
        ("api/v1/orders/<uuid:order_id>", "api orders"),
        ("api/", "api "),
        ("admin/ops/measurement/", "admin"),
        ("^static/(?P<path>.*)$", "static"),
        ("", "home"),
        ("<slug:page>/", "home"),
    ],
)
def test_a_group_is_the_first_part_of_a_route_or_the_resource_of_the_api(route: str, group: str) -> None:
    assert group_of(route) == group

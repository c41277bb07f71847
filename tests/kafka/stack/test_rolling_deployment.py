"""Two releases side by side, and the older one replaced under load: nothing is refused, skipped or given up."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.older_release.apps import NEW_TYPE
from tests.support.request_load import Load, order_of_two_mugs
from tests.support.running_shop import Shop, running_shop
from tests.support.waiting import wait_until

#: Runs once, in the PostgreSQL session, like the other tests of this folder. The short siblings are
#: tests/integration/deploy/test_web_reload.py and the two test_newer_release.py.
pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.long]

ITEMS = 10


def queued_events(shop: Shop) -> list[tuple[str, int]]:
    """How many events are queued in projections, by what they wait for; empty: dead letters."""
    with psycopg.connect(shop.stack.env["DATABASE_URL"]) as connection:
        return connection.execute("SELECT waits_for, count(*) FROM projections_parkedevent GROUP BY 1").fetchall()


def queued_number(shop: Shop) -> int:
    return sum(events for _, events in queued_events(shop))


def test_an_older_release_is_replaced_under_load(tmp_path: Path) -> None:
    marker = tmp_path / "older-release"
    marker.touch()
    settings = {"DJANGO_SETTINGS_MODULE": "tests.support.older_release_settings", "OLDER_RELEASE": str(marker)}
    settings["API_RATE"] = "100000/m"
    # The demo has events of this type already.
    with running_shop(brokers=3, settings=settings, healthy=False) as shop:
        load = Load(f"http://127.0.0.1:{shop.port}", order_of_two_mugs(shop.run_client("token")))
        orders, queued = shop.count_commands("CreateOrder"), queued_number(shop)
        with load.running():
            # The newer release writes a type that no running program knows, and what everybody knows.
            assert shop.run_client("write-off", str(ITEMS)) == f"{ITEMS} written off\n"
            assert shop.run_client("20") == "20 accepted\n"
            # With the later delivery, in each projection that reads them. Orders come in all the time.
            wait_until(lambda: queued_number(shop) >= queued + 2 * ITEMS)
            [(waits_for, _)] = queued_events(shop)
            assert waits_for.startswith(f"{NEW_TYPE}/")
            assert waits_for in shop.run_manage("projections_status")
            marker.unlink()
            said = shop.run_stack("reload")
            assert said.index("worker-2 was replaced") < said.index("web was replaced")
            wait_until(lambda: not queued_events(shop), seen=lambda: queued_events(shop))
            assert shop.run_client("20") == "20 accepted\n"
            load.wait_for_more()
        assert load.failures == []
        assert shop.count_commands("CreateOrder") == orders + load.answers + 40
        shop.assert_nothing_is_lost()

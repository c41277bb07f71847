"""How fast the main pages show what matters on a slow device, how heavy they are, and whether they move.

Prints a table for docs/benchmarks.md: `pytest --long -s tests/browser/web/test_page_speed.py`.
"""

from __future__ import annotations

import sys
from typing import Any, Final
from uuid import UUID

import pytest
from django.test import Client
from playwright.sync_api import Browser

from eventshop.core.deterministic_ids import short_reference
from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from orders.demo.catalogue import store_catalogue
from orders.domain.commands import CreateOrder
from orders.models import Product
from tests.support.browser import serve
from tests.support.customers import sign_in_customer
from tests.support.sales import gbp, line
from tests.support.staff import update_read_models
from tests.support.trader import fill_trade, open_account, submit_limit_order

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.usefixtures("clean_database")]

#: How much slower the processor of the device is than this one.
SLOWDOWN: Final = 4
#: Largest Contentful Paint: good by Web Vitals. The goal, 1.5 s, is for an idle machine: docs/benchmarks.md.
MAX_LCP_MS: Final = 2_500
MAX_WEIGHT_KB: Final = 200
MEASURED: Final = 3
_VITALS: Final = """async () => {
  const seen = (type, wait) => new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries())).observe({type, buffered: true});
    setTimeout(() => done([]), wait);
  });
  const paints = await seen("largest-contentful-paint", 20000);
  const shifts = await seen("layout-shift", 300);
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return {
    lcp: paints.length ? paints.at(-1).startTime : null,
    shift: shifts.reduce((sum, one) => sum + one.value, 0),
    weight: entries.reduce((sum, one) => sum + one.decodedBodySize, 0) / 1024,
  };
}"""


def fill_shop() -> tuple[Client, UUID]:
    """The demo's shop, and a customer with orders and trades."""
    store_catalogue()
    client, person = sign_in_customer()
    orders = [new_id() for _ in range(25)]
    for order_id in orders:
        send(CreateOrder(order_id, short_reference("O", order_id), person, (line("KIT-101", 1, gbp("12.50")),)))
    account = open_account(person, limit="100000")
    for number in range(25):
        fill_trade(submit_limit_order(account), "1", number=f"v{number}")
    update_read_models()
    return client, orders[0]


@pytest.fixture
def customer(clean_database: None) -> tuple[Client, UUID]:
    return fill_shop()


def test_main_pages_are_fast_light_and_still(chrome: Browser, width: int, customer: tuple[Client, UUID]) -> None:
    client, order_id = customer
    product = Product.objects.filter(on_sale=True).first()
    assert product is not None
    paths = (
        *("/", "/shop/", f"/shop/{product.sku}/", "/basket/", "/orders/", f"/orders/{order_id}/", "/trading/"),
        *(
            "/trading/positions/",
            "/trading/ticket/",
            "/my/",
            "/privacy/",
            "/developers/",
            "/developers/reference/orders/",
        ),
    )
    with serve() as address:
        context = chrome.new_context(viewport={"width": width, "height": 900})
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
        results = {path: measure(context, address + path) for path in paths}
        context.close()
    rows = "\n".join(
        f"| `{path}` | {width} | {one['lcp']:.0f} | {one['weight']:.0f} | {one['shift']:.3f} |"
        for path, one in results.items()
    )
    sys.stdout.write(f"\n{rows}\n")
    slow = {path: vitals for path, vitals in results.items() if vitals["lcp"] > MAX_LCP_MS}
    assert not slow
    assert not {path: vitals for path, vitals in results.items() if vitals["weight"] > MAX_WEIGHT_KB}
    assert not {path: vitals for path, vitals in results.items() if vitals["shift"]}


def measure(context: Any, url: str) -> dict[str, float]:
    """The median of some visits without a cache, by LCP."""
    visits: list[dict[str, float]] = []
    for _ in range(MEASURED):
        page = context.new_page()
        page.bring_to_front()  # a page in the background is not painted
        devtools = context.new_cdp_session(page)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        devtools.send("Network.enable")
        devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        response = page.goto(url)
        assert response is not None and response.status == 200, url
        vitals = page.evaluate(_VITALS)
        assert vitals["lcp"], f"{url} painted nothing"
        visits.append(vitals)
        page.close()
    return sorted(visits, key=lambda vitals: vitals["lcp"])[MEASURED // 2]

"""What a real Prometheus has after orders went the whole way: every metric of the document, and no alert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import BASE_DIR
from tests.support.prometheus import find_program, running_prometheus
from tests.support.running_shop import running_shop
from tests.support.waiting import wait_until
from tests.support.web_server import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.long]

#: Counters by label that have no series before something of the kind has happened.
ONLY_AFTER_A_FAULT: Final = {
    "eventshop_circuit_refusals_total",
    "eventshop_projection_batch_failures_total",
    "eventshop_publish_failures_total",
}
#: The same: nobody has registered a webhook.
ONLY_WITH_A_RECEIVER: Final = {"eventshop_webhook_attempts_total"}
#: Web server, relay, publisher, two workers, and some ports that may be taken.
PORTS: Final = 8


def test_a_running_system_gives_every_documented_metric_and_fires_nothing(tmp_path: Path) -> None:
    find_program("prometheus")
    listed = set(re.findall(r"^\| `(eventshop_\w+)`", (BASE_DIR / "docs" / "metrics.md").read_text(), re.MULTILINE))
    first = free_port()
    ports = range(first, first + PORTS)
    with (
        running_shop(settings={"METRICS_PORT": f"{ports[0]}-{ports[-1]}"}) as shop,
        running_prometheus(
            tmp_path,
            {"eventshop-web": [f"127.0.0.1:{shop.port}"], "eventshop-parts": [f"127.0.0.1:{port}" for port in ports]},
        ) as prometheus,
    ):
        shop.run_client("fulfil", "3")

        def missing() -> set[str]:
            return listed - {re.sub(r"_(bucket|count|sum)$", "", name) for name in prometheus.metric_names()}

        wait_until(lambda: missing() <= ONLY_AFTER_A_FAULT | ONLY_WITH_A_RECEIVER, seen=missing)
        assert prometheus.ever_fired() == set()

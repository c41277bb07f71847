"""How far the clocks of shop and gateway may differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from eventshop.web.webhooks.signed_notices import StaleTimestamp, verify_signature
from tests.support.gateway_process import SECRET

LIMIT, A_MILLISECOND = timedelta(minutes=5), timedelta(milliseconds=1)


def verify(shop_ahead: timedelta) -> str:
    """Verify a webhook that is signed now, by a clock of the shop that is ahead of the gateway's by so much."""
    # The library checks the timestamp against the system's clock as well.
    signed_at = datetime.now(UTC).replace(microsecond=0)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", signed_at, "{}"),
    }
    return verify_signature(headers, b"{}", SECRET, now=lambda: signed_at + shop_ahead)


@pytest.mark.parametrize("shop_ahead", [LIMIT, timedelta(), -LIMIT])
def test_clocks_may_be_five_minutes_apart(shop_ahead: timedelta) -> None:
    assert verify(shop_ahead) == "msg_1"


@pytest.mark.parametrize("shop_ahead", [LIMIT + A_MILLISECOND, -LIMIT - A_MILLISECOND])
def test_clocks_may_be_no_further_apart(shop_ahead: timedelta) -> None:
    with pytest.raises(StaleTimestamp):
        verify(shop_ahead)

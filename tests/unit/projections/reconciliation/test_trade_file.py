"""A corrupt file of trades is refused with one sentence that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.reconciliation.trade_file import UnreadableTrades, file_totals

HEADER = b"received_ns,market,symbol,trade_id,traded_at_ms,event_at_ms,price,quantity,taker_side\n"
ROW = b"1738324800000000000,BINANCE_SPOT,BTCUSDT,1,1738324800000,1738324800000,100.5,0.1,BUY\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER + ROW + ROW[:40], "ValueError: line 3 does not have as many columns as the header"),
        (HEADER + ROW[:-1] + b",more\n", "ValueError: line 2 does not have as many columns as the header"),
        (b"a,b\n1,2\n", "there is no column 'market'"),
        (b"\xff\xfe" + HEADER * 50, "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0"),
    ],
)
def test_a_spoiled_file(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "trades.csv"
    file.write_bytes(content)
    with pytest.raises(UnreadableTrades) as refused:
        file_totals(file)
    assert str(refused.value).startswith(f"{file}: {words}") and len(str(refused.value)) < 300

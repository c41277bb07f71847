"""Files of public trades in the format of the recorder."""

from __future__ import annotations

import gzip
from pathlib import Path

from trading.importers.market_trades.parsing import HEADER

TRADED_AT_MS = 1_723_161_255_342


def trade_line(
    trade_id: str = "1",
    price: str = "61837.63000000",
    quantity: str = "0.02000000",
    side: str = "SELL",
    *,
    market: str = "BINANCE_SPOT",
    symbol: str = "BTCUSDT",
    at: int | str = TRADED_AT_MS,
) -> str:
    return f"1723161254087896568,{market},{symbol},{trade_id},{at},{at},{price},{quantity},{side}"


def write_trade_file(folder: Path, *lines: str, name: str = "trades.csv", header: str = HEADER) -> Path:
    path = folder / name
    text = "".join(f"{line}\n" for line in (header, *lines)).encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path

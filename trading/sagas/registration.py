"""Registers the sagas of trading."""

from __future__ import annotations

from eventshop.sagas.saga_registry import saga_registry
from trading.sagas.settlement_saga import SettlementSaga

saga_registry.register(SettlementSaga)

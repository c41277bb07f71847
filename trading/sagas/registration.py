"""The program's settlements."""

from __future__ import annotations

from eventshop.sagas.saga_registry import catalogue
from trading.sagas.settlement_saga import Settlement

catalogue.add(Settlement)

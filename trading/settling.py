"""The program's settlements."""

from __future__ import annotations

from eventshop.process.catalogue import catalogue
from trading.settlement import Settlement

catalogue.add(Settlement)

"""The means of payment that the shop offers."""

from __future__ import annotations

from typing import Final

#: By the name that gateways use.
METHOD_LABELS: Final = {"card": "Card", "voucher": "Gift voucher", "bank_transfer": "Bank transfer"}

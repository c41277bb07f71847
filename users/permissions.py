"""What staff need to act on people. The permissions belong to `users.PersonPermission`."""

from __future__ import annotations

from typing import Final

REVEAL_PERSONAL: Final = "users.reveal_personal"
HOLD_PERSONAL: Final = "users.hold_personal"

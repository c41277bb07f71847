"""Names of the API's URLs of people. The read models serve the profile under this name."""

from __future__ import annotations

from typing import Final

PERSON: Final = "api-person"
ADDRESSES: Final = "api-addresses"

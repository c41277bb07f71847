"""The languages and time zones that people can be written to in."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import available_timezones

#: Each language that there are texts in, by its ISO 639 code, with its own name.
LANGUAGES: Final = {"en": "English", "de": "Deutsch"}


@cache
def time_zones() -> frozenset[str]:
    """The places of the time zone database, such as `Europe/Berlin`, and UTC; without its historical names."""
    return frozenset(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/"))
    ) | {"UTC"}

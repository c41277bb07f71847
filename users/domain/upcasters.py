"""Events of people as they once were, and how today's program reads them."""

from __future__ import annotations

from typing import Final

from eventshop.core.upcasting import Fields, Upcasters

upcasters: Final = Upcasters()


@upcasters.upcast("RestrictionLifted", 1, to=("ProcessingResumed", 1))
def had_another_name(fields: Fields) -> Fields:
    return fields

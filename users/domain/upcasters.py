"""Upcasters from former event versions of the User aggregate to the current ones."""

from __future__ import annotations

from typing import Final

from eventshop.core.upcasting import Fields, Upcasters

upcasters: Final = Upcasters()


@upcasters.upcast("RestrictionLifted", 1, to=("ProcessingResumed", 1))
def rename_restriction_lifted(fields: Fields) -> Fields:
    return fields

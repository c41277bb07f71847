"""What the log of letters says about one person, for the copy of their data."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from eventshop.privacy.erasure.personal_data_holders import HeldData
from eventshop.projections.models import ProjectedEffect
from eventshop.web.letters.letter_kinds import LETTERS, letter_kind

#: Of the newest letters; older ones are deleted anyway.
MAX_LETTERS: Final = 1_000


def letters_to(person: UUID) -> Collection[HeldData]:
    """The letters that were sent to a person: what about, and when. Their texts are not kept."""
    sent = ProjectedEffect.objects.filter(projection=LETTERS.name, person=person, state=ProjectedEffect.State.DONE)
    return [
        HeldData(
            "letters", {"about": kind.label if (kind := letter_kind(row.kind)) else row.kind, "sent": row.finished_at}
        )
        for row in sent.order_by("-position")[:MAX_LETTERS]
    ]

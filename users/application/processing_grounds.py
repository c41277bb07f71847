"""The grounds of processing: the User aggregate decides, and records each use as `ProcessingRecorded`."""

from __future__ import annotations

from datetime import UTC, datetime

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.privacy.processing import DataUse
from users.domain.commands import RecordProcessing
from users.domain.errors import InvalidUserState
from users.domain.purposes import Basis, get_purpose
from users.domain.user import Status


def check_ground(use: DataUse) -> bool:
    """Record the use, once for its occasion. Raises `CommandRefused` without a valid ground.

    A repeated occasion is accepted whatever the person decided since: what it began may have to be ended.
    """
    command = RecordProcessing(
        user_id=use.person,
        purpose=use.purpose,
        activity=use.activity,
        at=datetime.now(UTC),
        recipient=use.recipient,
        data=use.data,
        about=use.about,
        offer=use.offer,
        suggestion=use.suggestion,
    )
    command_id = derive_id("data-use", use.person, use.purpose, use.occasion)
    try:
        receipt = command_dispatcher.send(command, envelope=Envelope(command_id, actor="data-use"))
    except CommandIdReused:  # recorded before, at another time
        return False
    except InvalidUserState as refusal:
        if refusal.data["status"] == Status.UNKNOWN and get_purpose(use.purpose).basis is not Basis.CONSENT:
            return False
        raise
    return not receipt.replayed

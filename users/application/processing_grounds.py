"""The grounds of processing: the User aggregate decides, and records each use as `ProcessingRecorded`."""

from __future__ import annotations

from datetime import UTC, datetime

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.privacy.processing import DataUse
from users.application.customer_adapter import load_person
from users.domain.commands import RecordProcessing
from users.domain.errors import InvalidUserState
from users.domain.purposes import Basis, get_purpose
from users.domain.user import Status


class GroundsOfPeople:
    """Implements the port."""

    def record(self, use: DataUse) -> bool:
        """Record the use, once for its occasion. Raises `CommandRefused` without a valid ground.

        A repeated occasion is accepted whatever the person decided since: what it began may have to be ended.
        """
        command_id = derive_id("data-use", use.person, use.purpose, use.occasion)
        try:
            receipt = command_dispatcher.send(_command(use), envelope=Envelope(command_id, actor="data-use"))
        except CommandIdReused:  # recorded before, at another time
            return False
        except InvalidUserState as refusal:
            _require_no_account(use, refusal)
            return False
        return not receipt.replayed

    def require(self, use: DataUse) -> None:
        try:
            load_person(use.person).state.decide(_command(use))
        except InvalidUserState as refusal:
            _require_no_account(use, refusal)


def _command(use: DataUse) -> RecordProcessing:
    return RecordProcessing(
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


def _require_no_account(use: DataUse, refusal: InvalidUserState) -> None:
    """Raise the refusal, except for a person who never had an account, and who is served by contract or law."""
    if refusal.data["status"] != Status.UNKNOWN or get_purpose(use.purpose).basis is Basis.CONSENT:
        raise refusal

"""The grounds of processing: the User aggregate decides, and records each use as `ProcessingRecorded`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused, CommandRefused
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.command_batch import Outcome
from eventshop.eventstore.command_receipts import Receipt
from eventshop.privacy.processing import DataUse
from users.application.customer_adapter import load_person
from users.domain.commands import RecordProcessing
from users.domain.errors import InvalidUserState
from users.domain.purposes import Basis, get_purpose
from users.domain.user import Status


class GroundsOfPeople:
    """Implements the port."""

    def record(self, uses: Sequence[DataUse]) -> list[bool | CommandRefused]:
        """Record the uses, each once for its occasion.

        A repeated occasion is accepted whatever the person decided since: what it began may have to be ended.
        """
        outcomes = command_dispatcher.send_many((_command(use), _envelope(use)) for use in uses)
        return [_answer(use, outcome) for use, outcome in zip(uses, outcomes, strict=True)]

    def require(self, use: DataUse) -> None:
        try:
            load_person(use.person).state.decide(_command(use))
        except InvalidUserState as refusal:
            if not _is_served_without_account(use, refusal):
                raise


def _answer(use: DataUse, outcome: Outcome) -> bool | CommandRefused:
    match outcome:
        case Receipt():
            return not outcome.replayed
        case CommandIdReused():  # recorded before, at another time
            return False
        case InvalidUserState() if _is_served_without_account(use, outcome):
            return False
        case CommandRefused():
            return outcome
    raise outcome


def _envelope(use: DataUse) -> Envelope:
    return Envelope(derive_id("data-use", use.person, use.purpose, use.occasion), actor="data-use")


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


def _is_served_without_account(use: DataUse, refusal: InvalidUserState) -> bool:
    """Whether this is a person who never had an account, and who is served by contract or law."""
    return refusal.data["status"] == Status.UNKNOWN and get_purpose(use.purpose).basis is not Basis.CONSENT

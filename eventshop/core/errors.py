"""All error classes. Every error carries its data; the first line of its docstring is its default message."""

from __future__ import annotations

from inspect import cleandoc
from typing import ClassVar


class EventShopError(Exception):
    """EventShop refused an operation or failed to complete it."""

    #: Stable identifier for API clients and documentation; never changed.
    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, /, **data: object) -> None:
        self.data = data
        self.message = message or self._default_message(data)
        super().__init__(self.message)

    def _default_message(self, data: dict[str, object]) -> str:
        sentence = cleandoc(self.__doc__ or "").partition("\n")[0].rstrip(".")
        if not data:
            return sentence
        return f"{sentence}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in data.items())


# --- messages that are invalid in every state --------------------------------------------------------------------


class InvalidMessage(EventShopError, ValueError):
    """The message is invalid, independent of any state."""

    code = "invalid-message"


class UnknownName(InvalidMessage):
    """No command, event or aggregate has this name."""

    code = "unknown-name"


class InvalidMoney(InvalidMessage):
    """Not an amount of money."""

    code = "invalid-money"


class CurrencyMismatch(InvalidMoney):
    """Amounts in different currencies cannot be added or compared."""

    code = "currency-mismatch"


class UnknownCurrency(InvalidMoney):
    """No price can be in this currency: it is not among the currencies of ISO 4217."""

    code = "unknown-currency"


class UnpayableAmount(InvalidMoney):
    """This amount cannot be paid: it has a fraction of the currency's smallest unit."""

    code = "unpayable-amount"


class EventTooLarge(InvalidMessage):
    """An event is larger than the store accepts."""

    code = "event-too-large"


class MetadataTooLarge(InvalidMessage):
    """The metadata of a command is larger than the store accepts."""

    code = "metadata-too-large"


# --- refusals by domain rules ------------------------------------------------------------------------------------


class CommandRefused(EventShopError):
    """The domain rules do not allow this command in the present state."""

    code = "command-refused"


class PersonErased(CommandRefused):
    """This person's data was erased; no personal data about them can be stored any more."""

    code = "person-erased"


class AlreadyTaken(CommandRefused):
    """Another person already has this value."""

    code = "already-taken"


# --- event store -------------------------------------------------------------------------------------------------


class StoreError(EventShopError):
    """The event store refused the operation."""

    code = "store-error"


class Conflict(StoreError):
    """Another writer changed this aggregate in the meantime."""

    code = "conflict"


class WrongExpectedVersion(Conflict):
    """The stream is not at the expected version."""

    code = "wrong-expected-version"


class CommandIdReused(Conflict):
    """This command id was already used for another command."""

    code = "command-id-reused"


class DuplicateEvent(Conflict):
    """An event with this id is already stored."""

    code = "duplicate-event"


class VersionGap(StoreError):
    """The version would leave a gap in the stream."""

    code = "version-gap"


class WrongAggregateType(StoreError):
    """This id belongs to an aggregate of a different type."""

    code = "wrong-aggregate-type"


class AppendOnly(StoreError):
    """Stored events cannot be changed or deleted."""

    code = "append-only"


class BrokenStream(StoreError):
    """A stored event cannot be decoded as the event type it is stored under."""

    code = "broken-stream"


class ProgramTooOld(StoreError):
    """This program is older than the data: an event was written by a newer release, which has to go on with it."""

    code = "program-too-old"


class Tampered(StoreError):
    """A stored personal value was changed, or belongs to another event, field or person."""

    code = "tampered"


class StoreDiverged(StoreError):
    """The event table and Kafka differ: no command is accepted before an operator has resolved it."""

    code = "store-diverged"


class TailBusy(StoreError):
    """The tail reader timed out while waiting for writers; it tries again."""

    code = "tail-busy"


# --- registration errors -----------------------------------------------------------------------------------------


class RegistryError(EventShopError):
    """A message type is declared or registered incorrectly."""

    code = "registry-error"


class DuplicateName(RegistryError):
    """Two message types have the same stored name."""

    code = "duplicate-name"


# --- projections -------------------------------------------------------------------------------------------------


class ProjectionError(EventShopError):
    """A projection cannot continue."""

    code = "projection-error"


class UnknownProjection(ProjectionError):
    """No projection has this name."""

    code = "unknown-projection"


class CheckpointMoved(ProjectionError):
    """Another worker moved this projection's checkpoint; this batch was not written."""

    code = "checkpoint-moved"

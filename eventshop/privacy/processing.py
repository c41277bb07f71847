"""Every use of personal data asks for its ground here, before the data is handed to anybody, and is recorded.

The ground is a contract, a consent, a legal duty or a legitimate interest: the purpose says which. Who knows people and
their decisions implements the port.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import CommandRefused
from eventshop.core.personal_fields import DataCategory
from eventshop.core.port import Port


class DataUse(Struct, frozen=True):
    """One use of one person's data.

    `occasion` is the same for every retry: one occasion is recorded once for a person and purpose. `purpose` is a term
    of the Data Privacy Vocabulary, `recipient` whoever gets the data (empty: nobody outside), `about` what it is used
    for, such as an order. `offer` and `suggestion` are what the person agreed to get; they are erased with the consent.
    """

    person: UUID
    purpose: str
    activity: str
    data: tuple[DataCategory, ...]
    occasion: UUID
    recipient: str = ""
    about: UUID | None = None
    offer: str = ""
    suggestion: str = ""


class ProcessingGrounds(Protocol):
    """What the implementation provides."""

    def record(self, uses: Sequence[DataUse]) -> list[bool | CommandRefused]:
        """As `use_data_of_many`."""
        ...

    def require(self, use: DataUse) -> None:
        """As `require_ground`."""
        ...


processing_grounds: Final = Port[ProcessingGrounds]("processing grounds")


def use_personal_data(use: DataUse) -> bool:
    """Ask for the ground of a use, and record it. Raises `CommandRefused` if there is none: do not use the data then.

    Gives False if this occasion was recorded before, and for a person without an account, such as a guest: they are
    served by contract and by law, and the order is the record.
    """
    [outcome] = use_data_of_many([use])
    if isinstance(outcome, CommandRefused):
        raise outcome
    return outcome


def use_data_of_many(uses: Sequence[DataUse]) -> list[bool | CommandRefused]:
    """As `use_personal_data` for each use, recorded in one transaction; gives a refusal instead of raising it."""
    return processing_grounds.get().record(uses)


def require_ground(use: DataUse) -> None:
    """Ask for the ground of a use that is recorded when its result is known. Raises `CommandRefused`."""
    processing_grounds.get().require(use)

"""Who holds something about a person: each app says what it has, erases it, and names what an erasure must wait for.

The erasure job stands below the domains and the read models; they name their holders in their plug-ins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from eventshop.core.errors import DuplicateName


class ErasureBlocker(NamedTuple):
    """A reason why a person's data cannot be erased yet, in words for that person."""

    reason: str


class HeldData(NamedTuple):
    """Data about a person in a data export, and where it is held."""

    where: str
    what: dict[str, Any]


class ExpiredItem(NamedTuple):
    """Something whose duty to keep it has ended; `held` says why it stays nevertheless, such as a legal hold."""

    subject: UUID
    ended_at: datetime
    held: str = ""


class PersonalDataHolder(NamedTuple):
    """One place that holds personal data. Every part is optional.

    `erase` gets the person and the other streams with data of theirs, returns a summary, and changes nothing when it is
    repeated; holders erase in the order of their names. `find_blockers` returns what an erasure has to wait for now,
    `held_data` what belongs into a copy of everything held about a person, `clear_text_tables` the names of tables with
    personal data in clear, `has_data` whether a person has something that a duty of the same name is about
    (`retention.toml`). `find_streams` returns streams with data of the person whose events do not contain their id.
    `erase_purposes` erases what was kept for some purposes only, for a person or the subject of a stream.
    `find_expired` yields what ended before a time, the oldest first; `erase_expired` erases some of it and returns a
    summary; both for the rule of the same name (`retention.toml`). `is_used_since`: whether a person did something.
    """

    name: str
    erase: Callable[[UUID, Collection[UUID]], str] | None = None
    find_blockers: Callable[[UUID], Collection[ErasureBlocker]] | None = None
    held_data: Callable[[UUID], Collection[HeldData]] | None = None
    clear_text_tables: Callable[[], Collection[str]] | None = None
    has_data: Callable[[UUID], bool] | None = None
    find_streams: Callable[[UUID], Collection[UUID]] | None = None
    erase_purposes: Callable[[Collection[UUID], Collection[str]], str] | None = None
    find_expired: Callable[[datetime], Iterator[ExpiredItem]] | None = None
    erase_expired: Callable[[Collection[UUID]], str] | None = None
    is_used_since: Callable[[UUID, datetime], bool] | None = None


_holders: Final[dict[str, PersonalDataHolder]] = {}


def register(holder: PersonalDataHolder) -> None:
    """Add a holder. Raises `DuplicateName` for a second one of the same name."""
    if _holders.setdefault(holder.name, holder) is not holder:
        raise DuplicateName(f"Two holders of personal data are named {holder.name!r}", name=holder.name)


def erase_everywhere(person: UUID, streams: Collection[UUID]) -> dict[str, str]:
    """Let every holder erase, in the order of their names; the summary of each."""
    return {holder.name: holder.erase(person, streams) for holder in _sorted_holders() if holder.erase}


def erase_purposes(subjects: Collection[UUID], purposes: Collection[str]) -> dict[str, str]:
    """Let every holder erase what was kept for these purposes, in the order of their names; the summary of each."""
    return {
        holder.name: holder.erase_purposes(subjects, purposes) for holder in _sorted_holders() if holder.erase_purposes
    }


def holder_of(name: str) -> PersonalDataHolder | None:
    """The holder of this name, if there is one."""
    return _holders.get(name)


def is_used_since(person: UUID, since: datetime) -> bool:
    """Whether any holder knows that a person did something since then."""
    return any(holder.is_used_since(person, since) for holder in _sorted_holders() if holder.is_used_since)


def find_streams(person: UUID) -> list[UUID]:
    """The streams with data of a person whose events do not contain the person's id."""
    return [stream for holder in _sorted_holders() if holder.find_streams for stream in holder.find_streams(person)]


def clear_text_tables() -> list[str]:
    """Every table in which personal data stands in clear."""
    return sorted(
        {table for holder in _sorted_holders() if holder.clear_text_tables for table in holder.clear_text_tables()}
    )


def duty_subjects_of(person: UUID) -> set[str]:
    """What a person has of all that duties are about."""
    return {holder.name for holder in _sorted_holders() if holder.has_data and holder.has_data(person)}


def find_blockers(person: UUID) -> list[ErasureBlocker]:
    """Everything that blocks an erasure of this person now."""
    return [blocker for holder in _sorted_holders() if holder.find_blockers for blocker in holder.find_blockers(person)]


def collect_held_data(person: UUID) -> list[HeldData]:
    """Everything that is held about a person outside their own stream."""
    return [data for holder in _sorted_holders() if holder.held_data for data in holder.held_data(person)]


def _sorted_holders() -> list[PersonalDataHolder]:
    return [_holders[name] for name in sorted(_holders)]

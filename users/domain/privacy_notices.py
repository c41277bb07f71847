"""The wordings that people consented to: every version of the notice, for ever.

A released version is never changed; a new wording is a new version, and the older one gets its `until`.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import Struct

from users.domain.errors import NoticeExpired, UnknownNotice


class Notice(Struct, frozen=True):
    """One version of the notice text, and when it was shown."""

    version: str
    since: datetime
    until: datetime | None
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text in hexadecimal: proof of the wording (ICO: keep a record of what people were told)."""
        return sha256(self.text.encode()).hexdigest()


NOTICES: Final[dict[str, Notice]] = {
    notice.version: notice
    for notice in (
        Notice(
            "2025-05",
            datetime.fromisoformat("2025-05-01T00:00:00+00:00"),
            datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            "EventShop asks for your consent for each purpose below. You can say no to any of them and still buy "
            "everything. You can take a consent back at any time on the page My consents.",
        ),
        Notice(
            "2026-01",
            datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            None,
            "EventShop is responsible for your data. We ask for your consent for each purpose below, one by one; none "
            "is needed to buy anything. Nobody outside EventShop receives data for these purposes. A consent ends by "
            "itself on the day that is shown beside it, and we then ask you again. You can take it back at any time "
            "with one click on the page My consents; what was done before stays lawful.",
        ),
    )
}


def notice(version: str) -> Notice:
    """A version of the notice; raises `UnknownNotice`."""
    try:
        return NOTICES[version]
    except KeyError:
        raise UnknownNotice(notice=repr(version), known="; ".join(NOTICES)) from None


def valid_notice(version: str, at: datetime) -> Notice:
    """As `notice`; raises `NoticeExpired` when that version was not shown at that moment."""
    found = notice(version)
    if at < found.since or (found.until is not None and at >= found.until):
        raise NoticeExpired(notice=version, shown_until=found.until, at=at)
    return found


def current_notice(at: datetime) -> Notice:
    """The version that people see at a moment."""
    return max((item for item in NOTICES.values() if item.since <= at), key=lambda item: item.since)

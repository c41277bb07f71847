"""Every version of the privacy notice that people consented to; versions are kept for ever.

Never change a released version: add a new version for a new wording, and set `until` of the older one.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import Struct

from users.domain.errors import NoticeExpired, UnknownNotice


class PrivacyNotice(Struct, frozen=True):
    """One version of the notice text, and the period in which it was shown."""

    version: str
    since: datetime
    until: datetime | None
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text in hexadecimal: proof of the wording (ICO: keep a record of what people were told)."""
        return sha256(self.text.encode()).hexdigest()


NOTICES: Final[dict[str, PrivacyNotice]] = {
    notice.version: notice
    for notice in (
        PrivacyNotice(
            "2025-05",
            datetime.fromisoformat("2025-05-01T00:00:00+00:00"),
            datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            "EventShop asks for your consent for each purpose below. You can say no to any of them and still buy "
            "everything. You can take a consent back at any time on the page My consents.",
        ),
        PrivacyNotice(
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


def get_notice(version: str) -> PrivacyNotice:
    """Return a version of the notice; raises `UnknownNotice`."""
    try:
        return NOTICES[version]
    except KeyError:
        raise UnknownNotice(notice=repr(version), known="; ".join(NOTICES)) from None


def notice_shown_at(version: str, at: datetime) -> PrivacyNotice:
    """Return a version of the notice; raises `UnknownNotice`, or `NoticeExpired` if it was not shown at that time."""
    notice = get_notice(version)
    if at < notice.since or (notice.until is not None and at >= notice.until):
        raise NoticeExpired(notice=version, shown_until=notice.until, at=at)
    return notice


def current_notice(at: datetime) -> PrivacyNotice:
    """The version that is in force at a time."""
    return max((notice for notice in NOTICES.values() if notice.since <= at), key=lambda notice: notice.since)

"""Which e-mail addresses are the same mailbox.

The domain is compared without case, in its ASCII form (RFC 5890). The part before the @ belongs to the mail server
alone (RFC 5321, section 2.4): Ada@ and ada@ may be two people. Its case is ignored only at the providers below. Dots
and what follows a "+" always count.
"""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

import idna

#: Large providers that deliver to one mailbox whatever the case before the @, as of November 2026.
CASELESS_PROVIDERS: Final = frozenset(
    (
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com"),
        *("icloud.com", "me.com", "mac.com", "yahoo.com", "proton.me", "protonmail.com"),
    )
)


def mailbox_identity(address: str) -> str:
    """The text that is equal for equal mailboxes. Mail is sent to the address as it was typed, not to this."""
    local, _, domain = normalize("NFC", address.strip()).rpartition("@")
    domain = _ascii_domain(domain.rstrip("."))
    return f"{local.casefold() if domain in CASELESS_PROVIDERS else local}@{domain}"


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):  # no domain name: then only the spelling can be compared
        return domain.lower()

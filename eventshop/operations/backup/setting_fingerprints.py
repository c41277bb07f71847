"""Fingerprints of the settings: whether two are the same can be seen, what they are cannot.

Each is an HMAC under a key derived from the key-encryption key, so that nobody without that key can try out values.
"""

from __future__ import annotations

from hmac import compare_digest, digest
from typing import Any, Final

from django.conf import settings

from eventshop import settings as settings_file
from eventshop.operations.backup.manifest import SettingFingerprints
from eventshop.privacy.encryption import key_wrapping

_PURPOSE: Final = b"fingerprints of settings in backups"
_SCALARS: Final = (str, int, float, bytes, type(None))


def fingerprint_settings() -> SettingFingerprints:
    """The fingerprints of all settings, under the current key-encryption key."""
    key_id = key_wrapping.current_key_id()
    return SettingFingerprints(key_id, _fingerprints(key_wrapping.keys_by_id()[key_id]))


def differing_settings(earlier: SettingFingerprints) -> list[str] | None:
    """The names of the settings that are not as they were; None if this program does not have the key any more."""
    key = key_wrapping.keys_by_id().get(earlier.key_id)
    if key is None:
        return None
    now = _fingerprints(key)
    return sorted(
        name
        for name in now.keys() | earlier.fingerprints.keys()
        if not compare_digest(now.get(name, ""), earlier.fingerprints.get(name, ""))
    )


def _fingerprints(key_encryption_key: bytes) -> dict[str, str]:
    key = digest(key_encryption_key, _PURPOSE, "sha256")
    return {
        name: digest(key, f"{name}={value!r}".encode(), "sha256")[:16].hex()
        for name in dir(settings_file)
        if name.isupper() and _is_plain(value := getattr(settings, name, None))
    }


def _is_plain(value: Any) -> bool:
    """Whether it is a text, a number, or a list of them; others name databases, folders and parts of the program."""
    return isinstance(value, _SCALARS) or (isinstance(value, list | tuple) and all(map(_is_plain, value)))

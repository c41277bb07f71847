"""manage.py rotate_keys: wrap every personal key again with KEY_ENCRYPTION_KEY; encrypted data stays unchanged."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from eventshop.privacy.encryption.key_rotation import rotate_keys
from eventshop.privacy.encryption.key_wrapping import WrongKeyEncryptionKey
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Wrap every personal key with the current KEY_ENCRYPTION_KEY. First set it to the new key, add the old one to "
        "FORMER_KEY_ENCRYPTION_KEYS, and restart every process. Afterwards remove the old one from there. The "
        "command can be killed and run again at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rewrapped = rotate_keys()
        except WrongKeyEncryptionKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{rewrapped} keys rewrapped" if rewrapped else "Every key is already wrapped with the current key"
        )

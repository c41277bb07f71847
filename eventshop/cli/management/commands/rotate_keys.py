"""Wrap every personal key anew by KEY_ENCRYPTION_KEY; what they encrypted stays as it is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.privacy.encryption.key_rotation import rotate_keys
from eventshop.privacy.encryption.key_wrapping import WrongKeyEncryptionKey


class Command(BaseCommand):
    help = (
        "Wrap every personal key anew by KEY_ENCRYPTION_KEY. Before: set it to the new key, name the old one in "
        "FORMER_KEY_ENCRYPTION_KEYS, and restart every process. Afterwards the old one can go from there. May be "
        "killed and run again at any moment."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rewrapped = rotate_keys()
        except WrongKeyEncryptionKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{rewrapped} keys wrapped anew" if rewrapped else "Every key is wrapped by the current one")

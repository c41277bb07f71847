from collections.abc import Collection
from uuid import UUID

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "eventshop.privacy"
    label = "privacy"
    verbose_name = "Privacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.eventstore import field_encryption
        from eventshop.privacy.encryption.field_cipher import AesGcmCipher
        from eventshop.privacy.erasure.personal_data_holders import register_holder

        field_encryption.install_cipher(AesGcmCipher())
        register_holder("snapshots", _remove_snapshots)


def _remove_snapshots(person: UUID, streams: Collection[UUID]) -> str:
    """Remove the person's snapshots. They are unreadable without the keys; this removes the ciphertext as well."""
    from eventshop.eventstore.snapshots import repository

    return f"{repository.delete_snapshots([person, *streams])} snapshots removed"

from collections.abc import Collection
from uuid import UUID

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "eventshop.privacy"
    label = "privacy"
    verbose_name = "Privacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.privacy.envelope import AesGcm
        from eventshop.privacy.reach import erases
        from eventshop.store import sealing

        sealing.install(AesGcm())
        erases("snapshots", _removed_snapshots)


def _removed_snapshots(person: UUID, streams: Collection[UUID]) -> str:
    """Nobody could read them any more; now they are gone as well."""
    from eventshop.store import snapshots

    return f"{snapshots.remove([person, *streams])} snapshots removed"

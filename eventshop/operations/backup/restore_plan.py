"""What a restore would do, and whether it may: everything is looked at before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent, StoreEpoch
from eventshop.operations.backup import manifest as manifests
from eventshop.operations.backup.errors import BackupRefused
from eventshop.operations.backup.key_file import KeySet, has_key_tables, read_key_file, read_stored_keys
from eventshop.operations.backup.manifest import Manifest, read_manifest, verify_file
from eventshop.operations.backup.setting_fingerprints import differing_settings
from eventshop.operations.backup.store_in_use import users_of_the_store
from eventshop.operations.backup.store_state import unknown_migrations
from eventshop.operations.backup.take_backup import KEYS_FOLDER
from eventshop.privacy.encryption import key_wrapping
from eventshop.privacy.erasure import erasure_log

#: Tables that migrations fill, or that a store fills by itself before its first event.
_FILLED_FROM_THE_START: Final = frozenset(
    {"django_migrations", "django_content_type", "auth_permission", "sqlite_sequence", StoreEpoch._meta.db_table}
)


@dataclass(frozen=True)
class StoreNow:
    """The store that would be replaced. `epoch` and `installation_id` are None without tables."""

    filled_tables: tuple[str, ...]
    position: int
    events_after: int
    epoch: int
    installation_id: UUID | None


@dataclass(frozen=True)
class KafkaNow:
    """The last position on the topic of all events, and the epoch that published last.

    The position is None without Kafka, if the topic does not exist, and if Kafka did not answer: then there is a
    problem.
    """

    position: int | None = None
    epoch: int = 0
    installation_id: UUID | None = None
    problem: str = ""
    #: Whether the topic of all events does not exist.
    is_empty: bool = False


@dataclass(frozen=True)
class RestorePlan:
    """A restore that may be carried out."""

    folder: Path
    manifest: Manifest
    now: StoreNow
    keys: KeySet
    erased: tuple[UUID, ...]
    kafka: KafkaNow
    differing_settings: list[str] | None

    @property
    def missing_from_backup(self) -> int:
        """How many positions Kafka has after the last event of the backup."""
        return max(0, (self.kafka.position or 0) - self.manifest.store.position)

    @property
    def next_epoch(self) -> int:
        """A number that no epoch had before, as far as the backup, the store and Kafka tell."""
        return max(self.manifest.store.epoch, self.now.epoch, self.kafka.epoch) + 1


def plan_restore(folder: Path, *, keys_folder: Path | None, keep_keys: bool, replace: bool) -> RestorePlan:
    """Check a backup and the store. Raises `BackupRefused` for whatever speaks against the restore."""
    manifest = _verified_manifest(folder)
    now, kafka = read_store_now(manifest.store.position), _read_kafka()
    for place, other in (("this", now.installation_id if now.position else None), ("Kafka's", kafka.installation_id)):
        if other not in (None, manifest.store.installation_id):
            raise BackupRefused(
                f"{folder} is a backup of another installation: of {manifest.store.installation_id}, and {place} is "
                f"{other}"
            )
    keys = read_keys(folder, manifest, keys_folder=keys_folder, keep_keys=keep_keys)
    if users := users_of_the_store():
        raise BackupRefused(f"the store is in use: stop everything first. {'; '.join(users)}")
    if now.filled_tables and not replace:
        raise BackupRefused(
            f"the database is not empty: {', '.join(now.filled_tables[:5])} and "
            f"{max(0, len(now.filled_tables) - 5)} more tables have rows. With --replace all of it is replaced by the "
            "backup"
        )
    return RestorePlan(
        folder=folder,
        manifest=manifest,
        now=now,
        keys=keys,
        erased=_people_to_erase_again(folder, keys),
        kafka=kafka,
        differing_settings=differing_settings(manifest.settings),
    )


def read_keys(folder: Path, manifest: Manifest, *, keys_folder: Path | None, keep_keys: bool) -> KeySet:
    """The keys that there are after the restore: those of the store, and those of the backup that it lacks.

    Whoever is marked as erased in either gets none. Raises `BackupRefused` where a key is missing or of no use.
    """
    keys = KeySet()
    for line in read_stored_keys() if has_key_tables() else ():
        keys.add(line)
    if keep_keys:
        if manifest.keys.keys and not keys.keys:
            raise BackupRefused(f"there are no keys to keep: the backup was taken with {manifest.keys.keys:,}")
        return keys
    path = (keys_folder or folder / KEYS_FOLDER) / manifests.KEYS
    if not path.exists():
        raise BackupRefused(
            f"the keys of personal data are not in {path.parent}: name their folder with --keys, or keep those of the "
            "keys database with --keep-keys. Without keys everybody would count as erased"
        )
    verify_file(path, manifest.files[manifests.KEYS])
    if unknown := set(manifest.keys.wrapped_by) - key_wrapping.keys_by_id().keys():
        raise BackupRefused(
            f"the keys of {path} are wrapped with KEY_ENCRYPTION_KEY {', '.join(sorted(unknown))}, and the settings "
            f"have {', '.join(key_wrapping.keys_by_id())}: set the key of then, or add it to FORMER_KEY_ENCRYPTION_KEYS"
        )
    for line in read_key_file(path, manifest.backup_id):
        keys.add(line)
    keys.remove_erased()
    return keys


def read_store_now(position: int) -> StoreNow:
    """The store, compared with a backup up to this position."""
    names = connection.introspection.table_names()
    tables = [name for name in names if name not in _FILLED_FROM_THE_START]
    epoch = StoreEpoch.objects.order_by("number").last() if StoreEpoch._meta.db_table in names else None
    has_events = StoredEvent._meta.db_table in names
    last = StoredEvent.objects.order_by("-position").first() if has_events else None
    return StoreNow(
        filled_tables=tuple(sorted(_filled_among(tables))),
        position=last.position if last else 0,
        events_after=StoredEvent.objects.filter(position__gt=position).count() if has_events else 0,
        epoch=epoch.number if epoch else 0,
        installation_id=epoch.installation_id if epoch else None,
    )


def _verified_manifest(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.database.vendor != connection.vendor:
        raise BackupRefused(
            f"{folder} is a backup of {manifest.database.vendor}, and DATABASE_URL names {connection.vendor}"
        )
    if newer := unknown_migrations(manifest.program):
        raise BackupRefused(
            f"{folder} was taken by a newer program (version {manifest.program.version}), whose migrations this one "
            f"does not have: {', '.join(newer[:5])}. Restore it with that program"
        )
    for name in (manifest.dump, manifests.ERASURE_LIST):
        verify_file(folder / name, manifest.files[name])
    return manifest


def _filled_among(tables: list[str]) -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")
            if cursor.fetchone()[0]:
                yield table


def _people_to_erase_again(folder: Path, keys: KeySet) -> tuple[UUID, ...]:
    """Everybody on the erasure list, of now or of the backup, whose keys the restored store would still have."""
    people = dict.fromkeys([*erasure_log.read(), *erasure_log.read(folder / manifests.ERASURE_LIST)])
    return tuple(person for person in people if person not in keys.erased)


def _read_kafka() -> KafkaNow:
    if not settings.KAFKA_OPTIONS:
        return KafkaNow()
    from eventshop.messaging.kafka import clients, topics
    from eventshop.messaging.kafka.event_records import PARTITIONS
    from eventshop.messaging.kafka.store_epoch_records import read_published_epoch
    from eventshop.messaging.kafka.topic_end import read_topic_end

    topic = topics.event_store_topic()
    names = [topic, topics.store_epochs_topic()]
    try:
        with clients.open_admin_client() as admin:
            if missing := sorted(set(names) - topics.describe_topics(admin, names).keys()):
                return KafkaNow(is_empty=topic in missing, problem=f"it has no topic {', '.join(missing)}")
        position, published = read_topic_end(topic, PARTITIONS).position, read_published_epoch()
    except EventShopError as error:
        return KafkaNow(problem=str(error))
    if published is None:
        return KafkaNow(position)
    return KafkaNow(position, published.number, published.installation_id)

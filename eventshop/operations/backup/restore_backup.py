"""Carries out a restore that was planned: the database is replaced in one transaction, or is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, connections, transaction
from msgspec.structs import asdict

from eventshop.eventstore.models import StoreEpoch
from eventshop.operations.backup import postgres_dump, sqlite_copy
from eventshop.operations.backup.key_file import KeySet, has_key_tables
from eventshop.operations.backup.manifest import ERASURE_LIST
from eventshop.operations.backup.restore_plan import RestorePlan
from eventshop.operations.backup.store_in_use import stay_connected
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure import erasure_log
from eventshop.privacy.models import ErasedPerson, PersonalKey
from eventshop.runtime.connections import close_connections
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.models import WorkerProcess

_CHUNK = 2_000


def restore_backup(plan: RestorePlan) -> None:
    """Restore keys, erasure list and database, begin an epoch, and migrate. Raises `RestoreFailed`.

    Keys and list only grow, so that a restore that was killed before the database was replaced has done no harm.
    """
    with stay_connected():
        for person in erasure_log.read(plan.folder / ERASURE_LIST):
            erasure_log.append(person)
        has_own_database = keys_database() != connection.alias
        if has_own_database:
            store_keys(plan.keys)
        close_connections()
        load = postgres_dump.load_database if connection.vendor == "postgresql" else sqlite_copy.load_database
        load(
            plan.folder / plan.manifest.dump,
            keys=None if has_own_database else plan.keys,
            finish=_finishing_statements(plan),
        )
        crash_point("restore.after-commit")
        personal_keys.key_cache.clear()
        call_command("migrate", verbosity=0)


def store_keys(keys: KeySet, *, dry_run: bool = False) -> int:
    """Add what the keys database lacks; return the number of keys."""
    alias = keys_database()
    if not dry_run:
        call_command("migrate", database=alias, verbosity=0)
    stored = set(PersonalKey.objects.values_list("subject", "purpose")) if has_key_tables() else set()
    new = [line for name, line in keys.keys.items() if name not in stored]
    if dry_run:
        return len(new)
    with transaction.atomic(using=alias):
        PersonalKey.objects.bulk_create(
            (PersonalKey(**asdict(line)) for line in new),
            batch_size=_CHUNK,
            ignore_conflicts=True,
        )
        ErasedPerson.objects.bulk_create(
            (ErasedPerson(subject=line.subject, erased_at=line.erased_at) for line in keys.erased.values()),
            batch_size=_CHUNK,
            ignore_conflicts=True,
        )
    personal_keys.key_cache.clear()
    return len(new)


def _finishing_statements(plan: RestorePlan) -> Iterator[str]:
    """SQL that is run in the transaction of the restore: nobody of then is signed in or works any more."""
    for model in (Session, WorkerProcess):
        yield f'DELETE FROM "{model._meta.db_table}"'
    store = plan.manifest.store
    reason = f"restored from the backup {plan.manifest.backup_id} of {plan.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    yield (
        f'INSERT INTO "{StoreEpoch._meta.db_table}" (number, epoch_id, installation_id, reason, restored_to_position, '
        "divergence, divergence_reason) "
        f"VALUES ({plan.next_epoch}, '{_uuid(uuid4())}', '{_uuid(store.installation_id)}', '{reason}', "
        f"{store.position}, '', '')"
    )
    crash_point("restore.before-commit")


def _uuid(value: UUID) -> str:
    return str(value) if connections["default"].vendor == "postgresql" else value.hex

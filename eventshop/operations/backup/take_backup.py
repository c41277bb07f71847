"""Takes a backup while the store is in use.

The order makes it consistent. A key is committed before, or with, the first event that it encrypts, and an erasure
writes the erasure list before it destroys keys. So the database comes first, then the keys, then the list: every
encrypted event of the backup has its key in it, unless its person is on the list.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from django.db import connection

from eventshop.core.errors import EventShopError
from eventshop.eventstore.store_epochs import current_epoch
from eventshop.operations.backup import manifest as manifests
from eventshop.operations.backup import postgres_dump, sqlite_copy
from eventshop.operations.backup.backup_folder import new_folders, private_files
from eventshop.operations.backup.consistent_snapshot import exported_snapshot
from eventshop.operations.backup.key_file import write_keys
from eventshop.operations.backup.manifest import KeysState, Manifest, StoreState, TopicState
from eventshop.operations.backup.postgres_programs import find_programs
from eventshop.operations.backup.setting_fingerprints import fingerprint_settings
from eventshop.operations.backup.store_state import (
    read_database_state,
    read_program_state,
    read_store_state,
    read_topics,
)
from eventshop.privacy.erasure import erasure_log
from eventshop.runtime.fault_injection import crash_point

log = logging.getLogger(__name__)

#: Where the keys are, unless another folder is given.
KEYS_FOLDER: Final = "keys"
#: Called with what is being written and its bytes so far.
ReportProgress: TypeAlias = Callable[[str, int], None]


def take_backup(folder: Path, *, keys_folder: Path | None, report_progress: ReportProgress) -> Manifest:
    """Write a backup into a new folder, and the keys into another one, by default in it. All of it or nothing.

    Raises `BackupFailed`.
    """
    targets = [folder, keys_folder] if keys_folder else [folder]
    current_epoch()  # the first backup of a store without one begins it
    with private_files(), new_folders(*targets) as folders:
        home = folders[0]
        keys_home = folders[1] if keys_folder else home / KEYS_FOLDER
        keys_home.mkdir(exist_ok=True)
        backup_id, taken_at = uuid4(), datetime.now(UTC)
        program, store = read_program_state(), _dump_database(home, report_progress)
        crash_point("backup.before-keys")
        keys = _write_keys(keys_home / manifests.KEYS, backup_id, report_progress)
        erased = _copy_erasure_list(home / manifests.ERASURE_LIST)
        files = [path for path in home.iterdir() if path.is_file()] + [keys_home / manifests.KEYS]
        manifest = Manifest(
            format=manifests.FORMAT,
            backup_id=backup_id,
            taken_at=taken_at,
            program=program,
            database=read_database_state(),
            store=store,
            keys=keys,
            erased_people=erased,
            topics=_read_topics(),
            settings=fingerprint_settings(),
            files={path.name: manifests.describe_file(path) for path in files},
        )
        content, checksum = manifests.encode_manifest(manifest)
        (home / manifests.MANIFEST).write_bytes(content)
        (home / manifests.CHECKSUM).write_bytes(checksum)
    return manifest


def _dump_database(home: Path, report_progress: ReportProgress) -> StoreState:
    """Dump the database; return the state of the store that the dump holds."""
    if connection.vendor == "sqlite":
        store = sqlite_copy.dump_database(home / manifests.SQLITE_DUMP)
        report_progress("database", _size(home / manifests.SQLITE_DUMP))
        return store
    target, programs = home / manifests.POSTGRES_DUMP, find_programs()
    with exported_snapshot() as snapshot:
        store = read_store_state()
        postgres_dump.dump_database(
            programs, snapshot, target, watch=lambda: report_progress("database", _size(target))
        )
    report_progress("database", _size(target))
    return store


def _write_keys(path: Path, backup_id: UUID, report_progress: ReportProgress) -> KeysState:
    keys = write_keys(path, backup_id)
    report_progress("keys", _size(path))
    return keys


def _copy_erasure_list(path: Path) -> int:
    people = erasure_log.read()
    path.write_text("".join(f"{person}\n" for person in people))
    return len(people)


def _read_topics() -> dict[str, TopicState] | None:
    """The ends of the topics. A backup is worth having without them."""
    try:
        return read_topics()
    except EventShopError as error:
        log.warning("the backup does not say where the topics end: %s", error)
        return None


def _size(path: Path) -> int:
    return os.stat(path).st_size if path.exists() else 0

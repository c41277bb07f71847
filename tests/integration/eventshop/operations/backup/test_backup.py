"""`manage.py backup` writes a whole, consistent and private copy of a store in use, or nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tomllib
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import msgspec
import pytest
from django.db import connections

import eventshop
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.backup import manifest as manifests
from eventshop.operations.backup.errors import BackupRefused
from eventshop.operations.backup.key_file import KeyLine, read_key_file
from eventshop.operations.backup.manifest import read_manifest
from eventshop.privacy.models import ErasedPerson, PersonalKey
from tests.conftest import BASE_DIR
from tests.support.kafka.topic_contents import append_orders, run_command
from tests.support.populated_shop import populate_shop
from tests.support.waiting import join_threads, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def erasure_list(settings: Any, tmp_path: Path) -> Path:
    path = tmp_path / "erased.txt"
    settings.ERASURE_LIST = str(path)
    return path


def test_a_backup_says_what_it_holds(tmp_path: Path) -> None:
    populate_shop()
    done = run_command("backup", str(tmp_path / "b"))
    assert done.code == 0, done.failure
    manifest = read_manifest(tmp_path / "b")
    last = StoredEvent.objects.latest("position")
    assert (manifest.store.position, manifest.store.head_id) == (last.position, last.event_id)
    assert manifest.store.head_hash == bytes(last.hash).hex()
    assert manifest.store.events == StoredEvent.objects.count()
    assert manifest.keys.keys == PersonalKey.objects.count() > 0
    assert manifest.topics == {}
    assert "store.0001_initial" in manifest.program.migrations
    for name, entry in manifest.files.items():
        path = tmp_path / "b" / ("keys" if name == manifests.KEYS else "") / name
        assert manifests.describe_file(path) == entry


def test_the_version_of_the_program_is_that_of_the_project() -> None:
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    assert project["version"] == eventshop.__version__


def test_keys_are_in_a_file_of_their_own_which_can_be_kept_elsewhere(tmp_path: Path) -> None:
    populate_shop()
    assert run_command("backup", str(tmp_path / "b"), "--keys", str(tmp_path / "k")).code == 0
    manifest = read_manifest(tmp_path / "b")
    lines = list(read_key_file(tmp_path / "k" / manifests.KEYS, manifest.backup_id))
    stored = {(key.subject, key.purpose): bytes(key.wrapped) for key in PersonalKey.objects.all()}
    assert {(line.subject, line.purpose): line.wrapped for line in lines if isinstance(line, KeyLine)} == stored
    everything_else = b"".join(path.read_bytes() for path in (tmp_path / "b").iterdir())
    assert not [wrapped for wrapped in stored.values() if wrapped in everything_else]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "k"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    append_orders(2)
    assert run_command("backup", str(tmp_path / "b"), "--keys", str(tmp_path / "k")).code == 0
    modes = {
        stat.S_IMODE(path.stat().st_mode) & 0o077 for folder in ("b", "k") for path in (tmp_path / folder).rglob("*")
    }
    assert modes == {0}
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700


def test_no_secret_is_in_it(tmp_path: Path, settings: Any) -> None:
    settings.STAFF_PASSWORD = "a password of the staff"
    append_orders(2)
    assert run_command("backup", str(tmp_path / "b")).code == 0
    content = b"".join(path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file())
    secrets = [settings.SECRET_KEY.encode(), settings.STAFF_PASSWORD.encode(), settings.KEY_ENCRYPTION_KEYS[0]]
    assert not [secret for secret in secrets if secret in content]
    assert {"SECRET_KEY", "STAFF_PASSWORD"} <= read_manifest(tmp_path / "b").settings.fingerprints.keys()


def test_sha256sum_verifies_the_manifest(tmp_path: Path) -> None:
    append_orders(1)
    assert run_command("backup", str(tmp_path / "b")).code == 0
    checked = subprocess.run(
        ["sha256sum", "--check", manifests.CHECKSUM], cwd=tmp_path / "b", capture_output=True, check=False
    )
    assert checked.returncode == 0


def test_the_erasure_list_is_in_it(tmp_path: Path, erasure_list: Path) -> None:
    person = "11111111-2222-3333-4444-555555555555"
    erasure_list.write_text(f"{person}\n")
    ErasedPerson.objects.create(subject=person, erased_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert run_command("backup", str(tmp_path / "b")).code == 0
    manifest = read_manifest(tmp_path / "b")
    assert (manifest.erased_people, manifest.keys.erased) == (1, 1)
    assert (tmp_path / "b" / manifests.ERASURE_LIST).read_text() == f"{person}\n"


@pytest.mark.parametrize("taken", ["b", "k"])
def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).mkdir()
    done = run_command("backup", str(tmp_path / "b"), "--keys", str(tmp_path / "k"))
    assert done.code == 1
    assert f"{tmp_path / taken} is there already" in done.failure
    assert [path.name for path in tmp_path.iterdir()] == [taken]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_command("backup", str(tmp_path / "b"), "--keys", str(tmp_path / "file" / "k"))
    assert done.code == 1
    assert f"{tmp_path / 'file'}: Not a directory" in done.failure
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nothing_is_left_of_a_backup_that_failed_half_way(tmp_path: Path, erasure_list: Path) -> None:
    """The database and the keys are written when the list turns out to be no list."""
    erasure_list.mkdir()
    done = run_command("backup", str(tmp_path / "b"), "--keys", str(tmp_path / "k"))
    assert done.code == 1
    assert f"{erasure_list}: Is a directory" in done.failure
    assert [path.name for path in tmp_path.iterdir()] == ["erased.txt"]


def test_a_store_in_use_is_copied_up_to_one_position_without_a_gap(tmp_path: Path) -> None:
    """While four writers append, each backup holds exactly the events up to its position."""
    stop, written = Signal(), list[int]()

    def sell(seed: int) -> None:
        number = 0
        while not stop.is_set():
            append_orders(1, seed=seed * 1_000_000 + number)  # more than one thread gets to write
            written.append(number := number + 1)
        connections.close_all()

    threads = [Thread(target=sell, args=(seed,)) for seed in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(written) > 8)
        done = [run_command("backup", str(tmp_path / f"b{number}")) for number in range(3)]
    finally:
        stop.set()
        join_threads(*threads)
    assert [each.code for each in done] == [0, 0, 0], done
    for number in range(3):
        store = read_manifest(tmp_path / f"b{number}").store
        assert StoredEvent.objects.filter(position__lte=store.position).count() == store.events > 0


def test_a_damaged_manifest_is_refused(tmp_path: Path) -> None:
    append_orders(1)
    assert run_command("backup", str(tmp_path / "b")).code == 0
    path = tmp_path / "b" / manifests.MANIFEST
    path.write_text(path.read_text().replace('"position": ', '"position": 1'))
    with pytest.raises(BackupRefused, match="is damaged"):
        read_manifest(tmp_path / "b")


def test_a_manifest_of_a_newer_program_is_refused_by_its_format(tmp_path: Path) -> None:
    append_orders(1)
    assert run_command("backup", str(tmp_path / "b")).code == 0
    rewrite_manifest(tmp_path / "b", format=2, something_new=True)
    with pytest.raises(BackupRefused, match="format 2; this program knows 1"):
        read_manifest(tmp_path / "b")


def rewrite_manifest(folder: Path, **changes: object) -> None:
    """Change fields of a manifest, and its checksum with it."""
    values = json.loads((folder / manifests.MANIFEST).read_text()) | changes
    content = msgspec.json.encode(values)
    (folder / manifests.MANIFEST).write_bytes(content)
    (folder / manifests.CHECKSUM).write_text(f"{sha256(content).hexdigest()}  {manifests.MANIFEST}\n")


@pytest.mark.postgres
def test_programs_that_are_older_than_the_server_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    append_orders(1)
    assert run_command("backup", str(tmp_path / "b")).code == 0

"""A backup or a restore that is killed, or begun twice at once: the store is whole, and the next run does it all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connections

from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.operations.backup.manifest import read_manifest
from eventshop.operations.backup.store_in_use import stay_connected, users_of_the_store
from eventshop.privacy.encryption import personal_keys
from eventshop.runtime import wake_signals
from tests.support.erasures import erase_person, name_of
from tests.support.kafka.topic_contents import CommandOutput, append_orders, run_command
from tests.support.populated_shop import populate_shop
from tests.support.processes import ROOT, manage_process
from tests.support.waiting import wait_for_exit, wait_until
from users.application.accounts import person_of

pytestmark = pytest.mark.usefixtures("clean_database")


class Store:
    """A shop with a backup; then its only customer is erased, and more is sold."""

    def __init__(self, database_url: str, settings: Any, tmp_path: Path) -> None:
        settings.ERASURE_LIST = str(tmp_path / "erased.txt")
        settings.KEY_CACHE_SECONDS = 0
        self.folder, self.log = tmp_path / "backup", tmp_path / "processes.log"
        self.env = {
            "DATABASE_URL": database_url,
            "ENV_FILE": "",
            "SECRET_KEY": settings.SECRET_KEY,
            "ERASURE_LIST": settings.ERASURE_LIST,
        }
        populate_shop()
        self.person = cast(UUID, person_of(User.objects.get()))
        assert run_command("backup", str(self.folder)).code == 0
        self.then = read_events()
        erase_person(self.person)
        append_orders(2)
        self.now = read_events()

    def kill_at(self, point: str, *arguments: str) -> None:
        """Run a command in a process that dies at a crash point."""
        leave_store()
        with manage_process(*arguments, env={**self.env, "CRASH_AT": point}, log=self.log) as process:
            assert wait_for_exit(process, log=self.log) == -signal.SIGKILL, self.log.read_text()
        wait_until(lambda: not users_of_the_store(), seen=users_of_the_store)  # psql notices it, too

    def restore(self) -> CommandOutput:
        leave_store()
        personal_keys.key_cache.clear()
        return run_command("restore", str(self.folder), "--replace")

    def assert_restored(self) -> None:
        """The events of the backup come first; who was erased after it is erased again."""
        assert read_events()[: len(self.then)] == self.then
        assert name_of(self.person) == Redacted("contact")
        assert run_command("verify_chain").code == 0


def read_events() -> Sequence[EventRow]:
    return backend().select_events("ORDER BY position", ())


def leave_store() -> None:
    wake_signals.stop_listening()
    connections.close_all()


@pytest.fixture
def store(database_url: str, settings: Any, tmp_path: Path) -> Store:
    return Store(database_url, settings, tmp_path)


@pytest.mark.parametrize("point", ["restore.before-commit", "restore.after-commit"])
def test_a_restore_that_was_killed_is_run_again(store: Store, point: str) -> None:
    store.kill_at(point, "restore", str(store.folder), "--replace")
    assert read_events() == (store.now if point == "restore.before-commit" else store.then)
    done = store.restore()
    assert done.code == 0, done.failure
    store.assert_restored()


def test_a_backup_that_was_killed_is_no_backup(store: Store, tmp_path: Path) -> None:
    store.kill_at("backup.before-keys", "backup", str(tmp_path / "second"))
    assert not (tmp_path / "second").exists()
    [partial] = tmp_path.glob(".second.*.partial")
    assert "is no complete backup" in run_command("restore", str(partial), "--replace").failure
    assert read_events() == store.now
    assert run_command("backup", str(tmp_path / "second")).code == 0
    assert read_manifest(tmp_path / "second").store.events == len(store.now)


def test_a_restore_can_be_repeated(store: Store) -> None:
    for _ in range(2):
        done = store.restore()
        assert done.code == 0, done.failure
        store.assert_restored()


def test_while_one_restore_runs_another_is_refused(store: Store) -> None:
    with stay_connected():
        assert "the store is in use" in store.restore().failure
    assert read_events() == store.now


@pytest.mark.chaos
@pytest.mark.long
def test_of_restores_at_once_each_does_all_or_nothing(store: Store) -> None:
    leave_store()
    command = [sys.executable, "manage.py", "restore", str(store.folder), "--replace"]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**os.environ, **store.env},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            for _ in range(3)
        ]
        outputs = [process.communicate()[0] for process in processes]
    refused = [output for output, process in zip(outputs, processes, strict=True) if process.returncode]
    assert [output for output in refused if "in use" not in output] == []
    if len(refused) == len(processes):
        assert read_events() == store.now
        assert store.restore().code == 0
    store.assert_restored()

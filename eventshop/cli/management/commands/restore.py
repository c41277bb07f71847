"""manage.py restore FOLDER: put a backup in the place of the store, or say what that would mean."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management import call_command

from eventshop.cli.kafka_commands import report_errors
from eventshop.operations.backup.key_file import KeySet
from eventshop.operations.backup.manifest import read_manifest
from eventshop.operations.backup.restore_backup import restore_backup, store_keys
from eventshop.operations.backup.restore_plan import RestorePlan, plan_restore, read_keys
from eventshop.runtime.management_command import ManagementCommand

#: People and settings that are named; all are counted.
MAX_NAMED = 20


class Command(ManagementCommand):
    help = (
        "Put a backup in the place of the store: database, keys and erasure list. Stop everything that uses the store "
        "first. What cannot be restored is refused before anything is touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="A folder that `backup` has written.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Only check the backup, and print what would happen."
        )
        parser.add_argument("--replace", action="store_true", help="Replace a database that is not empty.")
        parser.add_argument(
            "--keys", type=Path, metavar="FOLDER", help="Where the keys of the backup are (default: FOLDER/keys)."
        )
        parser.add_argument(
            "--keep-keys", action="store_true", help="Use the keys that the keys database has, and none of the backup."
        )
        parser.add_argument(
            "--keys-only",
            action="store_true",
            help="Add the keys that the keys database lacks, and nothing else.",
        )
        parser.add_argument(
            "--from-kafka",
            action="store_true",
            help="Then restore the later events from Kafka (restore_events_from_kafka --verify).",
        )

    def handle(
        self,
        *args: Any,
        folder: Path,
        keys: Path | None,
        keep_keys: bool,
        keys_only: bool,
        replace: bool,
        dry_run: bool,
        from_kafka: bool,
        **options: Any,
    ) -> None:
        with report_errors(
            "Run it again, with --replace: the database is whole, either the old one or the restored one."
        ):
            if keys_only:
                self._restore_keys(folder, keys, dry_run=dry_run)
                return
            plan = plan_restore(folder, keys_folder=keys, keep_keys=keep_keys, replace=replace or dry_run)
            for line in describe_plan(plan):
                self.stdout.write(line)
            if dry_run:
                return
            restore_backup(plan)
            self.stdout.write(
                f"Restored: {plan.manifest.store.events:,} events up to position {plan.manifest.store.position}."
            )
            self._finish(plan, from_kafka=from_kafka)

    def _finish(self, plan: RestorePlan, *, from_kafka: bool) -> None:
        """Bring what the backup lacks from Kafka, then erase people again; or say that this is the next step."""
        if from_kafka and (plan.missing_from_backup or plan.kafka.problem):
            call_command("restore_events_from_kafka", verify=True, stdout=self.stdout, stderr=self.stderr)
        elif plan.missing_from_backup or plan.kafka.problem:
            # Before that, an erasure would append events at positions that Kafka has others at.
            first = (
                "create_topics --forget-all, republish_events" if plan.kafka.is_empty else "restore_events_from_kafka"
            )
            self.stdout.write(f"Next, before anything is started: {first} --verify, replay_erasures")
            return
        call_command("replay_erasures", stdout=self.stdout, stderr=self.stderr)
        self.stdout.write("Start everything.")

    def _restore_keys(self, folder: Path, keys_folder: Path | None, *, dry_run: bool) -> None:
        keys = read_keys(folder, read_manifest(folder), keys_folder=keys_folder, keep_keys=False)
        added = store_keys(keys, dry_run=dry_run)
        self.stdout.write(f"{added:,} keys {'would be added' if dry_run else 'added'}, {len(keys.keys):,} in all.")
        for line in describe_lost_keys(keys):
            self.stdout.write(line)


def describe_plan(plan: RestorePlan) -> Iterator[str]:
    """What a restore means, a line for each aspect."""
    manifest, now = plan.manifest, plan.now
    store = manifest.store
    yield (
        f"Backup {manifest.backup_id} of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC: {store.events:,} events up to "
        f"position {store.position}, program {manifest.program.version}."
    )
    if now.filled_tables:
        yield (
            f"The store ends at position {now.position}: {now.events_after:,} of its events are not in the backup, and "
            "everything else will be as it was then, too."
        )
    else:
        yield "The database is empty."
    yield from _describe_kafka(plan)
    yield f"Keys: {len(plan.keys.keys):,} after the restore, {manifest.keys.keys:,} in the backup."
    yield from describe_lost_keys(plan.keys)
    if plan.erased:
        yield f"{len(plan.erased):,} people are to be erased again: {_named(map(str, plan.erased))}."
    if store.running_sagas:
        yield (
            f"{store.running_sagas:,} sagas were running. What came before the end of the restore is their past: they "
            "hear it without sending anything."
        )
    if plan.differing_settings is None:
        yield "The settings cannot be compared: KEY_ENCRYPTION_KEY is another one, and the former one is not known."
    elif plan.differing_settings:
        yield f"Settings that are not as they were: {_named(plan.differing_settings)}."
    yield "Everybody has to sign in again. API tokens that were revoked since then are valid again: revoke them."


def _describe_kafka(plan: RestorePlan) -> Iterator[str]:
    if plan.kafka.problem:
        yield f"Kafka cannot be compared: {plan.kafka.problem}."
    elif plan.kafka.position is not None:
        position = plan.manifest.store.position
        if plan.missing_from_backup:
            yield (
                f"Kafka ends at position {plan.kafka.position}: it has the events after position {position}, and "
                "restore_events_from_kafka brings them back."
            )
        else:
            yield f"Kafka ends at position {plan.kafka.position}: it has nothing that the backup lacks."


def describe_lost_keys(keys: KeySet) -> Iterator[str]:
    """Keys of the backup in whose place the store has made new ones: there can be only one for a person and purpose."""
    if keys.lost:
        people = dict.fromkeys(str(line.subject) for line in keys.lost)
        yield (
            f"The store has other keys than the backup for {len(people):,} people, made since theirs were lost, and "
            f"keeps them. What was encrypted before cannot be read any more: {_named(people)}."
        )


def _named(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else "")

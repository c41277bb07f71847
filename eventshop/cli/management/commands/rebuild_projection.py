"""manage.py rebuild_projection NAME: fold all events into new rows, then swap them with the live rows."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from eventshop.cli.progress_bar import create_bar
from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections import rebuild, replays
from eventshop.projections.models import Replay
from eventshop.projections.projection import projection_registry

_REQUESTED_BY: Final = "command line"


class Command(BaseCommand):
    help = "Rebuild one read model from all events, without downtime. Run it again to continue a killed rebuild."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")
        parser.add_argument("--reason", default="", help="The reason; the list of rebuilds shows it.")
        parser.add_argument(
            "--look-first",
            action="store_true",
            help="Do a dry run first, print what would differ, and stop if events would become dead letters.",
        )

    def handle(self, *args: Any, name: str, reason: str, look_first: bool, **options: Any) -> None:
        bar = create_bar(self)
        try:
            projection = projection_registry.get(name)
            if look_first:
                rebuild.request_rebuild(name, requested_by=_REQUESTED_BY, reason=reason, dry_run=self._dry_run(name))
            with bar:
                task = bar.add_task(name, total=None, pace="")

                def report(progress: rebuild.RebuildProgress) -> None:
                    pace = f"{progress.events / progress.seconds:,.0f} events/s" if progress.seconds else ""
                    bar.update(task, completed=progress.position, total=progress.head, pace=pace)

                job = rebuild.rebuild(
                    projection, create_event_log(), requested_by=_REQUESTED_BY, reason=reason, on_progress=report
                )
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{name} rebuilt: {job.added} rows added, {job.changed} changed, {job.removed} removed; "
            f"up to position {job.position}."
        )

    def _dry_run(self, name: str) -> Replay:
        """Do a dry run and print its result. Raises `CommandError` if it does not finish or an event fails."""
        job = replays.run_replay(replays.request_dry_run(name, requested_by=_REQUESTED_BY))
        if job.state != Replay.State.DONE:
            raise CommandError(
                f"the dry run of {name} did not finish: {job.error or 'a worker is running it; try again later'}"
            )
        self.stdout.write(f"{name}: {replays.describe_differences(job)}.")
        if job.failed:
            raise CommandError(f"Nothing was changed. The first event that fails: {job.error}")
        return job

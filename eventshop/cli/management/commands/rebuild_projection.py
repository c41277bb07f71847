"""manage.py rebuild_projection NAME: fold all events anew beside the live rows, then swap."""

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
    help = "Rebuild one read model from all events, without downtime. A rebuild that was killed goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")
        parser.add_argument("--reason", default="", help="Why, for the record.")
        parser.add_argument(
            "--look-first",
            action="store_true",
            help="Try it out before, say what would differ, and stop if events would be set aside.",
        )

    def handle(self, *args: Any, name: str, reason: str, look_first: bool, **options: Any) -> None:
        bar = create_bar(self)
        try:
            projection = projection_registry.get(name)
            if look_first:
                rebuild.request_rebuild(name, requested_by=_REQUESTED_BY, reason=reason, dry_run=self._dry_run(name))
            with bar:
                task = bar.add_task(name, total=None, pace="")

                def told(at: rebuild.RebuildProgress) -> None:
                    pace = f"{at.events / at.seconds:,.0f} events/s" if at.seconds else ""
                    bar.update(task, completed=at.position, total=at.head, pace=pace)

                job = rebuild.rebuild(projection, create_event_log(), requested_by=_REQUESTED_BY, reason=reason, on_progress=told)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{name} rebuilt: {job.added} rows added, {job.changed} changed, {job.removed} removed; "
            f"up to position {job.position}."
        )

    def _dry_run(self, name: str) -> Replay:
        """What it would change, in words as well; raises `CommandError` for what should not be swapped in."""
        job = replays.run_replay(replays.request_dry_run(name, requested_by=_REQUESTED_BY))
        if job.state != Replay.State.DONE:
            raise CommandError(f"{name} cannot be tried out: {job.error or 'a worker is at it; try again'}")
        self.stdout.write(f"{name}: {replays.describe_differences(job)}.")
        if job.failed:
            raise CommandError(f"Nothing was changed. The first event that fails: {job.error}")
        return job

"""manage.py rebuild_projection NAME: fold all events into new rows, then swap them with the live rows."""

from __future__ import annotations

from argparse import ArgumentParser
from time import sleep
from typing import Any, Final

from django.core.management.base import CommandError

from eventshop.cli.progress_bar import create_bar
from eventshop.core.errors import CheckpointMoved, EventShopError
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.operations import rebuild_operations
from eventshop.operations.rebuild_operations import Order
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections import rebuild, replays
from eventshop.projections.models import Rebuild, Replay
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild_run import ProgressCallback, RebuildProgress
from eventshop.runtime.management_command import ManagementCommand

#: How often a rebuild is looked at that a worker runs.
FOLLOW_S: Final = 0.5


class Command(ManagementCommand):
    help = "Rebuild one read model from all events, without downtime. Run it again to continue a killed rebuild."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")
        parser.add_argument("--reason", default="", help="The reason; the list of rebuilds shows it.")
        parser.add_argument(
            "--look-first",
            action="store_true",
            help="Do a dry run first, print what would differ, and stop if events would become dead letters.",
        )
        parser.add_argument(
            "--by-hand", action="store_true", help="Compare old and new rows, and leave the switch to control_rebuild."
        )
        parser.add_argument("--events-per-second", type=int, metavar="N", help="Fold at most so many.")
        parser.add_argument(
            "--up-to",
            default="",
            metavar="POSITION|TIME",
            help="Reset the projection: its rows as of there, from where the workers go on.",
        )

    def handle(self, *args: Any, name: str, reason: str, look_first: bool, **options: Any) -> None:
        bar = create_bar(self)
        try:
            projection = projection_registry.get(name)
            dry_run = self._dry_run(name) if look_first else None
            job = rebuild.open_rebuilds().filter(projection=name).first()
            if job is None:
                job = rebuild_operations.request(
                    name,
                    Order(command_line_actor(), reason, options["events_per_second"]),
                    dry_run=dry_run,
                    by_hand=options["by_hand"],
                    up_to=rebuild_operations.reset_position(options["up_to"]),
                )
            with bar:
                task = bar.add_task(name, total=None, pace="")

                def report(progress: RebuildProgress) -> None:
                    pace = f"{progress.events / progress.seconds:,.0f} events/s" if progress.seconds else ""
                    bar.update(task, completed=progress.position, total=progress.head, pace=pace)

                job = _run_or_follow(job, projection, report)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        if job.state == Rebuild.State.FAILED:
            raise CommandError(f"{name}: {job.error}")
        if job.state != Rebuild.State.DONE:
            self.stdout.write(
                f"Rebuild {job.pk} of {name} is {job.get_state_display().lower()}: {job.added} rows would be added, "
                f"{job.changed} changed, {job.removed} removed. Go on with: control_rebuild."
            )
            return
        self.stdout.write(
            f"{name} rebuilt: {job.added} rows added, {job.changed} changed, {job.removed} removed; "
            f"up to position {job.position}."
        )

    def _dry_run(self, name: str) -> Replay:
        """Do a dry run and print its result. Raises `CommandError` if it does not finish or an event fails."""
        job = replays.run_replay(replays.request_dry_run(name, requested_by=command_line_actor()))
        if job.state != Replay.State.DONE:
            raise CommandError(
                f"the dry run of {name} did not finish: {job.error or 'a worker is running it; try again later'}"
            )
        self.stdout.write(f"{name}: {replays.describe_differences(job)}.")
        if job.failed:
            raise CommandError(f"Nothing was changed. The first event that fails: {job.error}")
        return job


def _run_or_follow(job: Rebuild, projection: Projection[Any], report: ProgressCallback) -> Rebuild:
    """Run a rebuild, or follow it while a worker runs it, until it has ended or waits for an operator."""
    while job.state in Rebuild.RUNNABLE:
        try:
            return rebuild.rebuild(
                projection,
                create_event_log(),
                requested_by=job.requested_by,
                reason=job.reason,
                on_progress=report,
            )
        except CheckpointMoved:  # a worker was faster
            sleep(FOLLOW_S)
            job.refresh_from_db()
            report(RebuildProgress(job.position, job.head, events=0, seconds=0))
    return job

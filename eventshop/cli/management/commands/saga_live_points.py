"""manage.py saga_live_points: show where the past of each kind of saga ends, or set it for one kind."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.runtime.management_command import ManagementCommand
from eventshop.sagas import live_points, muting
from eventshop.sagas.models import SagaLivePoint


class Command(ManagementCommand):
    help = "Show the live point of each saga: what it hears up to there is its past, and it does nothing about it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", nargs="?", help="Set the live point of this kind of saga.")
        parser.add_argument("--position", type=int, help="The last event of its past; by default the newest event.")
        parser.add_argument(
            "--past",
            choices=muting.Past.values,
            help="resume: do what is not on record when it goes live. leave: do nothing about the past.",
        )
        parser.add_argument("--operator", default="", help="Who sets it.")
        parser.add_argument("--reason", default="", help="Why.")

    def handle(
        self,
        *args: Any,
        kind: str | None,
        position: int | None,
        past: str | None,
        operator: str,
        reason: str,
        **options: Any,
    ) -> None:
        if kind is not None:
            if past is None:
                raise CommandError("say what becomes of its past: --past resume or --past leave.")
            try:
                muting.set_live_point(kind, position, past=past, reason=reason, actor=operator)
            except EventShopError as error:
                raise CommandError(f"{error}.") from error
        for point in SagaLivePoint.objects.all():
            self.stdout.write(f"{point}: {live_points.describe(point)}; {point.reason} ({point.actor})")

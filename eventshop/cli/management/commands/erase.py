"""Go on with erasures that have begun: what the process `erasure` does by itself, done by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventshop.core.errors import EventShopError
from eventshop.privacy.erasure import erasure_job
from eventshop.privacy.models import Erasure


class Command(BaseCommand):
    help = "Go on with the erasure of a person, or with all that have begun and are not done."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", nargs="*", type=UUID, help="Ids; none: everybody whose erasure has begun.")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = Erasure.objects.exclude(step=erasure_job.DONE).values_list("subject", flat=True)
        failed = 0
        for person in options["person"] or list(begun):
            if not Erasure.objects.filter(subject=person).exists():
                raise CommandError(f"{person}: no erasure has begun; it begins when the person's time to think is over")
            try:
                erasure_job.run_erasure(person)
                self.stdout.write(f"{person}: erased")
            except EventShopError as error:
                failed += 1
                self.stderr.write(f"{person}: {error}")
        if failed:
            raise CommandError(f"{failed} erasures could not be finished")

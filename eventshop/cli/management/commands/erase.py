"""manage.py erase [ID...]: continue erasures that have begun, as the erasure saga does by itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from eventshop.core.errors import EventShopError
from eventshop.privacy.erasure import erasure_job
from eventshop.privacy.models import Erasure
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Continue the erasure of a person, or all erasures that have begun and are not finished."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "person", nargs="*", type=UUID, help="Ids of people; without ids: everybody whose erasure has begun."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = Erasure.objects.exclude(step=erasure_job.DONE).values_list("subject", flat=True)
        failed = 0
        for person in options["person"] or list(begun):
            if not Erasure.objects.filter(subject=person).exists():
                raise CommandError(
                    f"{person}: no erasure has begun; it begins when the person's cancellation period has ended"
                )
            try:
                erasure_job.run_erasure(person)
                self.stdout.write(f"{person}: erased")
            except EventShopError as error:
                failed += 1
                self.stderr.write(f"{person}: {error}")
        if failed:
            raise CommandError(f"{failed} erasures failed; the errors are listed above. Run the command again")

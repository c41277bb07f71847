"""manage.py resolve_findings PERSON: shows or resolves what the scan of an erasure has found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from eventshop.core.errors import EventShopError
from eventshop.privacy.erasure import erasure_job, findings
from eventshop.privacy.models import Erasure, ErasureFinding
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "List what the scan of an erasure has found. With --keep, --seal or --look-again, resolve all open findings or "
        "those named by --finding, scan again, and issue the certificate again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", type=UUID, help="The id of the erased person.")
        parser.add_argument("--finding", type=int, action="append", default=[], help="The number of a finding.")
        parser.add_argument("--operator", default="", help="Your name; needed to resolve anything.")
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--keep", metavar="REASON", help="Keep what was found. The certificate shows the reason.")
        action.add_argument(
            "--seal", action="store_true", help="Destroy the keys of the free texts in the streams that were found."
        )
        action.add_argument("--look-again", action="store_true", help="Only scan again, after you have removed it.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = options["person"]
        if not Erasure.objects.filter(subject=person).exists():
            raise CommandError(f"{person}: no erasure has begun")
        chosen = findings.open_findings(person)
        if options["finding"]:
            chosen = chosen.filter(pk__in=options["finding"])
        if options["keep"] is not None or options["seal"]:
            if not options["operator"]:
                raise CommandError("--operator is needed: the certificate's record names who decided")
            self._resolve(list(chosen), options)
        if options["keep"] is not None or options["seal"] or options["look_again"]:
            try:
                erasure_job.look_again(person)
            except EventShopError as error:
                raise CommandError(f"{person}: {error}") from error
        for row in ErasureFinding.objects.filter(subject=person).order_by("pk"):
            about = f" of {row.owner}" if row.owner else ""
            why = f": {row.reason} ({row.resolved_by})" if row.reason else ""
            self.stdout.write(f"{row.pk}: {row.place} {row.item}{about}: {row.state}{why}")
        self.stdout.write(f"{findings.open_findings(person).count()} open")

    def _resolve(self, chosen: list[ErasureFinding], options: dict[str, Any]) -> None:
        try:
            if options["seal"]:
                findings.seal(chosen, by=options["operator"])
            else:
                findings.keep(chosen, reason=options["keep"], by=options["operator"])
        except EventShopError as error:
            raise CommandError(str(error)) from error

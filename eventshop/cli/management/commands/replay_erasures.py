"""Erases people again whose data an old backup has brought back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.erasure import erasure_job, erasure_log
from eventshop.privacy.models import ErasedPerson
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Erase every person again who is in ERASURE_LIST, has an erasure marker in the keys database, or has a "
        "DataErased event. Run it after every restore, before users have access. It can be killed and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        events = StoredEvent.objects.filter(event_type="DataErased").values_list("aggregate_id", flat=True)
        markers = set(ErasedPerson.objects.values_list("subject", flat=True))
        people = dict.fromkeys([*erasure_log.read(), *events])
        failed = 0
        for person in people:
            erasure_job.restart_erasure(person)
            try:
                erasure_job.run_erasure(person)
            except EventShopError as error:
                failed += 1
                self.stderr.write(f"{person}: {error}")
        restored = len(people.keys() - markers)
        self.stdout.write(f"{len(people)} people erased again, {restored} of them restored by the backup")
        if failed:
            raise CommandError(f"{failed} erasures failed; the errors are listed above. Run the command again")

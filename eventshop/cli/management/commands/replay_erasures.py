"""After an old backup was restored: erase everybody again who had been erased when it was younger."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.erasure import erasure_job, erasure_log
from eventshop.privacy.models import ErasedPerson


class Command(BaseCommand):
    help = (
        "Erase everybody again who is on ERASURE_LIST, has a marker beside the keys, or whose events say that they "
        "are erased. Run it after any restore, before anybody is let in. May be killed and run again."
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
        self.stdout.write(f"{len(people)} people erased again, {restored} of whom the backup had brought back")
        if failed:
            raise CommandError(f"{failed} erasures could not be finished")

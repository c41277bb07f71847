"""manage.py ensure_demo_webhook: a webhook of the staff account to the slow receiver of the local gateway."""

from argparse import ArgumentParser
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import CommandError

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore.tail_reader import newest_position
from eventshop.runtime.management_command import ManagementCommand
from eventshop.web.models import WebhookEndpoint

WEBHOOK_ID: Final = derive_id("demo-webhook", "slow receiver")
#: Few events: each delivery takes seconds.
TYPES: Final = "OrderShipped PaymentProcessed"


class Command(ManagementCommand):
    help = "Create a webhook to a receiver on this machine, or give the existing one its URL. For the demo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url")
        parser.add_argument("--username", default="staff")

    def handle(self, *args: Any, url: str, username: str, **options: Any) -> None:
        owner = User.objects.filter(username=username, is_staff=True).first()
        if owner is None:
            raise CommandError(f"there is no staff account {username!r}; ensure_staff creates it")
        new = {"owner": owner, "types": TYPES, "cursor": newest_position(), "url": url}
        WebhookEndpoint.objects.update_or_create(id=WEBHOOK_ID, defaults={"url": url}, create_defaults=new)

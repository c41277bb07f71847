"""`manage.py ensure_demo_customer`: create the demo customer with trades and orders; its password is STAFF_PASSWORD."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from eventshop.core.errors import AlreadyTaken
from eventshop.runtime.management_command import ManagementCommand
from eventshop.web.pages import demo_registry
from users.demo.customer import ensure_demo_customer


class Command(ManagementCommand):
    """Make sure that demo@example.org can sign in with the setting STAFF_PASSWORD."""

    help = f"Make sure that the customer {demo_registry.EMAIL} exists, with the setting STAFF_PASSWORD as its password."

    def handle(self, *args: Any, **options: Any) -> None:
        password = settings.STAFF_PASSWORD
        if not password:
            raise CommandError("STAFF_PASSWORD is not set; set it to give the demo customer a password")
        try:
            refusals = ensure_demo_customer(password, datetime.now(UTC))
        except AlreadyTaken:
            self.stdout.write(f"{demo_registry.EMAIL} belongs to another account; it was not changed.")
            return
        if refusals:
            raise CommandError(f"{len(refusals)} commands of the demo customer were refused; the first: {refusals[0]}")

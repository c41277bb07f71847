"""`manage.py ensure_demo_customer`: a customer with trades and orders, and with the password of the settings."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import AlreadyTaken
from eventshop.eventstore.command_dispatcher import Receipt, send_many
from eventshop.web.pages import demo_registry
from users.application import accounts


class Command(BaseCommand):
    """Make sure that demo@example.org can sign in with the setting STAFF_PASSWORD."""

    help = f"Make sure that the customer {demo_registry.EMAIL} exists whose password is the setting STAFF_PASSWORD."

    def handle(self, *args: Any, **options: Any) -> None:
        password = settings.STAFF_PASSWORD
        if not password:
            raise CommandError("STAFF_PASSWORD is not set: there is no password to give to the demo customer")
        try:
            login = accounts.sign_up(
                form_id=demo_registry.SIGN_UP_FORM_ID, email=demo_registry.EMAIL, name="Demo Customer", password=password
            )
        except AlreadyTaken:
            self.stdout.write(f"{demo_registry.EMAIL} has another account already; it is left as it is.")
            return
        if not login.is_active:  # they have left, and nothing more happens to them
            return
        if not login.check_password(password):
            login.set_password(password)
            login.save()
        # Told before, they get their first receipts: nothing happens twice.
        answers = send_many(demo_registry.customer_commands(datetime.now(UTC)))
        refused = [answer for answer in answers if not isinstance(answer, Receipt)]
        if refused:
            raise CommandError(f"{len(refused)} commands of the demo customer were refused, first: {refused[0]}")

"""`manage.py reset_second_factor NAME`: for somebody who has lost their app, passkeys and recovery codes."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext_lazy as _

from eventshop.runtime.management_command import ManagementCommand
from users.application.accounts import login_by_name
from users.application.emails import send_security_notice
from users.application.second_factors import remove_second_factors
from users.application.signed_in_sessions import end_sessions, own_sessions


class Command(ManagementCommand):
    """Remove the second factor of an account, and sign it out. Make sure first that it is its owner who asks."""

    help = "Remove the second factor of an account, after its owner has proved who they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="A staff user name, or a customer's e-mail address.")

    def handle(self, *args: Any, **options: Any) -> None:
        login = login_by_name(options["name"])
        if login is None:
            raise CommandError(f"No account has the name {options['name']!r}")
        removed = remove_second_factors(login)
        end_sessions(own_sessions(login.pk))
        send_security_notice(login, _("The second factor of your account was removed by staff."))
        self.stdout.write(f"{removed} apps and passkeys were removed.")

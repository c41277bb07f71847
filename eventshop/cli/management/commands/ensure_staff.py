"""manage.py ensure_staff: create a staff account with the password of the settings."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Create a staff superuser with the password of the setting STAFF_PASSWORD, or reset an existing one to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="staff")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        password = settings.STAFF_PASSWORD
        if not password:
            raise CommandError("STAFF_PASSWORD is not set: set it to the password of the staff account")
        try:
            User._meta.get_field("username").clean(username, None)
        except ValidationError as error:
            raise CommandError(f"--username {username!r}: {' '.join(error.messages)}") from None
        user, created = User.objects.get_or_create(username=username)
        if user.is_staff and user.is_superuser and user.is_active and user.check_password(password):
            return
        user.is_staff = user.is_superuser = user.is_active = True
        user.set_password(password)
        user.save()
        self.stdout.write(f"{username}: {'created' if created else 'password and permissions reset'}")

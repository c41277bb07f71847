"""Tells the owners of accounts about wrong passwords, by e-mail and at their next sign-in."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from eventshop.operations.periodic_jobs import PeriodicJob
from eventshop.web.models import AttemptCount
from eventshop.web.shared.attempt_limits import PASSWORD
from users.application.emails import send_security_notice

#: How often they are looked for. Sent while signing in, an e-mail would tell by its time that the account exists.
EVERY: Final = timedelta(minutes=5)
#: Of one run; the others wait for the next.
_BATCH: Final = 100


def tell_owners() -> str:
    """Write to the owner of each account whose free attempts are used up, once for each series of attempts."""
    told = 0
    used_up = AttemptCount.objects.filter(login__isnull=False, told_at=None, attempts__gte=PASSWORD.free)
    for row in used_up.select_related("login").order_by("forgotten_at")[:_BATCH]:
        # First the mark: an owner who cannot be reached is not written to again and again.
        if AttemptCount.objects.filter(pk=row.pk, told_at=None).update(told_at=timezone.now()) and row.login:
            event = format_lazy(
                _("Somebody tried {attempts} wrong passwords or codes. Nobody was signed in by them."),
                attempts=row.attempts,
            )
            send_security_notice(row.login, event)
            told += 1
    return f"{told} owners were told"


NOTICES: Final = PeriodicJob("tell-of-wrong-passwords", EVERY, tell_owners)

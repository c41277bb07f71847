"""The cutoff of the access log: its trigger lets only what is older be deleted."""

from __future__ import annotations

from datetime import datetime

from eventshop.operations.models import AccessLogCutoff


def allow_deletion(before: datetime) -> None:
    """Let the retention delete what was read before this time."""
    AccessLogCutoff.objects.update_or_create(pk=1, defaults={"before": before})

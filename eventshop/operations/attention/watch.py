"""Compares what is wrong now with the open items: raises what is new, and clears what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, When
from django.db.models.functions import Now

from eventshop.operations.attention import notices
from eventshop.operations.attention.find import find_all
from eventshop.operations.attention.findings import Finding
from eventshop.operations.attention.guides import SAGA_GROUPS, SAGAS
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.models import PeriodicWork
from eventshop.operations.objectives import State
from eventshop.runtime.counted_cache import forget, get_recent, look_up, store
from eventshop.runtime.database_clock import database_now

#: The page of the admin with all items.
ATTENTION_VIEW: Final = "ops_attentionitem_changelist"
#: Pages without an entry of their own in the sidebar, and the entry that leads to them.
_ENTRIES: Final = {SAGA_GROUPS: SAGAS}
#: The periodic job's name.
JOB: Final = "watch-attention"
#: A page that finds the last comparison older than this compares by itself: nobody else does.
STALE_AFTER: Final = timedelta(seconds=90)
#: How often a page that stays open has it compared.
REFRESH_S: Final = 10
_COMPARED: Final = "attention-compared"
#: How many items a page gets.
MAX_RECENT: Final = 200
_RECENT: Final = "attention"

Severity = AttentionItem.Severity


class Changes(NamedTuple):
    """What one comparison found."""

    raised: int
    cleared: int
    open: int

    def __str__(self) -> str:
        return f"{self.raised} raised, {self.cleared} cleared, {self.open} open"


def watch() -> str:
    """The periodic job: compare, then send the notices that are due."""
    changes = compare()
    sent = notices.send_due_notices()
    return f"{changes}; {sent}" if sent else str(changes)


def compare(findings: Sequence[Finding] | None = None) -> Changes:
    """Make the open items what is wrong now. Two processes may do it at once: a key is open only once."""
    found = {finding.key[:300]: finding for finding in (find_all() if findings is None else findings)}
    store(_COMPARED, "all", True, REFRESH_S)
    now = database_now()
    with transaction.atomic():
        open_items = {item.key: item for item in open_query().select_for_update()}
        for key in open_items.keys() & found.keys():
            _update(open_items[key], found[key])
        gone = [item.pk for key, item in open_items.items() if key not in found]
        cleared = open_query().filter(pk__in=gone).update(cleared_at=now)
        new = [_new_item(key, finding) for key, finding in found.items() if key not in open_items]
        AttentionItem.objects.bulk_create(new, ignore_conflicts=True)
    forget_recent()
    recent_counts()  # the page that has it compared had asked before
    return Changes(len(new), cleared, len(found))


def compare_if_stale() -> None:
    """Compare if the periodic job has not done so for a while, as where no worker runs."""
    fresh = PeriodicWork.objects.filter(name=JOB, failed=False, finished_at__gt=Now() - STALE_AFTER)
    if not look_up(_COMPARED, "all") and not fresh.exists():
        compare()


def compare_again() -> None:
    """Compare, for a page that follows, unless this was done within the last seconds."""
    if not look_up(_COMPARED, "all"):
        compare()


def open_query() -> QuerySet[AttentionItem]:
    return AttentionItem.objects.filter(cleared_at=None)


def open_items() -> QuerySet[AttentionItem]:
    """The open items, worst first, then the longest; what was acknowledged after the others, snoozed ones last."""
    rank = Case(
        When(Q(snoozed_until__gt=Now()), then=2),
        When(Q(acknowledged_at__isnull=False), then=1),
        default=0,
        output_field=IntegerField(),
    )
    return open_query().annotate(rank=rank).order_by("rank", "-severity", "since", "pk")


def recent_items() -> list[AttentionItem]:
    """The first open items, a few seconds old unless this process has changed one."""
    return get_recent(_RECENT, "items", lambda: list(open_items()[:MAX_RECENT]))


def recent_counts() -> dict[str, int]:
    """As `count_by_view`, for every page of the console."""
    return get_recent(_RECENT, "counts", count_by_view)


def forget_recent() -> None:
    """Whoever has changed an item sees it at once."""
    forget(_RECENT, "items", "counts")


def count_by_view() -> dict[str, int]:
    """How many open items need attention (nobody has acknowledged or snoozed them), and in all, by page that helps."""
    waiting = open_query().filter(Q(snoozed_until=None) | Q(snoozed_until__lte=Now()), acknowledged_at=None)
    counts: dict[str, int] = {ATTENTION_VIEW: 0}
    for view, items, number in waiting.values_list("view").annotate(Count("pk"), Sum("count")):
        counts[ATTENTION_VIEW] += items
        if view:  # otherwise a command helps
            entry = _ENTRIES.get(view, view)
            counts[entry] = counts.get(entry, 0) + number
    return counts


def _update(item: AttentionItem, finding: Finding) -> None:
    """An item that has become worse needs attention again, whoever had acknowledged or snoozed it."""
    severity = _severity(finding)
    if severity > item.severity:
        item.acknowledged_at = item.snoozed_until = None
    item.severity, item.seen_at = severity, database_now()
    item.title, item.detail, item.count = finding.title[:200], finding.detail[:1_000], finding.number
    item.view, item.query, item.command = finding.guide.view, finding.query[:500], finding.guide.command
    if finding.since is not None and finding.since < item.since:
        item.since = finding.since
    item.save(
        update_fields=[
            "acknowledged_at", "snoozed_until", "severity", "seen_at", "title", "detail", "count", "view", "query",
            "command", "since",
        ]
    )  # fmt: skip


def _new_item(key: str, finding: Finding) -> AttentionItem:
    now = database_now()
    return AttentionItem(
        key=key,
        part=finding.part,
        severity=_severity(finding),
        title=finding.title[:200],
        detail=finding.detail[:1_000],
        count=finding.number,
        view=finding.guide.view,
        query=finding.query[:500],
        command=finding.guide.command,
        runbook=finding.guide.runbook,
        since=finding.since or now,
        raised_at=now,
        seen_at=now,
    )


def _severity(finding: Finding) -> Severity:
    return Severity.FAILING if finding.state is State.FAILING else Severity.DEGRADED

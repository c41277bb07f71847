"""The erasure of a person, step by step. Each step is idempotent, and is repeated if the process is killed.

The order of the steps makes it safe. Search terms are collected while the data can be decrypted, and stored encrypted
until the scan. Marking the person as erased and destroying the keys is one transaction; from then on nobody can read or
write this person's data, whatever fails later. Rows are emptied after that, so that no worker can fill them again.
Processes cache keys for up to KEY_CACHE_SECONDS; the scan for leftovers starts only after that time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.privacy import blind_index
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.erasure import erasure_log, findings, personal_data_holders, search_terms
from eventshop.privacy.erasure.certificates import issue_certificate
from eventshop.privacy.erasure.leftover_scan import scan_for_leftovers
from eventshop.privacy.erasure.personal_data_locator import locate_personal_data
from eventshop.privacy.erasure.search_terms import SearchTerms
from eventshop.privacy.models import Erasure
from eventshop.runtime import leases
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.process_name import process_name

log = logging.getLogger(__name__)

DONE: Final = "done"
#: After this time without progress another process may take over.
LEASE: Final = timedelta(minutes=2)


class ErasureBusy(EventShopError):
    """Another process is running this erasure."""

    code = "erasure-busy"


def start_erasure(person: UUID) -> Erasure:
    """The erasure of a person; created at its first step if there is none."""
    return Erasure.objects.get_or_create(subject=person, defaults={"step": STEPS[0].name})[0]


def restart_erasure(person: UUID) -> Erasure:
    """Reset an erasure to its first step; for use after an old backup was restored."""
    start_erasure(person)
    Erasure.objects.filter(subject=person).update(
        step=STEPS[0].name, finished_at=None, problem="", owner="", leased_until=None
    )
    return start_erasure(person)


def run_erasure(person: UUID) -> Erasure:
    """Run all remaining steps. Raises `ErasureBusy` or a step's error; then call it again later.

    What the scan finds stops nothing: it becomes findings that staff resolve, and the certificate names them.
    """
    erasure = _acquire_lease(person)
    try:
        while erasure.step != DONE:
            _run_step(erasure, next(step for step in STEPS if step.name == erasure.step))
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"[:2_000]
        leases.release_leases(Erasure.objects.filter(pk=person), process_name(), keep_owner=True, problem=problem)
        raise
    return erasure


def _acquire_lease(person: UUID) -> Erasure:
    if not leases.acquire_leases(Erasure.objects.filter(pk=person), process_name(), LEASE, problem=""):
        raise ErasureBusy(person=person)
    return Erasure.objects.get(pk=person)


def _run_step(erasure: Erasure, step: ErasureStep) -> None:
    result = step.work(erasure)
    crash_point("erasure.after-step")
    entries = msgspec.json.decode(erasure.log, type=list[Any])
    # A step that is repeated after a crash or in a replay has one entry: that of its last run.
    entries = [entry for entry in entries if entry[0] != step.name] + [[step.name, timezone.now().isoformat(), result]]
    erasure.log = msgspec.json.encode(entries).decode()
    next_index = STEPS.index(step) + 1
    erasure.step = STEPS[next_index].name if next_index < len(STEPS) else DONE
    erasure.leased_until = Now() + LEASE if erasure.step != DONE else None
    if erasure.step == DONE:
        erasure.finished_at = timezone.now()
    erasure.save()
    log.info("erasure of %s: %s: %s", erasure.subject, step.name, result)


# --- the steps ---------------------------------------------------------------------------------------------------


def _collect_search_terms(erasure: Erasure) -> str:
    """Collect the search terms for the scan. They are stored encrypted, and deleted after the scan."""
    locations = locate_personal_data(erasure.subject)
    earlier = search_terms.decrypt_terms(bytes(erasure.words))
    erasure.words = search_terms.encrypt_terms(
        list({term.text: term for term in (*earlier, *locations.terms)}.values())
    )
    streams = dict.fromkeys([*msgspec.json.decode(erasure.streams, type=list[UUID]), *locations.streams])
    erasure.streams = msgspec.json.encode(list(streams)).decode()
    return f"{locations.event_count} events with personal data in {1 + len(streams)} streams"


def _destroy_keys(erasure: Erasure) -> str:
    """Mark the person as erased and destroy the keys. The erasure log comes first: it survives a restored backup."""
    erasure_log.append(erasure.subject)
    subjects = [erasure.subject, *streams_of(erasure)]
    purposes = {*purposes_of(erasure), *personal_keys.destroy_all_keys(subjects)}
    erasure.purposes = msgspec.json.encode(sorted(purposes)).decode()
    erasure.destroyed_at = erasure.destroyed_at or timezone.now()
    return f"keys destroyed: {', '.join(sorted(purposes)) or 'none'}"


def _release_unique_values(erasure: Erasure) -> str:
    return f"{blind_index.release_values(erasure.subject)} unique values released"


def _erase_at_holders(erasure: Erasure) -> str:
    """Let all registered holders erase their data: events, rows, the account, sessions."""
    summaries = personal_data_holders.erase_everywhere(erasure.subject, streams_of(erasure))
    results = [f"{name}: {summary}" for name, summary in summaries.items()]
    return "; ".join(results) or "no holder is registered"


def _wait_for_key_caches(erasure: Erasure) -> str:
    """Wait until no process has a destroyed key in its cache, as it may write decrypted data to a cache until then."""
    destroyed_at: datetime = erasure.destroyed_at or timezone.now()
    remaining = destroyed_at + timedelta(seconds=settings.KEY_CACHE_SECONDS) - timezone.now()
    sleep(max(0.0, remaining.total_seconds()))
    return "no process has a key in its cache any more"


def _scan_and_certify(erasure: Erasure) -> str:
    terms = SearchTerms(search_terms.decrypt_terms(bytes(erasure.words)), [erasure.subject, *streams_of(erasure)])
    report = scan_for_leftovers(terms)
    findings.record_findings(erasure.subject, report)
    issue_certificate(erasure, report)
    scanned = f"{len(terms.terms)} search terms in {sum(report.looked_at.values())} rows, records and values"
    places = "; ".join(f"{hit.where} ({hit.count})" for hit in report.hits)
    return f"{scanned}: found in {places}" if places else f"{scanned}: none found"


def _delete_search_terms(erasure: Erasure) -> str:
    if count := findings.open_findings(erasure.subject).count():
        return f"search terms are kept, encrypted, until {count} findings are resolved"
    erasure.words = b""
    return "search terms deleted"


def look_again(person: UUID) -> Erasure:
    """Scan again after findings were resolved, and issue the certificate again. Raises as `run_erasure`."""
    Erasure.objects.filter(subject=person, step=DONE).exclude(words=b"").update(step="scan", finished_at=None)
    return run_erasure(person)


def purposes_of(erasure: Erasure) -> list[str]:
    """The purposes of the destroyed keys."""
    return msgspec.json.decode(erasure.purposes, type=list[str])


def streams_of(erasure: Erasure) -> list[UUID]:
    """The other streams with data of the person."""
    return msgspec.json.decode(erasure.streams, type=list[UUID])


class ErasureStep(NamedTuple):
    """One step. `work` describes what it did, without any personal data."""

    name: str
    work: Callable[[Erasure], str]


STEPS: Final = (
    ErasureStep("collect", _collect_search_terms),
    ErasureStep("destroy", _destroy_keys),
    ErasureStep("release", _release_unique_values),
    ErasureStep("elsewhere", _erase_at_holders),
    ErasureStep("wait", _wait_for_key_caches),
    ErasureStep("scan", _scan_and_certify),
    ErasureStep("forget", _delete_search_terms),
)


def erasure_command_id(person: UUID, name: str) -> UUID:
    """The id of a command that an erasure sends, so that a repetition after a crash is the same command."""
    return derive_id("erasure", person, name)

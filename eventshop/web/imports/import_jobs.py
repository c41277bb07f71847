"""Jobs that import a file, in a worker. Another worker goes on when the first one dies: what is stored is recognised.

The counts are saved in the transaction that stores a batch, so they say exactly what this job has stored. File and
refused rows may hold personal data: they are encrypted with the key-encryption key, and the file is deleted at the end.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event as Signal
from typing import Any, Final
from uuid import UUID

import msgspec
from django.contrib.auth.models import User as Login
from django.db import IntegrityError, transaction
from django.utils import timezone

from eventshop.core.errors import CommandIdReused, EventShopError
from eventshop.operations.staff_actors import staff_actor
from eventshop.privacy.encryption.stored_secrets import decrypt_secret, encrypt_secret
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.leases import acquire_leases, is_unleased, release_leases, renew_leases
from eventshop.runtime.process_name import process_name
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.web.imports.import_kinds import ImportOrder, ImportProgress, ImportTally, import_kinds
from eventshop.web.models import ImportFile, ImportJob
from eventshop.web.shared.errors import ImportEnded, TooManyImports

log = logging.getLogger(__name__)

#: The largest file, in bytes; a reverse proxy lets no larger request by either.
MAX_FILE_BYTES: Final = 4 * 1024**2
#: Refused rows of one job that are listed; all are counted.
MAX_ERRORS: Final = 500
#: Jobs of one member of staff that have not ended.
MAX_OPEN: Final = 5
#: How long a worker that died keeps others from going on with its job.
LEASE: Final = timedelta(seconds=30)
State = ImportJob.State


class RowError(msgspec.Struct, frozen=True):
    """A row that was not imported: its line in the file (the header is line 1), and why."""

    line: int
    detail: str


class _Interrupted(Exception):
    """The job was cancelled, its lease is lost, or the worker stops: the current batch is rolled back."""


def request(
    job_id: UUID, kind: str, content: bytes, *, login: Login, on_error: str, dry_run: bool, options: Mapping[str, str]
) -> tuple[ImportJob, bool]:
    """Request the import of a file; returns the job, and whether it is new: the same id and file are the same job.

    Raises `InvalidMessage` for options that the file's kind does not know, `TooManyImports`, and `CommandIdReused` when
    the job with this id has another file.
    """
    import_kinds()[kind].files.check_options(options)
    said = msgspec.json.encode([kind, on_error, dry_run, dict(options)], order="deterministic")
    digest = sha256(said + b"\n" + content).hexdigest()
    if found := _known(job_id, digest):
        return found, False
    if ImportJob.objects.filter(requested_by=login, state__in=ImportJob.OPEN).count() >= MAX_OPEN:
        raise TooManyImports(at_most=MAX_OPEN)
    job = ImportJob(
        id=job_id, kind=kind, digest=digest, size=len(content), on_error=on_error, dry_run=dry_run,
        options=dict(options), requested_by=login, errors=_encrypt_errors(job_id, []),
    )  # fmt: skip
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            ImportFile.objects.create(job=job, content=encrypt_secret(content, str(job_id)))
            wake(Channel.IMPORTS)
    except IntegrityError:  # the same request at the same time
        if found := _known(job_id, digest):
            return found, False
        raise
    return job, True


def _known(job_id: UUID, digest: str) -> ImportJob | None:
    found = ImportJob.objects.filter(pk=job_id).first()
    if found and found.digest != digest:
        raise CommandIdReused(command_id=job_id, first_used_for="an import of another file")
    return found


def cancel(job: ImportJob) -> None:
    """End it; what it has stored stays. Raises `ImportEnded`."""
    with transaction.atomic():
        open_jobs = ImportJob.objects.filter(pk=job.pk, state__in=ImportJob.OPEN)
        if not open_jobs.update(state=State.CANCELLED, finished_at=timezone.now()):
            job.refresh_from_db()
            raise ImportEnded(f"The import is {job.state} and cannot be cancelled", state=job.state)
        ImportFile.objects.filter(job=job).delete()


def errors_of(job: ImportJob) -> list[RowError]:
    """The refused rows, the first `MAX_ERRORS`."""
    return msgspec.json.decode(decrypt_secret(job.errors, str(job.pk)), type=list[RowError])


def pending_jobs() -> list[ImportJob]:
    """Those that no worker carries out: requested ones, and those of a worker that died."""
    return list(ImportJob.objects.filter(is_unleased(), state__in=ImportJob.OPEN).order_by("requested_at"))


def run(job: ImportJob, stopping: Signal) -> None:
    """Carry it out unless another worker does. Why one fails is stored in its row."""
    open_jobs = ImportJob.objects.filter(pk=job.pk, state__in=ImportJob.OPEN)
    started = {"state": State.RUNNING, "started_at": job.started_at or timezone.now()}
    if not acquire_leases(open_jobs, process_name(), LEASE, reentrant=False, **started):
        return
    job.refresh_from_db()
    try:
        error = _import(job, stopping)
    except _Interrupted:
        release_leases(ImportJob.objects.filter(pk=job.pk), process_name(), keep_owner=True)
        return
    except EventShopError as refusal:
        error = str(refusal)
    except Exception as failure:  # staff must see any error, and it must not stop other jobs
        log.exception("import %s failed", job.pk)
        error = f"{type(failure).__name__}: the program could not import this file"
    _end(job, error)


def _import(job: ImportJob, stopping: Signal) -> str:
    """Import the file; returns why it ended early, or nothing. Raises `_Interrupted`."""
    before = ImportTally() if job.dry_run else ImportTally(stored=job.stored, events=job.events)
    errors: list[RowError] = []

    def report_row(line: int, detail: str) -> None:
        if len(errors) < MAX_ERRORS:
            errors.append(RowError(line, detail))

    def save(tally: ImportTally) -> None:
        if stopping.is_set():
            raise _Interrupted
        _save_progress(job, before, tally, errors)
        crash_point("import.before-commit")

    content = decrypt_secret(ImportFile.objects.get(job=job).content, str(job.pk))
    order = ImportOrder(staff_actor(job.requested_by), job.options, job.on_error == ImportJob.OnError.STOP, job.dry_run)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file.csv")
        file.write_bytes(content)
        try:
            save(import_kinds()[job.kind].files.run(file, order, ImportProgress(report_row, save)))
        except EventShopError as error:
            return error.message.replace(f"{file}:", "line ").replace(str(file), "the file")
    return "stopped at the first row that cannot be imported" if order.stop_on_error and errors else ""


def _save_progress(job: ImportJob, before: ImportTally, tally: ImportTally, errors: list[RowError]) -> None:
    """Store the counts; what an interrupted run of this job had stored is there now, and was stored by this job."""
    counts = {
        "rows": tally.rows,
        "stored": before.stored + tally.stored,
        "already_there": max(0, tally.already_there - before.stored),
        "refused": tally.refused,
        "held_back": tally.held_back,
        "events": before.events + tally.events,
        "errors": _encrypt_errors(job.pk, errors),
    }
    running = ImportJob.objects.filter(pk=job.pk, state=State.RUNNING)
    if not renew_leases(running, process_name(), LEASE, **counts):
        raise _Interrupted


def _end(job: ImportJob, error: str) -> None:
    state = State.FAILED if error else State.DONE
    with transaction.atomic():
        running: Any = ImportJob.objects.filter(pk=job.pk, state=State.RUNNING)
        ended = {"state": state, "error": error[:500], "finished_at": timezone.now()}
        if release_leases(running, process_name(), keep_owner=True, **ended):
            ImportFile.objects.filter(job=job).delete()


def _encrypt_errors(job_id: UUID, errors: list[RowError]) -> str:
    return encrypt_secret(msgspec.json.encode(errors), str(job_id))

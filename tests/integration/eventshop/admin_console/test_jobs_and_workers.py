"""Periodic jobs are run at once; worker processes show version, memory and partitions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from eventshop.operations.models import OperatorAction, PeriodicWork
from eventshop.projections.models import Checkpoint
from eventshop.runtime import process_heartbeat
from eventshop.runtime.models import WorkerProcess
from eventshop.runtime.process_name import process_name
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_periodic_job_is_run_at_once_and_that_is_recorded() -> None:
    later = timezone.now() + timedelta(days=1)
    PeriodicWork.objects.create(name="close-ledger", due_at=later)
    page = reverse("admin:ops_periodicwork_run_now", args=("close-ledger",))
    assert clerk("view_periodicwork").post(page).status_code == 403
    client = clerk("view_periodicwork", "run_periodic_job")
    assert client.get(page).status_code == 200
    assert PeriodicWork.objects.get().due_at == later
    client.post(page)
    assert PeriodicWork.objects.filter(due_at__lte=Now()).exists()
    call_command("run_periodic_job", "close-ledger")
    with pytest.raises(CommandError, match="close-ledger"):
        call_command("run_periodic_job", "nothing")
    assert OperatorAction.objects.filter(action="run periodic job", target="close-ledger").count() == 2


def test_a_worker_process_shows_version_memory_and_partitions() -> None:
    now = timezone.now()
    memory, version = process_heartbeat._memory_mb(), process_heartbeat._program_version()
    assert (memory or 0) > 10
    assert version
    owner = process_name()
    WorkerProcess.objects.create(owner=owner, started_at=now, seen_at=now, version=version, memory_mb=memory)
    lease = now + timedelta(minutes=1)
    for number in range(2):
        Checkpoint.objects.create(projection="user", partition=number, owner=owner, leased_until=lease)
    client = clerk("view_workerprocess")
    page = client.get(reverse("admin:runtime_workerprocess_changelist")).content.decode()
    assert f"{memory} MB" in page
    assert version in page
    detail = client.get(reverse("admin:runtime_workerprocess_change", args=(owner,))).content.decode()
    assert "user/0, user/1" in detail

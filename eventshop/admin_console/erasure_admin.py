"""Erasures in progress, certificates of finished ones, and the retention calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import msgspec
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import display
from eventshop.privacy import retention
from eventshop.privacy.erasure import certificates
from eventshop.privacy.erasure.erasure_job import DONE, STEPS
from eventshop.privacy.models import Certificate, Erasure

_COLOURS: Final = {"done": "success", "stopped": "danger", "running": "info", "waiting": "warning"}


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    empty_message = "No erasure was requested yet."
    list_display = ("subject", "state", "progress", "start_time", "last_step_time", "problem_text")
    list_filter = ("step",)
    search_fields = ("subject",)
    sortable_by = ("start_time", "last_step_time")
    ordering = ("-began_at",)
    change_form_template = "console/erasure.html"

    def detail_context(self, request: HttpRequest, obj: Erasure) -> dict[str, Any]:
        log = {
            name: (datetime_html(datetime.fromisoformat(time)), result)
            for name, time, result in msgspec.json.decode(obj.log)
        }
        return {
            "erasure": obj,
            "title": "Erasure",
            "subtitle": str(obj.subject),
            "steps": [(step.name, *log.get(step.name, ("", ""))) for step in STEPS],
            "certificate": Certificate.objects.filter(subject=obj.subject).first(),
        }

    @display(description="State", label=_COLOURS)
    def state(self, row: Erasure) -> str:
        if row.step == DONE:
            return "done"
        if row.problem:
            return "stopped"
        return "running" if row.leased_until else "waiting"

    @display(description="Progress")
    def progress(self, row: Erasure) -> str:
        names = [step.name for step in STEPS]
        done = len(names) if row.step == DONE else names.index(row.step)
        return f"{done} of {len(names)} steps" + ("" if row.step == DONE else f", next: {row.step}")

    @display(description="Started", ordering="began_at")
    def start_time(self, row: Erasure) -> str | SafeString:
        return datetime_html(row.began_at)

    @display(description="Last step", ordering="moved_at")
    def last_step_time(self, row: Erasure) -> str | SafeString:
        return datetime_html(row.moved_at)

    @display(description="Problem")
    def problem_text(self, row: Erasure) -> str:
        return row.problem[:120] or EMPTY_VALUE


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    """The retention calendar: what each erasure left in place, under which legal duty and until when."""

    empty_message = "No erasure has finished yet; each one ends with a certificate."
    list_display = ("certificate_id", "person", "issue_time", "next_expiry", "kept_records")
    search_fields = ("certificate_id", "subject")
    sortable_by = ("issue_time",)
    ordering = ("-issued_at",)
    list_before_template = "console/retention.html"
    change_form_template = "console/certificate.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"rules": retention.load_rules(), **(extra_context or {})})

    def detail_context(self, request: HttpRequest, obj: Certificate) -> dict[str, Any]:
        body = certificates.read_certificate(obj)
        return {
            "certificate": obj,
            "body": body,
            "title": "Certificate of erasure",
            "subtitle": str(obj.certificate_id),
            "issued": datetime_html(obj.issued_at),
            "destroyed": datetime_html(body.destroyed_at),
            "scanned": sorted(body.scan.looked_at.items()),
        }

    @display(description="Person")
    def person(self, row: Certificate) -> str:
        return str(row.subject)

    @display(description="Issued", ordering="issued_at")
    def issue_time(self, row: Certificate) -> str | SafeString:
        return datetime_html(row.issued_at)

    @display(description="Next duty ends")
    def next_expiry(self, row: Certificate) -> str:
        dates: list[date] = [item.until for item in certificates.read_certificate(row).kept if item.until]
        return str(min(dates)) if dates else EMPTY_VALUE

    @display(description="Kept")
    def kept_records(self, row: Certificate) -> str:
        return f"{len(certificates.read_certificate(row).kept)} kinds of records"

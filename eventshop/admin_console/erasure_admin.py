"""Erasures on their way, the certificates of those that are done, and what is kept until when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import msgspec
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import NOTHING, when
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import display
from eventshop.privacy import retention
from eventshop.privacy.erasure import certificates
from eventshop.privacy.erasure.erasure_job import DONE, STEPS
from eventshop.privacy.models import Certificate, Erasure

_COLOURS: Final = {"done": "success", "stopped": "danger", "at work": "info", "waiting": "warning"}


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    when_empty = "Nobody has asked to be erased."
    list_display = ("subject", "state", "progress", "began", "moved", "what_is_wrong")
    list_filter = ("step",)
    search_fields = ("subject",)
    sortable_by = ("began", "moved")
    ordering = ("-began_at",)
    change_form_template = "console/erasure.html"

    def page(self, request: HttpRequest, obj: Erasure) -> dict[str, Any]:
        told = {name: (when(datetime.fromisoformat(at)), said) for name, at, said in msgspec.json.decode(obj.log)}
        return {
            "erasure": obj,
            "title": "Erasure",
            "subtitle": str(obj.subject),
            "steps": [(step.name, *told.get(step.name, ("", ""))) for step in STEPS],
            "certificate": Certificate.objects.filter(subject=obj.subject).first(),
        }

    @display(description="State", label=_COLOURS)
    def state(self, row: Erasure) -> str:
        if row.step == DONE:
            return "done"
        if row.problem:
            return "stopped"
        return "at work" if row.leased_until else "waiting"

    @display(description="Progress")
    def progress(self, row: Erasure) -> str:
        names = [step.name for step in STEPS]
        done = len(names) if row.step == DONE else names.index(row.step)
        return f"{done} of {len(names)} steps" + ("" if row.step == DONE else f", next: {row.step}")

    @display(description="Began", ordering="began_at")
    def began(self, row: Erasure) -> str | SafeString:
        return when(row.began_at)

    @display(description="Moved", ordering="moved_at")
    def moved(self, row: Erasure) -> str | SafeString:
        return when(row.moved_at)

    @display(description="Problem")
    def what_is_wrong(self, row: Erasure) -> str:
        return row.problem[:120] or NOTHING


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    """The retention calendar: of every erasure, what is kept under which duty until when."""

    when_empty = "No erasure has ended yet; each ends with a certificate."
    list_display = ("certificate_id", "person", "issued", "next_end", "kept")
    search_fields = ("certificate_id", "subject")
    sortable_by = ("issued",)
    ordering = ("-issued_at",)
    list_before_template = "console/retention.html"
    change_form_template = "console/certificate.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"rules": retention.rules(), **(extra_context or {})})

    def page(self, request: HttpRequest, obj: Certificate) -> dict[str, Any]:
        body = certificates.read(obj)
        return {
            "certificate": obj,
            "body": body,
            "title": "Certificate of erasure",
            "subtitle": str(obj.certificate_id),
            "issued": when(obj.issued_at),
            "destroyed": when(body.destroyed_at),
            "looked_at": sorted(body.scan.looked_at.items()),
        }

    @display(description="Person")
    def person(self, row: Certificate) -> str:
        return str(row.subject)

    @display(description="Issued", ordering="issued_at")
    def issued(self, row: Certificate) -> str | SafeString:
        return when(row.issued_at)

    @display(description="Next duty ends")
    def next_end(self, row: Certificate) -> str:
        ends: list[date] = [item.until for item in certificates.read(row).kept if item.until]
        return str(min(ends)) if ends else NOTHING

    @display(description="Kept")
    def kept(self, row: Certificate) -> str:
        return f"{len(certificates.read(row).kept)} kinds of records"

"""Erasures in progress, certificates of finished ones, and the retention calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import msgspec
from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.staff_actors import staff_actor
from eventshop.privacy import retention
from eventshop.privacy.erasure import certificates, erasure_job, findings
from eventshop.privacy.erasure.erasure_job import DONE, STEPS
from eventshop.privacy.models import Certificate, Erasure, ErasureFinding

_COLOURS: Final = {
    "done": "success",
    "done, with findings": "warning",
    "stopped": "danger",
    "running": "info",
    "waiting": "warning",
}
RESOLVE: Final = "privacy.resolve_finding"


class ResolveForm(forms.Form):
    """What is done with findings of the scan."""

    effect = (
        "What is sealed cannot be read by anybody again. What is kept stays where it is, and the certificate says so."
    )
    button = "Resolve"

    findings = forms.ModelMultipleChoiceField(ErasureFinding.objects.none(), widget=forms.CheckboxSelectMultiple)
    resolution = forms.ChoiceField(
        choices=(
            ("keep", "Keep it, with a reason"),
            ("seal", "Seal it: destroy the key of the text's stream, and empty its copies"),
            ("gone", "It was removed: look again"),
        )
    )
    reason = forms.CharField(max_length=500, required=False, help_text="Why it is kept. It appears on the certificate.")

    def __init__(self, person: Any, data: Any = None) -> None:
        super().__init__(data)
        self.fields["findings"].queryset = findings.open_findings(person)  # type: ignore[attr-defined]
        self.fields["findings"].required = False


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    access = Logged(Kind.ERASURES)
    empty_message = "No erasure was requested yet."
    list_display = ("subject", "state", "progress", "start_time", "last_step_time", "problem_text")
    list_filter = ("step",)
    search_fields = ("subject",)
    sortable_by = ("start_time", "last_step_time")
    ordering = ("-began_at",)
    change_form_template = "console/erasure.html"
    actions_detail: Any = ("resolve",)

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
            "findings": ErasureFinding.objects.filter(subject=obj.subject).order_by("pk"),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        is_open = ErasureFinding.objects.filter(subject=OuterRef("subject"), state=ErasureFinding.State.OPEN)
        queryset: QuerySet[Erasure] = super().get_queryset(request)
        return queryset.annotate(has_findings=Exists(is_open))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """None while nothing is to be resolved."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        person = parse_uuid(str(object_id))
        return actions if person and findings.open_findings(person).exists() else []

    def has_resolve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(RESOLVE)

    @detail_action(permission="resolve", description="Resolve findings", icon="task_alt")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        erasure = get_object_or_404(Erasure, pk=parse_uuid(object_id))
        back = reverse("admin:privacy_erasure_change", args=(erasure.pk,))
        form = ResolveForm(erasure.subject, request.POST or None)
        if not form.is_valid():
            return confirm_with_view_permission(self, request, "Resolve findings", form, back)
        chosen, by = list(form.cleaned_data["findings"]), staff_actor(request.user)
        try:
            match form.cleaned_data["resolution"]:
                case "keep":
                    findings.keep(chosen, reason=form.cleaned_data["reason"], by=by)
                case "seal":
                    findings.seal(chosen, by=by)
            erasure_job.look_again(erasure.subject)
        except EventShopError as error:
            messages.error(request, f"{error}", extra_tags=error.code)
        else:
            left = findings.open_findings(erasure.subject).count()
            messages.success(request, f"The certificate was issued again; {left} findings are open.")
        return HttpResponseRedirect(back)

    @display(description="State", label=_COLOURS)
    def state(self, row: Erasure) -> str:
        if row.step == DONE:
            return "done, with findings" if row.has_findings else "done"  # type: ignore[attr-defined]
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

    access = Logged(Kind.ERASURES)

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

"""Signed roots of the hash chain: whether each signature is valid, and the export for an external party."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from eventshop.eventstore.hash_chain import stream_heads
from eventshop.operations.access_log.declarations import NotLogged, declare_access
from eventshop.operations.models import SignedRoot
from eventshop.operations.rights import only_staff
from eventshop.operations.tamper_evidence import root_files
from eventshop.operations.tamper_evidence.signed_roots import statement_of
from eventshop.privacy import signatures


@admin.register(SignedRoot)
class SignedRootAdmin(ReadOnlyAdmin):
    access = NotLogged("hashes and signatures")
    empty_message = "No root was signed yet; a periodic job signs one when there is something new."
    list_display = ("root_name", "signing_time", "last_position", "streams", "signature_state")
    ordering = ("-number",)
    fieldsets = (
        section("Signed root", "number", "taken_at", "signature_state", "heads_state"),
        section("What it covers", "after_position", "to_position", "streams"),
        section("Statement and signature", "signed_text", "signature_hex", "key_code"),
    )
    list_before_template = "console/roots.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignedRoot]:
        rows: QuerySet[SignedRoot] = super().get_queryset(request)
        return rows.defer("heads")

    def get_urls(self) -> list[URLPattern]:
        export = path("export/", self.admin_site.admin_view(self.export), name="ops_signedroot_export")
        return [export, *super().get_urls()]

    @only_staff("ops.view_signedroot")
    @declare_access(NotLogged("hashes and signatures"))
    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Every root with its stream heads as JSON lines, for an external party to keep."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = SignedRoot.objects.order_by("number").iterator(chunk_size=1)
        return StreamingHttpResponse(
            root_files.encode_roots(rows),
            content_type="application/jsonl",
            headers={"Content-Disposition": 'attachment; filename="eventshop-roots.jsonl"'},
        )

    @display(description="Root", ordering="number")
    def root_name(self, root: SignedRoot) -> str:
        return str(root)

    @display(description="Signed", ordering="taken_at")
    def signing_time(self, root: SignedRoot) -> str | SafeString:
        return datetime_html(root.taken_at)

    @display(description="Up to position", ordering="to_position")
    def last_position(self, root: SignedRoot) -> str:
        return f"{root.to_position:,}"

    @display(description="Signature", label={"valid": "success", "invalid": "danger", "unknown key": "danger"})
    def signature_state(self, root: SignedRoot) -> str:
        if root.public_key not in signatures.trusted_public_keys():
            return "unknown key"
        return (
            "valid"
            if signatures.verify_signature(statement_of(root), bytes(root.signature), root.public_key)
            else "invalid"
        )

    @display(description="Stream heads", label={"unchanged": "success", "changed": "danger"})
    def heads_state(self, root: SignedRoot) -> str:
        return "unchanged" if stream_heads.merkle_root(bytes(root.heads)) == bytes(root.root) else "changed"

    @display(description="Signed text")
    def signed_text(self, root: SignedRoot) -> str | SafeString:
        return format_html_join(
            "", '<code class="es-code">{}</code><br>', ((line,) for line in statement_of(root).decode().splitlines())
        )

    @display(description="Signature in hexadecimal")
    def signature_hex(self, root: SignedRoot) -> SafeString:
        return format_html('<code class="es-code">{}</code>', bytes(root.signature).hex())

    @display(description="Public key")
    def key_code(self, root: SignedRoot) -> SafeString:
        return format_html('<code class="es-code">{}</code>', root.public_key)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, (extra_context or {}) | {"public_key": signatures.public_key()})

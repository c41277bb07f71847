"""Signed roots: what was signed when, whether the signature still holds, and the file for somebody outside."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import moment_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import display
from eventshop.eventstore.hash_chain import stream_heads
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence import root_files
from eventshop.operations.tamper_evidence.signed_roots import statement_of
from eventshop.privacy import signatures


@admin.register(SignedRoot)
class SignedRootAdmin(ReadOnlyAdmin):
    empty_message = "Nothing was signed yet; that is done once a day."
    list_display = ("name", "signed", "until", "streams", "holds")
    ordering = ("-number",)
    fields = ("signed_text", "signature_hex", "key", "holds", "heads_hold", "streams", "taken_at")
    readonly_fields = fields
    list_before_template = "console/roots.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignedRoot]:
        rows: QuerySet[SignedRoot] = super().get_queryset(request)
        return rows.defer("heads")

    def get_urls(self) -> list[URLPattern]:
        export = path("export/", self.admin_site.admin_view(self.export), name="ops_signedroot_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Every root with its heads, for somebody outside to keep."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = SignedRoot.objects.order_by("number").iterator(chunk_size=1)
        return StreamingHttpResponse(
            root_files.encode_roots(rows),
            content_type="application/jsonl",
            headers={"Content-Disposition": 'attachment; filename="eventshop-roots.jsonl"'},
        )

    @display(description="Root", ordering="number")
    def name(self, root: SignedRoot) -> str:
        return str(root)

    @display(description="Signed", ordering="taken_at")
    def signed(self, root: SignedRoot) -> str | SafeString:
        return moment_html(root.taken_at)

    @display(description="Up to position", ordering="to_position")
    def until(self, root: SignedRoot) -> str:
        return f"{root.to_position:,}"

    @display(description="Signature", label={"holds": "success", "wrong": "danger", "unknown key": "danger"})
    def holds(self, root: SignedRoot) -> str:
        if root.public_key not in signatures.trusted_public_keys():
            return "unknown key"
        return (
            "holds"
            if signatures.verify_signature(statement_of(root), bytes(root.signature), root.public_key)
            else "wrong"
        )

    @display(description="Heads", label={"as signed": "success", "changed": "danger"})
    def heads_hold(self, root: SignedRoot) -> str:
        return "as signed" if stream_heads.merkle_root(bytes(root.heads)) == bytes(root.root) else "changed"

    @display(description="What is signed")
    def signed_text(self, root: SignedRoot) -> str | SafeString:
        return format_html_join(
            "", '<code class="es-code">{}</code><br>', ((line,) for line in statement_of(root).decode().splitlines())
        )

    @display(description="Signature in hexadecimal")
    def signature_hex(self, root: SignedRoot) -> SafeString:
        return format_html('<code class="es-code">{}</code>', bytes(root.signature).hex())

    @display(description="Public key")
    def key(self, root: SignedRoot) -> SafeString:
        return format_html('<code class="es-code">{}</code>', root.public_key)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, (extra_context or {}) | {"public_key": signatures.public_key()})

"""The admin of what operators request and may cancel while it has not ended."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import detail_action
from eventshop.core.errors import EventShopError
from eventshop.operations.staff_actors import staff_actor


class CancellableAdmin(ReadOnlyAdmin):
    """Offers *Cancel* for rows in one of the model's states `OPEN`."""

    cancel_form: ClassVar[type[forms.Form]]
    actions_detail = ("cancel",)

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        raise NotImplementedError

    def cancel_row(self, row: Any, actor: str) -> None:
        """Cancel it; raises `EventShopError` for one that cannot be cancelled any more."""
        raise NotImplementedError

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """No button for what has ended."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = self.get_object(request, str(object_id))
        return actions if row is None or row.state in self.model.OPEN else []

    @detail_action(permission="cancel", description="Cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"no {self.opts.verbose_name} has the id {object_id}")
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(row.pk,))
        if request.method != "POST":
            return confirm_with_view_permission(self, request, f"Cancel: {row}", self.cancel_form(), page)
        try:
            self.cancel_row(row, staff_actor(request.user))
        except EventShopError as error:
            messages.error(request, f"{error}.")
        return HttpResponseRedirect(page)

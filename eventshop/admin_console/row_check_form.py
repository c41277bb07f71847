"""The form that has one row, or the rows of one stream, compared with their events and repaired."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.core.errors import EventShopError
from eventshop.operations.row_operations import request_row_check
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections.models import Replay
from eventshop.projections.projection import projection_registry

_INPUT = {"class": "es-input"}


class RowCheckForm(forms.Form):
    effect = (
        "A worker folds the events of the row again and compares. To repair, it writes what differs; meanwhile events "
        "of this projection wait, and readers do not."
    )
    button = "Start"
    dangerous = False

    projection = forms.ChoiceField(label="Read model", widget=forms.Select(attrs=_INPUT))
    key = forms.CharField(
        label="Row", required=False, max_length=250, help_text="Its primary key.", widget=forms.TextInput(attrs=_INPUT)
    )
    stream = forms.UUIDField(
        label="Or all rows of a stream", required=False, help_text="Its id.", widget=forms.TextInput(attrs=_INPUT)
    )
    reason = forms.CharField(
        required=False,
        max_length=400,
        help_text="Needed to repair; the operator log shows it with your name.",
        widget=forms.TextInput(attrs=_INPUT),
    )
    repair = forms.BooleanField(label="Repair what differs", required=False)

    def __init__(self, request: HttpRequest, *, can_repair: bool) -> None:
        initial = {name: request.GET[name] for name in ("projection", "key", "stream", "repair") if name in request.GET}
        super().__init__(request.POST if request.method == "POST" else None, initial=initial)
        names = sorted(projection.name for projection in projection_registry.select([]))
        self.fields["projection"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        if not can_repair:
            del self.fields["repair"], self.fields["reason"]


def answer_row_check(model_admin: ReadOnlyAdmin, request: HttpRequest) -> HttpResponse:
    """Show the form, or request the check and redirect to its result."""
    form = RowCheckForm(request, can_repair=request.user.has_perm("projection_engine.rebuild_projection"))
    if form.is_valid():
        values = form.cleaned_data
        try:
            job = request_row_check(
                values["projection"],
                key=values["key"],
                stream=values["stream"],
                repair=values.get("repair", False),
                actor=staff_actor(request.user),
                reason=values.get("reason", ""),
            )
            return HttpResponseRedirect(reverse("admin:projection_engine_replay_change", args=(job.pk,)))
        except EventShopError as error:
            form.add_error(None, str(error))
    back_url = reverse("admin:projection_engine_replay_changelist")
    return confirm_with_view_permission(model_admin, request, "Check rows against their events", form, back_url)


def row_check_url(projection: str, *, key: str = "", stream: object = None, repair: bool = False) -> str:
    """The address of the form with these values filled in."""
    values = {"projection": projection, "key": key, "stream": stream or "", "repair": "on" if repair else ""}
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{reverse('admin:projection_engine_replay_check')}?{query}"


def repair_url(request: HttpRequest, job: Replay) -> str:
    """Where the rows of a check that has found differences are repaired; empty if there is nothing to repair."""
    is_wrong = (
        job.kind == Replay.Kind.CHECK and job.state == Replay.State.DONE and job.added + job.changed + job.removed
    )
    if not is_wrong or not request.user.has_perm("projection_engine.rebuild_projection"):
        return ""
    return row_check_url(job.projection, key=job.key, stream=job.stream, repair=True)

"""Sagas that are held up, in groups by cause, and what staff do to a whole group: one message, one entry of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.registry import name_streams
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import only_staff
from eventshop.operations.saga_operations import act_on_group, verbs_of
from eventshop.operations.staff_actors import staff_actor
from eventshop.sagas.models import Saga
from eventshop.sagas.step_failures import FailureGroup, find_group, group_failures

#: Sagas of a group that the page names.
SHOWN: Final = 10


class GroupForm(forms.Form):
    """Why; every saga's timeline shows it with the operator's name."""

    reason = reason_field("The timeline of each saga and the operator log show it with your name.", max_length=200)

    def __init__(self, verb: GroupVerb, data: Any = None) -> None:
        super().__init__(data)
        self.effect, self.button, self.dangerous = verb.effect, verb.title, verb.dangerous


class GroupVerb(NamedTuple):
    """How the console offers an action on every saga of a group."""

    title: str
    effect: str
    dangerous: bool


VERBS: Final = {
    "retry": GroupVerb("Retry all", "Each saga tries its failed step again, then processes what waits.", False),
    "retry-now": GroupVerb("Retry all now", "The next try of each step is now instead of later.", False),
    "compensate": GroupVerb(
        "Compensate all", "Each saga undoes its steps where possible; the failed step is skipped.", True
    ),
    "resolve": GroupVerb(
        "Resolve all",
        "Each saga ignores all further messages. Do this after the processes were completed by hand.",
        True,
    ),
}


class GroupRow(NamedTuple):
    """A group as the page shows it."""

    group: FailureGroup
    since: Any
    next_try: Any
    verbs: list[tuple[str, GroupVerb]]
    sagas: list[tuple[UUID, str]]  # with the name of what each is about


def group_urls(model_admin: Any) -> list[URLPattern]:
    """The page of the groups, and the dialogs of their actions."""
    wrap = model_admin.admin_site.admin_view
    return [
        path("groups/", wrap(_groups_view(model_admin)), name="process_saga_groups"),
        path("groups/<str:verb>/", wrap(_act_view(model_admin)), name="process_saga_group_action"),
    ]


def _groups_view(model_admin: Any) -> Callable[[HttpRequest], HttpResponse]:
    @only_staff("process.view_saga")
    @declare_access(Logged(Kind.SAGAS))
    def groups(request: HttpRequest) -> HttpResponse:
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        context = {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": "Held up, by cause",
            "rows": _rows(group_failures()),
            "asked": request.GET.get("group", ""),
            "may_operate": model_admin.has_operate_permission(request),
        }
        return TemplateResponse(request, "console/saga_groups.html", context)

    return groups


def _rows(groups: Sequence[FailureGroup]) -> list[GroupRow]:
    """Two queries, and one for each kind of name, whatever the number of groups."""
    shown = {saga for group in groups for saga in group.sagas[:SHOWN]}
    subjects = dict(Saga.objects.filter(pk__in=shown).values_list("pk", "subject_id"))
    names = name_streams(set(subjects.values()))
    return [
        GroupRow(
            group,
            datetime_html(group.since),
            datetime_html(group.next_try) if group.next_try else "",
            [(name, VERBS[name]) for name in verbs_of(group)],
            [
                (saga, names.get(subjects[saga], f"…{str(saga)[-8:]}"))
                for saga in group.sagas[:SHOWN]
                if saga in subjects
            ],
        )
        for group in groups
    ]


def _act_view(model_admin: Any) -> Callable[..., HttpResponse]:
    @only_staff("process.view_saga", "process.operate_saga")
    @declare_access(Logged(Kind.SAGAS))
    def act(request: HttpRequest, verb: str) -> HttpResponse:
        if not (model_admin.has_view_permission(request) and model_admin.has_operate_permission(request)):
            raise PermissionDenied
        if verb not in VERBS:
            raise Http404(f"{verb} is no action on a group of sagas")
        back_url = reverse("admin:process_saga_groups")
        group = find_group(request.GET.get("group", ""))
        if group is None or verb not in verbs_of(group):
            messages.info(request, "This group is gone: its sagas went on, or were dealt with.")
            return HttpResponseRedirect(back_url)
        form = GroupForm(VERBS[verb], request.POST if request.method == "POST" else None)
        if not form.is_valid():
            title = f"{VERBS[verb].title}: {len(group.sagas):,} of {group.kind}"
            return confirm_with_view_permission(model_admin, request, title, form, back_url)
        result = act_on_group(group, verb, actor=staff_actor(request.user), reason=form.cleaned_data["reason"].strip())
        messages.success(request, f"{VERBS[verb].title}: {result}. Workers process it in a moment.")
        return HttpResponseRedirect(back_url)

    return act

"""The list of all jobs: what runs, waits and has ended, with the way to each and to its end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from eventshop.admin_console.formatting import datetime_html
from eventshop.operations.access_log.declarations import NotLogged, declare_access
from eventshop.operations.job_list import (
    ENDED,
    Job,
    JobState,
    listed_jobs,
    load_jobs,
    registered_sources,
    seconds_left,
)
from eventshop.operations.rights import only_staff
from eventshop.runtime.database_clock import database_now

PAGE_SIZE: Final = 50
_TONES: Final = {
    JobState.DONE: "good",
    JobState.FAILED: "bad",
    JobState.STOPPED: "bad",
    JobState.PAUSED: "warn",
    JobState.READY: "warn",
}


@only_staff("ops.view_periodicwork")
@declare_access(NotLogged("jobs and how far they are"))
def jobs_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Jobs of the kinds whose rows one may view; `?kind=` and `?state=` choose among them."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    sources = [one for one in registered_sources() if request.user.has_perm(one.view_right)]
    kind, state = request.GET.get("kind", ""), request.GET.get("state", "")
    if kind not in {"", *(one.kind for one in sources)} or state not in {"", *JobState.values}:
        raise Http404("There is no such kind or state of jobs")
    chosen = [one for one in sources if kind in ("", one.kind)]
    page = Paginator(listed_jobs(chosen, state), PAGE_SIZE).get_page(request.GET.get("p"))
    jobs, now = load_jobs(list(page)), database_now()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Jobs",
        "kinds": sorted(one.kind for one in sources),
        "states": JobState.choices,
        "kind": kind,
        "state": state,
        "page": page,
        "jobs": [_line(request, job, now) for job in jobs],
        "is_open": any(job.state not in ENDED for job in jobs),
    }
    return TemplateResponse(request, "console/jobs.html", context)


def _line(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    options, facts = job.source.model._meta, job.facts
    base = f"admin:{options.app_label}_{options.model_name}"
    may_cancel = job.state in job.source.cancellable and request.user.has_perm(job.source.cancel_right)
    left = seconds_left(job, now)
    return {
        "kind": job.source.kind,
        "facts": facts,
        "state": job.state,
        "tone": _TONES.get(job.state, ""),
        "since": datetime_html(facts.started_at or job.since),
        "percent": min(100 * facts.done // facts.total, 100) if facts.total and facts.done is not None else None,
        "left": str(timedelta(seconds=round(left))) if left is not None else "",
        "url": reverse(f"{base}_change", args=(quote(job.key),)),
        "cancel_url": reverse(f"{base}_cancel", args=(job.key,)) if may_cancel else "",
    }

"""The URL configuration, plus views under /api/ that raise unexpected errors."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop import urls
from eventshop.core.errors import BrokenStream
from eventshop.urls import handler400, handler403, handler404, handler500  # noqa: F401
from eventshop.web.api.base_view import ApiView


class FailingView(ApiView):
    def get(self, request: Request, failure: str) -> Response:
        raise {"fault": RuntimeError("secret words"), "store": BrokenStream("secret words")}.get(
            failure, OperationalError("secret words")
        )


def plain_view(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse("posted")


urlpatterns = [
    path("api/v1/failing/<str:failure>", FailingView.as_view()),
    path("api/plain", plain_view),
    *urls.urlpatterns,
]

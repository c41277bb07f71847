"""The OpenAPI and AsyncAPI documents as files, and Swagger UI to read and try the API. All is served from this site."""

from __future__ import annotations

import json
from typing import Final

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import FileResponse, HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from eventshop.operations import asyncapi_document as asyncapi
from eventshop.operations.access_log.declarations import NotLogged, declare_access
from eventshop.operations.rights import EVERYBODY, Audience, open_to
from eventshop.web.api.openapi_schema import generate_document

FILE: Final = settings.BASE_DIR / "schemas" / "openapi.json"


def render_json() -> str:
    """The contents of schemas/openapi.json; a test compares them with the file."""
    return json.dumps(generate_document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@open_to(Audience.EVERYBODY)
@declare_access(NotLogged("the description of the API"))
@require_safe
@conditional_page
@cache_control(public=True, max_age=300)
def openapi_document(request: HttpRequest) -> FileResponse:
    """The OpenAPI document, as written by `manage.py export_openapi`."""
    return FileResponse(FILE.open("rb"), content_type="application/vnd.oai.openapi+json;version=3.1")


@open_to(Audience.EVERYBODY)
@declare_access(NotLogged("the description of the events"))
@require_safe
@conditional_page
@cache_control(public=True, max_age=300)
def asyncapi_document(request: HttpRequest) -> FileResponse:
    """The AsyncAPI document, as written by `manage.py export_asyncapi`."""
    return FileResponse(asyncapi.FILE.open("rb"), content_type="application/vnd.aai.asyncapi+json;version=3.0.0")


# Swagger UI needs inline style attributes and data: URLs for its icons; its scripts are separate files.
@method_decorator(csp_update({"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]}), name="dispatch")
class ApiDocs(SpectacularSwaggerSplitView):
    """The Swagger UI page."""

    access = NotLogged("the description of the API")
    rights = EVERYBODY

    url_name = "web:openapi"

"""manage.py export_openapi: write the OpenAPI description and the problem catalogue."""

from __future__ import annotations

from typing import Any

from eventshop.runtime.management_command import ManagementCommand
from eventshop.web.api import openapi_views, problem_catalogue


class Command(ManagementCommand):
    help = "Write schemas/openapi.json, the OpenAPI description of the API, and docs/problems.md."

    def handle(self, *args: Any, **options: Any) -> None:
        for file, content in (
            (openapi_views.FILE, openapi_views.render_json()),
            (problem_catalogue.FILE, problem_catalogue.render_markdown()),
        ):
            file.write_text(content)
            self.stdout.write(f"{file.name} written")

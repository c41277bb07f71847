"""`manage.py export_openapi`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from eventshop.web.api import openapi_views, problem_catalogue


class Command(BaseCommand):
    help = "Write schemas/openapi.json, the description that the program serves, and docs/problems.md."

    def handle(self, *args: Any, **options: Any) -> None:
        for file, holds in (
            (openapi_views.FILE, openapi_views.text()),
            (problem_catalogue.FILE, problem_catalogue.text()),
        ):
            file.write_text(holds)
            self.stdout.write(f"{file.name} written")

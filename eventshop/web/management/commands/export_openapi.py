"""`manage.py export_openapi`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from eventshop.web import docs, problem_list


class Command(BaseCommand):
    help = "Write schemas/openapi.json, the description that the program serves, and docs/problems.md."

    def handle(self, *args: Any, **options: Any) -> None:
        for file, holds in ((docs.FILE, docs.text()), (problem_list.FILE, problem_list.text())):
            file.write_text(holds)
            self.stdout.write(f"{file.name} written")

"""manage.py export_asyncapi: write the AsyncAPI description of what EventShop sends."""

from __future__ import annotations

from typing import Any

from eventshop.operations import asyncapi_document
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Write schemas/asyncapi.json, the AsyncAPI description of the events and rows that EventShop sends."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncapi_document.FILE.write_text(asyncapi_document.render_json())
        self.stdout.write(f"{asyncapi_document.FILE.name} written")

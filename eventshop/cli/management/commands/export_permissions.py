"""manage.py export_permissions: write the permission matrix."""

from __future__ import annotations

from typing import Any

from eventshop.runtime.management_command import ManagementCommand
from eventshop.web import permission_matrix


class Command(ManagementCommand):
    help = "Write docs/permissions.md: every URL with whom it lets in. Needs a migrated database, for the permissions."

    def handle(self, *args: Any, **options: Any) -> None:
        permission_matrix.FILE.write_text(permission_matrix.render_markdown())
        self.stdout.write(f"{permission_matrix.FILE.name} written")

"""manage.py overwrite_erased: rewrite the tables of erased data, because their files still contain old row versions."""

from __future__ import annotations

from typing import Any

from eventshop.privacy.erasure.vacuum import vacuum_personal_data_tables
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Rewrite every table with personal data or keys, so that no old version of a row stays in the database's "
        "files. Each table is locked meanwhile. A periodic job does this in the night after an erasure."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        tables = vacuum_personal_data_tables()
        self.stdout.write(f"{len(tables)} tables rewritten: {', '.join(tables) or 'SQLite does not need this'}")

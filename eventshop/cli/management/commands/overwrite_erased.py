"""Write the tables anew that held what was erased: until then old versions of their rows lie in the files."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from eventshop.privacy.erasure.vacuum import vacuum_personal_data_tables


class Command(BaseCommand):
    help = (
        "Write every table anew that holds or held personal data or keys, so that no old version of a row stays in "
        "the database's files. Each table is locked while that lasts. Done by itself every night after an erasure."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        tables = vacuum_personal_data_tables()
        self.stdout.write(f"{len(tables)} tables written anew: {', '.join(tables) or 'SQLite needs none of it'}")

"""Routes the keys to a separate database if KEYS_DATABASE_URL is set, so that its backups can be kept for less time."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

#: The models in the keys database.
KEYS_MODELS: Final = ("personalkey", "erasedperson")


def keys_database() -> str:
    """The alias of the database that holds the keys."""
    return "keys" if "keys" in settings.DATABASES else DEFAULT_DB_ALIAS


class KeysDatabaseRouter:
    """Routes reads, writes and migrations of the keys to their database, and of everything else to the default one."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return keys_database() if _belongs_to_keys_database(model._meta.app_label, model._meta.model_name) else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        if db == DEFAULT_DB_ALIAS and keys_database() == DEFAULT_DB_ALIAS:
            return None
        if model_name is None:
            return db == DEFAULT_DB_ALIAS
        return db == (keys_database() if _belongs_to_keys_database(app_label, model_name) else DEFAULT_DB_ALIAS)


def _belongs_to_keys_database(app_label: str, model_name: str | None) -> bool:
    return app_label == "privacy" and model_name in KEYS_MODELS

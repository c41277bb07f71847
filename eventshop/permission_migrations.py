"""A migration operation for permissions that move from a model of one app to a model of another."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import migrations


def move_permissions(
    source: tuple[str, str], target: tuple[str, str], codenames: Collection[str]
) -> migrations.RunPython:
    """Give permissions another content type; users and groups keep them. `source` and `target` are app label and model.

    The migration has to depend on the first migrations of `auth` and `contenttypes`. In a new database there is nothing
    to move: Django creates the permissions after the migrations.
    """

    def move(apps: Any, schema_editor: Any) -> None:
        database = schema_editor.connection.alias
        content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
        permissions = apps.get_model("auth", "Permission").objects.using(database)
        label, model = source
        moving = permissions.filter(
            content_type__app_label=label, content_type__model=model, codename__in=list(codenames)
        )
        if moving.exists():
            new_type, _ = content_types.get_or_create(app_label=target[0], model=target[1])
            moving.update(content_type=new_type)

    return migrations.RunPython(move, migrations.RunPython.noop)

"""Staff actors: who did or read something as staff, the same through the admin, an API token and the command line.

Events recorded before staff had actors name the user name; `staff_name` leaves such a text as it is.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.contrib.auth.models import User as Login
from django.db.models.signals import post_save
from django.dispatch import receiver

from eventshop.operations.models import StaffActor, StaffName

PREFIX: Final = "staff:"
#: How long a process shows the former name of somebody who was renamed.
_NAME_CACHE_S: Final = 10.0
_names: Final[dict[str, tuple[str, float]]] = {}


def staff_actor(login: AbstractUser | AnonymousUser) -> str:
    """The actor of a staff login, such as `staff:0b9c…`; one query for each login object. Creates a missing one."""
    known: str | None = getattr(login, "staff_actor_text", None)
    if known is None:
        known = PREFIX + str(_find_or_create(login.pk, login.get_username()))
        login.staff_actor_text = known  # type: ignore[union-attr]
    return known


def remember_actor(login: AbstractUser, actor_id: UUID | str | None) -> None:
    """Note the actor of a login that was read with it, so that `staff_actor` runs no query. SQLite gives a text."""
    if actor_id is not None:
        login.staff_actor_text = PREFIX + str(UUID(str(actor_id)))  # type: ignore[attr-defined]


def staff_actors_of(logins: Collection[int]) -> dict[int | None, str]:
    """The actors of staff logins, by the login's key, in one query; missing ones are created."""
    if not logins:
        return {}
    found = dict(StaffActor.objects.filter(login__in=logins).values_list("login", "actor_id"))
    for login in Login.objects.filter(pk__in=set(logins) - set(found)) if len(found) < len(logins) else ():
        found[login.pk] = _find_or_create(login.pk, login.get_username())
    return {login: PREFIX + str(actor_id) for login, actor_id in found.items()}


def command_line_actor() -> str:
    """The actor of a command: of the staff login named as the operating system's user, or else `os:NAME`."""
    name = getpass.getuser()
    login = Login.objects.filter(username=name, is_staff=True).first()
    return staff_actor(login) if login else f"os:{name}"[:200]


def staff_name(actor: str) -> str:
    """The user name of a staff actor, the newest one; any other text as it is. Cached for ten seconds."""
    if not actor.startswith(PREFIX):
        return actor
    name, read_at_s = _names.get(actor, ("", 0.0))
    if not name or monotonic() - read_at_s > _NAME_CACHE_S:
        name = _read_name(actor.removeprefix(PREFIX)) or actor
        _names[actor] = name, monotonic()
    return name


def actors_named(name: str) -> list[str]:
    """What stands for staff with this user name, present or former, in records: their actors, and the name itself."""
    actors = StaffName.objects.filter(name=name).values_list("actor", flat=True)
    return [*(PREFIX + str(actor_id) for actor_id in actors), name]


def _find_or_create(login_id: Any, username: str) -> UUID:
    actor, _ = StaffActor.objects.get_or_create(login_id=login_id)
    StaffName.objects.get_or_create(actor=actor, name=username)
    return actor.actor_id


def _read_name(actor_id: str) -> str | None:
    try:
        actor = StaffActor.objects.select_related("login").filter(pk=UUID(actor_id)).first()
    except ValueError:
        return None
    if actor is None:
        return None
    if actor.login is not None:
        return actor.login.get_username()
    return actor.names.order_by("-since", "-pk").values_list("name", flat=True).first()


@receiver(post_save, sender=Login)
def _keep_name(instance: Login, raw: bool = False, update_fields: Collection[str] | None = None, **_: Any) -> None:
    """Give a new member of staff an actor, and note a new name of an existing one."""
    is_unchanged = update_fields is not None and not {"username", "is_staff"} & set(update_fields)
    if instance.is_staff and not raw and not is_unchanged:
        _find_or_create(instance.pk, instance.get_username())

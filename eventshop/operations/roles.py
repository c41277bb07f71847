"""Ready-made roles of staff: groups with the permissions that each job needs, which plug-ins contribute."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from eventshop.core.errors import EventShopError

#: What each role is for. No role gives permissions to others, and none but the privacy officer's and support's
#: shows personal data, which asks for a reason and is recorded.
DESCRIPTIONS: Final = {
    "Support": "Answers customers: finds orders and people, cancels, decides returns, shows personal data.",
    "Operations": "Keeps the system running: projections, dead letters, sagas, Kafka, workers. Sees no personal data.",
    "Finance": "Sales, payments and refunds; records what was observed elsewhere; keeps the price list.",
    "Privacy officer": "Consents, erasures, legal holds, retention, and the log of who read what.",
    "Auditor": "Sees events, hash chains, signed roots and every log. Changes nothing.",
    "Trading desk": "Trades, positions, accounts and limits: enters, corrects and settles.",
}


class UnknownRole(EventShopError):
    """A plug-in names a role or a permission that does not exist"""

    code = "unknown-role"


class RolePart(NamedTuple):
    """Permissions (`app_label.codename`) that one app contributes to a role of `DESCRIPTIONS`."""

    role: str
    permissions: tuple[str, ...]


_parts: Final[list[RolePart]] = []


def register(part: RolePart) -> None:
    """Add permissions to a role. Raises `UnknownRole`."""
    if part.role not in DESCRIPTIONS:
        raise UnknownRole(role=part.role)
    _parts.append(part)


def view(app_label: str, *models: str) -> tuple[str, ...]:
    """The permissions to view these models of an app."""
    return tuple(f"{app_label}.view_{model}" for model in models)


def permissions_of(role: str) -> set[str]:
    """All permissions of a role."""
    return {name for part in _parts if part.role == role for name in part.permissions}


@transaction.atomic
def ensure_roles(*, reset: bool = False) -> dict[str, int]:
    """Create missing groups and give the roles' missing permissions; with `reset` take others away.

    Gives how many permissions each group got or lost. Raises `UnknownRole` for a permission that does not exist.
    """
    rows = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    keys = {f"{label}.{codename}": pk for label, codename, pk in rows}
    changed = {}
    for role in DESCRIPTIONS:
        names = permissions_of(role)
        if unknown := sorted(names - set(keys)):
            raise UnknownRole(role=role, permission=unknown[0])
        group, _ = Group.objects.get_or_create(name=role)
        wanted, present = {keys[name] for name in names}, set(group.permissions.values_list("pk", flat=True))
        group.permissions.add(*(wanted - present))
        if reset:
            group.permissions.remove(*(present - wanted))
        changed[role] = len(wanted - present) + (len(present - wanted) if reset else 0)
    return changed

"""Staff with any permissions, who ask every URL in the test of the permission matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from django.contrib.auth.models import Permission
from django.contrib.auth.models import User as Login

from eventshop.operations.rights import Rights


class Clerk:
    """One member of staff whose permissions change from request to request."""

    def __init__(self, name: str = "clerk") -> None:
        self.login = Login.objects.create(username=name, is_staff=True)
        rows = Permission.objects.values_list("content_type__app_label", "codename", "pk")
        self._keys = {f"{label}.{codename}": pk for label, codename, pk in rows}
        self._given: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self._keys)

    def give(self, permissions: Iterable[str]) -> None:
        """Let the clerk have these permissions and no others."""
        wanted = frozenset(permissions) & self.known
        taken, added = self._given - wanted, wanted - self._given
        links = Login.user_permissions.through.objects
        if taken:
            links.filter(user=self.login, permission_id__in=[self._keys[name] for name in taken]).delete()
        if added:
            links.bulk_create(
                Login.user_permissions.through(user_id=self.login.pk, permission_id=self._keys[name]) for name in added
            )
        self._given = wanted


def sufficient(rights: Rights) -> Iterator[set[str]]:
    """Each smallest set of permissions that opens the view; none where no permission does."""
    if rights.staff:
        yield from (set(chosen) for chosen in product(*(group.split("|") for group in rights.staff)))


def insufficient(rights: Rights, known: frozenset[str]) -> Iterator[frozenset[str]]:
    """Every permission but those of one group; every one where no permission opens the view."""
    for group in rights.staff or ("",):
        yield known - set(group.split("|"))


def opens(rights: Rights, permission: str) -> bool:
    """Whether this permission alone opens the view."""
    return bool(rights.staff) and all(permission in group.split("|") for group in rights.staff)

"""The permission matrix: every URL of the program with whom it lets in, as docs/permissions.md.

The URLs come from the resolver and the rights from the declarations beside the views; pages of the admin have theirs
from the permission methods of their admin. A URL without a declaration raises `UndeclaredRights`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.urls import URLPattern, URLResolver, get_resolver

from eventshop.core.errors import EventShopError
from eventshop.operations.rights import Audience, Rights, rights_of_view
from eventshop.operations.roles import DESCRIPTIONS, permissions_of

FILE: Final = settings.BASE_DIR / "docs" / "permissions.md"
API_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Methods of pages and of the admin; other methods change nothing and are open to the same people at most.
_PAGE_METHODS: Final = ("GET", "POST")
#: Views of Django's and Unfold's own that all staff have; strangers see the form to sign in.
_ALL_STAFF: Final = frozenset(
    {"index", "app_index", "search", "logout", "password_change", "password_change_done", "i18n_javascript"}
)
#: No page of its own: a redirect, a 404, or names of objects that nothing asks for.
_NO_PAGES: Final = frozenset({"catch_all_view", "shortcut", "autocomplete_view"})


class UndeclaredRights(EventShopError):
    """A view does not declare whom it lets in"""

    code = "undeclared-rights"


class Door(NamedTuple):
    """One method of one URL; `action` is the value of a list's form in the admin."""

    kind: str
    path: str
    method: str
    rights: Rights
    scope: str = ""
    action: str = ""
    view: Any = None


def list_doors() -> list[Door]:
    """All of them, in the order of the resolver. Raises `UndeclaredRights`."""
    return [door for path, view in _list_views(get_resolver(), "") for door in _doors_of(path, view)]


def _list_views(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry.callback
        else:
            yield from _list_views(entry, path)


def _doors_of(path: str, view: Any) -> Iterator[Door]:
    if hasattr(view, "cls") and hasattr(view.cls, "rights_of"):
        yield from _api_doors(path, view.cls)
    elif path.startswith("admin/"):
        yield from _admin_doors(path, view)
    else:
        rights = rights_of_view(view)
        if rights is None:
            raise UndeclaredRights(path=path)
        yield from (Door("page", path, method, rights, view=view) for method in _PAGE_METHODS)


def _api_doors(path: str, view: Any) -> Iterator[Door]:
    for method in API_METHODS:
        if hasattr(view, method.lower()):
            rights = view.rights_of(method)
            if rights is None:
                raise UndeclaredRights(path=path, method=method)
            yield Door("api", path, method, rights, view.scopes.get(method, ""), view=view)


def _admin_doors(path: str, view: Any) -> Iterator[Door]:
    name = view.__name__
    if name in _NO_PAGES:
        return
    if name == "login" or name in _ALL_STAFF:
        rights = Rights(Audience.EVERYBODY if name == "login" else Audience.STAFF)
        yield from (Door("admin", path, method, rights, view=view) for method in _PAGE_METHODS)
        return
    model_admin = getattr(view, "model_admin", None) or _admin_of(path)
    for method in _PAGE_METHODS:
        declared = rights_of_view(view) or (_rights_in(model_admin, view, method) if model_admin else None)
        if declared is None:
            raise UndeclaredRights(path=path)
        yield Door("admin", path, method, declared, view=view)
    if name == "changelist_view" and model_admin:
        yield from _list_actions(path, model_admin, view)


def _admin_of(path: str) -> Any:
    """The admin of the model that the path names; None for other paths."""
    names = path.split("/")[1:3]
    return next(
        (one for model, one in site._registry.items() if [model._meta.app_label, model._meta.model_name] == names), None
    )


def _rights_in(model_admin: Any, view: Any, method: str) -> Rights | None:
    """The rights of a page of a model's admin: those of its kind of page, and those of the button that opens it."""
    if getattr(view, "allowed_permissions", None):
        return _rights_of_action(model_admin, view)
    match view.__name__, method:
        case ("changelist_view" | "history_view" | "export_view", _) | ("change_view", "GET"):
            asked = asked_permissions(model_admin, "has_view_permission")
        case "change_view" | "user_change_password", _:
            asked = asked_permissions(model_admin, "has_change_permission")
        case "add_view", _:
            asked = asked_permissions(model_admin, "has_add_permission")
        case "delete_view", _:
            asked = asked_permissions(model_admin, "has_delete_permission")
        case "RedirectView" | "view", _:  # from an object's id to its page
            return Rights(Audience.STAFF)
        case _:
            return None
    return Rights(Audience.NOBODY, asked)


def _list_actions(path: str, model_admin: Any, view: Any) -> Iterator[Door]:
    for function, name, _ in model_admin._get_base_actions():
        yield Door("admin", path, "POST", _rights_of_action(model_admin, function), action=name, view=view)


def _rights_of_action(model_admin: Any, action: Any) -> Rights:
    """Those of whoever sees the rows, and may do this with them."""
    seen = asked_permissions(model_admin, "has_view_permission")
    allowed = getattr(action, "allowed_permissions", ())
    groups = [group for name in allowed for group in asked_permissions(model_admin, f"has_{name}_permission")]
    return Rights(Audience.NOBODY, tuple(dict.fromkeys([*seen, *groups])))


#: In place of permissions: nobody has what the admin refuses to all.
NEVER: Final = "(never)"


def asked_permissions(model_admin: Any, name: str) -> tuple[str, ...]:
    """The permissions with which a permission method of an admin says yes: all of them, `a|b` one of both.

    Found by asking it for somebody with every permission, without each, and with that one alone.
    """
    known = known_permissions()
    check = getattr(model_admin, name)
    if not check(_request_with(known)):
        return (NEVER,)
    needed = {one for one in known if not check(_request_with(known - {one}))}
    if check(_request_with(needed)):
        return tuple(sorted(needed))
    alternatives = sorted(one for one in known - needed if check(_request_with(needed | {one})))
    return (*sorted(needed), "|".join(alternatives))


def known_permissions() -> frozenset[str]:
    """Every permission of the program, as `app.codename`."""
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    return frozenset(f"{label}.{codename}" for label, codename in rows)


def _request_with(permissions: frozenset[str] | set[str]) -> Any:
    user = SimpleNamespace(
        is_active=True, is_staff=True, is_superuser=False, pk=0, has_perm=lambda name, obj=None: name in permissions
    )
    return SimpleNamespace(user=user, method="GET")


_HEADER: Final = """# Permissions

Who gets in through which URL. The list is made from the resolver and from the declarations beside the views
(`eventshop/operations/rights.py`) by `manage.py export_permissions`. A test asks every URL as everybody: without a
permission, with each, without each, and with each scope (`tests/integration/eventshop/web/test_permission_matrix.py`).

Everybody else is refused, and a method or page of the console that is not listed, everybody. Staff need all permissions
of a line; `a or b` is one of both. A superuser has all. A token has no more than its owner, and needs the scope.
"""


_ROLES: Final = """Groups that `manage.py ensure_roles` creates, so that nobody puts permissions together by hand.
It adds what a group lacks and leaves what somebody added; `--reset` takes that away. Only superusers put people into
groups."""


def render_markdown() -> str:
    """The contents of docs/permissions.md; a test compares them with the file."""
    doors = list_doors()
    lines = [_HEADER, "## REST API", "", "| method | URL | without a permission | staff with | scope |"]
    lines += ["|---|---|---|---|---|"]
    for door in (door for door in doors if door.kind == "api"):
        scope = f"`{door.scope}`" if door.scope else ""
        staff = _describe_staff(door.rights)
        lines.append(f"| {door.method} | `{door.path}` | {door.rights.audience} | {staff} | {scope} |")
    lines += ["", "## Pages", "", "| URL | open to |", "|---|---|"]
    for door in (door for door in doors if door.kind == "page" and door.method == "GET"):
        lines.append(f"| `/{door.path}` | {door.rights.audience} |")
    lines += ["", "## Console", "", "| URL | method or action | staff with |", "|---|---|---|"]
    for (path, staff), methods in _join_methods(door for door in doors if door.kind == "admin").items():
        lines.append(f"| `/{_escape(path)}` | {', '.join(methods)} | {staff} |")
    lines += _role_lines()
    return "\n".join([*lines, ""])


def _role_lines() -> list[str]:
    lines = ["", "## Roles", "", _ROLES, "", "| role | what it is for | permissions |", "|---|---|---|"]
    for role, text in DESCRIPTIONS.items():
        names = ", ".join(f"`{name}`" for name in sorted(permissions_of(role)))
        lines.append(f"| {role} | {text} | {names} |")
    return lines


def _join_methods(doors: Iterable[Door]) -> dict[tuple[str, str], list[str]]:
    """Methods and actions by path and permissions, without what nobody may."""
    lines: dict[tuple[str, str], list[str]] = {}
    for door in doors:
        if NEVER not in door.rights.staff:
            staff = _describe_staff(door.rights) or str(door.rights.audience)
            lines.setdefault((door.path, staff), []).append(door.action or door.method)
    return lines


def _describe_staff(rights: Rights) -> str:
    return ", ".join(" or ".join(f"`{one}`" for one in group.split("|")) for group in rights.staff)


def _escape(path: str) -> str:
    return path.replace("|", "\\|")

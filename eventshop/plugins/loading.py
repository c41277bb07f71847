"""Find the plug-in of every installed app, check it, and connect what it names. A mistake stops the start."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from django.apps import apps

from eventshop.admin_console import registry as console
from eventshop.admin_console import sidebar
from eventshop.admin_console.find import finders
from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry as message_registry
from eventshop.core.port import Binding, declared_ports
from eventshop.core.saga import Effect, Saga
from eventshop.core.upcasting import Upcasters
from eventshop.eventstore import payload_indexes
from eventshop.eventstore.payload_indexes import PayloadIndex
from eventshop.operations import health_checks, job_list, periodic_jobs, roles, row_retention
from eventshop.operations.attention import find
from eventshop.operations.periodic_jobs import PeriodicJob
from eventshop.operations.row_retention import Retention
from eventshop.plugins.errors import PluginError
from eventshop.plugins.plugin import Plugin
from eventshop.privacy.encryption import stored_secrets
from eventshop.privacy.encryption.stored_secrets import SecretColumn
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.personal_data_holders import PersonalDataHolder
from eventshop.projections.effects import effect_projection
from eventshop.projections.effects.effect_projection import EffectProjection
from eventshop.projections.projection import Projection, projection_registry
from eventshop.sagas.saga_registry import saga_registry
from eventshop.web.api import aggregate_action, command_outcomes, problem_catalogue
from eventshop.web.imports import import_kinds
from eventshop.web.letters import letter_kinds
from eventshop.web.letters.letter_kinds import LetterKind
from eventshop.web.live import subscriptions
from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.pages import demo_registry, navigation
from eventshop.web.pages.navigation import NavigationEntry

MODULE: Final = "eventshop_plugin"
ATTRIBUTE: Final = "PLUGIN"


class LoadedPlugin(NamedTuple):
    """A plug-in and the file that it stands in."""

    app: str
    path: Path
    plugin: Plugin

    def where(self, field: str) -> str:
        """`file:line` of a field in the plug-in file; the file alone where the line cannot be found."""
        for node in ast.walk(ast.parse(self.path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == field:
                return f"{self.path}:{node.lineno}"
        return str(self.path)


class FieldRule(NamedTuple):
    """What a field of `Plugin` may hold, and what is done with each entry (with key and value for a mapping)."""

    check: Callable[[Any], bool]
    expected: str
    connect: Callable[..., object]


def _subclass_of(base: type) -> Callable[[Any], bool]:
    return lambda entry: isinstance(entry, type) and issubclass(entry, base)


def _instance_of(*types: type) -> Callable[[Any], bool]:
    return lambda entry: isinstance(entry, types)


def _url_module(entry: Any) -> bool:
    try:
        return isinstance(entry, str) and find_spec(entry) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


#: In the order in which they are connected: an effect handler can rely on the sagas, a port on the aggregates.
FIELD_RULES: Final[Mapping[str, FieldRule]] = {
    "aggregates": FieldRule(_subclass_of(Aggregate), "subclasses of Aggregate", message_registry.add),
    "upcasters": FieldRule(_instance_of(Upcasters), "Upcasters", message_registry.add_upcasters),
    "payload_indexes": FieldRule(_instance_of(PayloadIndex), "PayloadIndexes", payload_indexes.register),
    "error_modules": FieldRule(_instance_of(ModuleType), "modules", problem_catalogue.add_error_module),
    "sagas": FieldRule(_subclass_of(Saga), "subclasses of Saga", saga_registry.register),
    "effect_handlers": FieldRule(
        _subclass_of(Effect), "effect classes with a handler each", saga_registry.register_effect
    ),
    "recall_handlers": FieldRule(
        _subclass_of(Effect), "effect classes with a handler each", saga_registry.register_recall
    ),
    "projections": FieldRule(_instance_of(Projection), "Projections", projection_registry.register),
    "effect_projections": FieldRule(_instance_of(EffectProjection), "EffectProjections", effect_projection.register),
    "letters": FieldRule(_instance_of(LetterKind), "LetterKinds", letter_kinds.register),
    "bindings": FieldRule(_instance_of(Binding), "bindings, made by Port.bind", Binding.connect),
    "personal_data": FieldRule(_instance_of(PersonalDataHolder), "PersonalDataHolders", personal_data_holders.register),
    "secret_columns": FieldRule(_instance_of(SecretColumn), "SecretColumns", stored_secrets.register),
    "health_checks": FieldRule(callable, "functions that return ComponentHealth", health_checks.register),
    "attention_finders": FieldRule(callable, "functions that return Findings", find.register),
    "periodic_jobs": FieldRule(_instance_of(PeriodicJob), "PeriodicJobs", periodic_jobs.register),
    "imports": FieldRule(_instance_of(import_kinds.ImportKind), "ImportKinds", import_kinds.register),
    "job_sources": FieldRule(_instance_of(job_list.JobSource), "JobSources", job_list.register),
    "retentions": FieldRule(_instance_of(Retention), "Retentions", row_retention.register),
    "api_urls": FieldRule(_url_module, "names of URLconf modules that exist", lambda module: None),
    "page_urls": FieldRule(_url_module, "names of URLconf modules that exist", lambda module: None),
    "start_page": FieldRule(callable, "a view function", lambda view: None),
    "navigation": FieldRule(_instance_of(NavigationEntry), "NavigationEntries", navigation.register),
    "live_sources": FieldRule(_instance_of(LiveSource), "LiveSources", subscriptions.register),
    "command_outcomes": FieldRule(callable, "command classes with their TerminalEvents", command_outcomes.register),
    "view_permissions": FieldRule(
        _subclass_of(Aggregate), "aggregates with a permission each", aggregate_action.register_view_permission
    ),
    "sidebar": FieldRule(_instance_of(sidebar.SidebarSection), "SidebarSections", sidebar.register),
    "finders": FieldRule(_instance_of(finders.Finder), "Finders", finders.register),
    "roles": FieldRule(_instance_of(roles.RolePart), "RoleParts", roles.register),
    "row_page_finders": FieldRule(callable, "functions", console.register_row_page_finder),
    "stream_finders": FieldRule(callable, "functions", console.register_stream_finder),
    "stream_namers": FieldRule(callable, "functions", console.register_stream_namer),
    "changed_rows_finders": FieldRule(callable, "functions", console.register_changed_rows_finder),
    "demo": FieldRule(callable, "functions that return commands", demo_registry.register),
    "demo_faults": FieldRule(callable, "functions that return commands", demo_registry.register_faults),
    "customer_demo": FieldRule(callable, "functions that return commands", demo_registry.register_customer_demo),
}

_loaded: Final[list[LoadedPlugin]] = []


def loaded_plugins() -> list[LoadedPlugin]:
    """The plug-ins of all installed apps, in the order of INSTALLED_APPS."""
    return list(_loaded)


def load_plugins() -> None:
    """Load and connect every plug-in, once for each process. Raises `PluginError`."""
    if _loaded:
        return
    found = [loaded for config in apps.get_app_configs() if (loaded := load_plugin(config.name))]
    for loaded in found:
        connect(loaded)
    check_ports(found)
    _loaded.extend(found)


def load_plugin(app: str) -> LoadedPlugin | None:
    """The plug-in of an app; None where it has no `eventshop_plugin.py`. Raises `PluginError`."""
    name = f"{app}.{MODULE}"
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    try:
        module = import_module(name)
    except Exception as error:
        line = _line_in(path, error)
        problem = f"{type(error).__name__}: {error}"
        raise PluginError(f"{path}:{line}", problem, "Mend the plug-in file of this app") from error
    plugin = getattr(module, ATTRIBUTE, None)
    if not isinstance(plugin, Plugin):
        problem = f"{ATTRIBUTE} is {plugin!r}" if plugin is not None else f"there is no {ATTRIBUTE}"
        raise PluginError(f"{path}:1", problem, f"Write {ATTRIBUTE} = Plugin(...) into it, or remove the file")
    return LoadedPlugin(app, path, plugin)


def connect(loaded: LoadedPlugin) -> None:
    """Check every field of a plug-in and hand its entries to where they belong. Raises `PluginError`."""
    for name, rule in FIELD_RULES.items():
        for entry, add in _entries(getattr(loaded.plugin, name), rule):
            if not rule.check(entry):
                problem = f"{name} holds {entry!r}"
                raise PluginError(loaded.where(name), problem, f"It takes {rule.expected}")
            try:
                add()
            except EventShopError as error:
                fix = f"Remove it here, or give one of the two another name ({name})"
                raise PluginError(loaded.where(name), str(error), fix) from error


def check_ports(plugins: Iterable[LoadedPlugin]) -> None:
    """Raises `PluginError` for a declared port that no plug-in binds, and for one that two bind."""
    bound: dict[str, LoadedPlugin] = {}
    for loaded in plugins:
        for binding in loaded.plugin.bindings:
            if first := bound.get(binding.port.name):
                problem = f"the port {binding.port.name!r} is bound in {first.where('bindings')} too"
                raise PluginError(loaded.where("bindings"), problem, "Remove one of the two bindings")
            bound[binding.port.name] = loaded
    for port in declared_ports.values():
        if port.name not in bound:
            problem = f"no plug-in binds the port {port.name!r}"
            fix = "Add PORT.bind(...) to the bindings of the app that has the answer, or remove the app that asks"
            raise PluginError(port.declared_at, problem, fix)


def _entries(value: Any, rule: FieldRule) -> list[tuple[Any, Callable[[], object]]]:
    """Each entry of a field, and the call that connects it."""
    if isinstance(value, Mapping):
        return [(key, partial(rule.connect, key, item)) for key, item in value.items()]
    return [(entry, partial(rule.connect, entry)) for entry in value]


def _line_in(path: Path, error: BaseException) -> int:
    """The line of the plug-in file at which importing it failed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return (lines[-1] if lines else None) or 1


# Every field is connected: a new one that is forgotten here stops the program, not the feature.
if {field.name for field in fields(Plugin)} != set(FIELD_RULES):
    raise AssertionError(f"fields and rules differ: { ({f.name for f in fields(Plugin)} ^ set(FIELD_RULES)) }")

"""What one app adds to EventShop, as one typed value.

An app names it `PLUGIN` in a file `eventshop_plugin.py` beside its `apps.py`; nothing else has to know the app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from eventshop.admin_console.find.finders import Finder
from eventshop.admin_console.registry import ChangedRowsFinder, RowPageFinder, StreamFinder, StreamNamer
from eventshop.admin_console.sidebar import SidebarSection
from eventshop.core.message_registry import AnyAggregate
from eventshop.core.port import Binding
from eventshop.core.saga import Effect
from eventshop.core.upcasting import Upcasters
from eventshop.eventstore.payload_indexes import PayloadIndex
from eventshop.operations.attention.find import Finder as AttentionFinder
from eventshop.operations.health_checks import HealthCheck
from eventshop.operations.job_list import JobSource
from eventshop.operations.periodic_jobs import PeriodicJob
from eventshop.operations.roles import RolePart
from eventshop.operations.row_retention import Retention
from eventshop.privacy.encryption.stored_secrets import SecretColumn
from eventshop.privacy.erasure.personal_data_holders import PersonalDataHolder
from eventshop.projections.effects.effect_projection import EffectProjection
from eventshop.projections.projection import Projection
from eventshop.sagas.saga_registry import AnySaga, EffectHandler
from eventshop.web.api.command_outcomes import TerminalEvents
from eventshop.web.imports.import_kinds import ImportKind
from eventshop.web.letters.letter_kinds import LetterKind
from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.pages.demo_registry import DemoCommands
from eventshop.web.pages.navigation import NavigationEntry


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """Everything an app adds; every field is optional. `load_plugins` checks and connects it at start."""

    #: Aggregates: with them the program knows their commands and events. Upcasters read events of earlier versions.
    aggregates: Sequence[type[AnyAggregate]] = ()
    upcasters: Sequence[Upcasters] = ()
    #: Fields by whose value the console finds events through an index of the app's own migrations.
    payload_indexes: Sequence[PayloadIndex] = ()
    #: Modules whose error classes a client of the API can meet; they are listed in `docs/problems.md`.
    error_modules: Sequence[ModuleType] = ()

    #: Saga classes, every version that may still have running instances; and who performs their effects.
    sagas: Sequence[AnySaga] = ()
    effect_handlers: Mapping[type[Effect], EffectHandler[Any]] = field(default_factory=dict)
    #: Handlers that look up first what became of an effect: for sagas that resume after their tables were lost.
    recall_handlers: Mapping[type[Effect], EffectHandler[Any]] = field(default_factory=dict)

    projections: Sequence[Projection[Any]] = ()
    #: Effects of events on the world outside, and the letters among them.
    effect_projections: Sequence[EffectProjection] = ()
    letters: Sequence[LetterKind[Any]] = ()

    #: Implementations of ports that packages below declare.
    bindings: Sequence[Binding] = ()
    #: What an erasure has to know: data to erase or export, reasons to wait, tables with clear text.
    personal_data: Sequence[PersonalDataHolder] = ()
    #: Columns of encrypted secrets, which `rotate_keys` encrypts again.
    secret_columns: Sequence[SecretColumn] = ()
    health_checks: Sequence[HealthCheck] = ()
    #: What is wrong or late beyond the parts of health.
    attention_finders: Sequence[AttentionFinder] = ()
    periodic_jobs: Sequence[PeriodicJob] = ()
    #: Kinds of files that can be imported over the API.
    imports: Sequence[ImportKind] = ()
    #: Tables whose rows are jobs: the console lists those of all together.
    job_sources: Sequence[JobSource] = ()
    #: Tables that grow with use: which of their rows are deleted, and when.
    retentions: Sequence[Retention] = ()

    #: URLconf modules: below `/api/v1/`, and at the root.
    api_urls: Sequence[str] = ()
    page_urls: Sequence[str] = ()
    #: The view of `/`, of at most one app; without it, the library's page with the navigation.
    start_page: Sequence[Callable[..., Any]] = ()
    navigation: Sequence[NavigationEntry] = ()
    live_sources: Sequence[LiveSource] = ()
    #: For commands that only start something: the events that end it.
    command_outcomes: Mapping[type[Any], TerminalEvents] = field(default_factory=dict)
    #: The permission that lets staff see aggregates of others, for the API's actions on an aggregate.
    view_permissions: Mapping[type[AnyAggregate], str] = field(default_factory=dict)

    #: The console: sidebar sections, its search, pages of read model rows, streams by a name, rows that events changed.
    sidebar: Sequence[SidebarSection] = ()
    finders: Sequence[Finder] = ()
    #: Permissions of the ready-made roles of staff.
    roles: Sequence[RolePart] = ()
    row_page_finders: Sequence[RowPageFinder] = ()
    stream_finders: Sequence[StreamFinder] = ()
    stream_namers: Sequence[StreamNamer] = ()
    changed_rows_finders: Sequence[ChangedRowsFinder] = ()

    #: Demo data of an empty store, and what the demo customer has done.
    demo: Sequence[DemoCommands] = ()
    #: Faults and people for the console to show, in an empty store that asks for them.
    demo_faults: Sequence[DemoCommands] = ()
    customer_demo: Sequence[DemoCommands] = ()

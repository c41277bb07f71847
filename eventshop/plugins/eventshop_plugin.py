"""What the library plugs into itself: what a lower package needs from a higher one, and what stands in no app."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from eventshop.admin_console.find.own_finders import FINDERS
from eventshop.admin_console.sidebar import SidebarItem, SidebarSection
from eventshop.core import errors as core_errors
from eventshop.eventstore.field_encryption import field_cipher
from eventshop.eventstore.snapshots.repository import delete_snapshots, snapshot_listener
from eventshop.operations import tasks, verifications
from eventshop.operations.append_health import check_event_table
from eventshop.operations.attention import watch
from eventshop.operations.certificate_health import check_certificates
from eventshop.operations.divergence_health import check_divergence
from eventshop.operations.health_checks import check_deleted_records
from eventshop.operations.job_sources import SOURCES
from eventshop.operations.periodic_jobs import PeriodicJob
from eventshop.operations.projection_health import check_projections, check_publisher, check_unreadable_records
from eventshop.operations.saga_health import check_sagas
from eventshop.operations.work_health import check_erasures, check_periodic_jobs
from eventshop.operations.worker_health import check_clocks, check_workers
from eventshop.plugins.plugin import Plugin
from eventshop.plugins.roles import ROLES
from eventshop.plugins.row_retentions import RETENTIONS
from eventshop.privacy import retention_job
from eventshop.privacy.encryption.field_cipher import AesGcmCipher
from eventshop.privacy.erasure.personal_data_holders import PersonalDataHolder
from eventshop.projections import kept_rows, outbox
from eventshop.web.letters.letter_health import check_letters
from eventshop.web.letters.letter_kinds import LETTERS
from eventshop.web.letters.letter_log import letters_to
from eventshop.web.live.event_feed import new_events
from eventshop.web.models import IMPORT_COLUMNS
from eventshop.web.shared import errors as web_errors
from eventshop.web.webhooks import url_policy
from eventshop.web.webhooks.receiver_health import find_failing_receivers
from eventshop.web.webhooks.webhook_health import check_webhooks


def erase_snapshots(person: UUID, streams: Collection[UUID]) -> str:
    """Without the keys nobody could read the snapshots any more; now they are gone as well."""
    return f"{delete_snapshots([person, *streams])} snapshots removed"


def erase_snapshots_of_purposes(subjects: Collection[UUID], purposes: Collection[str]) -> str:
    return f"{delete_snapshots(subjects)} snapshots removed"


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

PLUGIN = Plugin(
    error_modules=[core_errors, web_errors, url_policy],
    bindings=[field_cipher.bind(AesGcmCipher()), snapshot_listener.bind(outbox.add_snapshot)],
    secret_columns=IMPORT_COLUMNS,
    personal_data=[
        PersonalDataHolder("snapshots", erase=erase_snapshots, erase_purposes=erase_snapshots_of_purposes),
        PersonalDataHolder("letters", held_data=letters_to),
    ],
    health_checks=[
        check_event_table,
        check_divergence,
        check_sagas,
        check_projections,
        check_publisher,
        check_unreadable_records,
        check_deleted_records,
        check_certificates,
        check_workers,
        check_clocks,
        check_webhooks,
        check_letters,
        check_erasures,
        check_periodic_jobs,
    ],
    attention_finders=[find_failing_receivers],
    periodic_jobs=[
        # It does nothing: that it is late shows within a minute that nobody runs jobs.
        PeriodicJob("look-for-jobs", timedelta(seconds=10), lambda: "looked"),
        PeriodicJob("sign-roots", timedelta(seconds=settings.ROOT_INTERVAL_S), tasks.sign_roots),
        PeriodicJob("remove-details-of-old-sagas", DAY, tasks.remove_details_of_old_sagas),
        PeriodicJob("take-snapshots", MINUTE, tasks.take_snapshots),
        PeriodicJob("close-ledger", MINUTE, tasks.close_ledger),
        # A little less than the beat's minute, so that no minute is left out because the last run began a little late.
        PeriodicJob("record-history", timedelta(seconds=45), tasks.record_history),
        PeriodicJob("drop-rows-of-undo", HOUR, kept_rows.forget_expired),
        PeriodicJob(watch.JOB, timedelta(seconds=45), watch.watch),
        PeriodicJob("verify-chains", DAY, verifications.verify_all_chains),
        PeriodicJob("verify-snapshots", DAY, verifications.verify_all_snapshots),
        PeriodicJob("verify-log", DAY, verifications.verify_topic),
        PeriodicJob("check-topics", timedelta(seconds=20), verifications.verify_topic_settings),
        PeriodicJob("verify-rows", DAY, verifications.verify_rows),
        PeriodicJob("carry-out-retention", DAY, retention_job.report_run),
        PeriodicJob("overwrite-what-was-erased", DAY, tasks.overwrite_what_was_erased),
    ],
    job_sources=SOURCES,
    effect_projections=[LETTERS],
    retentions=RETENTIONS,
    live_sources=[new_events],
    finders=FINDERS,
    roles=ROLES,
    sidebar=[
        SidebarSection("Overview", 5, [SidebarItem("Needs attention", "notification_important", "ops.attentionitem")]),
        SidebarSection(
            "Event store",
            30,
            [
                SidebarItem("Events", "bolt", "store.storedevent"),
                SidebarItem("Trace", "route", view="trace", permission="store.view_storedevent"),
                SidebarItem("Streams", "timeline", "ops.stream"),
                SidebarItem("Event catalogue", "menu_book", view="catalogue", permission="store.view_storedevent"),
                SidebarItem("Commands", "receipt_long", "store.storedreceipt"),
                SidebarItem("Integrity proofs", "verified", "ops.signedroot"),
            ],
        ),
        SidebarSection(
            "Sagas and payments",
            40,
            [
                SidebarItem("Sagas", "account_tree", "process.saga", order=10),
                SidebarItem("Live points", "flag", "process.sagalivepoint", order=90),
            ],
        ),
        SidebarSection(
            "Privacy",
            50,
            [
                SidebarItem("Erasures", "delete_sweep", "privacy.erasure"),
                SidebarItem("Retention", "event_upcoming", "privacy.certificate"),
                SidebarItem("Retention runs", "auto_delete", "privacy.retentionrun", order=80),
            ],
        ),
        SidebarSection(
            "Projections",
            60,
            [
                SidebarItem("Projections", "sync", "projection_engine.checkpoint"),
                SidebarItem("Dead letters", "report", "projection_engine.deadletter"),
                SidebarItem("Corrections", "edit_note", "projection_engine.eventcorrection"),
                SidebarItem("Skipped events", "skip_next", "projection_engine.skippedevent"),
                SidebarItem("Foreign records", "front_hand", "log.acknowledgedrecord"),
                SidebarItem("Kafka and outbox", "hub", view="kafka", permission="log.view_knowntopic"),
                SidebarItem("Rebuilds", "construction", "projection_engine.rebuild"),
                SidebarItem("Point-in-time queries", "history", "projection_engine.replay"),
                SidebarItem("Operator log", "history_edu", "ops.operatoraction"),
                SidebarItem("Health history", "monitoring", "ops.measurement"),
                SidebarItem("Jobs", "work_history", view="jobs", permission="ops.view_periodicwork"),
                SidebarItem("Scheduled jobs", "event_repeat", "ops.periodicwork"),
                SidebarItem("Workers", "memory", "runtime.workerprocess"),
            ],
        ),
        SidebarSection(
            "Access",
            70,
            [
                SidebarItem("Users", "person", "auth.user"),
                SidebarItem("Groups", "badge", "auth.group"),
                SidebarItem("API tokens", "key", "web.apitoken"),
                SidebarItem("Letters", "mail", "projection_engine.projectedeffect"),
                SidebarItem("Webhooks", "webhook", "web.webhookendpoint"),
                SidebarItem("Access log", "policy", "ops.accessrecord"),
                SidebarItem("Webhook log", "outgoing_mail", "web.webhookdelivery"),
            ],
        ),
    ],
)

"""The operators' models: streams, web requests, staff, the access log, signed roots and periodic jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from eventshop.eventstore.models import StoredEvent
from eventshop.operations.attention.models import AttentionItem as AttentionItem
from eventshop.operations.attention.models import AttentionNotice as AttentionNotice
from eventshop.operations.history.models import Measurement as Measurement


class Stream(StoredEvent):
    """The events of one aggregate."""

    class Meta:
        proxy = True
        verbose_name = "stream"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id}"


class WebRequest(models.Model):
    """A web request that sent commands, or one with an API token that was refused: its route, actor and command ids."""

    request_id = models.UUIDField(primary_key=True)
    trace_id = models.CharField(
        max_length=32, db_index=True, help_text="W3C Trace Context; the caller's if it sent one."
    )
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=200, help_text="The pattern of the URL.")
    actor = models.CharField(max_length=200, blank=True, help_text="The primary key of the account that was signed in.")
    status = models.IntegerField(help_text="The HTTP status of the response.")
    answered_at = models.DateTimeField(auto_now_add=True)
    took_ms = models.IntegerField()
    commands = models.TextField(help_text="The ids of the first hundred commands.")
    sent = models.IntegerField(help_text="The number of commands.")
    token = models.BigIntegerField(null=True, db_index=True, help_text="The API token that it came with.")
    problem = models.CharField(max_length=60, blank=True, help_text="The code of the problem that was answered.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def began_at(self) -> datetime:
        return self.answered_at - timedelta(milliseconds=self.took_ms)


class StaffActor(models.Model):
    """The lasting identity of a member of staff: their actions are recorded under it through every door.

    It is neither a user name, which can change, nor a person's id, which belongs to a customer.
    """

    actor_id = models.UUIDField(primary_key=True, default=uuid4)
    login = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="staff_actor"
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.actor_id)


class StaffName(models.Model):
    """A user name that a member of staff has, or had."""

    actor = models.ForeignKey(StaffActor, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=150, db_index=True)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["actor", "name"], name="staff_name_once"),)

    def __str__(self) -> str:
        return self.name


class AccessRecord(models.Model):
    """One read by staff, a program or a person: who read what, through which door, when, and why.

    The database refuses changes, and deletions except by the retention.
    """

    class Door(models.TextChoices):
        ADMIN = "admin"
        API = "api", "API"
        PAGE = "page"
        COMMAND_LINE = "command line"

    class Kind(models.TextChoices):
        EVENTS = "events"
        STREAM = "stream"
        STATE = "state"
        TRACE = "trace"
        FEED = "feed"
        EXPORT = "export"
        RECEIPTS = "receipts"
        SAGAS = "sagas"
        DEAD_LETTERS = "dead letters"
        ROWS = "rows"
        ERASURES = "erasures"
        ACCESSES = "accesses"
        PERSONAL = "personal values"

    at = models.DateTimeField(help_text="When it was read, by the database's clock.")
    actor = models.CharField(max_length=200, help_text="The staff actor, or the person's id.")
    program = models.CharField(max_length=12, blank=True, help_text="The first characters of the API token.")
    door = models.CharField(max_length=12, choices=Door.choices)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    route = models.CharField(max_length=200, help_text="The pattern of the URL, or the command.")
    stream = models.UUIDField(null=True, help_text="The stream, or the person, that was shown.")
    key = models.CharField(max_length=100, blank=True, help_text="The key of a row that is no stream.")
    filters = models.CharField(max_length=500, blank=True, help_text="The filters; typed text is left out.")
    first = models.BigIntegerField(null=True, help_text="The first position, or version in the stream.")
    last = models.BigIntegerField(null=True, help_text="The last position, or version in the stream.")
    rows = models.IntegerField(null=True, help_text="The number of events or rows.")
    request_id = models.UUIDField(null=True)
    command_id = models.UUIDField(null=True, help_text="The command that recorded the reason.")

    class Meta:
        verbose_name = "access"
        verbose_name_plural = "accesses"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["at"], name="access_time"),
            models.Index(fields=["stream", "at"], condition=models.Q(stream__isnull=False), name="access_stream"),
            models.Index(fields=["actor", "at"], name="access_actor"),
        )

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"


class AccessLogCutoff(models.Model):
    """The time before which the retention may delete from the access log; one row. The database asks it."""

    before = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"before {self.before}"


class OperatorAction(models.Model):
    """One action of staff on the machinery: who did what, to what, why, and what became of it.

    Commands on aggregates are events with their actor; this table has what changes no aggregate.
    """

    at = models.DateTimeField(db_default=Now(), db_index=True)
    actor = models.CharField(max_length=200, db_index=True, help_text="The staff actor, or the user of the shell.")
    action = models.CharField(max_length=60, help_text="Such as `pause projection`.")
    target = models.CharField(max_length=200, help_text="What it was done to.")
    reason = models.CharField(max_length=500, blank=True)
    result = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "operator action"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.action} {self.target}"


class SignedRoot(models.Model):
    """A signed Merkle root over the heads of all streams that had events in a span of positions, and over new rows.

    Each root contains the hash of the previous one, so the newest covers all.
    """

    number = models.IntegerField(primary_key=True, help_text="1, 2, 3 …")
    after_position = models.BigIntegerField(help_text="The last position of the previous root.")
    to_position = models.BigIntegerField(help_text="The last position that this root covers.")
    streams = models.IntegerField(help_text="The number of streams with events between those positions.")
    root = models.BinaryField(help_text="Merkle root over the heads of those streams.")
    previous = models.BinaryField(help_text="SHA-256 of the previous statement.")
    taken_at = models.DateTimeField()
    public_key = models.CharField(max_length=64, help_text="Ed25519, in hexadecimal.")
    signature = models.BinaryField(help_text="The signature of the statement, by that key.")
    heads = models.BinaryField(help_text="Stream id, version and hash of each head, 52 bytes each, sorted by stream.")
    tables = models.TextField(
        default="", help_text="The tables with rows in this root, as JSON. Empty: a root of streams alone."
    )
    leaves = models.BinaryField(default=b"", help_text="Key and hash of each row, 48 bytes each, table by table.")

    class Meta:
        verbose_name = "signed root"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"Root {self.number}"


class RootAnchor(models.Model):
    """A root that was handed to an anchor outside, and what the anchor answered."""

    number = models.IntegerField(help_text="The number of the root.")
    anchor = models.CharField(max_length=200, help_text="Where, as in ROOT_ANCHORS, without a password.")
    anchored_at = models.DateTimeField(db_default=Now())
    answer = models.BinaryField(default=b"", help_text="Of a time-stamping authority: its token (RFC 3161).")

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["anchor", "number"], name="root_anchor_once"),)

    def __str__(self) -> str:
        return f"Root {self.number} at {self.anchor}"


class PeriodicWork(models.Model):
    """The schedule of a periodic job: when it is due, which process runs it, and the result of its last run."""

    #: Characters kept of a job's result.
    MAX_SAID: Final = 500

    name = models.CharField(max_length=100, primary_key=True)
    due_at = models.DateTimeField(help_text="When it runs next.")
    owner = models.CharField(max_length=200, blank=True, help_text="The process that runs it, or ran it last.")
    leased_until = models.DateTimeField(null=True, help_text="Empty if it is not running.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failed = models.BooleanField(default=False, help_text="Whether the last run ended with an error.")
    said = models.CharField(max_length=MAX_SAID, blank=True, help_text="The result of the last run, or its error.")

    class Meta:
        verbose_name = "periodic job"
        verbose_name_plural = "periodic jobs"
        default_permissions = ("view",)
        permissions = (("run_periodic_job", "Can have periodic jobs run at once"),)

    def __str__(self) -> str:
        return self.name


class PartitionTally(models.Model):
    """How many events a partition of the log has up to a position, so that lag and ledger need not count them again."""

    partition = models.IntegerField(primary_key=True)
    events = models.BigIntegerField(default=0, help_text="Events of the partition up to `counted_to`.")
    last_position = models.BigIntegerField(default=0, help_text="The position of the last of them.")
    counted_to = models.BigIntegerField(default=0, help_text="The position up to which events were counted.")

    class Meta:
        verbose_name = "partition tally"
        verbose_name_plural = "partition tallies"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.partition}: {self.events} up to {self.counted_to}"


class SavedFilter(models.Model):
    """A list of the console as somebody wants to find it again: its filters, order and columns, under a name."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listed = models.CharField(max_length=100, help_text="The list, as `app.model`.")
    name = models.CharField(max_length=60)
    address = models.CharField(max_length=1000, help_text="The parameters of the list's address.")
    is_shared = models.BooleanField(default=False, help_text="Whether everybody who may see the list has it.")

    class Meta:
        default_permissions = ()
        permissions = (("share_savedfilter", "Can share saved filters"),)
        constraints = (models.UniqueConstraint(fields=["owner", "listed", "name"], name="saved_filter_once"),)
        indexes = (models.Index(fields=["listed"], condition=models.Q(is_shared=True), name="shared_filters"),)

    def __str__(self) -> str:
        return self.name


class ListColumns(models.Model):
    """The columns that somebody wants to see in a list of the console when its address chooses none."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listed = models.CharField(max_length=100, help_text="The list, as `app.model`.")
    columns = models.CharField(max_length=2000, help_text="Their names, with spaces between them.")

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["owner", "listed"], name="list_columns_once"),)

    def __str__(self) -> str:
        return self.listed

"""The operators' models: streams, web requests, signed roots and periodic jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import models

from eventshop.eventstore.models import StoredEvent


class Stream(StoredEvent):
    """The events of one aggregate."""

    class Meta:
        proxy = True
        verbose_name = "stream"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id}"


class WebRequest(models.Model):
    """A web request that sent commands: its time, route, actor and command ids."""

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

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def began_at(self) -> datetime:
        return self.answered_at - timedelta(milliseconds=self.took_ms)


class SignedRoot(models.Model):
    """A signed Merkle root over the heads of all streams that had events in a span of positions.

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

    class Meta:
        verbose_name = "signed root"
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["after_position"], name="signed_root_once"),)

    def __str__(self) -> str:
        return f"Root {self.number}"


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

    def __str__(self) -> str:
        return self.name

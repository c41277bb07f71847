"""The table of worker processes."""

from __future__ import annotations

from django.db import models


class WorkerProcess(models.Model):
    """A process that hosts worker threads, and how they are; one that has been silent for long is deleted."""

    owner = models.CharField(max_length=200, primary_key=True, help_text="Host name, process id and a random part.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Its last heartbeat.")
    threads = models.JSONField(default=dict, help_text="The state of each thread by its name.")
    # Also in the database, for programs of an earlier release that insert rows.
    version = models.CharField(max_length=40, blank=True, default="", db_default="", help_text="Of the program.")
    memory_mb = models.IntegerField(null=True, help_text="What it has in memory now.")
    clock_ahead_s = models.FloatField(
        default=0, db_default=0, help_text="How far its clock was ahead of the database's with its last heartbeat."
    )

    class Meta:
        verbose_name = "worker process"
        verbose_name_plural = "worker processes"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.owner

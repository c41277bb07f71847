"""The table of worker processes."""

from __future__ import annotations

from django.db import models


class WorkerProcess(models.Model):
    """A process that hosts worker threads, and how they are; one that has been silent for long is deleted."""

    owner = models.CharField(max_length=200, primary_key=True, help_text="Host name, process id and a random part.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Its last heartbeat.")
    threads = models.JSONField(default=dict, help_text="The state of each thread by its name.")

    class Meta:
        verbose_name = "worker process"
        verbose_name_plural = "worker processes"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.owner

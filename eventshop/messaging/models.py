"""What the database remembers of Kafka: which topics are ours, and how far the relay has come."""

from __future__ import annotations

from uuid import uuid4

from django.db import models


class KnownTopic(models.Model):
    """A topic as it was when we made it or first saw it: another id under the same name is another topic."""

    name = models.CharField(max_length=249, primary_key=True)
    cluster_id = models.CharField(max_length=100)
    topic_id = models.UUIDField()
    partitions = models.IntegerField()
    known_since = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class RelayCheckpoint(models.Model):
    """The last position the relay knows to be in Kafka: Kafka's own tail decides, this finds out when it lost some."""

    topic = models.CharField(max_length=249, primary_key=True)
    topic_id = models.UUIDField(null=True)
    source_id = models.UUIDField(default=uuid4, help_text="Whose positions: another database counts them anew.")
    position = models.BigIntegerField(default=0)
    owner = models.CharField(max_length=200, blank=True, help_text="The process that leads.")
    leased_until = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True, help_text="When events were last published.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.topic} at {self.position}"

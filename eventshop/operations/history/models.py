"""The tables of what health measured, and of the requests that it is told about."""

from __future__ import annotations

from django.db import models


class Measurement(models.Model):
    """What health measured of every part in one minute, or the summary of an hour."""

    class Span(models.TextChoices):
        MINUTE = "minute"
        HOUR = "hour"

    span = models.CharField(max_length=6, choices=Span.choices)
    at = models.DateTimeField(help_text="When the minute or hour began, by the database's clock.")
    parts = models.JSONField(
        default=dict, help_text="The figures of each part; one that is 0 is left out, except a rate."
    )
    totals = models.JSONField(default=dict, help_text="Of a minute: the counts of which the next one makes rates.")

    class Meta:
        app_label = "ops"
        verbose_name = "measurement"
        verbose_name_plural = "measurements of health"
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["span", "at"], name="measurement_once"),)

    def __str__(self) -> str:
        return f"the {self.span} of {self.at:%Y-%m-%d %H:%M}"


class RequestTally(models.Model):
    """The responses of one web process to one group of routes, during some seconds."""

    at = models.DateTimeField(db_index=True, help_text="When it was written, by the database's clock.")
    group = models.CharField(max_length=100, help_text="The first part of the route, of the API the resource.")
    requests = models.IntegerField()
    errors = models.IntegerField(help_text="Responses with a status from 500 on.")
    buckets = models.JSONField(help_text="How many took how long, by the buckets of the metric.")

    class Meta:
        app_label = "ops"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.requests} requests of {self.group}"

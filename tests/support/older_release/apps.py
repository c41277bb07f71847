"""The app forgets an event type, so that this program does not know what a newer release writes."""

from __future__ import annotations

import os
from pathlib import Path

from django.apps import AppConfig

#: The event type that only the newer release knows.
NEW_TYPE = "StockWrittenOff"


class OlderReleaseConfig(AppConfig):
    name = "tests.support.older_release"

    def ready(self) -> None:
        from tests.support.older_program import forget_event_types  # it needs the models of other apps

        if Path(os.environ["OLDER_RELEASE"]).exists():
            forget_event_types(NEW_TYPE)

"""The simulated venue of `deploy/venue` as a process, which tests start and stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_django import Settings

from tests.support.gateway_process import SECRET, GatewayProcess
from trading.venue import factory


class VenueProcess(GatewayProcess):
    """`options` are those of `python -m deploy.venue`."""

    module, secret_name = "deploy.venue", "VENUE_SECRET"


@contextmanager
def running_venue(folder: Path, settings: Settings, *options: str) -> Iterator[VenueProcess]:
    """Run a venue, to which this Python process sends its orders, for the duration of the block."""
    venue = VenueProcess(folder, *options)
    venue.start()
    settings.VENUE_URL, settings.VENUE_SECRET = venue.url, SECRET
    try:
        yield venue
    finally:
        if venue.is_running:
            venue.kill()
        factory._build_venue(venue.url, SECRET).close()
        factory._build_venue.forget()  # another venue may get the same port

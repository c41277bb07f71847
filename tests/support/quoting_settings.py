"""Settings with handlers and views that fail and quote what they were given."""

from tests.support.worker_settings import *  # noqa: F403
from tests.support.worker_settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.quoting_app"]
ROOT_URLCONF = "tests.support.failing_urls"

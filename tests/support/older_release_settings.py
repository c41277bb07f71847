"""The settings of a program of the release before; the app comes last, when all events are registered."""

from eventshop.settings import *  # noqa: F403
from eventshop.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.older_release"]

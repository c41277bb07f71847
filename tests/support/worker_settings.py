"""EventShop's settings, with Celery's messages in a folder of the test."""

import os
from pathlib import Path

from eventshop.settings import *  # noqa: F403

_folder = Path(os.environ["MESSAGES_FOLDER"])
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": str(_folder),
    "data_folder_out": str(_folder),
    "processed_folder": str(_folder / "processed"),
    "control_folder": str(_folder / "control"),
    "polling_interval": 0.1,
}

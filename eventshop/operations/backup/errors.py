"""What can be wrong with a backup and its restore."""

from __future__ import annotations

from eventshop.core.errors import EventShopError


class BackupFailed(EventShopError):
    """The backup could not be taken, and nothing of it was left behind."""

    code = "backup-failed"


class BackupRefused(EventShopError):
    """This backup cannot be restored here, and nothing was changed."""

    code = "backup-refused"


class RestoreFailed(EventShopError):
    """The database could not be restored, and is as it was."""

    code = "restore-failed"

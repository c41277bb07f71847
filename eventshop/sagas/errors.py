"""What can be wrong with a saga, or with who works on it."""

from __future__ import annotations

from eventshop.core.errors import EventShopError, RegistryError


class UnknownSaga(RegistryError):
    """No saga of this kind and version is part of this program."""

    code = "unknown-saga"


class UnknownEffect(RegistryError):
    """No handler is registered for this effect."""

    code = "unknown-effect"


class LeaseLost(EventShopError):
    """Another worker has this share of the work now; nothing was written."""

    code = "share-lost"


class SagaNotFound(EventShopError):
    """There is no saga with this id."""

    code = "saga-not-found"


class ActionNotAllowed(EventShopError):
    """This saga is not stuck; there is nothing to try again."""

    code = "nothing-to-mend"

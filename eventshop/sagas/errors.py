"""Errors of sagas and of the workers that run them."""

from __future__ import annotations

from eventshop.core.errors import EventShopError, RegistryError


class UnknownSaga(RegistryError):
    """No saga of this kind and version is registered."""

    code = "unknown-saga"


class UnknownEffect(RegistryError):
    """No handler is registered for this effect."""

    code = "unknown-effect"


class LeaseLost(EventShopError):
    """Another worker has the lease on this partition; nothing was written."""

    code = "share-lost"


class SagaNotFound(EventShopError):
    """There is no saga with this id."""

    code = "saga-not-found"


class ActionNotAllowed(EventShopError):
    """The status of this saga does not allow this action."""

    code = "nothing-to-mend"

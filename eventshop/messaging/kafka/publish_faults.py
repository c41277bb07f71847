"""Tells errors of publishing that pass from those that sending the same records again cannot mend."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from kafka import errors


class Fault(Enum):
    """What an error of kafka-python says about the next attempt."""

    PASSING = auto()  # the next attempt may succeed
    TIMEOUT = auto()  # the same; a smaller batch has better chances
    RECORD = auto()  # a record, or the topic that it is for, is refused each time
    PERMANENT = auto()  # every transaction of this producer is refused each time


#: What to do about each error that repeats itself. Source: Kafka's protocol guide, error codes.
ADVICE: Final[dict[type[BaseException], str]] = {
    errors.MessageSizeTooLargeError: "raise max.message.bytes of the topic above the size of this record",
    errors.RecordListTooLargeError: "raise segment.bytes and max.message.bytes of the topic above its size",
    errors.InvalidRecordError: "the broker finds the record invalid: look into the broker's log",
    errors.InvalidTimestampError: "its time is outside the topic's message.timestamp limits: widen them",
    errors.UnsupportedForMessageFormatError: "the topic's message format lacks transactions: raise it",
    errors.UnsupportedCompressionTypeError: "the topic refuses lz4: change its compression.type",
    errors.PolicyViolationError: "a policy of the brokers refuses it: look into the broker's log",
    errors.InvalidTopicError: "the topic's name is not valid: correct KAFKA_TOPIC_PREFIX",
    errors.TopicAuthorizationFailedError: "allow this client WRITE and DESCRIBE on the topic",
    errors.TransactionalIdAuthorizationFailedError: "allow this client WRITE and DESCRIBE on its transactional id",
    errors.ClusterAuthorizationFailedError: "allow this client IDEMPOTENT_WRITE on the cluster",
    errors.SaslAuthenticationFailedError: "correct user name and password in EVENT_LOG_URL",
    errors.UnsupportedSaslMechanismError: "choose a SASL mechanism that the brokers offer",
    errors.SecurityDisabledError: "the brokers have no authoriser: correct their configuration",
}
_PERMANENT: Final = (
    errors.TransactionalIdAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.SecurityDisabledError,
)
_TIMEOUTS: Final = (errors.KafkaTimeoutError, errors.RequestTimedOutError)


def classify(error: BaseException) -> Fault:
    """Classify an error by the class of the error of kafka-python that it is, or that caused it."""
    for cause in _causes(error):
        if isinstance(cause, _PERMANENT):
            return Fault.PERMANENT
        if type(cause) in ADVICE:
            return Fault.RECORD
        if isinstance(cause, _TIMEOUTS):
            return Fault.TIMEOUT
    return Fault.PASSING


def advise(error: BaseException) -> str:
    """What Kafka refuses, and what an operator can do about it."""
    for cause in _causes(error):
        if advice := ADVICE.get(type(cause)):
            return f"{type(cause).__name__}: {advice}"
    return f"{type(error).__name__}: {error}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__

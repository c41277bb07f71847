"""Errors of kafka-python are told apart by their classes: what passes, and what repeats itself."""

from __future__ import annotations

import pytest
from kafka import errors

from eventshop.messaging.kafka.clients import KafkaUnavailable
from eventshop.messaging.kafka.publish_faults import ADVICE, Fault, advise, classify

RECORD = [
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidRecordError,
    errors.InvalidTimestampError,
    errors.PolicyViolationError,
    errors.TopicAuthorizationFailedError,
    errors.InvalidTopicError,
    errors.UnsupportedCompressionTypeError,
]
PERMANENT = [
    errors.TransactionalIdAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.SaslAuthenticationFailedError,
]
PASSING = [
    errors.KafkaConnectionError,
    errors.NotLeaderForPartitionError,
    errors.NotEnoughReplicasError,
    errors.ProducerFencedError,
    errors.InvalidProducerEpochError,
    errors.UnknownTopicOrPartitionError,  # a broker that has just started; taking over asks for the topic by its id
    errors.KafkaError,
    errors.UnknownError,
    OSError,
]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *((kind, Fault.RECORD) for kind in RECORD),
        *((kind, Fault.PERMANENT) for kind in PERMANENT),
        *((kind, Fault.PASSING) for kind in PASSING),
        *((kind, Fault.TIMEOUT) for kind in (errors.KafkaTimeoutError, errors.RequestTimedOutError)),
    ],
)
def test_each_class_is_a_kind_of_fault_also_as_the_cause_of_another_error(kind: type[Exception], fault: Fault) -> None:
    assert classify(kind("said the broker")) is fault
    wrapped = KafkaUnavailable("Kafka does not answer")
    wrapped.__cause__ = kind("said the broker")
    assert classify(wrapped) is fault


def test_no_error_that_kafka_python_would_retry_stops_the_relay() -> None:
    assert [kind for kind in ADVICE if getattr(kind, "retriable", False)] == []


def test_every_refusal_of_a_permission_says_what_to_allow() -> None:
    """A group's and a token's are none of a producer's."""
    others = {errors.GroupAuthorizationFailedError, errors.DelegationTokenAuthorizationFailedError}
    assert set(errors.AuthorizationError.__subclasses__()) - others <= ADVICE.keys()
    assert "WRITE" in advise(errors.TopicAuthorizationFailedError())
    assert "max.message.bytes" in advise(errors.MessageSizeTooLargeError())

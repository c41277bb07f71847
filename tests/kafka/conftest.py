"""One PostgreSQL, one Kafka broker and one Redis for all tests that need real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.stack import Stack, StackUnavailable, running_stack
from tests.conftest import missing


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The servers, thrown away at the end; `stack.env` points a program at them."""
    with ExitStack() as at_the_end:
        try:
            started = at_the_end.enter_context(running_stack())
        except StackUnavailable as error:
            missing(str(error))
            raise
        yield started


@pytest.fixture(scope="session")
def kafka_url(stack: Stack) -> str:
    """The EVENT_LOG_URL of the broker."""
    return stack.env["EVENT_LOG_URL"]

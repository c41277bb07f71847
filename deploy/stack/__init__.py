"""PostgreSQL, Kafka and Redis on this machine, from pip packages only. `python -m deploy.stack` runs them."""

from deploy.stack.errors import StackError, StackUnavailable
from deploy.stack.stack import Stack, running_stack

__all__ = ["Stack", "StackError", "StackUnavailable", "running_stack"]

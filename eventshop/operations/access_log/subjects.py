"""Whose data a read showed: the records about a person are those of their own stream and of all streams of theirs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from eventshop.core.port import Port
from eventshop.operations.models import AccessRecord
from eventshop.operations.staff_actors import PREFIX, actors_named

#: The other streams of a person, such as their orders; the newest ones if there are very many.
streams_of_person: Final[Port[Callable[[UUID], Collection[UUID]]]] = Port("the streams of a person")


def accesses_about(person: UUID) -> QuerySet[AccessRecord]:
    """The reads of single streams and rows of this person, newest first; not those of lists with many people's rows."""
    streams = [person, *streams_of_person.get()(person)]
    return AccessRecord.objects.filter(stream__in=streams).order_by("-at", "-pk")


def search_condition(text: str) -> Q:
    """What the console finds: a user name of staff, an actor, a person with all their streams, a stream, a request."""
    try:
        identity = UUID(text.removeprefix(PREFIX))
    except ValueError:
        return Q(actor__in=actors_named(text))
    streams = [identity, *streams_of_person.get()(identity)]
    actors = [str(identity), f"{PREFIX}{identity}"]
    return Q(stream__in=streams) | Q(actor__in=actors) | Q(request_id=identity)

"""Counts and measures requests by method and route. The route is the pattern of the URL, never the path."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from eventshop.operations.history.request_tallies import tally
from eventshop.runtime import metrics
from eventshop.runtime.metric_buffer import MetricBuffer, observe_together

#: Other methods come from strangers, who may invent any number of them.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@sync_and_async_middleware
def http_metrics_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):

        async def handle_async(request: HttpRequest) -> HttpResponseBase:
            started = perf_counter()
            response = await cast(Awaitable[HttpResponseBase], get_response(request))
            _count(request, response, perf_counter() - started)
            return response

        return handle_async

    def handle(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        response: HttpResponseBase = get_response(request)
        _count(request, response, perf_counter() - started)
        return response

    return handle


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    method = request.method if request.method in METHODS else "other"
    route = request.resolver_match.route if request.resolver_match else ""
    _responses.add((method, route, response.status_code, seconds))


def _count_together(responses: Sequence[tuple[str, str, int, float]]) -> None:
    counts = Counter((method, route, status) for method, route, status, _ in responses)
    for labels, number in counts.items():
        metrics.HTTP_REQUESTS.labels(*labels).inc(number)
    durations = defaultdict[tuple[str, str], list[float]](list)
    for method, route, _, seconds in responses:
        durations[method, route].append(seconds)
    for pair, values in durations.items():
        observe_together(metrics.HTTP_SECONDS.labels(*pair), values)
    tally((route, status, seconds) for method, route, status, seconds in responses if route)


_responses: Final = MetricBuffer(_count_together)

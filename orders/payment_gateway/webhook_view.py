"""Where the payment gateway sends its notices."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from eventshop.web.api.problem_details import problem
from orders.payment_gateway import message_log, saga_notifier
from orders.payment_gateway.errors import (
    MessageRefused,
    NoGateway,
    NoticeIdReused,
    NoticeTooLarge,
    NotJson,
    NotOfNow,
    NotSigned,
    OtherAmount,
    OtherPayment,
    PaymentFinished,
    UnknownPayment,
    WrongSignature,
)
from orders.payment_gateway.webhook_verification import MOST_BYTES, signed, take

STATUS: Final[dict[type[MessageRefused], int]] = {
    NotJson: 400,
    NotSigned: 401,
    WrongSignature: 401,
    NotOfNow: 401,
    UnknownPayment: 404,
    NoticeIdReused: 409,
    PaymentFinished: 409,
    NoticeTooLarge: 413,
    OtherAmount: 422,
    OtherPayment: 422,
}


# The signature is the protection: no browser and no cookie has to do with it.
@csrf_exempt
@require_POST
def notice(request: HttpRequest) -> HttpResponse:
    """204: the shop has it. Everything that is refused is kept for staff, and says why as problem details."""
    if not settings.PAYMENT_GATEWAY_SECRET:
        return problem(404, NoGateway())
    try:
        body = _body(request)
        notice_id = signed(request.headers, body, settings.PAYMENT_GATEWAY_SECRET)
    except (NoticeTooLarge, NotSigned, NotOfNow, WrongSignature) as error:
        message_log.stranger_refused(error, b"")
        return problem(STATUS[type(error)], error)
    try:
        take(notice_id, body, saga_notifier.told)
    except MessageRefused as error:
        return problem(STATUS[type(error)], error)
    return HttpResponse(status=204)


def _body(request: HttpRequest) -> bytes:
    """The body, not read at all when its length says that it is too large. Without a length there is none (WSGI)."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise NoticeTooLarge(most=MOST_BYTES)
    body = request.body
    if len(body) > MOST_BYTES:
        raise NoticeTooLarge(most=MOST_BYTES)
    return body

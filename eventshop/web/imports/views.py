"""The import resources: send a file, read what became of its rows, end an import."""

from __future__ import annotations

from itertools import product
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Instant
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.pagination import KeysetPagination, PageOrder, invalid_parameter, refuse_unknown_parameters
from eventshop.web.api.request_parsing import RawParser
from eventshop.web.api.token_permissions import require_scope
from eventshop.web.imports import import_jobs
from eventshop.web.imports.import_jobs import MAX_FILE_BYTES, RowError
from eventshop.web.imports.import_kinds import ImportKind, import_kinds
from eventshop.web.models import ImportJob
from eventshop.web.shared.errors import MalformedBody, NotAllowed, NotFound

#: How a file is written, where that cannot be found out; as the options of the command line.
FORMAT_OPTIONS: Final = ("encoding", "delimiter", "decimal", "dates", "columns")
_SCOPES: Final = {"GET": "imports:read", "POST": "imports:write"}
_PATH: Final = "web:import"


class CsvParser(RawParser):
    """A file of rows, as its bytes."""

    media_type = "text/csv"
    max_bytes = MAX_FILE_BYTES


class ImportStatus(Struct, frozen=True):
    """An import. Each row of the file is counted once; `errors` are the first 500 rows that were not imported."""

    example: ClassVar[dict[str, Any]] = {
        "import_id": "0f0d0a3e-8f5c-5d0b-9d6f-3a0a8a1c2b3d",
        "kind": "online-retail",
        "state": "done",
        "on_error": "skip",
        "dry_run": False,
        "rows": 3,
        "stored": 2,
        "already_there": 0,
        "refused": 1,
        "held_back": 0,
        "not_tried": 0,
        "events": 4,
        "errors": [{"line": 3, "detail": "Quantity 'six' is no whole number"}],
        "error": "",
        "requested_at": "2026-01-30T12:00:00Z",
        "started_at": "2026-01-30T12:00:01Z",
        "finished_at": "2026-01-30T12:00:02Z",
    }

    import_id: UUID
    kind: str
    state: str
    on_error: str
    dry_run: bool
    rows: int
    stored: int
    already_there: int
    refused: int
    held_back: int
    not_tried: int
    events: int
    errors: list[RowError]
    error: str
    requested_at: Instant
    started_at: Instant | None
    finished_at: Instant | None


class ImportPage(Struct, frozen=True):
    """A page of imports, the newest first; `next` is the URL of the next page."""

    results: list[ImportStatus]
    next: str | None
    next_cursor: str | None


class ImportView(ApiView):
    """Base class of the import views: for those who may import one kind of files."""

    access = Logged(Kind.ROWS)
    scopes: ClassVar[dict[str, str]] = _SCOPES
    can_be_batched = False

    @classmethod
    def rights_of(cls, method: str) -> Rights | None:
        """All rights of one of the kinds, as alternatives of single permissions."""
        return Rights(Audience.NOBODY, tuple("|".join(one) for one in product(*(k.rights for k in _kinds()))))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        login = require_login(request)
        if not any(login.has_perms(kind.rights) for kind in _kinds()):
            raise NotAllowed

    def find_job(self, request: Request, import_id: UUID) -> ImportJob:
        """The caller's job; raises `NotFound` for anybody else's."""
        job = ImportJob.objects.filter(pk=import_id, requested_by=require_login(request)).first()
        if job is None:
            raise NotFound
        return job


class Imports(ImportView):
    """Imports of files."""

    parser_classes = (CsvParser,)
    max_body_bytes = MAX_FILE_BYTES
    body_media_type: ClassVar[str] = CsvParser.media_type
    parameters: ClassVar[tuple[str, ...]] = ("limit", "cursor")
    post_parameters: ClassVar[tuple[str, ...]] = ("kind", "on_error", "dry_run", *FORMAT_OPTIONS)
    needs_version = False
    status = 202
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ImportPage, "POST": ImportStatus}

    def get(self, request: Request) -> Response:
        """List your imports, the newest first."""
        refuse_unknown_parameters(request, self.parameters)
        pages = KeysetPagination()
        rows = ImportJob.objects.filter(requested_by=require_login(request))
        page = pages.paginate_queryset(rows, request, PageOrder("-requested_at", ("requested_at",)))
        return pages.get_paginated_response([msgspec.to_builtins(import_status(job)) for job in page])

    def post(self, request: Request) -> Response:
        """Send a file: a table of text with a header, as `text/csv`, at most 4 MiB. A worker imports it.

        `Location` is its status. With `on_error=stop` (the default) the first row that cannot be imported ends it; with
        `skip` such rows are listed and the others stored. `dry_run=true` stores nothing. A file that was imported
        before changes nothing: its rows are `already_there`.
        """
        refuse_unknown_parameters(request, self.post_parameters)
        kind = _chosen_kind(request)
        on_error, dry_run = (_choice(request, "on_error", ("stop", "skip")), _choice(request, "dry_run", _BOOLEANS))
        options = {name: request.query_params[name] for name in FORMAT_OPTIONS if name in request.query_params}
        command_id = idempotency.command_id_from(request)
        content: Any = request.data  # bytes, unless there was no body
        if not isinstance(content, bytes) or not content.strip():
            raise MalformedBody("The file is empty")
        try:
            job, is_new = import_jobs.request(
                derive_id("api-import", command_id), kind.name, content, login=require_login(request),
                on_error=on_error, dry_run=dry_run == "true", options=options,
            )  # fmt: skip
        except InvalidMessage as error:
            raise invalid_parameter(str(error.data.get("option") or "columns"), error.message) from error
        response = _response(job, status=self.status)
        response["Location"] = request.build_absolute_uri(reverse(_PATH, args=[job.pk]))
        if not is_new:
            response["Idempotency-Replayed"] = "true"
        return response


class Import(ImportView):
    """One import."""

    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ImportStatus}

    def get(self, request: Request, import_id: UUID) -> Response:
        """What has become of the rows so far; poll until `state` is `done`, `failed` or `cancelled`."""
        refuse_unknown_parameters(request, ())
        return _response(self.find_job(request, import_id))


class ImportCancellation(ImportView):
    """The end of an import."""

    needs_version = False
    idempotency_key_methods: ClassVar[tuple[str, ...]] = ()
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": ImportStatus}

    def post(self, request: Request, import_id: UUID) -> Response:
        """End the import before its next batch of rows; what is stored stays. Sent again it is refused."""
        job = self.find_job(request, import_id)
        import_jobs.cancel(job)
        return _response(self.find_job(request, import_id))


_BOOLEANS: Final = ("false", "true")


def _kinds() -> list[ImportKind]:
    return list(import_kinds().values())


def _chosen_kind(request: Request) -> ImportKind:
    """The kind of the file, which the caller may import; raises `InvalidParameter`, `NotAllowed` or `OutOfScope`."""
    kind = import_kinds().get(request.query_params.get("kind", ""))
    if kind is None:
        raise invalid_parameter("kind", f"must be one of {', '.join(sorted(import_kinds()))}")
    if not require_login(request).has_perms(kind.rights):
        raise NotAllowed(f"You may not import files of the kind {kind.name}")
    require_scope(request, kind.scope)
    return kind


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    chosen = request.query_params.get(name, choices[0])
    if chosen not in choices:
        raise invalid_parameter(name, f"must be {' or '.join(choices)}")
    return chosen


def import_status(job: ImportJob) -> ImportStatus:
    tried = job.stored + job.already_there + job.refused + job.held_back
    return ImportStatus(
        import_id=job.pk,
        kind=job.kind,
        state=job.state,
        on_error=job.on_error,
        dry_run=job.dry_run,
        rows=job.rows,
        stored=job.stored,
        already_there=job.already_there,
        refused=job.refused,
        held_back=job.held_back,
        not_tried=max(0, job.rows - tried),
        events=job.events,
        errors=import_jobs.errors_of(job),
        error=job.error,
        requested_at=job.requested_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _response(job: ImportJob, *, status: int = 200) -> Response:
    response = Response(msgspec.to_builtins(import_status(job)), status=status)
    if job.state in ImportJob.OPEN:
        response["Retry-After"] = "1"
    return response

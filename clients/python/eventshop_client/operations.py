"""The operations of the API. Generated from schemas/openapi.json: do not edit."""

from __future__ import annotations

from typing import Literal

from eventshop_client import types
from eventshop_client.transport import Answer, Transport


class Operations(Transport):
    """Each operation as a method."""

    def get_root(self) -> Answer[types.CallerIdentity]:
        """Your identity and scopes: request it first with a new token."""

        return self.send("GET", "/api/v1/", {}, query={}, headers={})

    def list_accounts(
        self,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        opened_at_max: str | None = None,
        opened_at_min: str | None = None,
        ordering: Literal["opened_at", "updated_at", "reference", "-opened_at", "-updated_at", "-reference"]
        | None = None,
        owner_id: list[str] | None = None,
        q: str | None = None,
        reference: list[str] | None = None,
        to: str | None = None,
        updated_at_max: str | None = None,
        updated_at_min: str | None = None,
    ) -> Answer[types.PaginatedTradingAccountList]:
        """Trading accounts: list them, or open a new one."""

        return self.send(
            "GET",
            "/api/v1/accounts",
            {},
            query={
                "as_of": as_of,
                "currency": currency,
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "limit": limit,
                "opened_at_max": opened_at_max,
                "opened_at_min": opened_at_min,
                "ordering": ordering,
                "owner_id": owner_id,
                "q": q,
                "reference": reference,
                "to": to,
                "updated_at_max": updated_at_max,
                "updated_at_min": updated_at_min,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_accounts(
        self, body: types.NewAccount, *, idempotency_key: str | None = None, prefer: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Open a trading account."""

        return self.send(
            "POST",
            "/api/v1/accounts",
            {},
            query={},
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def get_account(self, account_id: str, *, as_of: str | None = None) -> Answer[types.AccountState]:
        """Its limits and frozen amounts, now or as recorded by a time."""

        return self.send(
            "GET", "/api/v1/accounts/{account_id}", {"account_id": account_id}, query={"as_of": as_of}, headers={}
        )

    def post_account_cost_methods(
        self, account_id: str, body: types.AccountCostMethod, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Choose the method by which the account's results are computed, past ones too."""

        return self.send(
            "POST",
            "/api/v1/accounts/{account_id}/cost-method",
            {"account_id": account_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_account_limits(
        self, account_id: str, body: types.AccountLimit, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Set a limit. Lowering a limit releases no frozen amount."""

        return self.send(
            "POST",
            "/api/v1/accounts/{account_id}/limits",
            {"account_id": account_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def list_activity_timeline(
        self,
        *,
        prefer: str | None = None,
        aggregate_id: list[str] | None = None,
        aggregate_type: list[str] | None = None,
        at_max: str | None = None,
        at_min: str | None = None,
        correlation_id: list[str] | None = None,
        cursor: str | None = None,
        customer_id: list[str] | None = None,
        event_type: list[str] | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        ordering: Literal["at", "recorded_at", "position", "-at", "-recorded_at", "-position"] | None = None,
        position_max: int | None = None,
        position_min: int | None = None,
        q: str | None = None,
        recorded_at_max: str | None = None,
        recorded_at_min: str | None = None,
        reference: list[str] | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedActivityTimelineList]:
        """Activity: one row per event, with a summary in words."""

        return self.send(
            "GET",
            "/api/v1/activity",
            {},
            query={
                "aggregate_id": aggregate_id,
                "aggregate_type": aggregate_type,
                "at_max": at_max,
                "at_min": at_min,
                "correlation_id": correlation_id,
                "cursor": cursor,
                "customer_id": customer_id,
                "event_type": event_type,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "limit": limit,
                "ordering": ordering,
                "position_max": position_max,
                "position_min": position_min,
                "q": q,
                "recorded_at_max": recorded_at_max,
                "recorded_at_min": recorded_at_min,
                "reference": reference,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_batches(self, body: types.Batch, *, idempotency_key: str | None = None) -> Answer[types.BatchResults]:
        """Send up to 100 commands. Each needs the scope and permissions that it needs alone, and counts as a
        request.
        """

        return self.send(
            "POST",
            "/api/v1/batches",
            {},
            query={},
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            needs_key=True,
        )

    def get_command_status(self, command_id: str, *, prefer: str | None = None) -> Answer[types.CommandOutcome]:
        """The outcome of a command, for its sender and for staff who may read events."""

        return self.send(
            "GET", "/api/v1/commands/{command_id}", {"command_id": command_id}, query={}, headers={"Prefer": prefer}
        )

    def list_consent_register(
        self,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        ordering: Literal["key", "purpose", "-key", "-purpose"] | None = None,
        person_id: list[str] | None = None,
        purpose: list[str] | None = None,
        status: list[Literal["ConsentExpired", "ConsentGiven", "ConsentInvalidated", "ConsentWithdrawn"]] | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedConsentRegisterList]:
        """A person's consent to one purpose, and the notice it refers to."""

        return self.send(
            "GET",
            "/api/v1/consents",
            {},
            query={
                "as_of": as_of,
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "limit": limit,
                "ordering": ordering,
                "person_id": person_id,
                "purpose": purpose,
                "status": status,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def get_consent_register(
        self,
        key: str,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
    ) -> Answer[types.ConsentRegister]:
        """A person's consent to one purpose, and the notice it refers to."""

        return self.send(
            "GET",
            "/api/v1/consents/{key}",
            {"key": key},
            query={"as_of": as_of, "expand": expand, "fields": fields},
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def list_customer_summary(
        self,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        customer_id: list[str] | None = None,
        expand: str | None = None,
        external_id: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        lifetime_value_max: float | None = None,
        lifetime_value_min: float | None = None,
        limit: int | None = None,
        ordering: Literal["lifetime_value", "orders", "spent", "-lifetime_value", "-orders", "-spent"] | None = None,
        orders_max: int | None = None,
        orders_min: int | None = None,
        spent_max: float | None = None,
        spent_min: float | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedCustomerSummaryList]:
        """Orders, payments and lifetime value of a customer, in one currency."""

        return self.send(
            "GET",
            "/api/v1/customers",
            {},
            query={
                "as_of": as_of,
                "currency": currency,
                "cursor": cursor,
                "customer_id": customer_id,
                "expand": expand,
                "external_id": external_id,
                "fields": fields,
                "from": from_,
                "lifetime_value_max": lifetime_value_max,
                "lifetime_value_min": lifetime_value_min,
                "limit": limit,
                "ordering": ordering,
                "orders_max": orders_max,
                "orders_min": orders_min,
                "spent_max": spent_max,
                "spent_min": spent_min,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def list_delivery_option(
        self,
        *,
        currency: list[str] | None = None,
        cursor: str | None = None,
        fields: str | None = None,
        limit: int | None = None,
        ordering: Literal["position", "price", "-position", "-price"] | None = None,
        position_max: int | None = None,
        position_min: int | None = None,
        price_max: float | None = None,
        price_min: float | None = None,
    ) -> Answer[types.PaginatedDeliveryOptionList]:
        """The ways in which an order can be delivered, and what each costs; goods of `free_from` are delivered
        free.
        """

        return self.send(
            "GET",
            "/api/v1/delivery-options",
            {},
            query={
                "currency": currency,
                "cursor": cursor,
                "fields": fields,
                "limit": limit,
                "ordering": ordering,
                "position_max": position_max,
                "position_min": position_min,
                "price_max": price_max,
                "price_min": price_min,
            },
            headers={},
        )

    def get_erasure_status(self, token: str) -> Answer[types.ErasureProgress]:
        """Poll until `state` is `done`."""

        return self.send("GET", "/api/v1/erasures/{token}", {"token": token}, query={}, headers={})

    def get_feed(
        self,
        *,
        prefer: str | None = None,
        after: int | None = None,
        aggregate_type: str | None = None,
        format: Literal["event-stream", "json"] | None = None,
        limit: int | None = None,
        types: str | None = None,
    ) -> Answer[types.FeedPage]:
        """The events of the store in order, from a position on, without gaps and without duplicates."""

        return self.send(
            "GET",
            "/api/v1/events",
            {},
            query={"after": after, "aggregate_type": aggregate_type, "format": format, "limit": limit, "types": types},
            headers={"Prefer": prefer},
        )

    def list_fee_schedule(
        self,
        *,
        account_id: list[str] | None = None,
        cursor: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        instrument: list[str] | None = None,
        limit: int | None = None,
        ordering: Literal["valid_from", "-valid_from"] | None = None,
        to: str | None = None,
        valid_from_max: str | None = None,
        valid_from_min: str | None = None,
    ) -> Answer[types.PaginatedFeeScheduleList]:
        """The terms of fees, those of the past and of the future too; a trade gets those of its submission."""

        return self.send(
            "GET",
            "/api/v1/fee-schedules",
            {},
            query={
                "account_id": account_id,
                "cursor": cursor,
                "fields": fields,
                "from": from_,
                "instrument": instrument,
                "limit": limit,
                "ordering": ordering,
                "to": to,
                "valid_from_max": valid_from_max,
                "valid_from_min": valid_from_min,
            },
            headers={},
        )

    def get_imports(self, *, cursor: str | None = None, limit: int | None = None) -> Answer[types.ImportPage]:
        """List your imports, the newest first."""

        return self.send("GET", "/api/v1/imports", {}, query={"cursor": cursor, "limit": limit}, headers={})

    def post_imports(
        self,
        body: str,
        *,
        kind: str,
        idempotency_key: str | None = None,
        columns: str | None = None,
        dates: str | None = None,
        decimal: Literal[",", "."] | None = None,
        delimiter: str | None = None,
        dry_run: bool | None = None,
        encoding: str | None = None,
        on_error: Literal["skip", "stop"] | None = None,
    ) -> Answer[types.ImportStatus]:
        """Send a file: a table of text with a header, as `text/csv`, at most 4 MiB. A worker imports it."""

        return self.send(
            "POST",
            "/api/v1/imports",
            {},
            query={
                "columns": columns,
                "dates": dates,
                "decimal": decimal,
                "delimiter": delimiter,
                "dry_run": dry_run,
                "encoding": encoding,
                "kind": kind,
                "on_error": on_error,
            },
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            media_type="text/csv",
            needs_key=True,
        )

    def get_import(self, import_id: str) -> Answer[types.ImportStatus]:
        """What has become of the rows so far; poll until `state` is `done`, `failed` or `cancelled`."""

        return self.send("GET", "/api/v1/imports/{import_id}", {"import_id": import_id}, query={}, headers={})

    def post_import_cancellation(self, import_id: str) -> Answer[types.ImportStatus]:
        """End the import before its next batch of rows; what is stored stays. Sent again it is refused."""

        return self.send(
            "POST", "/api/v1/imports/{import_id}/cancellation", {"import_id": import_id}, query={}, headers={}
        )

    def get_instruments(self) -> Answer[types.InstrumentList]:
        """The instruments with their ticks, lots, currencies and calendars, sorted by code; also those of the
        past.
        """

        return self.send("GET", "/api/v1/instruments", {}, query={}, headers={})

    def get_instrument(self, symbol: str, venue: str) -> Answer[types.InstrumentDetails]:
        """One instrument with its terms."""

        return self.send(
            "GET", "/api/v1/instruments/{venue}/{symbol}", {"symbol": symbol, "venue": venue}, query={}, headers={}
        )

    def list_market_minute(
        self,
        *,
        prefer: str | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        instrument: list[str] | None = None,
        limit: int | None = None,
        minute_max: str | None = None,
        minute_min: str | None = None,
        ordering: Literal["minute", "instrument", "-minute", "-instrument"] | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedMarketMinuteList]:
        """The trades in one instrument in one minute (UTC), summed up. One with both sides ours counts once."""

        return self.send(
            "GET",
            "/api/v1/market/minutes",
            {},
            query={
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "instrument": instrument,
                "limit": limit,
                "minute_max": minute_max,
                "minute_min": minute_min,
                "ordering": ordering,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def get_attention(self) -> Answer[types.AttentionStates]:
        """What is wrong or late, worst first."""

        return self.send("GET", "/api/v1/operations/attention", {}, query={}, headers={})

    def post_attention_acknowledgement(self, item_id: str, body: types.AttentionAction) -> Answer[types.ActionResult]:
        """Say that somebody knows of it."""

        return self.send(
            "POST",
            "/api/v1/operations/attention/{item_id}/acknowledge",
            {"item_id": item_id},
            query={},
            headers={},
            body=body,
        )

    def post_attention_assignment(self, item_id: str, body: types.AttentionAction) -> Answer[types.ActionResult]:
        """Name the member of staff who looks after it."""

        return self.send(
            "POST",
            "/api/v1/operations/attention/{item_id}/assign",
            {"item_id": item_id},
            query={},
            headers={},
            body=body,
        )

    def post_attention_snooze(self, item_id: str, body: types.AttentionAction) -> Answer[types.ActionResult]:
        """Hide it for `minutes`, or until it becomes worse."""

        return self.send(
            "POST",
            "/api/v1/operations/attention/{item_id}/snooze",
            {"item_id": item_id},
            query={},
            headers={},
            body=body,
        )

    def get_corrections(self) -> Answer[types.CorrectionStates]:
        """List corrections, the newest first, without the values."""

        return self.send("GET", "/api/v1/operations/corrections", {}, query={}, headers={})

    def post_correction_approval(self, correction_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Approve a correction that somebody else has made."""

        return self.send(
            "POST",
            "/api/v1/operations/corrections/{correction_id}/approve",
            {"correction_id": correction_id},
            query={},
            headers={},
            body=body,
        )

    def post_correction_withdrawal(self, correction_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Withdraw or reject a correction: the projection reads the event itself."""

        return self.send(
            "POST",
            "/api/v1/operations/corrections/{correction_id}/withdraw",
            {"correction_id": correction_id},
            query={},
            headers={},
            body=body,
        )

    def get_dead_letter_jobs(self, job_id: str) -> Answer[types.DeadLetterJobState]:
        """Poll its progress."""

        return self.send(
            "GET", "/api/v1/operations/dead-letter-jobs/{job_id}", {"job_id": job_id}, query={}, headers={}
        )

    def post_retry_job_cancellation(self, job_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """End a retry of all dead letters of a cause; what it has done stays."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letter-jobs/{job_id}/cancel-retry",
            {"job_id": job_id},
            query={},
            headers={},
            body=body,
        )

    def post_skip_job_cancellation(self, job_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """End a skip of all dead letters of a cause; what it has done stays."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letter-jobs/{job_id}/cancel-skip",
            {"job_id": job_id},
            query={},
            headers={},
            body=body,
        )

    def post_cause_retry(self, name: str, body: types.CauseAction) -> Answer[types.DeadLetterJobState]:
        """Retry all dead letters of a cause: a job, which a worker carries out."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letters/{name}/retry-cause",
            {"name": name},
            query={},
            headers={},
            body=body,
        )

    def post_cause_skip(self, name: str, body: types.CauseAction) -> Answer[types.DeadLetterJobState]:
        """Skip all dead letters of a cause: a job, which a worker carries out."""

        return self.send(
            "POST", "/api/v1/operations/dead-letters/{name}/skip-cause", {"name": name}, query={}, headers={}, body=body
        )

    def post_dead_letter_correction(
        self, event_id: str, name: str, body: types.LetterAction
    ) -> Answer[types.ActionResult]:
        """Correct a dead letter: those of `fields` that differ are what the projection reads from now on."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letters/{name}/{event_id}/correct",
            {"event_id": event_id, "name": name},
            query={},
            headers={},
            body=body,
        )

    def post_dead_letter_restoration(
        self, event_id: str, name: str, body: types.OperatorReason
    ) -> Answer[types.ActionResult]:
        """Restore a skipped event: a rebuild folds it again."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letters/{name}/{event_id}/restore",
            {"event_id": event_id, "name": name},
            query={},
            headers={},
            body=body,
        )

    def post_dead_letter_retry(self, event_id: str, name: str, body: types.LetterAction) -> Answer[types.ActionResult]:
        """Retry the queue of a dead letter, whole or up to this one."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letters/{name}/{event_id}/retry",
            {"event_id": event_id, "name": name},
            query={},
            headers={},
            body=body,
        )

    def post_dead_letter_skip(self, event_id: str, name: str, body: types.LetterAction) -> Answer[types.ActionResult]:
        """Skip a dead letter: the projection leaves the event out."""

        return self.send(
            "POST",
            "/api/v1/operations/dead-letters/{name}/{event_id}/skip",
            {"event_id": event_id, "name": name},
            query={},
            headers={},
            body=body,
        )

    def get_jobs(self) -> Answer[types.JobStates]:
        """Jobs of the kinds whose rows one may view: those that have not ended, then the newest."""

        return self.send("GET", "/api/v1/operations/jobs", {}, query={}, headers={})

    def get_periodic_jobs(self) -> Answer[types.PeriodicJobStates]:
        """All periodic jobs."""

        return self.send("GET", "/api/v1/operations/periodic-jobs", {}, query={}, headers={})

    def post_periodic_job_run(self, name: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Make a periodic job due now."""

        return self.send(
            "POST", "/api/v1/operations/periodic-jobs/{name}/run", {"name": name}, query={}, headers={}, body=body
        )

    def get_projections(self) -> Answer[types.ProjectionStates]:
        """List the projections."""

        return self.send("GET", "/api/v1/operations/projections", {}, query={}, headers={})

    def post_row_checks(self, name: str, body: types.NewRowCheck) -> Answer[types.ReplayState]:
        """Have one row, or the rows of a stream, compared with their events by a worker."""

        return self.send(
            "POST", "/api/v1/operations/projections/{name}/checks", {"name": name}, query={}, headers={}, body=body
        )

    def post_dry_runs(self, name: str, body: types.OperatorReason) -> Answer[types.ReplayState]:
        """Have today's code fold the events again: the numbers say what a rebuild would change."""

        return self.send(
            "POST", "/api/v1/operations/projections/{name}/dry-runs", {"name": name}, query={}, headers={}, body=body
        )

    def post_projection_pause(self, name: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Pause a projection: its workers leave it alone within seconds, and events wait."""

        return self.send(
            "POST", "/api/v1/operations/projections/{name}/pause", {"name": name}, query={}, headers={}, body=body
        )

    def post_point_in_time_queries(self, name: str, body: types.NewPointInTimeQuery) -> Answer[types.ReplayState]:
        """Have a read model folded as it was. The rows are in the console, for those who may view them."""

        return self.send(
            "POST",
            "/api/v1/operations/projections/{name}/point-in-time-queries",
            {"name": name},
            query={},
            headers={},
            body=body,
        )

    def post_projection_rebuilds(self, name: str, body: types.NewRebuild) -> Answer[types.RebuildState]:
        """A worker starts it. The open rebuild is returned if there is one already."""

        return self.send(
            "POST", "/api/v1/operations/projections/{name}/rebuilds", {"name": name}, query={}, headers={}, body=body
        )

    def post_republications(self, name: str, body: types.Republication) -> Answer[types.ActionResult]:
        """Publish rows of a read model once more on its topic, or with `dry_run` count them."""

        return self.send(
            "POST",
            "/api/v1/operations/projections/{name}/republications",
            {"name": name},
            query={},
            headers={},
            body=body,
        )

    def post_projection_resumption(self, name: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Resume a paused projection."""

        return self.send(
            "POST", "/api/v1/operations/projections/{name}/resume", {"name": name}, query={}, headers={}, body=body
        )

    def get_rebuilds(self) -> Answer[types.RebuildStates]:
        """List rebuilds, the newest first."""

        return self.send("GET", "/api/v1/operations/rebuilds", {}, query={}, headers={})

    def get_rebuild_resource(self, rebuild_id: str) -> Answer[types.RebuildState]:
        """Poll its progress."""

        return self.send(
            "GET", "/api/v1/operations/rebuilds/{rebuild_id}", {"rebuild_id": rebuild_id}, query={}, headers={}
        )

    def post_rebuild_action(self, rebuild_id: str, verb: str, body: types.OperatorReason) -> Answer[types.RebuildState]:
        """`undo` requests another rebuild, which names this one in `undoes`."""

        return self.send(
            "POST",
            "/api/v1/operations/rebuilds/{rebuild_id}/{verb}",
            {"rebuild_id": rebuild_id, "verb": verb},
            query={},
            headers={},
            body=body,
        )

    def get_replay_resource(self, replay_id: str) -> Answer[types.ReplayState]:
        """Poll its progress."""

        return self.send(
            "GET", "/api/v1/operations/replays/{replay_id}", {"replay_id": replay_id}, query={}, headers={}
        )

    def post_replay_cancellation(self, replay_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """End one without a result."""

        return self.send(
            "POST",
            "/api/v1/operations/replays/{replay_id}/cancel",
            {"replay_id": replay_id},
            query={},
            headers={},
            body=body,
        )

    def get_saga_group(self) -> Answer[types.SagaGroups]:
        """Sagas that are held up, by cause."""

        return self.send("GET", "/api/v1/operations/saga-groups", {}, query={}, headers={})

    def post_saga_group_compensation(self, body: types.SagaGroupAction) -> Answer[types.ActionResult]:
        """Compensate all sagas of a group."""

        return self.send("POST", "/api/v1/operations/saga-groups/compensate", {}, query={}, headers={}, body=body)

    def post_saga_group_resolution(self, body: types.SagaGroupAction) -> Answer[types.ActionResult]:
        """Resolve all sagas of a group."""

        return self.send("POST", "/api/v1/operations/saga-groups/resolve", {}, query={}, headers={}, body=body)

    def post_saga_group_retry(self, body: types.SagaGroupAction) -> Answer[types.ActionResult]:
        """Retry all suspended sagas of a group."""

        return self.send("POST", "/api/v1/operations/saga-groups/retry", {}, query={}, headers={}, body=body)

    def post_saga_group_retry_now(self, body: types.SagaGroupAction) -> Answer[types.ActionResult]:
        """Make the failing steps of all sagas of a group due now."""

        return self.send("POST", "/api/v1/operations/saga-groups/retry-now", {}, query={}, headers={}, body=body)

    def post_saga_compensation(self, saga_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Let a saga undo its completed steps where possible."""

        return self.send(
            "POST",
            "/api/v1/operations/sagas/{saga_id}/compensate",
            {"saga_id": saga_id},
            query={},
            headers={},
            body=body,
        )

    def post_saga_resolution(self, saga_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Close a saga whose process was completed by hand."""

        return self.send(
            "POST", "/api/v1/operations/sagas/{saga_id}/resolve", {"saga_id": saga_id}, query={}, headers={}, body=body
        )

    def post_saga_retry(self, saga_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Let a suspended saga try its failed step again."""

        return self.send(
            "POST", "/api/v1/operations/sagas/{saga_id}/retry", {"saga_id": saga_id}, query={}, headers={}, body=body
        )

    def post_saga_retry_now(self, saga_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Make the step that is retried anyway due now."""

        return self.send(
            "POST",
            "/api/v1/operations/sagas/{saga_id}/retry-now",
            {"saga_id": saga_id},
            query={},
            headers={},
            body=body,
        )

    def get_unreadable_records(self) -> Answer[types.UnreadableRecordStates]:
        """List the records of the log that are no events and that nobody has acknowledged, without their bytes."""

        return self.send("GET", "/api/v1/operations/unreadable-records", {}, query={}, headers={})

    def post_unreadable_cause_retry(self, body: types.CauseAction) -> Answer[types.ActionResult]:
        """Read all records of a cause again."""

        return self.send(
            "POST", "/api/v1/operations/unreadable-records/retry-cause", {}, query={}, headers={}, body=body
        )

    def post_unreadable_cause_skip(self, body: types.CauseAction) -> Answer[types.ActionResult]:
        """Acknowledge all records of a cause."""

        return self.send(
            "POST", "/api/v1/operations/unreadable-records/skip-cause", {}, query={}, headers={}, body=body
        )

    def post_unreadable_record_retry(self, record_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Read a record again: one that is an event by now is no longer listed."""

        return self.send(
            "POST",
            "/api/v1/operations/unreadable-records/{record_id}/retry",
            {"record_id": record_id},
            query={},
            headers={},
            body=body,
        )

    def post_unreadable_record_skip(self, record_id: str, body: types.OperatorReason) -> Answer[types.ActionResult]:
        """Acknowledge a record: it stays on the topic, and nobody speaks of it any more."""

        return self.send(
            "POST",
            "/api/v1/operations/unreadable-records/{record_id}/skip",
            {"record_id": record_id},
            query={},
            headers={},
            body=body,
        )

    def list_order_line(
        self,
        *,
        prefer: str | None = None,
        amount_max: float | None = None,
        amount_min: float | None = None,
        as_of: str | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        kind: list[Literal["discount", "freight", "product", "tax"]] | None = None,
        limit: int | None = None,
        order_id: list[str] | None = None,
        ordering: Literal["key", "sku", "amount", "quantity", "-key", "-sku", "-amount", "-quantity"] | None = None,
        q: str | None = None,
        quantity_max: int | None = None,
        quantity_min: int | None = None,
        sku: list[str] | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedOrderLineList]:
        """One line of an order or credit note: a product, freight, a discount or a tax."""

        return self.send(
            "GET",
            "/api/v1/order-lines",
            {},
            query={
                "amount_max": amount_max,
                "amount_min": amount_min,
                "as_of": as_of,
                "currency": currency,
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "kind": kind,
                "limit": limit,
                "order_id": order_id,
                "ordering": ordering,
                "q": q,
                "quantity_max": quantity_max,
                "quantity_min": quantity_min,
                "sku": sku,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def list_orders(
        self,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        country: list[str] | None = None,
        created_at_max: str | None = None,
        created_at_min: str | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        customer_external_id: str | None = None,
        customer_id: list[str] | None = None,
        expand: str | None = None,
        external_id: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        kind: list[Literal["credit-note", "order"]] | None = None,
        limit: int | None = None,
        observed: bool | None = None,
        ordering: Literal["created_at", "updated_at", "total", "-created_at", "-updated_at", "-total"] | None = None,
        payment_state: list[Literal["AUTHORISED", "OVERPAID", "PAID", "PARTLY_PAID", "UNPAID"]] | None = None,
        q: str | None = None,
        reference: list[str] | None = None,
        review: str | None = None,
        status: list[Literal["CANCELLED", "CREATED", "CREDITED", "DELIVERED", "PAID", "REVERSED", "SHIPPED"]]
        | None = None,
        to: str | None = None,
        to_review: bool | None = None,
        total_max: float | None = None,
        total_min: float | None = None,
        updated_at_max: str | None = None,
        updated_at_min: str | None = None,
    ) -> Answer[types.PaginatedOrderSummaryList]:
        """Orders: list them, or post a new one."""

        return self.send(
            "GET",
            "/api/v1/orders",
            {},
            query={
                "as_of": as_of,
                "country": country,
                "created_at_max": created_at_max,
                "created_at_min": created_at_min,
                "currency": currency,
                "cursor": cursor,
                "customer_external_id": customer_external_id,
                "customer_id": customer_id,
                "expand": expand,
                "external_id": external_id,
                "fields": fields,
                "from": from_,
                "kind": kind,
                "limit": limit,
                "observed": observed,
                "ordering": ordering,
                "payment_state": payment_state,
                "q": q,
                "reference": reference,
                "review": review,
                "status": status,
                "to": to,
                "to_review": to_review,
                "total_max": total_max,
                "total_min": total_min,
                "updated_at_max": updated_at_max,
                "updated_at_min": updated_at_min,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_orders(
        self, body: types.NewOrder, *, idempotency_key: str | None = None, prefer: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Place an order at the prices that you were shown."""

        return self.send(
            "POST",
            "/api/v1/orders",
            {},
            query={},
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def list_order_events(
        self,
        aggregate_id: str,
        *,
        prefer: str | None = None,
        after_version: int | None = None,
        as_of: str | None = None,
        limit: int | None = None,
    ) -> Answer[types.StreamPage]:
        """The events of an order: for its customer, and for staff with the permission to read events."""

        return self.send(
            "GET",
            "/api/v1/orders/{aggregate_id}/events",
            {"aggregate_id": aggregate_id},
            query={"after_version": after_version, "as_of": as_of, "limit": limit},
            headers={"Prefer": prefer},
        )

    def get_order_summary(
        self,
        key: str,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
    ) -> Answer[types.OrderSummary]:
        """The current state of an order."""

        return self.send(
            "GET",
            "/api/v1/orders/{key}",
            {"key": key},
            query={"as_of": as_of, "expand": expand, "fields": fields},
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_cancellations(
        self, order_id: str, body: types.Cancellation, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Cancel an order that has not been shipped. What was paid is refunded."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/cancellation",
            {"order_id": order_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_deliveries(
        self, order_id: str, body: types.Delivery, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Record that a parcel was delivered."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/delivery",
            {"order_id": order_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_observed_facts(
        self,
        order_id: str,
        body: types.ObservedFact,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Record what happened elsewhere, in any state of the order: it is stored as the fact that it is."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/observed-facts",
            {"order_id": order_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def get_payments(self, order_id: str) -> Answer[types.OrderPayments]:
        """The payments of an order: what was asked for, what came of it, and what is outstanding."""

        return self.send("GET", "/api/v1/orders/{order_id}/payments", {"order_id": order_id}, query={}, headers={})

    def post_payments(
        self, order_id: str, body: types.PaymentDecision, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Decide to pay all or a part of an order. Nothing is charged without it."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/payments",
            {"order_id": order_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_returns(
        self,
        order_id: str,
        body: types.Return,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Ask to return items of an order that was shipped. Its reference is R- and ten characters; read the
        events.
        """

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/returns",
            {"order_id": order_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def post_return_acceptances(
        self,
        order_id: str,
        reference: str,
        body: types.ReturnAcceptance,
        *,
        if_match: str,
        idempotency_key: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Accept a return: the customer may send the items."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/returns/{reference}/acceptance",
            {"order_id": order_id, "reference": reference},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_return_declines(
        self,
        order_id: str,
        reference: str,
        body: types.ReturnRefusal,
        *,
        if_match: str,
        idempotency_key: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Decline a return."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/returns/{reference}/decline",
            {"order_id": order_id, "reference": reference},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_return_receipts(
        self,
        order_id: str,
        reference: str,
        body: types.ReturnReceipt,
        *,
        if_match: str,
        idempotency_key: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Record which items of an accepted return came back, all or a part. They are refunded."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/returns/{reference}/receipt",
            {"order_id": order_id, "reference": reference},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_shipments(
        self, order_id: str, body: types.Shipment, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Hand the parcel of a paid or authorised order to a carrier."""

        return self.send(
            "POST",
            "/api/v1/orders/{order_id}/shipment",
            {"order_id": order_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def get_payment_methods(self) -> Answer[types.PaymentMethodList]:
        """The means of payment that an order can be paid by."""

        return self.send("GET", "/api/v1/payment-methods", {}, query={}, headers={})

    def list_user_profile(
        self,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        created_at_max: str | None = None,
        created_at_min: str | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        ordering: Literal["created_at", "updated_at", "-created_at", "-updated_at"] | None = None,
        restricted: bool | None = None,
        source: list[str] | None = None,
        status: list[Literal["ACTIVE", "ERASED", "ERASING", "LEAVING"]] | None = None,
        to: str | None = None,
        updated_at_max: str | None = None,
        updated_at_min: str | None = None,
    ) -> Answer[types.PaginatedUserProfileList]:
        """A person's contact details, consents and account status. Erasure empties the personal columns."""

        return self.send(
            "GET",
            "/api/v1/people",
            {},
            query={
                "as_of": as_of,
                "created_at_max": created_at_max,
                "created_at_min": created_at_min,
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "limit": limit,
                "ordering": ordering,
                "restricted": restricted,
                "source": source,
                "status": status,
                "to": to,
                "updated_at_max": updated_at_max,
                "updated_at_min": updated_at_min,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def get_user_profile(
        self,
        key: str,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
    ) -> Answer[types.UserProfile]:
        """A person's contact details, consents and account status. Erasure empties the personal columns."""

        return self.send(
            "GET",
            "/api/v1/people/{key}",
            {"key": key},
            query={"as_of": as_of, "expand": expand, "fields": fields},
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def get_addresses(self, person_id: str) -> Answer[types.AddressBook]:
        """List the addresses."""

        return self.send("GET", "/api/v1/people/{person_id}/addresses", {"person_id": person_id}, query={}, headers={})

    def post_addresses(
        self, person_id: str, body: types.BookAddress, *, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Add an address; `Location` is the address book."""

        return self.send(
            "POST",
            "/api/v1/people/{person_id}/addresses",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            needs_key=True,
        )

    def delete_address(
        self, address_id: str, person_id: str, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Take the address out of the book; one that is already out stays out."""

        return self.send(
            "DELETE",
            "/api/v1/people/{person_id}/addresses/{address_id}",
            {"address_id": address_id, "person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            needs_key=True,
        )

    def put_address(
        self,
        address_id: str,
        person_id: str,
        body: types.BookAddress,
        *,
        if_match: str,
        idempotency_key: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Change the address."""

        return self.send(
            "PUT",
            "/api/v1/people/{person_id}/addresses/{address_id}",
            {"address_id": address_id, "person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def delete_consent(
        self, person_id: str, term: str, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Withdraw the consent."""

        return self.send(
            "DELETE",
            "/api/v1/people/{person_id}/consents/{term}",
            {"person_id": person_id, "term": term},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            needs_key=True,
        )

    def put_consent(
        self, person_id: str, term: str, body: types.ConsentGrant, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Grant the consent, in the wording of the current privacy notice."""

        return self.send(
            "PUT",
            "/api/v1/people/{person_id}/consents/{term}",
            {"person_id": person_id, "term": term},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def put_contact_details(
        self, person_id: str, body: types.ContactData, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Replace them."""

        return self.send(
            "PUT",
            "/api/v1/people/{person_id}/contact",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def delete_erasure_request(
        self, person_id: str, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Cancel the request."""

        return self.send(
            "DELETE",
            "/api/v1/people/{person_id}/erasure",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            needs_key=True,
        )

    def post_erasure_request(
        self, person_id: str, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Request erasure. It can be cancelled during the cooling-off period; `Location` is its status resource."""

        return self.send(
            "POST",
            "/api/v1/people/{person_id}/erasure",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            needs_key=True,
        )

    def post_category_erasure(
        self, person_id: str, body: types.ErasedCategories, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Erase them; it cannot be undone. Only requests with an API token are accepted, as for the whole
        erasure.
        """

        return self.send(
            "POST",
            "/api/v1/people/{person_id}/erasure/categories",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_legal_holds(
        self,
        person_id: str,
        body: types.NewLegalHold,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Place a legal hold: it prevents the erasure of the person's data until it is released."""

        return self.send(
            "POST",
            "/api/v1/people/{person_id}/holds",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def post_legal_hold_release(
        self, person_id: str, body: types.ReleasedLegalHold, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Release a legal hold."""

        return self.send(
            "POST",
            "/api/v1/people/{person_id}/holds/release",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def get_letter_settings(self, person_id: str) -> Answer[types.LetterPreferences]:
        """The choice; without one, what the shop uses."""

        return self.send(
            "GET", "/api/v1/people/{person_id}/preferences", {"person_id": person_id}, query={}, headers={}
        )

    def put_letter_settings(
        self, person_id: str, body: types.LetterPreferences, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Choose them."""

        return self.send(
            "PUT",
            "/api/v1/people/{person_id}/preferences",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def delete_restriction(
        self, person_id: str, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Lift the restriction."""

        return self.send(
            "DELETE",
            "/api/v1/people/{person_id}/restriction",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            needs_key=True,
        )

    def put_restriction(
        self, person_id: str, body: types.RestrictionReason, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Restrict the processing."""

        return self.send(
            "PUT",
            "/api/v1/people/{person_id}/restriction",
            {"person_id": person_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def list_position(
        self,
        *,
        prefer: str | None = None,
        account_id: list[str] | None = None,
        as_of: str | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        instrument: list[str] | None = None,
        limit: int | None = None,
        ordering: Literal["instrument", "id", "-instrument", "-id"] | None = None,
        q: str | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedPositionList]:
        """The position of one account in one instrument, with its cost and realised result by both methods of
        cost.
        """

        return self.send(
            "GET",
            "/api/v1/positions",
            {},
            query={
                "account_id": account_id,
                "as_of": as_of,
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "instrument": instrument,
                "limit": limit,
                "ordering": ordering,
                "q": q,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def list_product(
        self,
        *,
        category: list[str] | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        fields: str | None = None,
        limit: int | None = None,
        ordering: Literal["name", "sku", "price", "-name", "-sku", "-price"] | None = None,
        price_max: float | None = None,
        price_min: float | None = None,
        q: str | None = None,
        sku: list[str] | None = None,
    ) -> Answer[types.PaginatedProductList]:
        """The products on sale, with their current prices and how many of each can be sold now."""

        return self.send(
            "GET",
            "/api/v1/products",
            {},
            query={
                "category": category,
                "currency": currency,
                "cursor": cursor,
                "fields": fields,
                "limit": limit,
                "ordering": ordering,
                "price_max": price_max,
                "price_min": price_min,
                "q": q,
                "sku": sku,
            },
            headers={},
        )

    def get_product(self, sku: str, *, fields: str | None = None) -> Answer[types.Product]:
        """One product on sale, with its current price and how many can be sold now."""

        return self.send("GET", "/api/v1/products/{sku}", {"sku": sku}, query={"fields": fields}, headers={})

    def list_daily_sales(
        self,
        *,
        prefer: str | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        day_max: str | None = None,
        day_min: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        gross_max: float | None = None,
        gross_min: float | None = None,
        limit: int | None = None,
        net_max: float | None = None,
        net_min: float | None = None,
        ordering: Literal["day", "net", "gross", "orders", "-day", "-net", "-gross", "-orders"] | None = None,
        orders_max: int | None = None,
        orders_min: int | None = None,
        to: str | None = None,
    ) -> Answer[types.PaginatedDailySalesList]:
        """Sales and refunds of one day of the shop (its local time), in one currency."""

        return self.send(
            "GET",
            "/api/v1/sales/days",
            {},
            query={
                "currency": currency,
                "cursor": cursor,
                "day_max": day_max,
                "day_min": day_min,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "gross_max": gross_max,
                "gross_min": gross_min,
                "limit": limit,
                "net_max": net_max,
                "net_min": net_min,
                "ordering": ordering,
                "orders_max": orders_max,
                "orders_min": orders_min,
                "to": to,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def list_product_sales(
        self,
        *,
        prefer: str | None = None,
        currency: list[str] | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        external_id: str | None = None,
        fields: str | None = None,
        gross_max: float | None = None,
        gross_min: float | None = None,
        limit: int | None = None,
        net_max: float | None = None,
        net_min: float | None = None,
        ordering: Literal["net", "gross", "units_net", "sku", "-net", "-gross", "-units_net", "-sku"] | None = None,
        q: str | None = None,
        sku: list[str] | None = None,
        units_net_max: int | None = None,
        units_net_min: int | None = None,
    ) -> Answer[types.PaginatedProductSalesList]:
        """Sales and returns of one product, in one currency. The SKU is case-sensitive. Freight is no product."""

        return self.send(
            "GET",
            "/api/v1/sales/products",
            {},
            query={
                "currency": currency,
                "cursor": cursor,
                "expand": expand,
                "external_id": external_id,
                "fields": fields,
                "gross_max": gross_max,
                "gross_min": gross_min,
                "limit": limit,
                "net_max": net_max,
                "net_min": net_min,
                "ordering": ordering,
                "q": q,
                "sku": sku,
                "units_net_max": units_net_max,
                "units_net_min": units_net_min,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def list_stock_level(
        self,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        external_id: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        limit: int | None = None,
        on_hand_max: int | None = None,
        on_hand_min: int | None = None,
        ordering: Literal["sku", "on_hand", "updated_at", "-sku", "-on_hand", "-updated_at"] | None = None,
        q: str | None = None,
        sku: list[str] | None = None,
        to: str | None = None,
        updated_at_max: str | None = None,
        updated_at_min: str | None = None,
    ) -> Answer[types.PaginatedStockLevelList]:
        """Stock of one product: pieces on hand, reserved, dispatched and written off. The SKU is case-sensitive."""

        return self.send(
            "GET",
            "/api/v1/stock",
            {},
            query={
                "as_of": as_of,
                "cursor": cursor,
                "expand": expand,
                "external_id": external_id,
                "fields": fields,
                "from": from_,
                "limit": limit,
                "on_hand_max": on_hand_max,
                "on_hand_min": on_hand_min,
                "ordering": ordering,
                "q": q,
                "sku": sku,
                "to": to,
                "updated_at_max": updated_at_max,
                "updated_at_min": updated_at_min,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def get_stock_level(
        self,
        key: str,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
    ) -> Answer[types.StockLevel]:
        """Stock of one product: pieces on hand, reserved, dispatched and written off. The SKU is case-sensitive."""

        return self.send(
            "GET",
            "/api/v1/stock/{key}",
            {"key": key},
            query={"as_of": as_of, "expand": expand, "fields": fields},
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_stock_receipts(
        self, sku: str, body: types.StockReceipt, *, idempotency_key: str | None = None, prefer: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Receive units into stock. No version is needed, as receipts can be added in any order."""

        return self.send(
            "POST",
            "/api/v1/stock/{sku}/receipts",
            {"sku": sku},
            query={},
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def post_write_offs(
        self, sku: str, body: types.StockWriteOff, *, idempotency_key: str | None = None, prefer: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Write units off; at most as many as are on hand."""

        return self.send(
            "POST",
            "/api/v1/stock/{sku}/write-offs",
            {"sku": sku},
            query={},
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def get_diff(
        self,
        aggregate_id: str,
        *,
        as_of: str | None = None,
        at_version: int | None = None,
        from_version: int | None = None,
        since: str | None = None,
    ) -> Answer[types.StreamDiff]:
        """The changes of one aggregate between two versions or times, field by field, with their causes."""

        return self.send(
            "GET",
            "/api/v1/streams/{aggregate_id}/diff",
            {"aggregate_id": aggregate_id},
            query={"as_of": as_of, "at_version": at_version, "from_version": from_version, "since": since},
            headers={},
        )

    def list_stream_events(
        self,
        aggregate_id: str,
        *,
        prefer: str | None = None,
        after_version: int | None = None,
        as_of: str | None = None,
        limit: int | None = None,
    ) -> Answer[types.StreamPage]:
        """The events of one aggregate, oldest first. Personal values are null, except for the person themselves."""

        return self.send(
            "GET",
            "/api/v1/streams/{aggregate_id}/events",
            {"aggregate_id": aggregate_id},
            query={"after_version": after_version, "as_of": as_of, "limit": limit},
            headers={"Prefer": prefer},
        )

    def get_state(
        self,
        aggregate_id: str,
        *,
        as_of: str | None = None,
        at_version: int | None = None,
        time: Literal["happened", "recorded"] | None = None,
    ) -> Answer[types.StreamState]:
        """The state of one aggregate after a version or as of a time; without either, the current state."""

        return self.send(
            "GET",
            "/api/v1/streams/{aggregate_id}/state",
            {"aggregate_id": aggregate_id},
            query={"as_of": as_of, "at_version": at_version, "time": time},
            headers={},
        )

    def get_clock(self) -> Answer[types.ClockState]:
        """The time by your clock, and what waits for a time."""

        return self.send("GET", "/api/v1/test-clock", {}, query={}, headers={})

    def put_clock(self, body: types.ClockSetting) -> Answer[types.ClockState]:
        """Put your clock forward: what is due by then happens now, in this order. It never goes back."""

        return self.send("PUT", "/api/v1/test-clock", {}, query={}, headers={}, body=body)

    def list_trades(
        self,
        *,
        prefer: str | None = None,
        account_id: list[str] | None = None,
        as_of: str | None = None,
        cursor: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
        from_: str | None = None,
        instrument: list[str] | None = None,
        limit: int | None = None,
        needs_review: bool | None = None,
        ordering: Literal["submitted_at", "updated_at", "-submitted_at", "-updated_at"] | None = None,
        q: str | None = None,
        reference: list[str] | None = None,
        side: list[str] | None = None,
        status: list[Literal["CANCELLED", "EXPIRED", "FILLED", "OPEN", "PARTLY_FILLED", "REJECTED", "SETTLED"]]
        | None = None,
        submitted_at_max: str | None = None,
        submitted_at_min: str | None = None,
        to: str | None = None,
        updated_at_max: str | None = None,
        updated_at_min: str | None = None,
    ) -> Answer[types.PaginatedTradeBlotterList]:
        """Trades: list them, or post a new one."""

        return self.send(
            "GET",
            "/api/v1/trades",
            {},
            query={
                "account_id": account_id,
                "as_of": as_of,
                "cursor": cursor,
                "expand": expand,
                "fields": fields,
                "from": from_,
                "instrument": instrument,
                "limit": limit,
                "needs_review": needs_review,
                "ordering": ordering,
                "q": q,
                "reference": reference,
                "side": side,
                "status": status,
                "submitted_at_max": submitted_at_max,
                "submitted_at_min": submitted_at_min,
                "to": to,
                "updated_at_max": updated_at_max,
                "updated_at_min": updated_at_min,
            },
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_trades(
        self, body: types.NewTrade, *, idempotency_key: str | None = None, prefer: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Submit an order for one of your accounts and freeze its amount; it is refused if a limit is too small."""

        return self.send(
            "POST",
            "/api/v1/trades",
            {},
            query={},
            headers={"Idempotency-Key": idempotency_key, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def list_trade_events(
        self,
        aggregate_id: str,
        *,
        prefer: str | None = None,
        after_version: int | None = None,
        as_of: str | None = None,
        limit: int | None = None,
    ) -> Answer[types.StreamPage]:
        """The events of a trade, for the owner of its account and for staff who may view events."""

        return self.send(
            "GET",
            "/api/v1/trades/{aggregate_id}/events",
            {"aggregate_id": aggregate_id},
            query={"after_version": after_version, "as_of": as_of, "limit": limit},
            headers={"Prefer": prefer},
        )

    def get_trade_blotter(
        self,
        key: str,
        *,
        prefer: str | None = None,
        as_of: str | None = None,
        expand: str | None = None,
        fields: str | None = None,
    ) -> Answer[types.TradeBlotter]:
        """The current state of a trade."""

        return self.send(
            "GET",
            "/api/v1/trades/{key}",
            {"key": key},
            query={"as_of": as_of, "expand": expand, "fields": fields},
            headers={"Prefer": prefer},
            reads_rows=True,
        )

    def post_trade_amendment(
        self, trade_id: str, body: types.Amendment, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Amend quantity or limit price of an open trade, and the amount that it freezes."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/amendment",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_trade_busts(
        self,
        trade_id: str,
        body: types.FillBust,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Declare a fill void, as the venue did."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/busts",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def post_trade_cancellation(
        self, trade_id: str, body: types.Reason, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Cancel the open quantity of a trade and release its frozen amount."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/cancellation",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_trade_corrections(
        self,
        trade_id: str,
        body: types.FillCorrection,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Correct a fill that was reported wrongly. The reported values stay on record."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/corrections",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def post_trade_fills(
        self,
        trade_id: str,
        body: types.FillReport,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        prefer: str | None = None,
    ) -> Answer[types.CommandReceipt]:
        """Report fills, in every state of the trade. Reporting the same fill again changes nothing."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/fills",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "Prefer": prefer},
            body=body,
            needs_key=True,
        )

    def post_trade_hold(
        self, trade_id: str, body: types.Reason, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Put the settlement of a trade on hold until it is resumed."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/hold",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_trade_rejection(
        self, trade_id: str, body: types.Reason, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Reject a trade before it reaches the venue."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/rejection",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_trade_resumption(
        self, trade_id: str, body: types.Reason, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Release the hold on the settlement of a trade."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/resumption",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_trade_review(
        self, trade_id: str, body: types.Reason, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Confirm that what was flagged in a trade has been looked at."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/review",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def post_trade_settlement(
        self, trade_id: str, body: types.SettlementDay, *, if_match: str, idempotency_key: str | None = None
    ) -> Answer[types.CommandReceipt]:
        """Settle a trade before its settlement day."""

        return self.send(
            "POST",
            "/api/v1/trades/{trade_id}/settlement",
            {"trade_id": trade_id},
            query={},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match},
            body=body,
            needs_key=True,
        )

    def list_webhooks(self, *, cursor: str | None = None, limit: int | None = None) -> Answer[types.WebhookPage]:
        """List webhooks."""

        return self.send("GET", "/api/v1/webhooks", {}, query={"cursor": cursor, "limit": limit}, headers={})

    def post_webhooks(
        self, body: types.NewWebhook, *, idempotency_key: str | None = None
    ) -> Answer[types.CreatedWebhook]:
        """Create a webhook. It sends the events that you may read, from now on. The secret is shown this once."""

        return self.send(
            "POST",
            "/api/v1/webhooks",
            {},
            query={},
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            needs_key=True,
        )

    def delete_webhook(self, webhook_id: str, *, if_match: str) -> Answer[None]:
        """Delete the webhook and its deliveries."""

        return self.send(
            "DELETE",
            "/api/v1/webhooks/{webhook_id}",
            {"webhook_id": webhook_id},
            query={},
            headers={"If-Match": if_match},
        )

    def get_webhook(self, webhook_id: str) -> Answer[types.WebhookDetails]:
        """Read the webhook."""

        return self.send("GET", "/api/v1/webhooks/{webhook_id}", {"webhook_id": webhook_id}, query={}, headers={})

    def put_webhook(self, webhook_id: str, body: types.WebhookUpdate, *, if_match: str) -> Answer[types.WebhookDetails]:
        """Change the webhook, or switch it on or off. From then on it sends what you may read, too, and no more."""

        return self.send(
            "PUT",
            "/api/v1/webhooks/{webhook_id}",
            {"webhook_id": webhook_id},
            query={},
            headers={"If-Match": if_match},
            body=body,
        )

    def list_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        state: Literal["delivered", "failed", "waiting"] | None = None,
    ) -> Answer[types.DeliveryPage]:
        """List deliveries, newest first."""

        return self.send(
            "GET",
            "/api/v1/webhooks/{webhook_id}/deliveries",
            {"webhook_id": webhook_id},
            query={"cursor": cursor, "limit": limit, "state": state},
            headers={},
        )

    def post_webhook_resending(self, delivery_id: str, webhook_id: str) -> Answer[None]:
        """Send the event again, whether it was delivered or has failed. The result appears in the deliveries."""

        return self.send(
            "POST",
            "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resending",
            {"delivery_id": delivery_id, "webhook_id": webhook_id},
            query={},
            headers={},
        )

    def post_webhook_secret(self, webhook_id: str, *, if_match: str) -> Answer[types.SigningSecret]:
        """Make a new secret, which is shown this once. For one day messages are also signed with the previous
        one.
        """

        return self.send(
            "POST",
            "/api/v1/webhooks/{webhook_id}/secret",
            {"webhook_id": webhook_id},
            query={},
            headers={"If-Match": if_match},
        )

    def post_webhook_test(self, webhook_id: str) -> Answer[None]:
        """Send an event of the type `TestEvent`, signed as any other. The result appears in the deliveries."""

        return self.send("POST", "/api/v1/webhooks/{webhook_id}/test", {"webhook_id": webhook_id}, query={}, headers={})

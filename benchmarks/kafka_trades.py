"""Real trades through the whole stack: imported, relayed over Kafka and projected concurrently."""

from __future__ import annotations

import resource
import subprocess
import sys
from decimal import Decimal
from time import perf_counter
from typing import Final

from django.db.models import Sum

from benchmarks.kafka_measurements import relay_and_projections, wait_until
from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.models import Checkpoint
from trading.domain.commands import OpenAccount

READ_MODELS: Final = ("trade-blotter", "position", "market-minute")


def trades_end_to_end(*, file: str, rows: int) -> dict[str, float]:
    """Trades per second from the start of the import to the last projected row, and processor time per trade.

    The processor time is that of importer, relay and worker together, including their starts.
    """
    used = _children_cpu_s()
    with relay_and_projections(*READ_MODELS):
        send(OpenAccount(derive_id("bench", "warm"), "warm", None, "EUR", Decimal(1)))
        wait_until(_all_projected)
        started = perf_counter()
        importing = [sys.executable, "manage.py", "import_trades", file]
        subprocess.run(importing, check=True, stdout=subprocess.DEVNULL)
        imported = perf_counter() - started
        wait_until(_all_projected, within_s=300)
        seconds = perf_counter() - started
    used = _children_cpu_s() - used
    return {"rate": rows / seconds, "imported_rate": rows / imported, "cpu_us": used / rows * 1e6}


def _all_projected() -> bool:
    counted = Checkpoint.objects.filter(projection__in=READ_MODELS).values("projection").annotate(seen=Sum("events"))
    stored = StoredEvent.objects.count()
    return [row["seen"] for row in counted] == [stored] * len(READ_MODELS)


def _children_cpu_s() -> float:
    """Processor time of the ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

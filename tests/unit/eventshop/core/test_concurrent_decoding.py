"""Types that threads decode at the same time, for the first time: msgspec must have learnt them before."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Fresh types by the dozen, each decoded first by four threads at once, which take turns as often as can be.
_AT_ONCE = """
import sys, threading
import msgspec
from eventshop.core import serialization

sys.setswitchinterval(1e-6)
# Annotations are texts, as in our modules: they are evaluated in Python, where threads take turns.
inner = [msgspec.defstruct(f"Inner{n}", [(f"f{i}", "int") for i in range(40)]) for n in range(150)]
kinds = [msgspec.defstruct("Kind", [("inner", it), *((f"f{i}", int) for i in range(60))]) for it in inner]
body = msgspec.json.encode({"inner": {f"f{i}": i for i in range(40)}, **{f"f{i}": i for i in range(60)}})
PREPARE
for kind in kinds:
    together = threading.Barrier(4)
    threads = [
        threading.Thread(target=lambda: (together.wait(), msgspec.json.decode(body, type=kind))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

_OF_A_WORKER = """
from eventshop.celery import app
app.WorkController(pool="threads", concurrency=1)
"""

_OF_SAGAS = """
import django
django.setup()
from eventshop.sagas import workers
list(workers.threads("somebody"))
"""


@pytest.mark.parametrize(
    "prepare",
    [_OF_A_WORKER, _OF_SAGAS, "serialization.prepare_decoders(*kinds)", "serialization.prepare_all_decoders()"],
    ids=["Celery worker", "run_sagas", "some", "all"],
)
def test_types_that_were_prepared_can_be_decoded_by_many_threads_at_once(prepare: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AT_ONCE.replace("PREPARE", prepare)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

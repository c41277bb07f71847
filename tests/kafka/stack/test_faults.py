"""The runbook's faults on the whole stack, under a Prometheus that scrapes it: each fires its own alert in a minute.

The short siblings, by what each fault leaves in the tables, are in tests/integration/deploy/test_alerts.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

import psycopg
import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from deploy.stack.app import WORKER_COMMAND, process_environment, program_commands, service_env
from deploy.stack.processes import Process, stop_processes
from eventshop.eventstore.open_appends import EVENT_FENCE
from tests.support.certificates import TlsServer, tls_server, write_certificate
from tests.support.kafka.plain_clients import open_admin, open_producer
from tests.support.processes import ROOT
from tests.support.prometheus import Prometheus, find_program, running_prometheus
from tests.support.running_shop import Shop, running_shop
from tests.support.waiting import wait_for_exit, wait_until
from tests.support.web_server import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.long]

PROGRAMS: Final = ("web", "relay", "publisher", "worker-1", "worker-2", "beat", "gateway")
TOPIC: Final = "event-store"
#: From the fault until its alert fires: issue and runbook promise it.
SEEN_WITHIN_S: Final = 60.0


class World(NamedTuple):
    """The stack, what watches it, and the server behind SITE_URL."""

    shop: Shop
    prometheus: Prometheus
    server: TlsServer
    folder: Path
    client_port: int  # of the metrics of a client that sends commands

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.shop.stack.env["DATABASE_URL"], autocommit=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    find_program("prometheus")
    folder = tmp_path_factory.mktemp("faults")
    client_port = free_port()
    valid = write_certificate(folder / "valid.pem", days_left=60)
    with (
        tls_server(valid) as server,
        running_shop(settings={"SITE_URL": f"https://localhost:{server.port}"}) as shop,
        running_prometheus(
            folder, {"eventshop-web": [f"127.0.0.1:{shop.port}"], "client": [f"127.0.0.1:{client_port}"]}
        ) as prometheus,
    ):
        stop_processes([Process("supervisor", shop.folder)])  # it would start again what is killed
        wait_until(lambda: prometheus.scrapes("eventshop-web") and not prometheus.firing())
        yield World(shop, prometheus, server, folder, client_port)


@contextmanager
def stopped(world: World, prefix: str, number: signal.Signals) -> Iterator[None]:
    """Processes of the shop that are frozen or killed; those are started again."""
    for pid in (pids := world.shop.pids(prefix)):
        os.kill(pid, number)
    assert pids
    yield
    if number is signal.SIGSTOP:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    else:
        start_again(world)


def start_again(world: World) -> None:
    """Start what does not run, and keep it from being started again later."""
    world.shop.run_stack("up")
    wait_until(lambda: all(world.shop.pids(name) for name in PROGRAMS))
    stop_processes([Process("supervisor", world.shop.folder)])


def frozen(prefix: str) -> Callable[[World], AbstractContextManager[None]]:
    return lambda world: stopped(world, prefix, signal.SIGSTOP)


def killed(prefix: str) -> Callable[[World], AbstractContextManager[None]]:
    return lambda world: stopped(world, prefix, signal.SIGKILL)


@contextmanager
def kafka_killed(world: World) -> Iterator[None]:
    world.shop.stack.kill_broker(1)
    yield
    start_again(world)


@contextmanager
def redis_killed(world: World) -> Iterator[None]:
    assert world.shop.stack.redis
    stop_processes(world.shop.stack.redis.processes, immediately=True)
    yield
    start_again(world)


@contextmanager
def database_killed(world: World) -> Iterator[None]:
    assert world.shop.stack.postgres
    stop_processes(world.shop.stack.postgres.processes, immediately=True)
    yield
    start_again(world)


@contextmanager
def clock_ahead(world: World) -> Iterator[None]:
    """One more worker, whose clock is an hour ahead."""
    settings = {**world.shop.stack.env, **service_env(world.shop.folder)}
    env = process_environment(world.shop.folder, settings)
    command = ["faketime", "-f", "+1h", *WORKER_COMMAND.split(), "--hostname", "ahead@test"]
    with (world.folder / "ahead.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
    with world.connect() as connection:  # a busy machine needs half a minute to start it
        wait_until(
            lambda: connection.execute("SELECT 1 FROM runtime_workerprocess WHERE clock_ahead_s > 9").fetchone(),
            seen=world.folder / "ahead.log",
        )
    yield
    os.killpg(process.pid, signal.SIGKILL)  # faketime and its worker, whose threads wait by the wrong clock
    wait_for_exit(process)


@contextmanager
def lock_held(world: World) -> Iterator[None]:
    with world.connect() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", [EVENT_FENCE.lock])
        yield


@contextmanager
def slow_disk(world: World) -> Iterator[None]:
    """Every write that PostgreSQL forces to the disk takes 1.5 s longer; commands go on meanwhile."""
    assert world.shop.stack.postgres
    [server] = [process.pid for process in world.shop.stack.postgres.processes]
    slow = ["strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]
    slow += ["-e", "inject=fdatasync,fsync:delay_enter=1500000", "-p", str(server)]
    tracer = subprocess.Popen(slow, stderr=subprocess.DEVNULL)
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.support.kafka.order_client", "1000"],
        cwd=ROOT,
        env={**world.shop.env, **world.shop.stack.env, "METRICS_PORT": str(world.client_port)},
    )
    yield
    client.kill()
    client.wait()
    tracer.terminate()
    tracer.wait()


@contextmanager
def gateway_key_expired(world: World) -> Iterator[None]:
    """The gateway is started again with another key than ours."""
    gateway = Process("gateway", world.shop.folder)
    stop_processes([gateway])
    command = program_commands(world.shop.folder, port=world.shop.port, workers=2)["gateway"]
    env = {**world.shop.env, "PAYMENT_GATEWAY_SECRET": "whsec_ZXhwaXJlZC1rZXktb2YtMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="}
    gateway.start(command, cwd=ROOT, env=env)
    yield
    stop_processes([gateway])
    start_again(world)


@contextmanager
def certificate_expired(world: World) -> Iterator[None]:
    world.server.show(write_certificate(world.folder / "expired.pem", days_left=-1))
    yield
    world.server.show(world.folder / "valid.pem")


@contextmanager
def projection_fails(world: World) -> Iterator[None]:
    """Its table refuses all new rows."""
    with world.connect() as connection:
        connection.execute("ALTER TABLE projections_ordersummary ADD CONSTRAINT fault CHECK (false) NOT VALID")
        world.shop.run_client("1")
        yield
        connection.execute("ALTER TABLE projections_ordersummary DROP CONSTRAINT fault")
    world.shop.run_manage("retry_dead_letters")


@contextmanager
def record_of_a_stranger(world: World) -> Iterator[None]:
    producer = open_producer(world.shop.stack.kafka_bootstrap)
    written = producer.send(TOPIC, b"no event", key=b"stranger", partition=3).get()
    producer.close()
    yield
    world.shop.run_manage(*("acknowledge_records", f"3@{written.offset}", "--operator", "Ada", "--reason", "a test"))


@contextmanager
def records_deleted(world: World) -> Iterator[None]:
    """As a wrong retention would. It lasts until the topic is made anew."""
    world.shop.run_client("20")
    world.shop.wait_until_caught_up()
    admin = open_admin(world.shop.stack.kafka_bootstrap)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, configs={"cleanup.policy": "compact,delete"})])

    def is_deleted() -> bool:
        try:
            admin.delete_records({TopicPartition(TOPIC, 5): 1})
        except KafkaError:  # until the broker knows that records of this topic may be deleted
            return False
        return True

    wait_until(is_deleted)
    yield
    admin.close()


@contextmanager
def topic_anew(world: World) -> Iterator[None]:
    """Somebody has deleted the event topic and made it anew: all that was published is gone."""
    admin = open_admin(world.shop.stack.kafka_bootstrap)
    admin.delete_topics([TOPIC])
    wait_until(lambda: TOPIC not in {topic["name"] for topic in admin.describe_topics()})
    admin.create_topics({TOPIC: {"num_partitions": 12, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    yield
    stop_processes([Process(name, world.shop.folder) for name in PROGRAMS if name not in ("web", "gateway")])
    world.shop.run_manage("create_topics", "--forget", TOPIC)
    world.shop.run_manage("republish_events")
    start_again(world)


@contextmanager
def old_database(world: World) -> Iterator[None]:
    """The newest events are gone from the table, as after the restore of an old backup; it comes last, and lasts."""
    world.shop.run_client("5")
    world.shop.wait_until_caught_up()
    with world.connect() as connection, connection.transaction():
        connection.execute("SET session_replication_role = replica")  # no triggers: they refuse it
        connection.execute("DELETE FROM event WHERE position > (SELECT max(position) - 4 FROM event)")
    yield


FAULTS: Final[list[tuple[str, Callable[[World], AbstractContextManager[None]], str]]] = [
    ("worker frozen", frozen("worker-"), "EventShopWorkerSilent"),
    ("worker killed", killed("worker-"), "EventShopWorkerSilent"),
    ("relay frozen", frozen("relay"), "EventShopRelayFailing"),
    ("relay killed", killed("relay"), "EventShopRelayFailing"),
    ("publisher frozen", frozen("publisher"), "EventShopPublisherFailing"),
    ("publisher killed", killed("publisher"), "EventShopPublisherFailing"),
    ("beat killed", killed("beat"), "EventShopJobsLate"),
    ("gateway killed", killed("gateway"), "EventShopGatewayAway"),
    ("gateway key expired", gateway_key_expired, "EventShopGatewayKeyRefused"),
    ("certificate expired", certificate_expired, "EventShopCertificateExpired"),
    ("Kafka killed", kafka_killed, "EventShopKafkaDown"),
    ("Redis killed", redis_killed, "EventShopBrokerDown"),
    ("database killed", database_killed, "EventShopDatabaseDown"),
    ("web server killed", killed("web"), "EventShopWebDown"),
    ("clock ahead", clock_ahead, "EventShopClockWrong"),
    ("lock held", lock_held, "EventShopEventTableHeldUp"),
    ("disk slow", slow_disk, "EventShopCommandsSlow"),
    ("projection fails", projection_fails, "EventShopDeadLetters"),
    ("record unreadable", record_of_a_stranger, "EventShopUnreadableRecords"),
    ("records deleted", records_deleted, "EventShopRecordsDeleted"),
    ("topic anew", topic_anew, "EventShopDiverged"),
    ("database old", old_database, "EventShopDiverged"),
]


@pytest.mark.parametrize(("fault", "alert"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_fires_its_own_alert_within_a_minute(
    world: World,
    fault: Callable[[World], AbstractContextManager[None]],
    alert: str,
) -> None:
    assert alert not in world.prometheus.firing()
    with fault(world):
        began = monotonic()
        wait_until(lambda: alert in world.prometheus.firing() or monotonic() > began + SEEN_WITHIN_S)
        seconds = monotonic() - began
        assert alert in world.prometheus.firing(), f"not within {seconds:.0f} s; {world.shop.describe_health()}"
    sys.stdout.write(f"{alert} fired after {seconds:.0f} s\n")
    if fault not in (records_deleted, old_database):  # those last
        wait_until(lambda: alert not in world.prometheus.firing(), seen=world.shop.describe_health)

"""The whole system as processes on loopback: database, stand-in Safaricom, web server, job worker."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from chaos import postgres, proc
from chaos.safaricom import Safaricom
from chaos.supervisor import Daemon, Supervisor
from config import PROJECT_DIR
from config_checks import SIMULATOR_CERTIFICATE
from demo_people import ADVOCATES, DOMAIN, PASSWORD

START_WITHIN_S = 60.0
WEB_THREADS = 8
JOB_THREADS = 6
QUERIES_A_MINUTE = 600
FLASK = [sys.executable, "-m", "flask", "--app", "run"]
SLOT_MINUTES = 15
# Between the fees of the two demo advocates, so that of their refunds some wait for a person and some do not.
APPROVAL_ABOVE = 4000
PAYOUTS_A_DAY = 100_000_000


class System:
    """Everything that has to run, and where to find it."""

    def __init__(self, engine: str, folder: Path, logs: Path, supervisor: Supervisor, *, web_workers: int) -> None:
        self.engine = engine
        self.web_workers = web_workers if engine == "postgresql" else 1
        """How many worker processes the web server has; an SQLite file has one."""
        self.folder = folder
        self.logs = logs
        self.supervisor = supervisor
        self.database: Daemon | None = None
        self._server: postgres.Server | None = None
        port, simulator_port, database_port = _free_ports(3)
        self.base = f"http://127.0.0.1:{port}"
        self.safaricom = Safaricom(f"http://127.0.0.1:{simulator_port}")
        if engine == "postgresql":
            url = self._start_postgres(database_port)
        else:
            url = sa.URL.create("sqlite", database=str(folder / "haki_yetu.sqlite3"))
        self.rows = sa.create_engine(url, poolclass=sa.NullPool)
        """The database, from outside."""
        self._env = _environment(url.render_as_string(hide_password=False), folder, port, simulator_port)
        self._prepare()
        self._start_simulator(simulator_port)
        self._fetch_certificate()
        self.web = self._start("web", self._web_command(port), keeps_children=True)
        self.jobs = self._start("jobs", [*FLASK, "worker"])
        _wait_for(self)
        # With "Completed" money comes while nobody answers, too, also wrong money.
        self._flask(["payments", "register-urls", "--response-type", "Completed"])
        self.advocates = self._open_offices()

    def serves(self) -> bool:
        """Say whether everything runs, each process being ready for work."""
        workers = proc.children(self.web.pid)
        return (
            not self.supervisor.misses_somebody()
            and len(workers) == self.web_workers
            and all(proc.waits_for_connections(worker.pid) for worker in workers)
            and proc.threads(self.jobs.pid) > JOB_THREADS
            and self._is_ready()
        )

    def is_backend(self, pid: int) -> bool:
        """Say whether a child of the database serves one of our connections."""
        return str(self.rows.url.database) in proc.title(pid)

    def is_sending(self) -> bool:
        """Say whether an order to send money is on its way whose answer nobody has noted."""
        unanswered = "SELECT count(*) FROM disbursements WHERE status = 'sent' AND conversation_id IS NULL"
        with self.rows.connect() as connection:
            return bool(connection.scalar(sa.text(unanswered)))

    def close(self) -> None:
        """Drop the database on a server that is not ours."""
        self.rows.dispose()
        if self._server is not None and self._server.daemon is None:
            postgres.drop_database(self._server, self.rows.url)

    def processes(self) -> Iterator[tuple[str, int]]:
        """Yield every process of ours that serves, by name and id."""
        yield "jobs", self.jobs.pid
        for worker in proc.children(self.web.pid):
            yield "web worker", worker.pid

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.base}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def _start(self, name: str, command: list[str], *, keeps_children: bool = False) -> Daemon:
        log = self.logs / f"{name}.log"
        return self.supervisor.start(Daemon(name, command, log, self._env, keeps_children=keeps_children))

    def _start_postgres(self, port: int) -> sa.URL:
        log = self.logs / "database.log"
        self._server = postgres.given() or postgres.prepare(self.folder, port, log)
        if self._server.daemon is not None:
            self.database = self.supervisor.start(self._server.daemon)
        end = time.monotonic() + START_WITHIN_S
        while True:
            try:
                return postgres.make_database(self._server)
            except OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _start_simulator(self, port: int) -> None:
        # Queries are not limited: what is tested is how soon money is found, not how slowly one may ask.
        self._start("simulator", [sys.executable, "-m", "simulator", "--port", str(port), "--query-rate", "0"])

    def _web_command(self, port: int) -> list[str]:
        """Serve as docs/operations.md says: `run.py` on SQLite, gunicorn with workers on PostgreSQL."""
        if self.engine == "sqlite":
            return [sys.executable, "run.py"]
        options = f"--workers {self.web_workers} --threads {WEB_THREADS} --worker-class gthread --timeout 60"
        gunicorn = [sys.executable, "-m", "gunicorn", "run:create_app()", "--bind", f"127.0.0.1:{port}"]
        return [*gunicorn, *options.split(), "--no-control-socket", "--log-level", "warning"]

    def _prepare(self) -> None:
        self._flask(["db", "upgrade"])
        self._flask(["seed-demo"])

    def _flask(self, arguments: list[str]) -> None:
        with (self.logs / "prepare.log").open("ab") as log:
            subprocess.run(
                [*FLASK, *arguments],
                cwd=PROJECT_DIR,
                env=self._env,
                stdout=log,
                stderr=log,
                check=True,
                timeout=120,
            )

    def _fetch_certificate(self) -> None:
        """Leave the certificate where the settings look for it, before anybody reads them."""
        end = time.monotonic() + START_WITHIN_S
        while True:
            try:
                (self.folder / SIMULATOR_CERTIFICATE).write_bytes(self.safaricom.certificate())
                return
            except requests.RequestException:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _open_offices(self) -> list[int]:
        """Let the demo advocates work round the clock, so that slots do not run out."""
        return [self._open_office(name) for name in ADVOCATES]

    def _open_office(self, name: str) -> int:
        weekly = [{"weekday": day, "start": "00:00", "end": "23:45"} for day in range(7)]
        with requests.Session() as http:
            said = self._ask(http, "POST", "auth/login", {"email": f"{name}@{DOMAIN}", "password": PASSWORD})
            http.headers["Authorization"] = f"Bearer {said['access_token']}"
            self._ask(http, "PATCH", "advocates/me", {"slot_minutes": SLOT_MINUTES})
            self._ask(http, "PUT", "advocates/me/availability", {"weekly": weekly})
        return int(said["user"]["id"])

    def _ask(self, http: requests.Session, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = http.request(method, f"{self.base}/api/{path}", json=body, timeout=20)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said


@contextmanager
def running(engine: str, folder: Path, logs: Path, *, web_workers: int) -> Iterator[System]:
    """Start a system on one engine, and end every process of it whatever happens."""
    logs.mkdir(parents=True, exist_ok=True)
    with Supervisor() as supervisor:
        system = System(engine, folder, logs, supervisor, web_workers=web_workers)
        try:
            yield system
        finally:
            system.close()


def _environment(url: str, folder: Path, port: int, simulator_port: int) -> Mapping[str, str]:
    """Say everything that the settings would else take from this machine or from .env."""
    own = {
        "APP_ENV": "development",
        "INSTANCE_DIR": str(folder),
        "DATABASE_URL": url.replace("postgresql+psycopg://", "postgresql://"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SIMULATOR": "1",
        "SIMULATOR_PORT": str(simulator_port),
        "WEB_THREADS": str(WEB_THREADS),
        "HOLD_MINUTES": "3",
        "REFUND_APPROVAL_ABOVE": str(APPROVAL_ABOVE),
        "PAYOUT_DAILY_LIMIT": str(PAYOUTS_A_DAY),
        "SAFARICOM_QUERY_RATE": str(QUERIES_A_MINUTE),
        "RATE_LIMITS": "off",
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    unset = (
        "SAFARICOM_BASE", "SAFARICOM_INITIATOR_NAME", "SAFARICOM_INITIATOR_PASSWORD", "SAFARICOM_CERTIFICATE",
        "SAFARICOM_SECURITY_CREDENTIAL", "SAFARICOM_B2C_SHORTCODE", "SAFARICOM_TILL_NUMBER", "CALLBACK_URL_BASE",
        "REDIS_URL", "MAIL_URL", "SMS_URL", "JWT_SECRET_KEY", "METRICS_TOKEN", "REFUND_TIERS", "PAYOUT_LIMIT",
    )  # fmt: skip
    system = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return system | own | dict.fromkeys(unset, "")


def _free_ports(number: int) -> list[int]:
    """Choose below the range from which outgoing connections get theirs, so that nobody takes one meanwhile."""
    free: set[int] = set()
    while len(free) < number:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                free.add(port)
    return list(free)


def _wait_for(system: System) -> None:
    end = time.monotonic() + START_WITHIN_S
    while not system.serves():
        if time.monotonic() > end:
            raise RuntimeError(f"the system did not start within {START_WITHIN_S:.0f} s; see {system.logs}")
        time.sleep(0.1)

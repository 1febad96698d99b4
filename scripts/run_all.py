"""Start everything on this machine: database, stand-in Safaricom, API and worker; Ctrl-C ends all of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import requests

from config import PROJECT_DIR, ConfigurationError, Settings, load_settings
from config_checks import SIMULATOR_CERTIFICATE
from demo_people import DOMAIN, PASSWORD, PEOPLE

START_WITHIN_S = 30
STOP_WITHIN_S = 8

FLASK = [sys.executable, "-m", "flask", "--app", "run"]

Processes = dict[str, subprocess.Popen[bytes]]


class Stop(Exception):
    """Somebody asked for the end."""


def main() -> None:
    """Prepare the database, start the processes, say where to click, wait for the end."""
    try:
        settings = load_settings()
    except ConfigurationError as faults:
        sys.exit(str(faults))
    if settings.is_production:
        sys.exit(
            "'make run' is for development. In production start gunicorn and the worker; see docs/operations.md."
        )
    refuse_busy_ports(settings)
    prepare_database(settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with started() as processes:
            if settings.simulator:
                start_safaricom(settings, processes)
            start(processes, "api", [sys.executable, "run.py"])
            start(processes, "worker", [*FLASK, "worker"])
            wait_for(f"http://{settings.host}:{settings.port}/readyz", processes)
            if settings.simulator:
                register_paybill()
            print(welcome(settings), flush=True)
            watch(processes)
    except Stop:
        print("\nStopped.")


def stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stop


def refuse_busy_ports(settings: Settings) -> None:
    ports = {"PORT": settings.port} | ({"SIMULATOR_PORT": settings.simulator_port} if settings.simulator else {})
    for variable, port in ports.items():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                sys.exit(f"Port {port} is in use. Free it, or choose another: {variable}={port + 1000} make run")


def prepare_database(settings: Settings) -> None:
    """Make the database and the demo people where there may be none; an SQLite file that exists has both.

    A newer schema is no matter here: the API brings its own SQLite file up to date, and the worker waits for that.
    """
    if settings.on_sqlite and (settings.instance_dir / "haki_yetu.sqlite3").exists():
        return
    for step in (["db", "upgrade"], ["seed-demo"]):
        if subprocess.run([*FLASK, *step], cwd=PROJECT_DIR, check=False).returncode:
            sys.exit("The database could not be prepared; see the messages above.")


def start_safaricom(settings: Settings, processes: Processes) -> None:
    """Start the stand-in Safaricom, and fetch its certificate before anybody reads the settings that need it."""
    key = settings.instance_dir / "simulator.pem"
    options = ["--port", str(settings.simulator_port), "--key-file", str(key), "--register-again"]
    start(processes, "simulator", [sys.executable, "-m", "simulator", *options])
    wait_for(f"{settings.safaricom_base}/phone", processes)
    certificate = requests.get(f"{settings.safaricom_base}/_control/certificate", timeout=10)
    certificate.raise_for_status()
    (settings.instance_dir / SIMULATOR_CERTIFICATE).write_bytes(certificate.content)


def register_paybill() -> None:
    """Have the stand-in Safaricom tell paybill payments to the API; it forgets that when it ends."""
    command = [*FLASK, "payments", "register-urls"]
    if subprocess.run(command, cwd=PROJECT_DIR, check=False, stdout=subprocess.DEVNULL).returncode:
        sys.exit("The addresses for paybill payments could not be registered; see the messages above.")


@contextmanager
def started() -> Iterator[Processes]:
    """Hold the processes that are started, and end all of them in whatever way this ends."""
    processes: Processes = {}
    try:
        yield processes
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave somebody running
        end(processes)


def start(processes: Processes, name: str, command: list[str]) -> None:
    """Start a process in a session of its own, so that Ctrl-C reaches it through us alone and in order."""
    processes[name] = subprocess.Popen(command, cwd=PROJECT_DIR, env=os.environ, start_new_session=True)


def end(processes: Processes) -> None:
    for process in processes.values():
        process.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for process in processes.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(address: str, processes: Processes) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while not answers(address):
        check_alive(processes)
        if time.monotonic() > deadline:
            sys.exit(f"{address} did not answer within {START_WITHIN_S} s; see the messages above.")
        time.sleep(0.05)


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=1).ok
    except requests.RequestException:
        return False


def check_alive(processes: Processes) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            sys.exit(f"The {name} ended by itself (status {process.returncode}); see the messages above.")


def watch(processes: Processes) -> None:
    while True:
        check_alive(processes)
        time.sleep(0.5)


def welcome(settings: Settings) -> str:
    api = f"http://{settings.host}:{settings.port}"
    lines = [
        "",
        "Haki Yetu is running.",
        "",
        f"  API          {api}",
        f"  Documents    {api}/docs",
        f"  Outbox       {api}/outbox",
        f"  Reports      {api}/reports",
    ]
    if settings.simulator:
        lines.append(f"  The phone    {settings.safaricom_base}/phone   (PIN 1234)")
        lines.append(
            f"  Pay Bill     {settings.safaricom_shortcode} on that phone, the booking's reference as account"
        )
    else:
        lines.append(f"  Safaricom    {settings.safaricom_base}   (the real phone rings)")
    lines += ["", f"Demo log-ins, all with the password {PASSWORD}"]
    lines += [f"  {role:<10} {name}@{DOMAIN}" for name, _, role, _ in PEOPLE]
    lines += [
        "  A payout takes two of them: finance makes it, admin approves it, or the other way round.",
        "",
        "'make tour' in another terminal goes through all of it, step by step. Ctrl-C ends everything.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""The stage of the payment tests: the application over real HTTP, a simulator that waits until told, a booking.

Both clocks stand still; `clock.advance` moves the application's and the simulator's together. Callbacks wait in
the simulator until a test delivers them.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from app.auth.models import User
from app.consultations.advocates import edit_profile
from app.consultations.availability import set_availability
from app.consultations.bookings import Consultation
from app.consultations.reservations import book
from app.consultations.slots import Span
from app.database import reading
from app.money import from_shillings
from app.payments import jobs
from app.payments.gateway import gateway
from app.payments.models import Payment
from app.runtime import runtime
from config import SIMULATOR_INITIATOR, parse_networks
from simulator.config import Config
from simulator.server import RunningSimulator, serve
from tests.conftest import START, StillClock, make_settings
from tests.people import bearer, make_user
from tests.serving import serving

FEE = 3000
PHONE = "254712345678"


@pytest.fixture(scope="session")
def running_simulator():
    with serve(Config(manual=True, seed=1, starts_at=START, query_rate=0)) as running:
        yield running


@pytest.fixture
def safaricom(running_simulator):
    """The simulator, emptied for this test."""
    requests.post(f"{running_simulator.base_url}/_control/reset", json={"seed": 1}, timeout=5).raise_for_status()
    running_simulator.world.clock.freeze(START)
    return Safaricom(running_simulator)


class Safaricom:
    """What a test says to the simulator, through its control API."""

    def __init__(self, running: RunningSimulator) -> None:
        self.running = running
        self.base_url = running.base_url

    def control(self, path: str, **body: object) -> requests.Response:
        return requests.post(f"{self.base_url}/_control/{path}", json=body, timeout=10)

    def state(self) -> dict:
        return requests.get(f"{self.base_url}/_control/state", timeout=5).json()

    def faults(self, **faults: object) -> None:
        self.control("faults", scope="all", faults=faults).raise_for_status()

    def act(self, action: str = "approve", phone: str = PHONE, **more: object) -> None:
        self.control(f"phones/{phone}/act", action=action, **more).raise_for_status()

    def deliver(self, checkout_request_id: str | None = None) -> list[dict]:
        """Deliver everything that waits; return what the application answered."""
        which = {"checkout_request_id": checkout_request_id} if checkout_request_id else {}
        return self.control("callbacks/deliver", all=True, **which).json()["deliveries"]

    def drop_callbacks(self) -> None:
        self.control("callbacks/drop", all=True)

    @property
    def pushes(self) -> list[dict]:
        return [r for r in self.state()["requests"] if r["kind"] == "STK"]

    @property
    def queries(self) -> list[dict]:
        return [r for r in self.state()["requests"] if r["kind"] == "STK_QUERY"]

    @property
    def moved(self) -> list[dict]:
        """What truly moved."""
        return self.state()["movements"]


class SharedClock(StillClock):
    """One hand that moves the application's clock and the simulator's."""

    def __init__(self, simulator: RunningSimulator) -> None:
        super().__init__()
        self.simulator = simulator

    def advance(self, **duration: float) -> None:
        super().advance(**duration)
        self.simulator.world.clock.advance(timedelta(**duration).total_seconds())


@pytest.fixture
def clock(running_simulator, safaricom):
    return SharedClock(running_simulator)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def settings(database_url, tmp_path, safaricom, port):
    certificate = tmp_path / "simulator.cer"
    certificate.write_bytes(requests.get(f"{safaricom.base_url}/_control/certificate", timeout=5).content)
    return make_settings(
        database_url,
        tmp_path,
        **SIMULATOR_INITIATOR,
        safaricom_certificate=str(certificate),
        safaricom_base=safaricom.base_url,
        callback_url_base=f"http://127.0.0.1:{port}",
        safaricom_allowed_ips=parse_networks("127.0.0.0/8,196.201.214.200"),
        safaricom_query_rate=6000,
        rate_limits=False,
    )


@pytest.fixture
def served(app: Flask, port: int):
    """The application over real HTTP, so that the simulator can call back; returns its address."""
    with serving(app, port) as address:
        yield address


@dataclass
class Desk:
    """A client at the booking site: what she does, and what the application then knows."""

    app: Flask
    safaricom: Safaricom
    clock: StillClock
    achieng: User
    baraka: User

    @property
    def http(self):
        return self.app.test_client()

    def book(self, *, days: int = 1, hour: int = 9, client: User | None = None) -> Consultation:
        starts_at = (START + timedelta(days=days)).replace(hour=hour - 3, minute=0)
        with self.app.app_context():
            return book(
                client_id=(client or self.achieng).id,
                advocate_id=self.baraka.id,
                starts_at=starts_at,
                mode="video",
                topic=None,
                hold_minutes=15,
                now=self.clock.now(),
                limit_unpaid_holds=False,
            )

    def push(self, booking: Consultation, *, phone: str = PHONE, client: User | None = None, **more: object):
        return self.http.post(
            "/api/payment/mpesa/stk-push",
            json={"phone_number": phone, "booking_id": booking.id, **more},
            headers=bearer(self.app, client or self.achieng),
        )

    def payment(self, payment_id: int = 1) -> Payment:
        with self.app.app_context(), reading() as session:
            return session.get_one(Payment, payment_id)

    def booking(self, booking: Consultation) -> Consultation:
        with self.app.app_context(), reading() as session:
            return session.get_one(Consultation, booking.id)

    def rows(self, model):
        with self.app.app_context(), reading() as session:
            return session.scalars(sa.select(model).order_by(*sa.inspect(model).primary_key)).all()

    def run_jobs(self) -> list[str]:
        """Do once what the worker does all the time."""
        with self.app.app_context():
            settings, clock = runtime().settings, runtime().clock
            steps = jobs.news_steps(settings, clock) | jobs.asking_steps(settings, clock, gateway())
            return list(
                jobs.run(steps | jobs.expiring_steps(clock) | jobs.closing_steps(settings, clock), clock=clock)
            )

    def send(self) -> list[str]:
        """Send what is approved and ask about what is on its way, once; the results wait in the simulator."""
        with self.app.app_context():
            steps = jobs.sending_steps(runtime().settings, self.clock, gateway())
            return list(jobs.run(steps, clock=self.clock))


@pytest.fixture
def desk(app, served, safaricom, clock):
    """A client, an advocate with office hours and a fee of KES 3,000."""
    achieng, baraka = make_user(app, "Achieng"), make_user(app, "Baraka")
    with app.app_context():
        changes = {"fee": from_shillings(FEE), "slot_minutes": 60, "practice_areas": ["land"], "bio": ""}
        edit_profile(user_id=baraka.id, changes=changes)
        spans = [Span(weekday, 9 * 60, 17 * 60) for weekday in range(7)]
        set_availability(user_id=baraka.id, spans=spans, days_off=[])
    return Desk(app, safaricom, clock, achieng, baraka)


@pytest.fixture
def booking(desk):
    return desk.book()

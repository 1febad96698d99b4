"""What has to be taken back of a fee that was shared out already, so that it can go back to the client."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.consultations.models import Consultation
from app.errors import Problem
from app.payments import ledger
from app.payments.models import LedgerTransfer
from app.payments.payouts.limits import spendable


class AlreadyPaidOut(Problem):
    """The money was shared out, and who had it does not have it any more."""

    status, code = 409, "already_paid_out"
    message = (
        "The advocate has been paid this money already. Agree with them first; it can go back once they have "
        "earned as much again."
    )


def shares_of(session: Session, consultation: Consultation, amount: int) -> dict[str, int]:
    """Say what each account gives up, in cents, so that a locked booking has `amount` to give back.

    First comes what the booking still has; the rest is taken in the proportion in which it was shared out, from
    accounts that are locked and have it. Raises AlreadyPaidOut.
    """
    own = ledger.consultation_account(consultation.id)
    advocate = ledger.advocate_account(consultation.advocate_id)
    balances = {}
    for name in sorted((own, advocate, ledger.COMMISSION)):
        account = ledger.lock_account(session, name)
        balances[name] = account.balance if account else 0
    balances[advocate] = spendable(session, advocate)
    missing = amount - balances[own]
    if missing <= 0:
        return {}
    commission, earned = (_shared(session, own, name) for name in (ledger.COMMISSION, advocate))
    # Whole shillings, like the sharing out itself.
    part = missing * commission // (commission + earned) // money.CENTS * money.CENTS if commission else 0
    parts = {advocate: missing - part, ledger.COMMISSION: part}
    if any(balances[name] < taken for name, taken in parts.items()):
        raise AlreadyPaidOut
    return {name: taken for name, taken in parts.items() if taken}


def _shared(session: Session, own: str, account: str) -> int:
    """Return the cents of a booking's money that an account has, less what it gave up before."""
    out = sa.and_(LedgerTransfer.debit == own, LedgerTransfer.credit == account)
    back = sa.and_(LedgerTransfer.debit == account, LedgerTransfer.credit == own)
    net = sa.case((out, LedgerTransfer.amount), (back, -LedgerTransfer.amount), else_=0)
    return int(session.scalar(sa.select(sa.func.sum(net)).where(sa.or_(out, back))) or 0)

"""The journal: every shilling moves from one account to another by one line that is never changed.

Accounts are named `kind:key`. `mpesa:` accounts, `bank` and `loss` are what we hold (a debit raises them) and are
summed when asked for, so that no row of theirs is fought over. All others are what we owe (a credit raises them):
`consultation:<id>` is money held for a booking, `refund:<id>` money on its way back. They keep a running balance
that the database refuses to let below zero.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import insert_if_absent
from app.payments.models import LedgerAccount, LedgerTransfer

WORKING = "mpesa:working"
_HELD_KINDS = ("mpesa", "bank", "loss")


def consultation_account(consultation_id: int) -> str:
    """Name the account of the money held for a booking."""
    return f"consultation:{consultation_id}"


def refund_account(refund_id: int) -> str:
    """Name the account of money on its way back."""
    return f"refund:{refund_id}"


def transfer(
    session: Session, *, debit: str, credit: str, amount: int, currency: str, event_key: str, now: datetime
) -> None:
    """Write one line of the journal, in cents, and move the balances it touches.

    `event_key` names what happened; the same event a second time violates the key and rolls back.
    """
    session.add(
        LedgerTransfer(at=now, debit=debit, credit=credit, amount=amount, currency=currency, event_key=event_key)
    )
    changes = {debit: -amount, credit: amount}
    for name in sorted(changes):  # one order for everybody, or two transfers could wait for each other
        if name.partition(":")[0] not in _HELD_KINDS:
            _move(session, name, changes[name], currency)
    session.flush()


def _move(session: Session, name: str, change: int, currency: str) -> None:
    insert_if_absent(session, LedgerAccount, name=name, currency=currency, balance=0)
    session.execute(
        sa.update(LedgerAccount)
        .where(LedgerAccount.name == name)
        .values(balance=LedgerAccount.balance + change)
        .execution_options(synchronize_session=False)
    )


def balance(session: Session, name: str) -> int:
    """Return an account's balance in cents, from the journal itself."""
    credits_ = sa.func.coalesce(sa.func.sum(LedgerTransfer.amount).filter(LedgerTransfer.credit == name), 0)
    debits = sa.func.coalesce(sa.func.sum(LedgerTransfer.amount).filter(LedgerTransfer.debit == name), 0)
    owed = session.scalar(sa.select(credits_ - debits)) or 0
    return -owed if name.partition(":")[0] in _HELD_KINDS else owed

"""The journal: every shilling moves from one account to another by one line that is never changed.

Accounts are named `kind:key`. `mpesa:` accounts, `bank` and `loss` are what we hold (a debit raises them) and are
summed when asked for, so that no row of theirs is fought over. All others are what we owe (a credit raises them):
`consultation:<id>` is money held for a booking, `suspense` money of which nobody knows yet whose it is,
`refund:<id>` money on its way back, `advocate:<id>` earnings not paid out yet, `in-transit:<payout>` a payout on
its way, `platform:commission` what stays with us. They keep a running balance that the database refuses to let
below zero.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import affected, insert_if_absent, reading
from app.errors import Problem
from app.http import page
from app.payments.models import LedgerAccount, LedgerTransfer, Payment

KES = "KES"
WORKING = "mpesa:working"
UTILITY = "mpesa:utility"
BANK = "bank"
SUSPENSE = "suspense"
COMMISSION = "platform:commission"
LOSS = "loss"
_HELD_KINDS = ("mpesa", "bank", "loss")


class AccountNotFound(Problem):
    """No line of the journal names this account."""

    status, code, message = 404, "account_not_found", "There is no such account. Check its name."


class WrongCurrency(ValueError):
    """Money of one currency was about to be booked to an account of another."""


def consultation_account(consultation_id: int) -> str:
    """Name the account of the money held for a booking."""
    return f"consultation:{consultation_id}"


def holding_account(payment: Payment) -> str:
    """Name the account that holds what came by a payment: its booking's, or suspense."""
    if payment.is_aside or payment.consultation_id is None:
        return SUSPENSE
    return consultation_account(payment.consultation_id)


def advocate_account(advocate_id: int) -> str:
    """Name the account of what an advocate has earned and not been paid out."""
    return f"advocate:{advocate_id}"


def refund_account(refund_id: int) -> str:
    """Name the account of money on its way back."""
    return f"refund:{refund_id}"


def transit_account(payout_id: int) -> str:
    """Name the account of a payout that is approved and has not arrived."""
    return f"in-transit:{payout_id}"


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
    account = sa.update(LedgerAccount).where(LedgerAccount.name == name, LedgerAccount.currency == currency)
    moved = account.values(balance=LedgerAccount.balance + change)
    if not affected(session, moved.execution_options(synchronize_session=False)):
        raise WrongCurrency(f"{name} is not an account in {currency}")


def lock_account(session: Session, name: str) -> LedgerAccount | None:
    """Lock an account of the journal, so that what is on it stays until the end of the transaction."""
    found = sa.select(LedgerAccount).where(LedgerAccount.name == name).with_for_update()
    return session.scalar(found.execution_options(populate_existing=True))


def balance(session: Session, name: str) -> int:
    """Return an account's balance in cents, from the journal itself."""
    credits_ = sa.func.coalesce(sa.func.sum(LedgerTransfer.amount).filter(LedgerTransfer.credit == name), 0)
    debits = sa.func.coalesce(sa.func.sum(LedgerTransfer.amount).filter(LedgerTransfer.debit == name), 0)
    owed = int(session.scalar(sa.select(credits_ - debits)) or 0)  # PostgreSQL sums into NUMERIC
    return -owed if name.partition(":")[0] in _HELD_KINDS else owed


def statement(
    account: str, *, must_exist: bool, limit: int, offset: int = 0, cursor: str | None = None
) -> dict[str, Any]:
    """Return an account's balance and one page of its lines, newest first; raise AccountNotFound."""
    lines = sa.select(LedgerTransfer).where(
        sa.or_(LedgerTransfer.debit == account, LedgerTransfer.credit == account)
    )
    with reading() as session:
        cut = page(session, lines, LedgerTransfer.id, limit=limit, offset=offset, cursor=cursor)
        if must_exist and not cut["total"]:
            raise AccountNotFound
        return cut | {"account": account, "currency": KES, "balance": balance(session, account)}

"""The journal: every line moves money from one account to another, once, and no account that owes is overdrawn."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from app.database import constraint_of, reading, transaction, transactional
from app.payments import ledger
from app.payments.models import LedgerAccount, LedgerTransfer
from tests.conftest import START
from tests.payments.scenes import at_once

HELD, BACK = ledger.consultation_account(7), ledger.refund_account(7)


def move(app, debit: str, credit: str, amount: int, key: str, *, currency: str = "KES") -> None:
    with app.app_context(), transaction() as session:
        ledger.transfer(
            session, debit=debit, credit=credit, amount=amount, currency=currency, event_key=key, now=START
        )


def balance(app, account: str) -> int:
    with app.app_context(), reading() as session:
        return ledger.balance(session, account)


def stored(app) -> dict[str, int]:
    """Return the running balances."""
    with app.app_context(), reading() as session:
        return {account.name: account.balance for account in session.query(LedgerAccount)}


def lines(app) -> int:
    with app.app_context(), reading() as session:
        return session.query(LedgerTransfer).count()


@pytest.fixture
def paid(app):
    """A hundred shillings are held for a booking."""
    move(app, ledger.WORKING, HELD, 10_000, "received")
    return app


def test_money_that_comes_is_what_we_hold_and_what_we_owe(paid):
    assert balance(paid, ledger.WORKING) == balance(paid, HELD) == 10_000
    assert stored(paid) == {HELD: 10_000}


def test_money_on_its_way_back_is_owed_to_another_and_still_held(paid):
    move(paid, HELD, BACK, 4_000, "refund")
    assert (balance(paid, ledger.WORKING), balance(paid, HELD), balance(paid, BACK)) == (10_000, 6_000, 4_000)
    assert stored(paid) == {HELD: 6_000, BACK: 4_000}


def test_a_balance_is_an_exact_integer_on_both_engines(paid):
    assert type(balance(paid, HELD)) is int
    assert type(balance(paid, "consultation:nobody")) is int


def test_an_account_that_nobody_used_is_empty(app):
    assert balance(app, HELD) == 0


def test_the_same_event_is_booked_once(paid):
    with pytest.raises(IntegrityError) as refusal:
        move(paid, ledger.WORKING, HELD, 10_000, "received")
    assert constraint_of(refusal.value) == "uq_ledger_transfers_event_key"
    assert (balance(paid, HELD), stored(paid), lines(paid)) == (10_000, {HELD: 10_000}, 1)


@pytest.mark.parametrize("debit", [HELD, BACK], ids=["too little there", "nothing there"])
def test_what_is_not_there_cannot_be_moved(paid, debit):
    with pytest.raises(IntegrityError) as refusal:
        move(paid, debit, ledger.refund_account(8), 10_001, "too much")
    assert constraint_of(refusal.value) == "ck_ledger_accounts_not_below_zero"
    assert (stored(paid), lines(paid)) == ({HELD: 10_000}, 1)


@pytest.mark.parametrize("amount", [0, -1])
def test_no_line_moves_nothing_or_backwards(paid, amount):
    with pytest.raises(IntegrityError):
        move(paid, HELD, BACK, amount, "nothing")
    assert lines(paid) == 1


def test_an_account_has_one_currency(paid):
    with pytest.raises(ledger.WrongCurrency):
        move(paid, ledger.WORKING, HELD, 100, "dollars", currency="USD")
    assert (stored(paid), lines(paid)) == ({HELD: 10_000}, 1)


def test_an_account_is_never_overdrawn_by_many_at_once(paid):
    """Twenty want thirty of a hundred shillings: three get them."""

    def take(number):
        try:
            move(paid, HELD, ledger.refund_account(number), 3_000, f"refund {number}")
        except IntegrityError:
            return False
        return True

    assert sum(at_once([lambda number=number: take(number) for number in range(20)])) == 3
    assert balance(paid, HELD) == 1_000
    assert sum(stored(paid).values()) == 10_000


def test_transfers_in_both_directions_do_not_block_each_other(paid):
    move(paid, ledger.WORKING, BACK, 10_000, "received for another")
    moved = transactional(ledger.transfer)

    def there_or_back(number):
        debit, credit = (HELD, BACK) if number % 2 else (BACK, HELD)
        with paid.app_context():
            moved(debit=debit, credit=credit, amount=100, currency="KES", event_key=f"move {number}", now=START)

    at_once([lambda number=number: there_or_back(number) for number in range(20)])
    assert stored(paid) == {HELD: 10_000, BACK: 10_000}
    assert lines(paid) == 22

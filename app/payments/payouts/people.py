"""Who may decide about a payout: maker and checker are two people, and neither of them is the payee."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.auth.models import User
from app.auth.same_person import is_same_person, numbers_of
from app.auth.staff import staff_member
from app.errors import Problem
from app.http import Person
from app.payments.models import Payout


class OwnPayout(Problem):
    """The money goes to the one who decides, by account or by phone."""

    status, code = 403, "own_payout"
    message = "Somebody else must decide this, since the money goes to you."


class CheckerNeeded(Problem):
    """The one who made a payout cannot be the one who checks it."""

    status, code = 403, "maker_cannot_check"
    message = "Somebody else must decide this: a payout takes two people."


def check_maker(session: Session, person: Person, *, advocate_id: int, recipient_phone: str) -> None:
    """Raise OwnPayout where a person is about to make a payout to themselves."""
    if is_payee(session, staff_member(session, person), advocate_id, recipient_phone):
        raise OwnPayout


def check_checker(session: Session, person: Person, payout: Payout) -> None:
    """Raise CheckerNeeded or OwnPayout unless a person may decide about somebody else's payout.

    A person may have two accounts; one phone number, now or once, makes them one person.
    """
    checker, maker = staff_member(session, person), session.get_one(User, payout.maker_id)
    if is_same_person(session, checker, maker):
        raise CheckerNeeded
    if is_payee(session, checker, payout.advocate_id, payout.recipient_phone):
        raise OwnPayout


def check_made_for_another(session: Session, payout: Payout) -> None:
    """Raise OwnPayout where the maker has turned out to be the payee: they may have changed their phone since."""
    maker = session.get_one(User, payout.maker_id)
    if is_payee(session, maker, payout.advocate_id, payout.recipient_phone):
        raise OwnPayout("The one who made this payout is its payee. Reject it.")


def is_payee(session: Session, user: User, advocate_id: int | None, recipient_phone: str) -> bool:
    """Say whether somebody would get a payout, by account or by phone."""
    payee = session.get(User, advocate_id) if advocate_id is not None else None
    if payee is not None and is_same_person(session, user, payee):
        return True
    return recipient_phone in numbers_of(session, user)

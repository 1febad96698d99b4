"""What the payer reads on the phone: the prompt and the text messages."""

from datetime import datetime

from simulator.clock import EAT
from simulator.outcomes import Outcome
from simulator.records import Movement, Push


def prompt(push: Push, shop: str) -> str:
    return f"Do you want to pay KES {push.amount:,} to {shop} Account {push.account_reference}? Enter M-PESA PIN:"


def receipt(paid: Movement, shop: str, balance: int) -> str:
    return (
        f"{paid.receipt} Confirmed. Ksh{paid.amount:,}.00 sent to {shop} for account {paid.account_reference} "
        f"on {_date(paid.at)}. "
        f"New M-PESA balance is Ksh{balance:,}.00. Transaction cost, Ksh0.00."
    )


def received(paid: Movement, shop: str, balance: int) -> str:
    """Write what a customer reads who was paid."""
    return (
        f"{paid.receipt} Confirmed. You have received Ksh{paid.amount:,}.00 from {shop} on {_date(paid.at)}. "
        f"New M-PESA balance is Ksh{balance:,}.00."
    )


def given_back(taken_back: Movement, balance: int) -> str:
    """Write what a customer reads whose payment was given back."""
    return (
        f"{taken_back.receipt} Confirmed. Transaction {taken_back.reverses} was reversed on "
        f"{_date(taken_back.at)} and Ksh{taken_back.amount:,}.00 is credited to your M-PESA account. "
        f"New M-PESA balance is Ksh{balance:,}.00."
    )


def not_paid(amount: int, shop: str, why: str) -> str:
    """Write what a customer reads whose paybill payment did not go through."""
    return f"Failed. {why} Ksh{amount:,}.00 was not sent to {shop}."


def failure(push: Push, outcome: Outcome, shop: str, balance: int) -> str:
    """Write what M-PESA texts after a failure; empty where it sends nothing."""
    if outcome.name == "insufficient":
        return (
            f"Failed. You do not have enough money in your M-PESA account to pay Ksh{push.amount:,}.00 "
            f"to {shop}. Your M-PESA balance is Ksh{balance:,}.00."
        )
    if outcome.name == "wrong_pin":
        return f"Failed. You have entered a wrong M-PESA PIN. Ksh{push.amount:,}.00 was not sent to {shop}."
    return ""


def _date(at: datetime) -> str:
    local = at.astimezone(EAT)
    return f"{local.day}/{local.month}/{local:%y} at {local.hour % 12 or 12}:{local:%M %p}"

"""What the payer reads on the phone: the prompt and the text messages."""

from datetime import datetime

from simulator.clock import EAT
from simulator.outcomes import Outcome
from simulator.records import Movement, Push


def prompt(push: Push, shop: str) -> str:
    return f"Do you want to pay KES {push.amount:,} to {shop} Account {push.account_reference}? Enter M-PESA PIN:"


def receipt(paid: Movement, shop: str, balance: int) -> str:
    local = paid.at.astimezone(EAT)
    return (
        f"{paid.receipt} Confirmed. Ksh{paid.amount:,}.00 sent to {shop} for account {paid.account_reference} "
        f"on {local.day}/{local.month}/{local:%y} at {_clock(local)}. "
        f"New M-PESA balance is Ksh{balance:,}.00. Transaction cost, Ksh0.00."
    )


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


def _clock(local: datetime) -> str:
    return f"{local.hour % 12 or 12}:{local:%M %p}"

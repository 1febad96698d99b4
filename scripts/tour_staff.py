"""The part of the tour that staff and the advocate play: earnings, a payout under four eyes, the books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config import Settings
from demo_people import PASSWORD, PEOPLE
from scripts.visitor import Json, Phone, Visitor, say, step

ADVOCATE = "baraka"
AMOUNT = 500


@contextmanager
def open_round_the_clock(settings: Settings) -> Iterator[None]:
    """Let the advocate have a slot within two hours, whatever the time is, and his own hours again afterwards."""
    step(f"For the tour {ADVOCATE.title()}, the advocate, sees people round the clock for a moment")
    advocate = Visitor(settings, ADVOCATE)
    kept = advocate.call("GET", "/api/advocates/me/availability")
    weekly = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    advocate.call("PUT", "/api/advocates/me/availability", json={"weekly": weekly})
    try:
        yield
    finally:
        advocate.call("PUT", "/api/advocates/me/availability", json=kept)


def pay_out(settings: Settings, advocate: Json) -> None:
    """Pay a part of what was earned."""
    step(f"{ADVOCATE.title()} sees what he has earned")
    payee = Visitor(settings, ADVOCATE)
    earned = payee.watch("/api/payment/earnings", lambda body: bool(body["balance"] >= AMOUNT), within_s=60)
    say(f"KES {earned['balance']:,} to be paid out")

    step("Dalmas of finance makes a payout; that moves nothing yet")
    maker = Visitor(settings, "dalmas")
    phone = Phone(settings, str(next(number for name, _, _, number in PEOPLE if name == ADVOCATE)))
    wish = {
        "advocate_id": advocate["id"],
        "recipient_phone": phone.number,
        "recipient_name": advocate["full_name"],
        "amount": AMOUNT,
        "purpose": "Fees",
    }
    payout = maker.call("POST", "/api/payouts", json=wish)
    say(f"payout {payout['id']} of KES {payout['amount']:,} is a {payout['status']}")

    step("Esther types her password again and approves it: nobody approves what they made")
    checker = Visitor(settings, "esther")
    checker.call("POST", "/api/auth/reauthenticate", json={"password": PASSWORD})
    approved = checker.call("POST", f"/api/payouts/{payout['id']}/approve")
    say(f"payout {payout['id']} is {approved['status']}")
    path = f"/api/payouts/{payout['id']}"
    payout = checker.watch(path, lambda body: body["status"] in ("completed", "failed"), within_s=60)
    say(f"payout {payout['id']} is {payout['status']}, receipt {payout['receipt']}")
    say(phone.last_message())


def look_at_the_books(settings: Settings) -> None:
    """Ask what is on the accounts at Safaricom, and show the day's figures."""
    step("Staff ask M-Pesa what is on the accounts")
    staff = Visitor(settings, "dalmas")
    asked = staff.call("POST", "/api/payment/mpesa/balance/refresh")["inquiry_id"]
    path = f"/api/payment/mpesa/inquiries/{asked}"
    staff.watch(path, lambda body: body["answered_at"] is not None, within_s=30)
    for account in staff.call("GET", "/api/payment/mpesa/balance")["accounts"]:
        say(f"{account['name']}: {account['currency']} {account['amount']:,}")

    step("The figures of everything so far (as a page: " + f"{staff.api}/reports)")
    for name, figure in staff.call("GET", "/api/payment/statistics").items():
        if isinstance(figure, int):
            say(f"{name.replace('_', ' ')}: {figure:,}")

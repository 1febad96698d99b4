"""Walk the main job over HTTP, and say at each step what happened: book, pay, cancel, be paid out."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta

import requests

from config import ConfigurationError, Settings, load_settings
from scripts import tour_staff
from scripts.visitor import Json, Phone, Visitor, say, step

PHONE = "254712345678"


def main() -> None:
    """Take the tour against what `make run` started."""
    try:
        settings = load_settings()
    except ConfigurationError as faults:
        sys.exit(str(faults))
    try:
        walk(settings)
    except requests.ConnectionError:
        sys.exit(f"Nothing answers at http://{settings.host}:{settings.port}. "
                 "Start 'make run' in another terminal first.")  # fmt: skip


def walk(settings: Settings) -> None:
    """Show everything that can be shown; a real phone pays once and no more."""
    step("Achieng, a client, logs in")
    achieng = Visitor(settings, "achieng")
    advocate = pick_advocate(achieng)
    pay_by_prompt(achieng, book(achieng, advocate))
    if not settings.simulator:
        print("\nBooked, paid, confirmed. The rest of the tour needs the stand-in Safaricom.")
        return
    paid = pay_by_paybill(achieng, book(achieng, advocate, days_ahead=2))
    cancel(achieng, paid)
    earn(achieng, advocate)
    tour_staff.pay_out(settings, advocate)
    tour_staff.look_at_the_books(settings)
    print("\nBooked, paid, confirmed; paid by paybill, cancelled, refunded; earned and paid out.")


def pick_advocate(client: Visitor) -> Json:
    step("She looks for an advocate")
    advocate: Json = client.call("GET", "/api/advocates?practice_area=family")["items"][0]
    say(f"{advocate['full_name']}, KES {advocate['fee']:,}")
    return advocate


def book(client: Visitor, advocate: Json, *, days_ahead: int = 0) -> Json:
    step("She books the first free slot" + (f" that is {days_ahead} days away or more" if days_ahead else ""))
    last = date.today() + timedelta(days=30)  # noqa: DTZ011 - the tour walks in the machine's own time
    slots = client.call("GET", f"/api/advocates/{advocate['id']}/slots?to={last}")["items"]
    earliest = datetime.now(UTC) + timedelta(days=days_ahead)
    starts = [slot["starts_at"] for slot in slots if datetime.fromisoformat(slot["starts_at"]) > earliest]
    if not starts:
        sys.exit("Every slot of the next thirty days is taken; remove instance/ to start anew.")
    wish = {"advocate_id": advocate["id"], "starts_at": starts[0], "mode": "video"}
    booking = client.call("POST", "/api/consultations", json=wish)
    say(f"{booking['reference']}, {booking['starts_at']}: {booking['status']}, "
        f"held until {booking['hold_expires_at']}")  # fmt: skip
    return booking


def pay_by_prompt(client: Visitor, booking: Json) -> None:
    step("She asks to pay by M-Pesa; her phone rings")
    wish = {"phone_number": PHONE, "booking_id": booking["id"]}
    push = client.call("POST", "/api/payment/mpesa/stk-push", json=wish)
    if client.settings.simulator:
        phone = Phone(client.settings, PHONE)
        phone.type_pin()
        say(f"she types her PIN on the stand-in phone (by hand: {phone.page})")
    else:
        say("type your PIN on the phone that rings")
    for _ in range(6):
        payment = client.call("GET", f"/api/payment/payments/{push['payment_id']}?wait=25")
        if payment["status"] != "pending":
            break
    say(payment["message"])
    say(f"receipt {payment['mpesa_receipt_number']}, KES {payment['amount_received']:,}")
    expect_confirmed(payment["consultation"])


def pay_by_paybill(client: Visitor, booking: Json) -> Json:
    phone, reference, fee = Phone(client.settings, PHONE), booking["reference"], booking["fee"]
    step(f"She pays by Pay Bill on her phone, account {reference}, and mistypes the amount")
    say(f"{phone.pay_bill(reference, fee + 1)['progress']}: turned away before any money moved")
    step("She types it right")
    say(f"{phone.pay_bill(reference, fee)['progress']}; {phone.last_message()}")
    path = f"/api/consultations/{booking['id']}"
    booking = client.watch(path, lambda body: bool(body["status"] == "Confirmed"), within_s=30)
    expect_confirmed(booking)
    return booking


def expect_confirmed(booking: Json) -> None:
    say(f"booking {booking['reference']} is {booking['status']} and {booking['payment_status']}")
    if booking["status"] != "Confirmed":
        sys.exit("The booking was not confirmed.")


def cancel(client: Visitor, booking: Json) -> None:
    step("She cancels it in good time; all of it goes back to her phone")
    say(client.call("GET", f"/api/consultations/{booking['id']}/cancellation")["message"])
    client.call("POST", f"/api/consultations/{booking['id']}/cancel")
    completed = "/api/payment/refunds?limit=1&status=completed"
    page = client.watch(completed, lambda body: of_booking(body, booking["id"]), within_s=90)
    [refund] = page["items"]
    say(f"refund of KES {refund['amount']:,} as a {refund['attempts'][-1]['kind']}, receipt {refund['receipt']}")
    say(Phone(client.settings, PHONE).last_message())


def of_booking(page: Json, booking_id: int) -> bool:
    return any(refund["booking_id"] == booking_id for refund in page["items"])


def earn(client: Visitor, advocate: Json) -> None:
    with tour_staff.open_round_the_clock(client.settings):
        booking = book(client, advocate)
    pay_by_prompt(client, booking)
    step("She cancels that one too late; the fee is kept, and the advocate has earned his share")
    say(client.call("GET", f"/api/consultations/{booking['id']}/cancellation")["message"])
    client.call("POST", f"/api/consultations/{booking['id']}/cancel")


if __name__ == "__main__":
    main()

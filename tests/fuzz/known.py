"""What a caller of this world could know: values that exist in it, by the name of the field that takes them."""

from __future__ import annotations

from itertools import islice
from typing import Any

from app.consultations.models import Consultation, ConsultationStatus
from app.payments.ledger import COMMISSION, WORKING
from app.payments.models import Payment, Payout, Refund, ReviewItem
from tests.fuzz.world import RECORDED_BY_HAND, World, phones
from tests.payments.conftest import FEE
from tests.people import PASSWORD

STRONG_PASSWORD = "ngalawa tatu za Pate zilirudi"

Known = dict[str, list[Any]]


def known_in(world: World) -> Known:
    """Collect them. A name means the same in every path, query and body; numbers in the world are small."""
    desk, advocate = world.desk, world.by_role["advocate"]
    bookings, payments = desk.rows(Consultation), desk.rows(Payment)
    held = [one.id for one in bookings if one.status == ConsultationStatus.PENDING]
    confirmed = [one.id for one in bookings if one.status == ConsultationStatus.CONFIRMED]
    checkout_ids = [one.checkout_request_id for one in payments]
    free = desk.http.get(f"/api/advocates/{advocate.id}/slots").json["items"]
    unused = list(islice(phones("25470002"), 40))
    return {
        "advocate_id": [advocate.id],
        "consultation_id": [one.id for one in bookings] + 4 * confirmed,  # most can be done with these
        "booking_id": held,
        "payment_id": [one.id for one in payments],
        "transaction_id": [one.id for one in payments],
        "remarks": ["Paid by mistake."],
        "inquiry_id": [1],
        "date": ["2026-11-23"],
        "refund_id": [one.id for one in desk.rows(Refund)],
        "payout_id": [one.id for one in desk.rows(Payout)],
        "campaign_id": [None],  # there are none yet
        "recipient_phone": unused[:2],
        "recipient_name": ["Atieno wa Kisumu"],
        "purpose": ["Fees"],
        "review_id": [one.id for one in desk.rows(ReviewItem)],
        "checkout_request_id": checkout_ids,
        "CheckoutRequestID": checkout_ids,
        "account": [WORKING, COMMISSION, *(f"consultation:{one.id}" for one in bookings)],
        "starts_at": [slot["starts_at"] for slot in free],
        "phone_number": [*unused, *(f"0{number[3:]}" for number in unused)],
        "phone": [one.phone for one in payments],
        "amount": [FEE, 100, 10],
        "receipt": [RECORDED_BY_HAND],
        "token": world.reset_codes,
        "note": ["Read off the statement."],
        "email": [*(one.email for one in world.by_role.values()), "somebody@example.com", "nobody@example.com"],
        "password": [PASSWORD],
        "current_password": [PASSWORD],
        "new_password": [STRONG_PASSWORD],
        "full_name": ["Atieno wa Kisumu"],
        "practice_areas": [["Land"], ["Land", "Family"]],
        "slot_minutes": [30, 60],
        "weekly": [[{"weekday": 0, "start": "09:00", "end": "12:30"}], []],
        "from": ["2026-11-24"],
        "to": ["2026-12-24"],
        "cursor": ["5", "20"],
        "Idempotency-Key": ["press-1", "press-2"],
    }

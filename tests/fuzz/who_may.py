"""Who may call which route, with whose object: the table that the authorisation matrix is tested against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.fuzz.known import STRONG_PASSWORD
from tests.people import PASSWORD

EVERYBODY = "anonymous client advocate finance admin"
SIGNED_IN = "client advocate finance admin"
STAFF = "finance admin"
OBJECT = "<the object>"  # in a body: its id, or what else names it


@dataclass(frozen=True)
class Row:
    """Who succeeds at a route, and with whose object.

    Who stands nowhere is told 401 without a good token, 403 with one.
    """

    all: str = ""  # with anybody's object, or where there is none
    own: str = ""  # with their own; somebody else's looks like none: 404
    nothing: str = ""  # have nothing of the kind, ever: 404
    object: str = ""
    body: Any = None
    safaricom_alone: bool = False

    def expected(self, caller: str, whose: str) -> int:
        """Return the status of an answer; 200 stands for any success."""
        if self.safaricom_alone:
            return 403
        if caller in self.all.split():
            return 404 if whose == "nobody's" else 200
        if caller in self.own.split():
            return 200 if whose == "own" else 404
        if caller in self.nothing.split():
            return 404
        return 401 if caller == "anonymous" else 403


A_BOOKING = {"own": "client advocate", "all": STAFF}  # of which the one is the client's, the other the advocate's
A_PAYMENT = {"own": "client", "nothing": "advocate", "all": STAFF}

TABLE = {
    "GET /healthz": Row(EVERYBODY),
    "GET /readyz": Row(EVERYBODY),
    "GET /metrics": Row(EVERYBODY),  # of this machine
    "GET /outbox": Row(EVERYBODY),  # of a developer's machine
    "GET /docs": Row(EVERYBODY),
    "GET /static/{filename}": Row(EVERYBODY, object="static file"),
    "GET /api/openapi.json": Row(EVERYBODY),
    "POST /api/auth/register": Row(
        EVERYBODY, body={"email": "new@example.com", "password": STRONG_PASSWORD, "full_name": "New"}
    ),
    "POST /api/auth/login": Row(EVERYBODY, body={"email": "achieng@example.com", "password": PASSWORD}),
    "POST /api/auth/password/forgot": Row(EVERYBODY, body={"email": "achieng@example.com"}),
    "POST /api/auth/password/reset": Row(
        EVERYBODY, object="reset code", body={"token": OBJECT, "new_password": STRONG_PASSWORD}
    ),
    "POST /api/auth/refresh": Row(SIGNED_IN),
    "POST /api/auth/logout": Row(SIGNED_IN),
    "POST /api/auth/logout-all": Row(SIGNED_IN),
    "GET /api/auth/me": Row(SIGNED_IN),
    "PATCH /api/auth/me": Row(SIGNED_IN, body={"full_name": "Somebody"}),
    "POST /api/auth/reauthenticate": Row(SIGNED_IN, body={"password": PASSWORD}),
    "POST /api/auth/password": Row(
        SIGNED_IN, body={"current_password": PASSWORD, "new_password": STRONG_PASSWORD}
    ),
    "GET /api/advocates": Row(EVERYBODY),
    "GET /api/advocates/{advocate_id}": Row(EVERYBODY, object="advocate"),
    "GET /api/advocates/{advocate_id}/slots": Row(EVERYBODY, object="advocate"),
    "GET /api/advocates/me": Row("advocate"),
    "PATCH /api/advocates/me": Row("advocate", body={"bio": "Land and succession."}),
    "GET /api/advocates/me/availability": Row("advocate"),
    "PUT /api/advocates/me/availability": Row("advocate", body={"weekly": []}),
    "GET /api/consultations": Row(SIGNED_IN),
    "POST /api/consultations": Row(
        "client",
        object="advocate",
        body={"advocate_id": OBJECT, "starts_at": "2026-11-26T09:00:00+03:00", "mode": "video"},
    ),
    "GET /api/consultations/{consultation_id}": Row(**A_BOOKING, object="confirmed booking"),
    "GET /api/consultations/{consultation_id}/cancellation": Row(**A_BOOKING, object="confirmed booking"),
    "POST /api/consultations/{consultation_id}/cancel": Row(**A_BOOKING, object="confirmed booking"),
    "POST /api/consultations/{consultation_id}/reschedule": Row(
        **A_BOOKING, object="confirmed booking", body={"starts_at": "2026-11-26T09:00:00+03:00"}
    ),
    "POST /api/consultations/{consultation_id}/complete": Row(own="advocate", all=STAFF, object="begun booking"),
    "POST /api/consultations/{consultation_id}/no-show": Row(own="advocate", all=STAFF, object="begun booking"),
    "POST /api/payment/mpesa/stk-push": Row(
        own="client",
        nothing="advocate finance admin",
        object="held booking",
        body={"booking_id": OBJECT, "phone_number": "0712 345 678"},
    ),
    "POST /api/payment/mpesa/stkpush/query": Row(
        **A_PAYMENT, object="checkout id", body={"CheckoutRequestID": OBJECT}
    ),
    "GET /api/payment/mpesa/status/{checkout_request_id}": Row(**A_PAYMENT, object="checkout id"),
    "GET /api/payment/payments/{payment_id}": Row(**A_PAYMENT, object="payment"),
    "GET /api/payment/mpesa/transactions": Row(SIGNED_IN),
    "GET /api/payment/mpesa/transactions.csv": Row(SIGNED_IN),
    "GET /api/payment/mpesa/transactions/{payment_id}": Row(**A_PAYMENT, object="payment"),
    "GET /api/payment/refunds": Row(SIGNED_IN),
    "POST /api/payment/refunds/{refund_id}/approve": Row(STAFF, object="refund"),
    "GET /api/payment/review": Row(STAFF),
    "POST /api/payment/review/{review_id}/resolve": Row(
        STAFF, object="review item", body={"decision": "nothing_to_do", "note": "Looked into."}
    ),
    "GET /api/payment/statistics": Row(STAFF),
    "GET /api/payment/ledger/{account}": Row(STAFF, object="ledger account"),
    "GET /api/payment/earnings": Row("advocate"),
    "POST /api/payment/mpesa/callback": Row(safaricom_alone=True),
    "POST /api/payment/mpesa/callback/{token}": Row(safaricom_alone=True, object="callback token"),
}

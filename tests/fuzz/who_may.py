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
    typed_again: bool = False  # the password, just before
    query: str = ""
    file: str = ""  # instead of a body in JSON

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

A_PAYOUT_ORDER = {
    "advocate_id": OBJECT,
    "recipient_phone": "0722 000 222",
    "recipient_name": "Somebody",
    "amount": 100,
    "purpose": "Fees",
}

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
    "GET /api/payment/mpesa/transactions/{transaction_id}": Row(**A_PAYMENT, object="payment"),
    "GET /api/payment/mpesa/transactions/{transaction_id}/case": Row(STAFF, object="payment"),
    "GET /api/payment/payments/{payment_id}/receipt.pdf": Row(**A_PAYMENT, object="payment"),
    "POST /api/payment/qr": Row(**A_PAYMENT, object="held booking", body={"booking_id": OBJECT}),
    "POST /api/payment/mpesa/reverse": Row(
        STAFF,
        object="part paid",
        body={"transaction_id": OBJECT, "remarks": "Paid by mistake."},
        typed_again=True,
    ),
    "GET /api/payment/refunds": Row(SIGNED_IN),
    "POST /api/payment/refunds/{refund_id}/approve": Row(STAFF, object="refund", typed_again=True),
    "POST /api/payment/refunds/{refund_id}/retry": Row(STAFF, object="failed refund", typed_again=True),
    "GET /api/payment/review": Row(STAFF),
    "POST /api/payment/review/{review_id}/resolve": Row(
        STAFF, object="review item", body={"decision": "nothing_to_do", "note": "Looked into."}
    ),
    "GET /api/payment/statistics": Row(STAFF),
    "GET /reports": Row(EVERYBODY),  # a form; what it fetches is for staff
    "GET /api/payment/report": Row(STAFF, query="from=2026-11-23&to=2026-11-23"),
    "GET /api/payment/reconciliation": Row(STAFF, query="date=2026-11-23"),
    "POST /api/payment/reconciliation": Row(STAFF, body={"date": "2026-11-23"}),
    "GET /api/payment/mpesa/balance": Row(STAFF),
    "POST /api/payment/mpesa/balance/refresh": Row(STAFF),
    "POST /api/payment/mpesa/transaction-status": Row(STAFF, body={"receipt": "UKN0000000"}),
    "GET /api/payment/mpesa/inquiries/{inquiry_id}": Row(STAFF, object="inquiry"),
    "POST /api/payment/mpesa/register-urls": Row(STAFF, body={}),
    "POST /api/payment/statements": Row(
        STAFF, file="Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn\n"
    ),
    "GET /api/payment/ledger/{account}": Row(STAFF, object="ledger account"),
    "GET /api/payment/earnings": Row("advocate"),
    "POST /api/payouts": Row(STAFF, object="advocate", body=A_PAYOUT_ORDER),
    "POST /api/payment/mpesa/b2c": Row(STAFF, object="advocate", body=A_PAYOUT_ORDER),
    "POST /api/payouts/bulk": Row(STAFF, body={"payouts": [{}], "dry_run": True}),
    "GET /api/payouts": Row("advocate finance admin"),
    "GET /api/payouts/{payout_id}": Row(own="advocate", all=STAFF, object="draft"),
    "POST /api/payouts/{payout_id}/approve": Row(STAFF, object="draft", typed_again=True),
    "POST /api/payouts/{payout_id}/reject": Row(STAFF, object="draft", body={"reason": "Not this one."}),
    "POST /api/payouts/{payout_id}/cancel": Row(STAFF, object="draft"),
    "POST /api/payouts/{payout_id}/retry": Row(STAFF, object="failed payout", typed_again=True),
    "POST /api/payment/mpesa/callback": Row(safaricom_alone=True),
    "POST /api/payment/mpesa/callback/{token}": Row(safaricom_alone=True, object="callback token"),
    "POST /api/payment/daraja/{token}/result": Row(safaricom_alone=True, object="callback token"),
    "POST /api/payment/daraja/{token}/timeout": Row(safaricom_alone=True, object="callback token"),
    "POST /api/payment/c2b/{token}/confirmation": Row(safaricom_alone=True, object="callback token"),
    "POST /api/payment/c2b/{token}/validation": Row(safaricom_alone=True, object="callback token"),
}

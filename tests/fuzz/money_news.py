"""What Safaricom has to tell of money that moves without a prompt: results, time-outs, paybill notices."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from app.consultations.models import Consultation, ConsultationStatus
from app.payments.models import Disbursement, DisbursementStatus, Payout, PayoutStatus, Refund, RefundStatus
from tests.fuzz.own_reader import UNNAMED, says_came, says_completed, says_sent
from tests.fuzz.world import World, phones
from tests.payments.conftest import FEE
from tests.payments.out_scenes import C2B_TOKEN, register_paybill
from tests.payments.scenes import waiting
from tests.people import PASSWORD

RESULT, TIMEOUT = "/api/payment/daraja/{token}/result", "/api/payment/daraja/{token}/timeout"
CONFIRMATION, VALIDATION = "/api/payment/c2b/{token}/confirmation", "/api/payment/c2b/{token}/validation"
QUESTIONS = 6
CREDENTIAL = base64.b64encode(random.Random(344).randbytes(256)).decode()  # as long as a real one


@dataclass(frozen=True)
class News:
    """One thing that is true, the door at which Safaricom tells it, and how it says that money moved."""

    template: str
    path: str
    body: bytes
    says: Callable[[bytes | None], Any]

    @property
    def truth(self) -> Any:
        """What moved; None where the news is of something else."""
        return self.says(self.body)


def all_news(world: World) -> list[News]:
    """Let money out be sent and asked about, and people pay by paybill; return what there is to tell."""
    world.desk.safaricom.drop_callbacks()
    _approve_all(world)
    world.desk.send()
    results = _told_at_results(world)
    headers = world.headers("finance")
    for _ in range(QUESTIONS):  # the pace is kept for each
        world.desk.clock.advance(seconds=60)
        world.desk.send()
        world.desk.http.post("/api/payment/mpesa/balance/refresh", headers=headers)
    questions = [replace(one, says=says_completed) for one in _told_at_results(world)]
    timeouts = [
        News(TIMEOUT, one.path.replace("/result", "/timeout"), _echo(world), _says_nothing) for one in results
    ]
    return [*results, *questions, *timeouts, *_paybill_notices(world)]


def _approve_all(world: World) -> None:
    """Approve what waits, as somebody who made none of it."""
    headers = world.headers("admin")
    typed = {"json": {"password": PASSWORD}, "headers": headers}
    assert world.desk.http.post("/api/auth/reauthenticate", **typed).status_code == 200
    drafts = [one.id for one in world.desk.rows(Payout) if one.status is PayoutStatus.DRAFT]
    refunds = [one.id for one in world.desk.rows(Refund) if one.status is RefundStatus.REQUESTED]
    for path in [f"payouts/{one}" for one in drafts] + [f"payment/refunds/{one}" for one in refunds]:
        answer = world.desk.http.post(f"/api/{path}/approve", headers=headers)
        assert answer.status_code == 200, answer.json


def _told_at_results(world: World) -> list[News]:
    told = [(urlsplit(one["url"]).path, one["body"].encode()) for one in waiting(world.desk.safaricom)]
    world.desk.safaricom.drop_callbacks()
    return [News(RESULT, path, body, says_sent) for path, body in told if path.endswith("/result")]


def _says_nothing(_raw: bytes | None) -> None:
    return None


def _echo(world: World) -> bytes:
    """Write a time-out as production does: the order as it was sent."""
    sent = world.desk.rows(Disbursement)[-1].originator_conversation_id
    order = {
        "InitiatorName": "testapi",
        "SecurityCredential": CREDENTIAL,
        "CommandID": "BusinessPayment",
        "Amount": 100,
        "PartyA": "600996",
        "PartyB": "254722000222",
        "Remarks": "Booking",
        "QueueTimeOutURL": "https://pay.example.com/api/payment/daraja/some-token/timeout",
        "ResultURL": "https://pay.example.com/api/payment/daraja/some-token/result",
        "OriginatorConversationID": sent,
    }
    return json.dumps(order).encode()


def _paybill_notices(world: World) -> list[News]:
    register_paybill(world.desk)
    held = [one for one in world.desk.rows(Consultation) if one.status == ConsultationStatus.PENDING]
    accounts = [*(one.reference for one in held), "HY-NOBODYS", ""]
    bodies = [
        _notice(account, number, phone)
        for number, (account, phone) in enumerate(zip(accounts, phones("25470004"), strict=False))
    ]
    return [News(CONFIRMATION, door("confirmation"), body, says_came) for body in bodies]


def door(what: str) -> str:
    """Return where Safaricom tells of paybill payments."""
    return f"/api/payment/c2b/{C2B_TOKEN}/{what}"


def _notice(account: str, number: int, phone: str) -> bytes:
    notice = {
        "TransactionType": "Pay Bill",
        "TransID": f"UKN7FUZZ{number:02}",
        "TransTime": "20261121121325",
        "TransAmount": f"{FEE:.2f}",
        "BusinessShortCode": "174379",
        "BillRefNumber": account,
        "InvoiceNumber": "",
        "OrgAccountBalance": "49197.00",
        "ThirdPartyTransID": "",
        "MSISDN": phone if number % 2 else "2547 ***** 126",
        "FirstName": "CHEBET",
        "MiddleName": "",
        "LastName": "",
    }
    return json.dumps(notice).encode()


def sent_now(world: World) -> Iterator[tuple[int, str]]:
    """Yield each order that counts as carried out, with its receipt, or UNNAMED."""
    for attempt in world.desk.rows(Disbursement):
        if attempt.status is DisbursementStatus.COMPLETED:
            yield attempt.id, attempt.receipt or UNNAMED

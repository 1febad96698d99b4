"""Strangers: they know what a client, an old log or a neighbour could know, and knock at Safaricom's door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from simulator.orders import Order
from simulator.records import Push

if TYPE_CHECKING:
    from torture.world import World

SAFARICOM = "196.201.214.200"
STRANGER = "6.6.6.6"
BARE = "/api/payment/mpesa/callback"
OTHER_SHORTCODE = "600111"


class Stranger:
    """Forges news of prompts, of paybill payments and of orders, as far as one can who is not Safaricom."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng("stranger")
        self.forged = 0

    def begin(self) -> None:
        self.world.after(self.rng.uniform(5, 400), self._act)

    def _act(self) -> None:
        if self.world.is_healed:
            return
        engine = self.world.engine
        orders = [order for order in engine.orders if order.kind in ("b2c", "reversal")]
        knocks = self.rng.choice(("prompt", "prompt", "paybill", "order"))
        if knocks == "paybill" and engine.registrations:
            self.rng.choice((self._notice_unlisted, self._notice_guessed, self._notice_of_another))()
        elif knocks == "order" and orders:
            order = self.rng.choice(orders[-3:])
            self.rng.choice((self._result_unlisted, self._result_guessed, self._result_replayed))(order)
        elif engine.pushes:
            deeds = (self._bare, self._bare_listed, self._unlisted, self._wrong_token, self._replay)
            self.rng.choice(deeds)(self.rng.choice(engine.pushes[-3:]))
        self.world.after(self.rng.expovariate(1 / 300), self._act)

    def _bare(self, push: Push) -> None:
        self._knock("forges on the bare path", BARE, self._paid(push), STRANGER)

    def _bare_listed(self, push: Push) -> None:
        self._knock("names it on the bare path", BARE, self._paid(push), SAFARICOM)

    def _unlisted(self, push: Push) -> None:
        self._knock("forges with the token", urlsplit(push.callback_url).path, self._paid(push), STRANGER)

    def _wrong_token(self, push: Push) -> None:
        self._knock("guesses a token", f"{BARE}/{'x' * 32}", self._paid(push), SAFARICOM)

    def _replay(self, push: Push) -> None:
        """Send an old genuine body to another prompt's address: the receipt is one that is booked already."""
        booked = "select 1 from payments where mpesa_receipt_number is not null and instr(?, mpesa_receipt_number)"
        delivered = [one for one in self.world.engine.deliveries if one.kind == "STK" and one.http_status == 200]
        told = [one for one in delivered if self.world.rows(booked, one.body)]
        others = [one for one in told if one.checkout_request_id != push.checkout_request_id]
        if others:
            body = self.rng.choice(others).body
            self._knock("replays an old body", urlsplit(push.callback_url).path, body, SAFARICOM)

    # Paybill notices.

    def _notice_unlisted(self) -> None:
        [registration] = self.world.engine.registrations
        path = urlsplit(registration.confirmation_url).path
        self._knock("forges a notice", path, self._notice(registration.shortcode), STRANGER)

    def _notice_guessed(self) -> None:
        [registration] = self.world.engine.registrations
        path = f"/api/payment/c2b/{'a' * 48}/confirmation"
        self._knock("guesses a paybill address", path, self._notice(registration.shortcode), SAFARICOM)

    def _notice_of_another(self) -> None:
        """Send what belongs to another business to our address, as a misrouted notice of Safaricom's own."""
        [registration] = self.world.engine.registrations
        path = urlsplit(registration.confirmation_url).path
        self._knock("is sent another's notice", path, self._notice(OTHER_SHORTCODE), SAFARICOM)

    def _notice(self, shortcode: str) -> str:
        self.forged += 1
        references = list(self.world.history.references.values())
        account = self.rng.choice(references) if references else "HY-NEVER234"
        said = {"TransactionType": "Pay Bill", "TransID": f"FORGED{self.forged:04}", "TransAmount": "3000.00"}
        said |= {"TransTime": "20261123120000", "BusinessShortCode": shortcode, "BillRefNumber": account}
        return json.dumps(said | {"MSISDN": "254712000000", "FirstName": "Jane"})

    # Results of orders.

    def _result_unlisted(self, order: Order) -> None:
        failed = self.rng.random() < 0.5
        self._knock("forges a result", self._path(order), self._result(order, failed=failed), STRANGER)

    def _result_guessed(self, order: Order) -> None:
        path = f"/api/payment/daraja/{'b' * 64}/result"
        self._knock("guesses an order's address", path, self._result(order, failed=False), SAFARICOM)

    def _result_replayed(self, order: Order) -> None:
        """Send an old genuine result to another order's address."""
        others = [
            one
            for one in self.world.engine.deliveries
            if one.kind == "RESULT"
            and one.subject != order.conversation_id
            and self._is_of(one.subject, order.kind)
        ]
        if others:
            self._knock("replays an old result", self._path(order), self.rng.choice(others).body, SAFARICOM)

    def _is_of(self, subject: str, kind: str) -> bool:
        return any(order.conversation_id == subject and order.kind == kind for order in self.world.engine.orders)

    def _path(self, order: Order) -> str:
        return urlsplit(order.wanted.result_url).path

    def _result(self, order: Order, *, failed: bool) -> str:
        self.forged += 1
        said = {
            "ResultType": 0,
            "ResultCode": 1 if failed else 0,
            "ResultDesc": "The balance is insufficient for the transaction." if failed else "Processed.",
            "OriginatorConversationID": order.originator_conversation_id,
            "ConversationID": order.conversation_id,
            "TransactionID": f"FORGED{self.forged:04}",
        }
        values = {"TransactionAmount": order.wanted.amount, "TransactionReceipt": said["TransactionID"]}
        parameters = [{"Key": key, "Value": value} for key, value in values.items()]
        return json.dumps({"Result": said | {"ResultParameters": {"ResultParameter": parameters}}})

    # Results of prompts.

    def _paid(self, push: Push) -> str:
        self.forged += 1
        items = [
            {"Name": "Amount", "Value": push.amount},
            {"Name": "MpesaReceiptNumber", "Value": f"FORGED{self.forged:04}"},
            {"Name": "PhoneNumber", "Value": int(push.msisdn)},
        ]
        said = {
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_request_id,
            "ResultCode": 0,
            "ResultDesc": "The service request is processed successfully.",
            "CallbackMetadata": {"Item": items},
        }
        return json.dumps({"Body": {"stkCallback": said}})

    def _knock(self, name: str, path: str, body: str, address: str) -> None:
        self.world.counts["forged callbacks"] += 1
        self.world.process.request(f"stranger {name}", "stranger", "POST", path, raw=body, address=address)

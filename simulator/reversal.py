"""Reversal: the organisation gives a customer's payment back."""

from dataclasses import replace
from datetime import datetime

from simulator import fields, refusals, texts
from simulator.core import Core
from simulator.desk import Desk, Fields, Product, Visit
from simulator.faults import Faults
from simulator.names import party
from simulator.orders import Order, Parameters, Told, wanted
from simulator.records import Call, Movement, MovementKind, Reply, Sms
from simulator.refusals import invalid
from simulator.result_bodies import digits
from simulator.result_codes import ENDINGS, SUCCESS, Ending
from simulator.results import Results


class CannotReverse(ValueError):
    """There is no such payment, or it was given back already."""


class Reversal:
    """Takes reversal orders: whole payments of customers only, and each once (daraja-docs Reversal)."""

    def __init__(self, core: Core, desk: Desk, results: Results) -> None:
        self._core = core
        self._desk = desk
        self._results = results
        self._product = Product("reversal", "REVERSAL", refusals.rejected_token, self._payer)

    def reverse(self, call: Call) -> Reply:
        """Answer an order to reverse (daraja-docs Reversal)."""
        return self._desk.serve(self._product, call, self._order)

    def reverse_externally(self, receipt: str) -> Movement:
        """Give a payment back as Safaricom does at the payer's wish: the shop is not told."""
        original = self._core.ledger.find(receipt)
        obstacle = self._obstacle(original)
        if original is None or obstacle:
            raise CannotReverse(obstacle.text if obstacle else ENDINGS["original_invalid"].text)
        return self._take_back("EXTERNAL_REVERSAL", original, self._core.clock.now())

    def _payer(self, sent: Fields) -> str:
        original = self._core.ledger.find(str(sent.get("TransactionID", "")))
        return original.msisdn if original else ""

    def _order(self, visit: Visit) -> Reply:
        sent = visit.fields
        strict = self._core.config.strict_callback_urls
        asked = replace(
            wanted(sent, "Initiator", "ReceiverParty", "Occasion", strict),
            msisdn=self._payer(sent),
            amount=fields.whole_amount(sent),
            transaction_id=fields.text(sent, "TransactionID"),
        )
        if asked.command != "TransactionReversal":
            raise invalid("CommandID")
        # The API spells this field so (daraja-docs Reversal).
        if fields.text(sent, "RecieverIdentifierType") != "11":
            raise invalid("RecieverIdentifierType")
        return self._results.accept(visit, asked, self._carry_out)

    def _carry_out(self, order: Order, at: datetime, faults: Faults) -> Told:
        original = self._core.ledger.find(order.wanted.transaction_id)
        obstacle = self._obstacle(original)
        if original is None or obstacle:
            return Told(obstacle or ENDINGS["original_invalid"])
        if order.wanted.shortcode != original.shortcode:
            return Told(ENDINGS["original_invalid"])
        if order.wanted.amount != original.amount:
            return Told(ENDINGS["amount_differs"])
        taken_back = self._take_back("REVERSAL", original, at, order)
        return Told(SUCCESS, self._parameters(taken_back, faults), taken_back)

    def _obstacle(self, original: Movement | None) -> Ending | None:
        ledger = self._core.ledger
        if original is None or original.direction != "IN":
            return ENDINGS["original_invalid"]
        if ledger.reversal_of(original.receipt):
            return ENDINGS["already_reversed"]
        if ledger.balances["working"] < original.amount:
            return ENDINGS["insufficient"]
        return None

    def _take_back(
        self, kind: MovementKind, original: Movement, at: datetime, order: Order | None = None
    ) -> Movement:
        core = self._core
        taken_back = core.ledger.take_back(
            kind, original, at, order.conversation_id if order else "",
            order.originator_conversation_id if order else "",
        )  # fmt: skip
        phone = core.phones.get(original.msisdn)
        phone.balance += original.amount
        phone.messages.append(Sms(texts.given_back(taken_back, phone.balance), at))
        return taken_back

    def _parameters(self, taken_back: Movement, faults: Faults) -> Parameters:
        """List what a success says, in the order recorded in 2021."""
        left = f"{taken_back.balance:.2f}"
        return (
            ("DebitAccountBalance", f"Working Account|KES|{left}|{left}|0.00|0.00"),
            ("Amount", float(taken_back.amount + faults.amount_off)),
            ("TransCompletedTime", digits(taken_back.at)),
            ("OriginalTransactionID", taken_back.reverses),
            ("Charge", 0.0),
            ("CreditPartyPublicName", party(taken_back.msisdn)),
            ("DebitPartyPublicName", f"{taken_back.shortcode} - {self._core.config.shop}"),
        )

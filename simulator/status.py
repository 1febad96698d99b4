"""Transaction status: what became of a payment, by its receipt or by the conversation that ordered it."""

from dataclasses import replace
from datetime import datetime

from simulator import fields, refusals, transactions
from simulator.core import Core
from simulator.desk import Desk, Fields, Product, Visit
from simulator.faults import Faults
from simulator.names import party
from simulator.orders import Order, Parameters, Told, wanted
from simulator.records import Call, Reply
from simulator.refusals import invalid
from simulator.result_bodies import digits
from simulator.result_codes import ENDINGS, SUCCESS
from simulator.results import Results
from simulator.transactions import Transaction

# Of the two names of the second one, each is in one edition of the official page.
_ASKED_BY = ("TransactionID", "OriginalConversationID", "OriginatorConversationID")
# Keys of 2017 (official sample).
_BLANK_KEYS = {
    "ConversationID": "Conversation ID",
    "OriginatorConversationID": "Originator Conversation ID",
    "FinalisedTime": "FinalizedTime",
}


class Status:
    """Takes status queries."""

    def __init__(self, core: Core, desk: Desk, results: Results) -> None:
        self._core = core
        self._desk = desk
        self._results = results
        self._product = Product("status", "STATUS", refusals.rejected_token, self._whose)

    def query(self, call: Call) -> Reply:
        """Answer a status query (daraja-docs Transaction Status)."""
        return self._desk.serve(self._product, call, self._order)

    def _whose(self, sent: Fields) -> str:
        found = self._find(sent)
        return found.msisdn if found else ""

    def _find(self, sent: Fields) -> Transaction | None:
        receipt, original, originator = (str(sent.get(name) or "") for name in _ASKED_BY)
        return transactions.find(self._core.ledger, self._results, receipt, original or originator)

    def _order(self, visit: Visit) -> Reply:
        sent = visit.fields
        strict = self._core.config.strict_callback_urls
        asked = replace(
            wanted(sent, "Initiator", "PartyA", "Occasion", strict),
            msisdn=self._whose(sent),
            transaction_id=str(sent.get("TransactionID") or ""),
        )
        if asked.command != "TransactionStatusQuery":
            raise invalid("CommandID")
        if fields.text(sent, "IdentifierType") not in ("1", "2", "4"):
            raise invalid("IdentifierType")
        if not any(sent.get(name) for name in _ASKED_BY):
            raise invalid("TransactionID")
        return self._results.accept(visit, asked, self._carry_out)

    def _carry_out(self, order: Order, at: datetime, faults: Faults) -> Told:
        if order.wanted.shortcode not in self._core.config.shortcodes:
            return Told(ENDINGS["initiator"])
        found = self._find(order.sent)
        if found is None or faults.status_says == "not_found":
            return Told(ENDINGS["not_found"])
        if faults.status_says == "pending":
            found = replace(found, standing="Authorized", ended_at=None)
        elif faults.status_says == "failed":
            found = replace(found, standing="Declined")
        return Told(SUCCESS, _shaped(self._parameters(found, faults), faults))

    def _parameters(self, found: Transaction, faults: Faults) -> Parameters:
        """List what is known, in the order recorded in 2018 and 2024; a value of None is a key without one."""
        # A reversal of what is no payment has no customer.
        customer = party(found.msisdn) if found.msisdn else ""
        shop = f"{found.shortcode} - {self._core.config.shop}"
        debited = "Utility Account" if found.is_b2c else "Working Account"
        listed: dict[str, object] = {
            "DebitPartyName": customer if found.is_paid_in else shop,
            "CreditPartyName": shop if found.is_paid_in else customer,
            "OriginatorConversationID": found.originator_conversation_id,
            "InitiatedTime": digits(found.began_at),
            "DebitAccountType": "MMF Account For Customer" if found.is_paid_in else debited,
            "DebitPartyCharges": self._charge() if found.is_b2c else "",
            "CreditPartyCharges": None if found.is_paid_in else "",
            "TransactionReason": None,
            "ReasonType": found.reason,
            "TransactionStatus": found.standing,
            "FinalisedTime": digits(found.ended_at) if found.ended_at else "",
            "Amount": found.amount + faults.amount_off,
            "ConversationID": found.conversation_id,
            "ReceiptNo": found.receipt,
        }
        return tuple((key, value) for key, value in listed.items() if value != "")

    def _charge(self) -> str:
        return f"Fee For B2C Payment|KES|{self._core.config.b2c_charge:.2f}"


def _shaped(parameters: Parameters, faults: Faults) -> Parameters:
    match faults.status_shape:
        case "doubled_debit_party":
            return tuple(
                ("DebitPartyName" if key == "CreditPartyName" else key, value) for key, value in parameters
            )
        case "blank_keys":
            return tuple((_BLANK_KEYS.get(key, key), value) for key, value in parameters)
        case _:
            return parameters

"""B2C: the organisation pays a customer from its Utility account."""

from dataclasses import replace
from datetime import datetime

from simulator import fields, refusals, texts
from simulator.clock import EAT
from simulator.core import Core
from simulator.desk import Desk, Product, Visit
from simulator.faults import Faults
from simulator.names import party
from simulator.orders import Order, Parameters, Told, wanted
from simulator.records import Call, Movement, Reply, Sms
from simulator.refusals import Refused, invalid
from simulator.result_codes import ENDINGS, SUCCESS, Ending
from simulator.results import Results

# daraja-docs B2C: result codes 2 and 3.
_MINIMUM = 10
_MAXIMUM = 250_000
# daraja-docs M-PESA limits: what a customer's account may hold.
_FULLEST_ACCOUNT = 500_000
_COMMANDS = ("SalaryPayment", "BusinessPayment", "PromotionPayment", "BusinessPayToPochi")

_PRODUCT = Product("b2c", "B2C", refusals.rejected_token, lambda sent: str(sent.get("PartyB", "")))


class B2c:
    """Takes payment orders; v3 knows them by the id that their sender gives them, v1 does not."""

    def __init__(self, core: Core, desk: Desk, results: Results) -> None:
        self._core = core
        self._desk = desk
        self._results = results

    def pay(self, call: Call) -> Reply:
        """Answer a v1 order (daraja-docs B2C)."""
        return self._desk.serve(_PRODUCT, call, self._order)

    def pay_known(self, call: Call) -> Reply:
        """Answer a v3 order (daraja-docs B2C); its OriginatorConversationID is accepted once."""
        return self._desk.serve(_PRODUCT, call, self._order_with_id)

    def _order_with_id(self, visit: Visit) -> Reply:
        originator_conversation_id = fields.text(visit.fields, "OriginatorConversationID")
        if self._results.has_taken(originator_conversation_id):
            raise Refused(refusals.DUPLICATE_ORIGINATOR)
        return self._order(visit, originator_conversation_id)

    def _order(self, visit: Visit, originator_conversation_id: str = "") -> Reply:
        sent = visit.fields
        strict = self._core.config.strict_callback_urls
        asked = replace(
            wanted(sent, "InitiatorName", "PartyA", "Occassion", strict),
            originator_conversation_id=originator_conversation_id,
            msisdn=fields.msisdn(sent, "PartyB"),
            amount=fields.whole_amount(sent),
        )
        if asked.command not in _COMMANDS:
            raise invalid("CommandID")
        return self._results.accept(visit, asked, self._carry_out)

    def _carry_out(self, order: Order, at: datetime, faults: Faults) -> Told:
        amount = order.wanted.amount or 0
        obstacle = self._obstacle(order, amount)
        if obstacle:
            return Told(obstacle)
        core = self._core
        paid = core.ledger.pay_out(
            amount, order.wanted.msisdn, order.wanted.shortcode, at, charge=core.config.b2c_charge,
            conversation_id=order.conversation_id, originator_conversation_id=order.originator_conversation_id,
        )  # fmt: skip
        phone = core.phones.get(order.wanted.msisdn)
        phone.balance += amount
        phone.messages.append(Sms(texts.received(paid, core.config.shop, phone.balance), at))
        return Told(SUCCESS, self._parameters(paid, faults), paid)

    def _obstacle(self, order: Order, amount: int) -> Ending | None:
        core = self._core
        # The initiator is one of the paying shortcode's operators and of no other.
        if order.wanted.shortcode != core.config.b2c_shortcode:
            return ENDINGS["initiator"]
        if amount < _MINIMUM:
            return ENDINGS["below_minimum"]
        if amount > _MAXIMUM:
            return ENDINGS["above_maximum"]
        if amount > core.ledger.balances["utility"]:
            return ENDINGS["insufficient"]
        if core.phones.get(order.wanted.msisdn).balance + amount > _FULLEST_ACCOUNT:
            return ENDINGS["receiver_full"]
        return None

    def _parameters(self, paid: Movement, faults: Faults) -> Parameters:
        """List what a success says, in the order recorded in 2024."""
        balances = self._core.ledger.balances
        return (
            ("TransactionAmount", paid.amount + faults.amount_off),
            ("TransactionReceipt", paid.receipt),
            ("ReceiverPartyPublicName", party(paid.msisdn)),
            ("TransactionCompletedDateTime", f"{paid.at.astimezone(EAT):%d.%m.%Y %H:%M:%S}"),
            ("B2CUtilityAccountAvailableFunds", float(balances["utility"])),
            ("B2CWorkingAccountAvailableFunds", float(balances["working"])),
            ("B2CRecipientIsRegisteredCustomer", "Y"),
            ("B2CChargesPaidAccountAvailableFunds", float(balances["charges_paid"])),
        )

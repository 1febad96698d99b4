"""C2B at the gateway: registering the URLs of a shortcode, and paying to it without a phone."""

from simulator import c2b_bodies, fields, refusals
from simulator.c2b_bodies import REGISTERED, SIMULATED
from simulator.core import Core
from simulator.desk import Desk, Fields, Product, Visit
from simulator.paybill import Paybill, Registration
from simulator.records import Call, Reply
from simulator.refusals import Refused, invalid
from simulator.spoiling import spoiled

# daraja-docs C2B: words that a registered URL must not contain, in any case.
_FORBIDDEN = ("m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
_COMMANDS = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")


_REGISTER = Product("c2b", "C2B_REGISTER", refusals.bad_token, lambda _: "")
_SIMULATE = Product("c2b", "C2B_SIMULATE", refusals.bad_token, lambda sent: str(sent.get("Msisdn", "")))


class C2b:
    """Takes registrations and simulated payments; both versions differ in how they show the payer's number."""

    def __init__(self, core: Core, desk: Desk, paybill: Paybill) -> None:
        self._core = core
        self._desk = desk
        self._paybill = paybill

    def register_v1(self, call: Call) -> Reply:
        """Answer a registration whose notices hash the number (daraja-docs C2B)."""
        return self._desk.serve(_REGISTER, call, lambda visit: self._register(visit, 1))

    def register_v2(self, call: Call) -> Reply:
        """Answer a registration whose notices mask the number (daraja-docs C2B)."""
        return self._desk.serve(_REGISTER, call, lambda visit: self._register(visit, 2))

    def simulate(self, call: Call) -> Reply:
        """Answer a simulated payment (daraja-docs C2B; sandbox only)."""
        return self._desk.serve(_SIMULATE, call, self._simulate)

    def _register(self, visit: Visit, version: int) -> Reply:
        sent = visit.fields
        shortcode = self._own_shortcode(sent)
        response_type = fields.text(sent, "ResponseType")
        if response_type not in ("Completed", "Cancelled"):
            raise invalid("ResponseType")
        confirmation_url, validation_url = self._url(sent, "ConfirmationURL"), self._url(sent, "ValidationURL")
        known = self._paybill.registrations
        if shortcode in known and not self._core.switches.urls_may_be_registered_again:
            raise Refused(refusals.URLS_REGISTERED)
        known[shortcode] = Registration(
            shortcode, version, response_type, confirmation_url, validation_url, self._core.clock.now()
        )
        visit.noted["callback_url"] = confirmation_url
        return self._answer(visit, REGISTERED)

    def _simulate(self, visit: Visit) -> Reply:
        sent = visit.fields
        self._own_shortcode(sent)
        if sent.get("CommandID") not in _COMMANDS:
            raise invalid("CommandID")
        amount, msisdn = fields.whole_amount(sent), fields.msisdn(sent, "Msisdn")
        account = str(sent.get("BillRefNumber") or "")
        payment = self._paybill.pay(msisdn, account, amount, own_faults=visit.own_faults)
        visit.noted |= {"amount": amount, "account_reference": account, "transaction_id": payment.receipt}
        return self._answer(visit, SIMULATED)

    def _own_shortcode(self, sent: Fields) -> str:
        shortcode = fields.text(sent, "ShortCode")
        if shortcode not in self._core.config.shortcodes:
            raise Refused(refusals.OWN_SHORTCODE)
        return shortcode

    def _url(self, sent: Fields, name: str) -> str:
        found = fields.url(sent, name, self._core.config.strict_callback_urls)
        if any(word in found.lower() for word in _FORBIDDEN):
            raise invalid(name)
        return found

    def _answer(self, visit: Visit, said: str) -> Reply:
        body = c2b_bodies.registered(self._core.ids, said, visit.faults)
        without_ids = c2b_bodies.registered_without_ids(said)
        return spoiled(Reply(200, body), visit.faults, self._core.ids, without_ids)

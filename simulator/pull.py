"""Pull transactions: what came in during the last two days, for those who missed a confirmation."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from simulator import fields, refusals
from simulator.clock import EAT
from simulator.core import Core
from simulator.desk import Desk, Fields, Product, Visit
from simulator.records import Call, Movement, Reply
from simulator.refusals import Refused, invalid
from simulator.spoiling import spoiled

_KEPT = timedelta(hours=48)


_REGISTER = Product("pull", "PULL_REGISTER", refusals.bad_token, lambda _: "")
_QUERY = Product("pull", "PULL", refusals.bad_token, lambda _: "")


class Pull:
    """Registers shortcodes and lists their payments (daraja-docs Pull Transactions, older pages)."""

    def __init__(self, core: Core, desk: Desk) -> None:
        self._core = core
        self._desk = desk
        self._registered: set[str] = set()

    def register(self, call: Call) -> Reply:
        """Answer a registration; 1001 says that it was done before, and is as good."""
        return self._desk.serve(_REGISTER, call, self._register)

    def query(self, call: Call) -> Reply:
        """Answer with a page of payments, in a list within a list; none is 1001 (observed 2020-2026)."""
        return self._desk.serve(_QUERY, call, self._list)

    def _register(self, visit: Visit) -> Reply:
        sent = visit.fields
        shortcode = self._own_shortcode(sent)
        if sent.get("RequestType") != "Pull":
            raise invalid("RequestType")
        fields.msisdn(sent, "NominatedNumber")
        visit.noted["callback_url"] = fields.url(sent, "CallBackURL", self._core.config.strict_callback_urls)
        is_known = shortcode in self._registered
        self._registered.add(shortcode)
        # The keys have blanks (observed).
        said = {
            "Response Status": "1001" if is_known else "1000",
            "ShortCode": shortcode,
            "Response Description": f"ShortCode {'already ' if is_known else ''}Registered"
            + ("" if is_known else " Successfully"),
        }
        return self._answer(visit, said)

    def _list(self, visit: Visit) -> Reply:
        sent = visit.fields
        shortcode = self._own_shortcode(sent)
        since, until = _instant(sent, "StartDate"), _instant(sent, "EndDate")
        offset = fields.number(sent, "OffSetValue")
        oldest = max(since, self._core.clock.now() - _KEPT)
        found = [
            one
            for one in self._core.ledger.movements
            if one.direction == "IN" and one.shortcode == shortcode and oldest <= one.at <= until
        ]
        page = found[offset:][: self._core.config.pull_page_size]
        if shortcode not in self._registered or not page:
            none = "No records found or Organization Name not available"
            return Reply(200, json.dumps({"ResponseCode": "1001", "ResponseMessage": none}))
        listed = [[self._row(one) for one in page]]
        return self._answer(visit, {"ResponseCode": "1000", "ResponseMessage": "Success", "Response": listed})

    def _row(self, paid: Movement) -> dict[str, object]:
        return {
            "transactionId": paid.receipt,
            "trxDate": paid.at.astimezone(EAT).isoformat(timespec="seconds"),
            "msisdn": int(paid.msisdn),
            "sender": "MPESA",
            "transactiontype": "c2b-pay-bill-debit",
            "billreference": paid.account_reference,
            "amount": f"{paid.amount}.00",
            "organizationname": self._core.config.shop,
        }

    def _own_shortcode(self, sent: Fields) -> str:
        shortcode = fields.text(sent, "ShortCode")
        if shortcode not in self._core.config.shortcodes:
            raise Refused(refusals.OWN_SHORTCODE)
        return shortcode

    def _answer(self, visit: Visit, said: Mapping[str, object]) -> Reply:
        body = json.dumps({"ResponseRefID": self._core.ids.request(), **said})
        return spoiled(Reply(200, body), visit.faults, self._core.ids, json.dumps(said))


def _instant(sent: Fields, name: str) -> datetime:
    try:
        return datetime.strptime(fields.text(sent, name) + "+0300", "%Y-%m-%d %H:%M:%S%z")
    except ValueError:
        raise invalid(name) from None

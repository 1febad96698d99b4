"""Account balance: what the organisation has on each of its accounts."""

from datetime import datetime

from simulator import fields, refusals
from simulator.core import Core
from simulator.desk import Desk, Product, Visit
from simulator.faults import Faults
from simulator.orders import Order, Told, wanted
from simulator.records import Call, Reply
from simulator.refusals import invalid
from simulator.result_bodies import digits
from simulator.result_codes import ENDINGS, SUCCESS
from simulator.results import Results

_PRODUCT = Product("balance", "BALANCE", refusals.rejected_token, lambda _: "")


class Balance:
    """Takes balance queries."""

    def __init__(self, core: Core, desk: Desk, results: Results) -> None:
        self._core = core
        self._desk = desk
        self._results = results

    def query(self, call: Call) -> Reply:
        """Answer a balance query (daraja-docs Account Balance)."""
        return self._desk.serve(_PRODUCT, call, self._order)

    def _order(self, visit: Visit) -> Reply:
        asked = wanted(visit.fields, "Initiator", "PartyA", "Occasion", self._core.config.strict_callback_urls)
        if asked.command != "AccountBalance":
            raise invalid("CommandID")
        if fields.text(visit.fields, "IdentifierType") not in ("2", "4"):
            raise invalid("IdentifierType")
        return self._results.accept(visit, asked, self._carry_out)

    def _carry_out(self, order: Order, at: datetime, _: Faults) -> Told:
        if order.wanted.shortcode not in self._core.config.shortcodes:
            return Told(ENDINGS["initiator"], (("BOCompletedTime", digits(at)),))
        return Told(
            SUCCESS,
            (
                ("ActionType", "AccountBalance"),
                ("AccountBalance", self._accounts()),
                ("BOCompletedTime", digits(at)),
            ),
        )

    def _accounts(self) -> str:
        """Write every account as name, currency, current, available, reserved, unclear (observed 2020-2026)."""
        held = self._core.ledger.balances
        accounts = (
            ("Working Account", held["working"]),
            ("Utility Account", held["utility"]),
            ("Charges Paid Account", held["charges_paid"]),
            ("Merchant Account", 0),
            ("Organization Settlement Account", 0),
        )
        return "&".join(f"{name}|KES|{held:.2f}|{held:.2f}|0.00|0.00" for name, held in accounts)

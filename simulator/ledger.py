"""The organisation's accounts, and every movement of money on them."""

from datetime import datetime

from simulator.config import Config
from simulator.ids import Ids
from simulator.records import AccountName, Movement, MovementKind


class Ledger:
    """Holds what the organisation has, in whole shillings: payments come to Working, B2C is paid from Utility.

    Fees gather below zero on Charges Paid until Safaricom settles them, which it does not do here.
    """

    def __init__(self, config: Config, ids: Ids) -> None:
        self._ids = ids
        self.balances: dict[AccountName, int] = {
            "working": config.working_opening,
            "utility": config.utility_opening,
            "charges_paid": 0,
        }
        self.movements: list[Movement] = []

    def receive(
        self,
        kind: MovementKind,
        amount: int,
        msisdn: str,
        shortcode: str,
        account_reference: str,
        at: datetime,
        *,
        checkout_request_id: str = "",
        receipt: str = "",
    ) -> Movement:
        """Take a customer's money in, under a fresh receipt unless one was drawn before."""
        balance = self._change("working", amount)
        return self._keep(
            Movement(
                receipt or self._ids.receipt(at), "IN", amount, msisdn, shortcode, checkout_request_id,
                account_reference, at, kind, "working", balance,
            )
        )  # fmt: skip

    def pay_out(
        self,
        amount: int,
        msisdn: str,
        shortcode: str,
        at: datetime,
        *,
        charge: int,
        conversation_id: str,
        originator_conversation_id: str,
    ) -> Movement:
        """Pay a customer from Utility, and note the fee."""
        self._change("charges_paid", -charge)
        balance = self._change("utility", -amount)
        return self._keep(
            Movement(
                self._ids.receipt(at), "OUT", amount, msisdn, shortcode, "", "", at, "B2C", "utility", balance,
                conversation_id, originator_conversation_id,
            )
        )  # fmt: skip

    def take_back(
        self,
        kind: MovementKind,
        original: Movement,
        at: datetime,
        conversation_id: str = "",
        originator_conversation_id: str = "",
    ) -> Movement:
        """Return a payment to its payer, from Working."""
        balance = self._change("working", -original.amount)
        return self._keep(
            Movement(
                self._ids.receipt(at), "OUT", original.amount, original.msisdn, original.shortcode, "",
                original.account_reference, at, kind, "working", balance, conversation_id,
                originator_conversation_id, reverses=original.receipt,
            )
        )  # fmt: skip

    def find(self, receipt: str) -> Movement | None:
        return next((one for one in self.movements if one.receipt == receipt), None)

    def reversal_of(self, receipt: str) -> Movement | None:
        """Find what took this receipt's money back, by whomever it was asked."""
        return next((one for one in self.movements if one.reverses == receipt), None)

    def _change(self, account: AccountName, amount: int) -> int:
        self.balances[account] += amount
        return self.balances[account]

    def _keep(self, movement: Movement) -> Movement:
        self.movements.append(movement)
        return movement

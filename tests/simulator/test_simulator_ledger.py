"""Whatever happens, no shilling appears, vanishes or moves twice."""

import random

import pytest
from daraja_merchant import Driver, credential

from simulator.initiator import certificate
from simulator.result_codes import ENDINGS

PHONES = [f"25472200020{digit}" for digit in range(5)]
FAULTS = (
    {"answer": "lost"}, {"answer": "system_internal"}, {"request": "maintenance"}, {"callbacks": 0},
    {"callback_before_answer": True}, {"carried_out_after_s": 40.0}, {"timeout_notice": "echo"},
    {"contradiction": "success_then_failure"}, {"single_parameter": True}, {"string_values": True},
    {"reused_receipt": True}, {"confirmed_before_validation": True}, {"status_says": "failed"},
    *({"ends": name} for name in ENDINGS),
)  # fmt: skip


class Chaos(Driver):
    """Somebody who does whatever comes to mind."""

    def __init__(self, seed):
        super().__init__(seed)
        self.dice = random.Random(seed)
        self.credential = credential(certificate(self.engine.config), self.engine.config.initiator_password)
        self.engine.switches.stk_also_confirms = True
        self.post(
            "/mpesa/c2b/v2/registerurl",
            ShortCode="174379",
            ResponseType=self.dice.choice(("Completed", "Cancelled")),
            ConfirmationURL="https://shop.example/c",
            ValidationURL="https://shop.example/v",
        )

    def act(self):
        kind = self.dice.choice(("b2c", "reversal", "status", "balance", "c2b"))
        if self.dice.random() < 0.4:
            self.engine.faults.queue_for_next(self.dice.choice(FAULTS), kind=kind)
        self.dice.choice((self.pay_bill, self.pay_out, self.reverse, self.ask, self.deliver, self.wait))()

    def pay_bill(self):
        self.engine.pay_bill(self.dice.choice(PHONES), "A", self.dice.choice((10, 900, 90_000)))

    def pay_out(self):
        self._order(
            "/mpesa/b2c/v3/paymentrequest",
            OriginatorConversationID=f"o{self.dice.randrange(30)}",
            InitiatorName="testapi",
            CommandID="BusinessPayment",
            Amount=self.dice.choice((5, 100, 240_000)),
            PartyA="600992",
            PartyB=self.dice.choice(PHONES),
        )

    def reverse(self):
        movement = self.dice.choice(self.engine.movements or [None])
        self._order(
            "/mpesa/reversal/v1/request",
            Initiator="testapi",
            CommandID="TransactionReversal",
            TransactionID=movement.receipt if movement else "NONE",
            Amount=movement.amount if movement else 1,
            ReceiverParty="174379",
            RecieverIdentifierType="11",
        )

    def ask(self):
        self._order(
            "/mpesa/transactionstatus/v1/query",
            Initiator="testapi",
            CommandID="TransactionStatusQuery",
            OriginalConversationID=f"o{self.dice.randrange(30)}",
            PartyA="600992",
            IdentifierType="4",
        )

    def deliver(self):
        for callback in self.engine.take_due():
            said = self.dice.choice(('{"ResultCode":0}', '{"ResultCode":"C2B00012"}', ""))
            self.engine.record_delivery(callback, 200 if said else None, said, "")

    def wait(self):
        self.clock.advance(self.dice.choice((1, 9, 60)))

    def _order(self, path, **fields):
        urls = {"ResultURL": "https://shop.example/r", "QueueTimeOutURL": "https://shop.example/t"}
        self.post(path, SecurityCredential=self.credential, Remarks="ok", **urls, **fields)


@pytest.mark.parametrize("seed", range(6))
def test_money_is_kept(seed):
    chaos = Chaos(seed)
    for _ in range(250):
        chaos.act()
    chaos.clock.advance(600)
    engine = chaos.engine
    moved = engine.movements
    assert {one.kind for one in moved} >= {"C2B", "B2C", "REVERSAL"}
    assert len({one.receipt for one in moved}) == len(moved)

    held = {"working": 0, "utility": engine.config.utility_opening}
    with_phone = dict.fromkeys(PHONES, engine.config.opening_balance)
    for one in moved:
        change = one.amount if one.direction == "IN" else -one.amount
        held[one.account] += change
        with_phone[one.msisdn] -= change
        assert one.balance == held[one.account] >= 0
    assert {name: engine.accounts[name] for name in held} == held
    assert engine.accounts["charges_paid"] == -13 * sum(one.kind == "B2C" for one in moved)
    assert {one.msisdn: one.balance for one in engine.phones} == with_phone

    reversed_ = [one.reverses for one in moved if one.reverses]
    assert len(set(reversed_)) == len(reversed_)
    ordered = [one.originator_conversation_id for one in moved if one.kind == "B2C"]
    assert len(set(ordered)) == len(ordered)
    paid = [one for one in engine.bill_payments if one.progress == "paid"]
    assert {one.receipt for one in paid} == {one.receipt for one in moved if one.kind == "C2B"}

"""The number table and the engine behind it: no server, no threads, no wall clock."""

import ast
import base64
import random
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from daraja_merchant import ACHIENG, NINE_IN_NAIROBI, Driver

import simulator
from simulator.ids import Ids
from simulator.numbers import NUMBERS, SANDBOX_MSISDN
from simulator.outcomes import ACTIONS
from simulator.prompts import NoOpenPrompt, UnknownAction


class Bench(Driver):
    """An engine that people push to."""

    def call(self, path, **fields):
        config = self.engine.config
        password = base64.b64encode(f"{config.shortcode}{config.passkey}20261121090000".encode()).decode()
        sender = {"BusinessShortCode": config.shortcode, "Password": password, "Timestamp": "20261121090000"}
        return self.post(path, **sender, **fields)

    def push(self, msisdn):
        return self.call(
            "/mpesa/stkpush/v1/processrequest",
            TransactionType="CustomerPayBillOnline",
            Amount=10,
            PartyA=msisdn,
            PartyB="174379",
            PhoneNumber=msisdn,
            CallBackURL="https://shop.example/callback",
            AccountReference="HY-7K2MQ4PX",
            TransactionDesc="Consultation",
        )

    def codes(self):
        return [re.search(r'"ResultCode":([^,]+)', one.body).group(1) for one in self.engine.callbacks]


@pytest.mark.parametrize(
    ("last_two", "codes", "moved"),
    [
        ("00", ["0"], [10]), ("01", ["1"], []), ("08", ['"E3008"'], []), ("17", ["17"], []), ("19", ["1019"], []),
        ("20", ["2001"], []), ("25", ["1025"], []), ("31", ["1031"], []), ("32", ["1032"], []),
        ("36", ["1036"], []), ("37", ["1037"], []), ("40", [], [10]), ("41", ["0", "0"], [10]),
        ("42", ["0"], [10]),
        ("46", ["0"], [10]), ("50", ["0"], [9]), ("51", ["0"], [11]), ("52", ["1032", "0"], [10]),
        ("53", ["0", "1037"], [10]), ("54", ["0", "0"], [10, 10]), ("55", ["0"], [10]), ("60", [], [10]),
        ("61", [], [10]),
    ],
)  # fmt: skip
def test_a_number_of_the_table_does_what_the_table_says(last_two, codes, moved):
    bench = Bench()
    assert bench.push(f"2547110000{last_two}").status == 200
    bench.clock.advance(60)
    assert bench.codes() == codes
    assert [movement.amount for movement in bench.engine.movements] == moved


@pytest.mark.parametrize(("last_two", "status"), [("70", 403), ("71", 429), ("72", 503), ("73", 500), ("74", 500)])
def test_a_refused_number_never_rings(last_two, status):
    bench = Bench()
    assert bench.push(f"2547110000{last_two}").status == status
    assert bench.engine.pushes == ()


@pytest.mark.parametrize(("last_two", "accepted"), [("44", 1), ("47", 1), ("75", 0)])
def test_a_number_can_lose_the_connection(last_two, accepted):
    bench = Bench()
    assert bench.push(f"2547110000{last_two}").fate == "lost"
    assert len(bench.engine.pushes) == accepted


def test_number_43_has_its_callback_ready_with_the_answer():
    reply = Bench().push("254711000043")
    assert [one.attempt for one in reply.callbacks_first] == [1]


def test_the_sandbox_number_is_final_after_14_s_and_calls_back_after_26():
    bench = Bench()
    bench.push(SANDBOX_MSISDN)
    bench.clock.advance(13.9)
    assert bench.engine.prompt_on(SANDBOX_MSISDN)
    bench.clock.advance(0.1)
    assert bench.engine.prompt_on(SANDBOX_MSISDN) is None
    (callback,) = bench.engine.callbacks
    assert 25 <= (callback.due_at - NINE_IN_NAIROBI).total_seconds() <= 27
    assert bench.codes() == ["1037"]


def test_every_number_of_the_table_can_be_pushed():
    bench = Bench()
    for number in NUMBERS:
        bench.push(number.msisdn)
    bench.clock.advance(3600)
    assert all(not push.is_open for push in bench.engine.pushes)
    assert len({number.msisdn for number in NUMBERS}) == len(NUMBERS)


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"ignore"}))
def test_every_action_ends_the_prompt(action):
    bench = Bench()
    bench.push(ACHIENG)
    push = bench.engine.act(ACHIENG, action)
    assert not push.is_open
    assert len(bench.engine.callbacks) == 1
    with pytest.raises(NoOpenPrompt):
        bench.engine.act(ACHIENG, action)


def test_nobody_can_do_what_is_no_action():
    bench = Bench()
    bench.push(ACHIENG)
    with pytest.raises(UnknownAction):
        bench.engine.act(ACHIENG, "paid")


def test_things_happen_at_their_own_instants_however_late_somebody_looks():
    bench = Bench()
    bench.push("254711000000")
    bench.push(ACHIENG)
    bench.clock.advance(24 * 3600)
    paid, expired = bench.engine.pushes
    assert paid.outcome_at - NINE_IN_NAIROBI == timedelta(seconds=3)
    assert expired.outcome_at - NINE_IN_NAIROBI == timedelta(seconds=60)
    assert bench.engine.movements[0].at == paid.outcome_at


def test_next_event_at_names_phones_and_callbacks():
    bench = Bench()
    assert bench.engine.next_event_at() is None
    bench.push("254711000000")
    assert bench.engine.next_event_at() - NINE_IN_NAIROBI == timedelta(seconds=3)
    bench.clock.advance(3)
    (callback,) = bench.engine.callbacks
    assert bench.engine.next_event_at() == callback.due_at
    assert bench.engine.take_due() == []
    bench.clock.advance(3)
    assert bench.engine.take_due() == [callback]
    assert bench.engine.callbacks == ()


def run(seed):
    bench = Bench(seed)
    for number in NUMBERS:
        bench.push(number.msisdn)
        bench.clock.advance(7)
    bench.clock.advance(600)
    engine = bench.engine
    return repr((engine.requests, engine.movements, engine.pushes, engine.callbacks))


def test_the_same_seed_is_the_same_run():
    assert run(7) == run(7)
    assert run(7) != run(8)


def test_receipts_carry_year_month_and_east_african_day():
    ids = Ids(random.Random(1))
    dated = {"2017-11-04T12:00:00": "LK4", "2025-10-02T21:30:00": "TJ3", "2026-12-31T20:59:59": "ULV"}
    for instant, prefix in dated.items():
        receipt = ids.receipt(datetime.fromisoformat(instant + "+00:00"))
        assert re.fullmatch(rf"{prefix}[A-Z0-9]{{7}}", receipt)


def test_the_simulator_knows_nothing_of_the_application():
    allowed = {"simulator", "flask", "werkzeug", "cryptography"}
    for source in Path(simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            roots = {name.partition(".")[0] for name in names}
            assert not roots & {"app", "config", "run", "tests"}, source.name
            assert all(root in allowed or root in sys.stdlib_module_names for root in roots), source.name


def test_only_the_clock_reads_the_time_of_day():
    for source in Path(simulator.__file__).parent.glob("*.py"):
        if source.name != "clock.py":
            assert not re.search(r"datetime\.now|time\.time|monotonic|import time", source.read_text()), (
                source.name
            )

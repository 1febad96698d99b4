"""Whatever the document of the API lets anybody ask, each role is answered as the document says, and soon.

Each operation is asked by each role in the same world. Half of the requests are sound: as the document wants them,
with values that exist. The other half is anything at all, the document's own rules broken on purpose included.
"""

from __future__ import annotations

import random
import time
from collections.abc import MutableMapping

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from tests.fuzz.knobs import EXAMPLES, SEED
from tests.fuzz.known import known_in
from tests.fuzz.world import ROLES
from tests.http.api_map import METHODS, OPEN, document
from tests.payments.invariants import broken_rules

MOST_CPU_SECONDS = 1.0
CHECKS = [
    not_a_server_error,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
TOKEN_DOORS = (
    "mpesa/callback/{token}",
    "daraja/{token}/result",
    "daraja/{token}/timeout",
    "c2b/{token}/confirmation",
    "c2b/{token}/validation",
)
# What a role may use and yet cannot succeed with, since nothing of the kind is its own; and what cannot be known.
CANNOT_SUCCEED = {
    ("POST /api/payment/mpesa/stk-push", "advocate"),
    ("POST /api/payment/mpesa/stk-push", "finance"),
    ("POST /api/payment/mpesa/stk-push", "admin"),
    ("POST /api/payment/mpesa/stkpush/query", "advocate"),
    ("GET /api/payment/mpesa/status/{checkout_request_id}", "advocate"),
    ("GET /api/payment/mpesa/transactions/{transaction_id}", "advocate"),
    ("GET /api/payment/payments/{payment_id}", "advocate"),
    ("GET /api/payment/payments/{payment_id}/receipt.pdf", "advocate"),
    ("POST /api/payment/qr", "advocate"),
    # The password is not typed again here.
    *(
        (f"POST /api/payment/refunds/{{refund_id}}/{what}", role)
        for what in ("approve", "retry")
        for role in ROLES
    ),
    *((f"POST /api/payouts/{{payout_id}}/{what}", role) for what in ("approve", "retry") for role in ROLES),
    *(("POST /api/payment/mpesa/reverse", role) for role in ROLES),
    *(("POST /api/payment/statements", role) for role in ROLES),  # a file that no schema describes
    # The document tells no body, and nobody knows a token.
    *((f"POST /api/payment/{door}", role) for door in TOKEN_DOORS for role in ROLES),
}
MOST_ROUNDS = 12


@pytest.fixture(scope="module")
def asked(eternal_world):
    """All operations, to be asked from loopback, where Safaricom is in this world."""
    whole = document(eternal_world.app)
    for item in whole["paths"].values():
        for method in set(METHODS) & set(item):
            del item[method]["security"]  # or log-ins would be left out at will; who asks is no die's to say
    api = schemathesis.openapi.from_dict(whole)
    api.app = lambda environ, start: eternal_world.app(environ | {"REMOTE_ADDR": "127.0.0.1"}, start)
    return [found.ok() for found in api.get_all_operations()]


class Fuzz:
    """One role in one world, asking."""

    def __init__(self, world, role, report) -> None:
        self.world, self.role, self.report = world, role, report
        self.known = known_in(world)

    def ask(self, operation) -> None:
        """Ask for one operation: anything at all, then soundly until that has succeeded.

        Where it does not matter who asks, or where the role is refused, it is asked only a little.
        """
        several = EXAMPLES // 2 if differs_by(operation, self.role) else 1
        wild = [operation.as_strategy()]
        if operation.body or operation.path_parameters or operation.query:
            wild.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        self.draw(st.one_of(wild), several, seed=f"{SEED} {operation.label} wild", share=0.4)
        for turn in range(MOST_ROUNDS if can_succeed(operation, self.role) else 0):
            self.draw(operation.as_strategy(), several, seed=f"{SEED} {operation.label} {turn}", share=1.0)
            if self.report.successes(operation.label, self.role):
                break

    def draw(self, cases, several: int, *, seed: str, share: float) -> None:
        """Send some cases, in which this share of what has a known name is replaced by values that exist."""
        luck = random.Random(seed)

        @seeded(luck.random())
        @settings(
            max_examples=several,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(cases)
        def run(case):
            self.fill_in(case, luck, share)
            self.send(case)

        run()

    def fill_in(self, case, luck: random.Random, share: float) -> None:
        for part in (case.path_parameters, case.query, case.headers, case.body):
            if isinstance(part, MutableMapping):
                for name in part:
                    if name in self.known and luck.random() < share:
                        part[name] = luck.choice(self.known[name])

    def send(self, case) -> None:
        label = case.operation.label
        headers = self.world.headers(self.role, refresh=label.endswith("/auth/refresh"))
        started, cpu_started = time.perf_counter(), time.thread_time()
        answer = case.call(headers=headers)
        took, cpu_took = time.perf_counter() - started, time.thread_time() - cpu_started
        self.report.answers[label, self.role, answer.status_code] += 1
        self.report.timed(took, cpu_took, f"{label} as {self.role}: {answer.status_code}")
        if str(answer.status_code) not in case.operation.definition.raw["responses"]:
            self.blame(case, f"{answer.status_code} is not declared", answer.text)
        if cpu_took > MOST_CPU_SECONDS:
            self.blame(case, "it takes too long", f"{cpu_took:.2f} s")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.blame(case, failure.title, str(failure))

    def blame(self, case, what: str, details: str) -> None:
        """Go on: the world has changed, so the same request again would prove nothing."""
        sent = f"{case.as_curl_command()}\n{details[:500]}"
        self.report.faults.setdefault(f"{case.operation.label} as {self.role}: {what}", sent)


def may_use(operation, role: str) -> bool:
    access = operation.definition.raw["x-access"]
    return access in OPEN or (role != "anonymous" and access == "signed in") or role in access.split(",")


def differs_by(operation, role: str) -> bool:
    """Say whether it matters who asks: the refused, and one more of everybody, teach little."""
    return role == "anonymous" if operation.definition.raw["x-access"] in OPEN else may_use(operation, role)


def can_succeed(operation, role: str) -> bool:
    return may_use(operation, role) and (operation.label, role) not in CANNOT_SUCCEED


@pytest.mark.parametrize("role", ROLES)
def test_every_request_of_a_role_is_answered_as_the_document_says(world, asked, report, role):
    fuzz = Fuzz(world, role, report)
    for operation in asked:
        world.begin_again()
        fuzz.ask(operation)
        if not operation.label.startswith("GET"):
            world.desk.run_jobs()  # the rules hold once nothing is under way
            assert broken_rules(world.app) == [], operation.label
    assert not report.faults, "\n\n".join(f"{what}\n{how}" for what, how in report.faults.items())
    succeeded = {operation.label for operation in asked if report.successes(operation.label, role)}
    assert succeeded == {operation.label for operation in asked if can_succeed(operation, role)}
    logged_out = {label for label, who, status in report.answers if who != "anonymous" and status == 401}
    assert logged_out <= {"POST /api/auth/login"}

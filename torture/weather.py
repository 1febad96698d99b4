"""What may go wrong, as data: for each kind of call the simulator's faults among which one is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Draw = Mapping[str, Any]

PUSH_FAULTS: dict[str, list[Draw]] = {
    "answer lost": [
        {"answer": how} for how in ("lost", "lost", "cut", "error_500", "html", "truncated", "no_ids", "empty")
    ],
    "push slow": [{"push_delay_s": seconds} for seconds in (5.0, 25.0, 45.0)],
    "push refused": [
        {"push": how}
        for how in ("waf", "rate_limited", "quota", "busy", "internal", "unavailable", "locked", "reset")
    ],
    "callback lost": [{"callbacks": 0}],
    "callback repeated": [{"callbacks": 2}, {"callbacks": 4}],
    "callback late": [{"callback_delay_s": seconds} for seconds in (40.0, 300.0, 2000.0, 9000.0, 90_000.0)],
    "callback first": [{"callback_before_answer": True}],
    "callback overtaken": [{"callback_overtaken": True}],
    "callbacks contradict": [{"contradiction": how} for how in ("success_then_failure", "failure_then_success")],
    "charge off": [{"charge_off": off} for off in (-700, -1, 1, 700)],
    "charged twice": [{"charged_twice": True}],
    "amount misreported": [{"amount_off": off} for off in (-1, 1, 500)],
    "callback odd": [
        {"callback_body": how} for how in ("empty", "not_json", "empty_object", "no_metadata", "only_receipt")
    ],
    "callback styled": [
        {"amount_style": "decimal", "string_values": True},
        {"balance_item": "value", "phone_style": "masked"},
        {"balance_item": "absent", "text_prefix": "[STK_CB - ]"},
    ],
    "query lies": [{"query_says": how} for how in ("failed", "failed", "pending", "unknown")],
    "query noisy": [{"query_noise": 0.5}, {"query_noise": 1.0}, {"pending_style": "error_500"}],
    "query refused": [{"query": how} for how in ("waf", "rate_limited", "quota", "internal", "reset")],
    "query slow": [{"query_delay_s": seconds} for seconds in (8.0, 28.0, 45.0)],
}
# A paybill payment: its validation and its confirmation.
BILL_FAULTS: dict[str, list[Draw]] = {
    "notice lost": [{"callbacks": 0}],
    "notice repeated": [{"callbacks": 2}, {"callbacks": 4}],
    "notice late": [{"callback_delay_s": seconds} for seconds in (20.0, 40.0, 300.0, 9000.0, 90_000.0)],
    "notice overtaken": [{"callback_overtaken": True}],
    "notice before validation": [{"confirmed_before_validation": True}],
    "receipt told twice": [{"reused_receipt": True}],
    "notice odd": [{"callback_body": how} for how in ("empty", "not_json", "empty_object")],
    "notice styled": [
        {"payer_style": how, "decimals": decimals}
        for how, decimals in (
            ("hashed", "none"),
            ("masked", "thousands"),
            ("old_mask", "two"),
            ("plain", "none"),
            ("absent", "two"),
            ("hash_masked", "two"),
        )
    ],
    "notice misreports": [{"amount_off": off} for off in (-1, 1)],
}
# An order to move money: B2C or reversal.
ORDER_FAULTS: dict[str, list[Draw]] = {
    "order answer lost": [
        {"answer": how}
        for how in ("lost", "lost", "cut", "error_500", "system_internal", "html", "truncated", "no_ids", "empty")
    ],
    "order slow": [{"answer_delay_s": seconds} for seconds in (5.0, 25.0, 45.0)],
    "order refused": [
        {"request": how}
        for how in (
            "waf",
            "rate_limited",
            "quota",
            "busy",
            "unavailable",
            "maintenance",
            "system_internal",
            "reset",
        )
    ],
    "result lost": [{"callbacks": 0}],
    "result repeated": [{"callbacks": 2}, {"callbacks": 4}],
    "result late": [{"callback_delay_s": seconds} for seconds in (40.0, 300.0, 9000.0, 90_000.0)],
    "result first": [{"callback_before_answer": True}],
    "result overtaken": [{"callback_overtaken": True}],
    "results contradict": [{"contradiction": how} for how in ("success_then_failure", "failure_then_success")],
    "time-out told": [{"timeout_notice": how} for how in ("echo", "failed_result")],
    "time-out told alone": [{"timeout_notice": how, "callbacks": 0} for how in ("echo", "failed_result")],
    "order fails": [
        {"ends": how}
        for how in (
            "insufficient",
            "receiver_full",
            "internal",
            "busy",
            "not_a_customer",
            "lacks_role",
            "initiator",
        )
    ],
    "order under way": [{"carried_out_after_s": seconds} for seconds in (20.0, 90.0, 1500.0)],
    "result misreports": [{"amount_off": off} for off in (-1, 1)],
    "orders renamed": [{"own_ids": "known_by_both"}],
    "result odd": [
        {"callback_body": "not_json"},
        {"single_parameter": True},
        {"failed_id": "zeros"},
        {"failed_id": "sixteen_zeros"},
    ],
}
# A question about an order or a payment. That the books say "failed" of money that moved is left out: they are the
# last word there is, and nobody could tell.
STATUS_FAULTS: dict[str, list[Draw]] = {
    "status lies": [{"status_says": "not_found"}, {"status_says": "pending"}],
    "status unanswered": [{"callbacks": 0}, {"answer": "lost"}, {"timeout_notice": "echo", "callbacks": 0}],
    "status refused": [{"request": how} for how in ("waf", "rate_limited", "busy", "reset")],
    "status shaped": [{"status_shape": "doubled_debit_party"}, {"status_shape": "blank_keys"}],
}
BY_KIND = {
    "stk": PUSH_FAULTS,
    "c2b": BILL_FAULTS,
    "b2c": ORDER_FAULTS,
    "reversal": ORDER_FAULTS,
    "status": STATUS_FAULTS,
}
# What may happen to the whole system.
WORLD_FAULTS = (
    "crash", "stall", "actors held", "clock skewed", "clock stepped", "database busy", "token expired",
    "token rejected", "oauth refused", "no connection", "request lost", "stranger", "rates differ",
    "validation dropped", "validation off", "pushes told twice", "float thin", "reversed by Safaricom",
)  # fmt: skip
ALL_FAULTS = (*PUSH_FAULTS, *BILL_FAULTS, *ORDER_FAULTS, *STATUS_FAULTS, *WORLD_FAULTS)

"""Telephone numbers that behave by themselves: each is a set of faults with a sentence about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.faults import Kind

SANDBOX_MSISDN = "254708374149"
_RANGE = "2547110000"
_RECEIVERS = "2547220000"
_PAYS: Mapping[str, object] = {"phone_does": "approve"}


@dataclass(frozen=True)
class Number:
    """One number of the table."""

    msisdn: str
    says: str
    faults: Mapping[str, object]
    kind: Kind = "stk"


def _ends(last_two: str, says: str, **faults: object) -> Number:
    return Number(_RANGE + last_two, says, faults)


def _paid_but(last_two: str, says: str, **faults: object) -> Number:
    return Number(_RANGE + last_two, f"pays, but {says}", {**_PAYS, **faults})


def _receives(last_two: str, says: str, **faults: object) -> Number:
    return Number(_RECEIVERS + last_two, f"B2C: {says}", faults, "b2c")


NUMBERS = (
    # Query final after about 14 s, callback after about 26 s (observed, sandbox 2026).
    Number(
        SANDBOX_MSISDN,
        "never answers: 1037, callback about 26 s after the push (as on the sandbox)",
        {"phone_does": "no_answer", "phone_after_s": 14.0, "callback_delay_s": 10.0},
    ),
    # How the phone answers.
    _ends("00", "pays after 3 s", phone_does="approve"),
    _ends("01", "not enough money (1)", phone_does="insufficient"),
    _ends("08", "refused at once: bad debt contract (E3008)", phone_does="bad_debt", phone_after_s=0.0),
    _ends("17", "rule limited (17)", phone_does="rule_limited"),
    _ends("19", "transaction expired (1019)", phone_does="expired"),
    _ends("20", "wrong PIN (2001)", phone_does="wrong_pin"),
    _ends("25", "push not sent, text too long (1025)", phone_does="text_too_long", phone_after_s=0.0),
    _ends("31", "cancels, older code (1031)", phone_does="cancelled_old"),
    _ends("32", "cancels (1032)", phone_does="cancel"),
    _ends("36", "prompt not delivered (1036)", phone_does="not_delivered"),
    _ends("37", "cannot be reached (1037)", phone_does="unreachable"),
    # When the callback comes.
    _paid_but("40", "the callback is lost", callbacks=0),
    _paid_but("41", "the callback comes twice", callbacks=2),
    _paid_but("42", "the callback comes 90 s late", callback_delay_s=90.0),
    _paid_but("43", "the callback comes before the push is answered", callback_before_answer=True),
    _paid_but("44", "the answer to the push is lost", answer="lost"),
    _paid_but("45", "the push is answered with a 500", answer="error_500"),
    _paid_but("46", "the push is answered after 35 s", push_delay_s=35.0),
    _paid_but("47", "answer and callback are both lost", answer="lost", callbacks=0),
    # What the callback says.
    _paid_but("50", "is charged 1 shilling less", charge_off=-1),
    _paid_but("51", "is charged 1 shilling more", charge_off=1),
    _paid_but("52", "a failure is reported first", contradiction="failure_then_success"),
    _paid_but("53", "a failure is reported afterwards", contradiction="success_then_failure"),
    _paid_but("54", "is charged twice, under two receipts", charged_twice=True),
    _paid_but("55", "the callback has neither amount nor receipt", callback_body="no_metadata"),
    _paid_but("56", "the callback is empty", callback_body="empty"),
    _paid_but("57", "the callback is not JSON", callback_body="not_json"),
    _paid_but("58", "the callback masks the number", phone_style="masked"),
    _paid_but("59", "the callback looks as in 2021", amount_style="decimal", balance_item="absent"),
    # What the query says.
    _paid_but("60", "the query says failed, and no callback comes", query_says="failed", callbacks=0),
    _paid_but("61", "the query says pending for ever, and no callback comes", query_says="pending", callbacks=0),
    _paid_but("62", "half of the queries answer 500", query_noise=0.5),
    # What the gateway refuses; nothing rings.
    _ends("70", "firewall page (403)", push="waf"),
    _ends("71", "rate limited (429)", push="rate_limited"),
    _ends("72", "service unavailable (503)", push="unavailable"),
    _ends("73", "system is busy (500)", push="busy"),
    _ends("74", "subscriber locked (500)", push="locked"),
    _ends("75", "connection closed, nothing accepted", push="reset"),
    # Who is paid by B2C.
    _receives("01", "not enough money on the utility account (1)", ends="insufficient"),
    _receives("02", "no M-PESA customer (2040)", ends="not_a_customer"),
    _receives("03", "may hold no more (8)", ends="receiver_full"),
    _receives("04", "paid, the result is lost", callbacks=0),
    _receives("05", "paid, the result comes twice", callbacks=2),
    _receives("06", "paid, the result comes 90 s late", callback_delay_s=90.0),
    _receives("07", "paid, the result comes before the answer", callback_before_answer=True),
    _receives("08", "paid, the answer is lost", answer="lost"),
    _receives("09", "paid, answer and result are lost", answer="lost", callbacks=0),
    _receives("10", "paid, answered with System internal error.", answer="system_internal"),
    _receives("11", "paid, told as timed out first", timeout_notice="echo"),
    _receives("12", "paid, told as timed out and no more", timeout_notice="failed_result", callbacks=0),
    _receives("13", "paid, a failure is reported first", contradiction="failure_then_success"),
    _receives("14", "paid, a failure is reported afterwards", contradiction="success_then_failure"),
    _receives("15", "paid, the result names 1 shilling less", amount_off=-1),
    _receives("16", "paid after 60 s, pending until then", carried_out_after_s=60.0),
    _receives("17", "fails for an unknown cause (17)", ends="internal"),
    _receives("18", "maintenance, nothing accepted (500)", request="maintenance"),
    _receives("19", "connection closed, nothing accepted", request="reset"),
)

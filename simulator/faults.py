"""Everything that can go wrong on purpose, as data.

A fault is set for one kind of call: `stk` is pushes, their queries and the tokens, `c2b` paybill payments with
registration and simulation, `b2c`, `reversal`, `status` and `balance` what an initiator asks, `qr` and `pull` the
rest. A fault that a kind has no use for does nothing there.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simulator.outcomes import ACTIONS
from simulator.result_codes import ENDINGS

Kind = Literal["stk", "c2b", "b2c", "reversal", "status", "balance", "qr", "pull"]

# waf: firewall page (403); rate_limited: Apigee fault; quota, busy, internal, locked: JSON errors (500);
# maintenance, system_internal: JSON errors of the products behind an initiator (500);
# unavailable: 503; reset: connection closed. Nothing was accepted in any of them.
Refusal = Literal[
    "", "waf", "rate_limited", "quota", "busy", "internal", "unavailable", "locked", "reset", "maintenance",
    "system_internal",
]  # fmt: skip
# system_internal: "System internal error." although accepted; byte_order_mark: U+FEFF before every value.
Answer = Literal[
    "", "lost", "cut", "error_500", "system_internal", "html", "truncated", "no_ids", "byte_order_mark", "empty"
]
Spelling = Literal["OriginatorCoversationID", "OriginatorConverstionID", "OriginatorConversationID"]


@dataclass(frozen=True)
class Faults:
    """What goes wrong for one call and the callbacks it causes; the defaults are a good day.

    "Callback" stands for the callback of a push, the confirmation of a paybill payment and the result of the rest;
    what a confirmation says wrongly, the validation before it says as well.
    """

    # Before anything is accepted.
    oauth: Refusal = ""
    push: Refusal = ""
    query: Refusal = ""
    request: Refusal = ""
    """Any call that is neither a push nor the query about one."""
    token_rejected: bool = False
    """Every call answers "Invalid Access Token" whatever the token."""

    # After it was accepted and is under way: only the answer suffers.
    answer: Answer = ""
    answer_delay_s: float = 0.0
    """Any answer but those of a push, its query and the token."""
    oauth_delay_s: float = 0.0
    push_delay_s: float = 0.0
    query_delay_s: float = 0.0

    # On the phone.
    phone_does: str = ""
    """One of `outcomes.ACTIONS`, done without a person `phone_after_s` after the push."""
    phone_after_s: float = 3.0

    # The money, truly.
    charge_off: int = 0
    """The payer is charged so many shillings more (or less) than asked, and the callback says so."""
    charged_twice: bool = False
    """The payer is charged again under another receipt, with a success callback of its own."""

    # When callbacks come.
    callbacks: int = 1
    """How often each callback is sent: 0 loses it, 2 repeats it."""
    callback_delay_s: float = 0.0
    """On top of the usual delay."""
    callback_before_answer: bool = False
    """The callback is delivered before the call is answered; for a push the phone acts at once."""
    callback_overtaken: bool = False
    """The next push's callback goes first."""
    contradiction: Literal["", "success_then_failure", "failure_then_success"] = ""
    """A paid push, or a result of success, is also reported as failed, after or before the true callback."""

    # What callbacks say.
    amount_off: int = 0
    """The callback names so many shillings more (or less) than moved."""
    amount_style: Literal["integer", "decimal"] = "integer"
    balance_item: Literal["no_value", "absent", "value"] = "no_value"
    string_values: bool = False
    phone_style: Literal["plain", "masked"] = "plain"
    text_prefix: str = ""
    callback_body: Literal["", "empty", "not_json", "empty_object", "no_metadata", "only_receipt"] = ""

    # What queries say.
    query_says: Literal["", "failed", "pending", "unknown"] = ""
    """A lie told for ever: failed although paid, still processing, or never heard of."""
    query_noise: float = 0.0
    """Share of queries answered with a bare 500.001.1001 (observed, sandbox 2026: 4 of 19)."""
    pending_style: Literal["4999", "error_500", "no_message"] = "4999"
    """Pending as answered since late 2025, until mid 2025, and once in 2026."""

    # What an initiator asked for: B2C, reversal, status, balance.
    ends: str = ""
    """It fails with one of `result_codes.ENDINGS`, whatever was asked."""
    carried_out_after_s: float = 0.0
    """So long it stays under way before anything happens."""
    timeout_notice: Literal["", "echo", "failed_result"] = ""
    """The QueueTimeOutURL is told first, the result comes 30 s later: with the request as it was sent,
    SecurityCredential included, or with a failed result (both are told of production, no body was recorded)."""
    own_ids: Literal["", "known_by_both", "known_by_own"] = ""
    """Answer and result of a B2C name an OriginatorConversationID of Safaricom's own making (public samples); its
    books then know the order by the sender's as well, or by its own alone."""
    single_parameter: bool = False
    """The result has one parameter, which is then an object and no list."""
    failed_id: Literal["", "receipt", "zeros", "sixteen_zeros"] = ""
    """TransactionID of a failed result: as usual for the product, like a receipt, or plainly none."""
    status_says: Literal["", "failed", "not_found", "pending"] = ""
    """A lie told by the status query about money that moved."""
    status_shape: Literal["", "doubled_debit_party", "blank_keys"] = ""
    """As in the official sample, which names the debit party twice, and as in 2017, with blanks in keys."""

    # Paybill payments.
    confirmed_before_validation: bool = False
    """The money moves and the confirmation goes before the validation is asked."""
    decimals: Literal["two", "none", "thousands"] = "two"
    """TransAmount of 1,000 as "1000.00", "1000" or "1,000.00"."""
    payer_style: Literal["", "hashed", "masked", "old_mask", "plain", "absent", "hash_masked"] = ""
    """MSISDN; by default hashed in v1 and masked in v2."""
    names: Literal["full", "empty", "absent"] = "full"
    """Middle and last name of the payer."""
    named_shortcode: str = ""
    """A BusinessShortCode that is not the one that was paid."""
    transaction_type: str = "Pay Bill"
    reused_receipt: bool = False
    """A second confirmation follows under the same TransID, of 1 shilling more, for which nothing moved."""
    register_spelling: Spelling = "OriginatorCoversationID"
    register_code: Literal["0", "00000000", "absent"] = "0"


_TYPES = typing.get_type_hints(Faults)


class UnknownFault(ValueError):
    """A fault was named that does not exist, or given a value it cannot have."""


def _check(name: str, value: object) -> None:
    if name not in _TYPES:
        raise UnknownFault(f"no fault is called {name!r}")
    kind = _TYPES[name]
    if typing.get_origin(kind) is Literal:
        fits = value in typing.get_args(kind)
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = type(value) is kind
    if name == "phone_does":
        fits = value in ("", *ACTIONS)
    if name == "ends":
        fits = value in ("", *ENDINGS)
    if not fits:
        raise UnknownFault(f"{name} cannot be {value!r}")


def checked(values: Mapping[str, object]) -> Mapping[str, object]:
    """Return some faults by name, unchanged and read-only; UnknownFault if one does not exist."""
    for name, value in values.items():
        _check(name, value)
    return types.MappingProxyType(dict(values))

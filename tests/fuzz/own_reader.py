"""What bodies of Safaricom's say, read by code that the application does not share."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation

UNNAMED = ""  # the receipt of what an answer has as completed and names no receipt of
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidOperation)


class Number(str):
    """A number as it was written, so that none passes for a text."""


def strictly(raw: bytes | None) -> object:
    """Read JSON with one meaning; raise one of UNREADABLE."""
    return json.loads(
        (raw or b"").decode("utf-8-sig"),
        object_pairs_hook=_once,
        parse_constant=_refuse,
        parse_int=Number,
        parse_float=Number,
    )


def says_paid(raw: bytes | None) -> tuple[Decimal, str] | None:
    """Read amount and receipt out of the callback of a prompt; of items with one name the first counts."""
    try:
        callback = strictly(raw)["Body"]["stkCallback"]
        listed = callback["CallbackMetadata"]["Item"]
        items = [item for item in (listed if isinstance(listed, list) else [listed]) if isinstance(item, dict)]
        amount, receipt = (_first(items, "Name", name) for name in ("Amount", "MpesaReceiptNumber"))
        return (
            (Decimal(amount), _bare(receipt)) if _is_zero(callback["ResultCode"]) and _is_text(receipt) else None
        )
    except UNREADABLE:
        return None


def says_sent(raw: bytes | None) -> str | None:
    """Read the receipt out of the result of an order that was carried out: of the order, or of its reversal."""
    try:
        result = _result(raw)
        listed = _parameters(result)
        receipt = _first(listed, "Key", "TransactionReceipt")
        if receipt is None and _first(listed, "Key", "OriginalTransactionID") is not None:
            receipt = result["TransactionID"]
        return _bare(receipt) if _is_zero(result["ResultCode"]) and _is_text(receipt) else None
    except UNREADABLE:
        return None


def says_completed(raw: bytes | None) -> str | None:
    """Read the receipt out of the answer to a question, where that has a transaction as completed.

    Its word counts without a receipt too: the question is about one order, and to send that again pays twice.
    """
    try:
        result = _result(raw)
        listed = _parameters(result)
        status, receipt = (_first(listed, "Key", name) for name in ("TransactionStatus", "ReceiptNo"))
        is_made = _is_zero(result["ResultCode"]) and status.strip().lower() == "completed"
        return (_bare(receipt) if _is_text(receipt) else UNNAMED) if is_made else None
    except UNREADABLE:
        return None


def says_came(raw: bytes | None) -> tuple[Decimal, str] | None:
    """Read amount and receipt out of the notice of a paybill payment."""
    try:
        notice = strictly(raw)
        receipt, amount = notice["TransID"], notice["TransAmount"].replace(",", "")
        return (Decimal(amount), _bare(receipt)) if _is_text(receipt) else None
    except UNREADABLE:
        return None


def _result(raw: bytes | None) -> dict:
    body = _unspaced(strictly(raw))
    return _unspaced(body["Result"]) if isinstance(body.get("Result"), dict) else body


def _parameters(result: dict) -> list[dict]:
    listed = result["ResultParameters"]["ResultParameter"]
    items = [item for item in (listed if isinstance(listed, list) else [listed]) if isinstance(item, dict)]
    return [item | {"Key": item["Key"].replace(" ", "")} for item in items if isinstance(item.get("Key"), str)]


def _unspaced(members: dict) -> dict:
    return {name.replace(" ", ""): value for name, value in members.items()}


def _is_zero(code: object) -> bool:
    return code == "0"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _bare(receipt: str) -> str:
    return receipt.strip("\ufeff \t\r\n")


def _first(items: list[dict], key: str, name: str) -> object:
    return next((item.get("Value") for item in items if item.get(key) == name), None)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object whose members have each a name of their own."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands in it twice")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(constant)

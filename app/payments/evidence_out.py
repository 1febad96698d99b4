"""Evidence about money that we send: frozen facts about one attempt, whatever the source; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.payments.daraja import (
    ApiResult,
    ResultOutcome,
    TransactionState,
    b2c_payment,
    describe_api,
    reversal_done,
)
from app.payments.evidence import Source, cents
from app.payments.models import DisbursementKind, StatementLine
from app.payments.states import Says


@dataclass(frozen=True, kw_only=True)
class MoneyOut:
    """What one source claims of an attempt to send money; the amount in cents.

    `proves_unpaid`: Safaricom's own books say so, on a question of ours. A failed result alone does not prove it.
    """

    source: Source
    says: Says
    receipt: str | None = None
    amount: int | None = None
    result_code: str | None = None
    result_desc: str | None = None
    reason: str | None = None
    proves_unpaid: bool = False
    stops_all_sends: bool = False
    at: datetime | None = None
    inbox_id: int | None = None


def from_result(result: ApiResult, kind: DisbursementKind, *, inbox_id: int) -> MoneyOut | None:
    """Read the result of an order; None where it proves nothing, so that Safaricom has to be asked."""
    if result.outcome is ResultOutcome.FAILED:
        return _failed(result, kind, inbox_id=inbox_id)
    done = b2c_payment(result) if kind is DisbursementKind.B2C else reversal_done(result)
    if done is None:
        return None
    return MoneyOut(
        source=Source.RESULT,
        says=Says.PAID,
        receipt=done.receipt,
        amount=cents(done.amount),
        result_code=result.result_code,
        result_desc=result.result_desc,
        at=done.completed_at,
        inbox_id=inbox_id,
    )


def _failed(result: ApiResult, kind: DisbursementKind, *, inbox_id: int) -> MoneyOut:
    code = describe_api(result.result_code)
    # Said of an order that may have been sent twice: the first one did it, and its own result was lost.
    gone_back_before = kind is DisbursementKind.REVERSAL and code.reason == "already_reversed"
    return MoneyOut(
        source=Source.RESULT,
        says=Says.PAID if gone_back_before else Says.FAILED,
        result_code=result.result_code,
        result_desc=result.result_desc,
        reason=code.reason,
        stops_all_sends=code.stops_all_sends,
        inbox_id=inbox_id,
    )


# A transaction in one of these states moves no money any more (daraja-docs Transaction Status).
ENDED_UNPAID = frozenset({"failed", "cancelled", "declined", "expired"})


def from_state(state: TransactionState, *, inbox_id: int) -> MoneyOut | None:
    """Read what Safaricom's books say of an order of ours; None while it is under way."""
    status = state.status.lower()
    if status == "completed":
        return MoneyOut(
            source=Source.STATUS,
            says=Says.PAID,
            receipt=state.receipt,
            amount=cents(state.amount),
            at=state.finalised_at,
            inbox_id=inbox_id,
        )
    if status in ENDED_UNPAID:
        return MoneyOut(
            source=Source.STATUS, says=Says.FAILED, reason=status, proves_unpaid=True, inbox_id=inbox_id
        )
    return None


def refused(reason: str, description: str) -> MoneyOut:
    """Say that an order was provably turned away, so that nothing was made of it."""
    return MoneyOut(
        source=Source.SEND, says=Says.FAILED, reason=reason, result_desc=description[:255], proves_unpaid=True
    )


def on_statement(line: StatementLine) -> MoneyOut:
    """Read one line of the organisation's statement that took money out."""
    return MoneyOut(
        source=Source.STATEMENT, says=Says.PAID, receipt=line.receipt, amount=line.withdrawn, at=line.at
    )

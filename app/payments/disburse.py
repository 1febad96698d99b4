"""Send money: record an attempt and its ids, claim it, ask Safaricom outside every transaction, note its word."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app import money
from app.database import lock, transactional
from app.metrics import metrics
from app.payments.callback_tokens import result_urls, token_hash
from app.payments.daraja import (
    AlreadyAccepted,
    AskAccepted,
    B2cOrder,
    DarajaClient,
    NotSent,
    OutcomeUnknown,
    RefusalKind,
    Refused,
    ResultUrls,
    ReversalOrder,
)
from app.payments.evidence import Source
from app.payments.evidence_out import refused
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
)
from app.payments.purpose import purpose_of
from app.payments.settle_out import note, settle_out
from app.payments.stop import standing_stop
from config import Settings

log = structlog.get_logger()

FIRST_LOOK = timedelta(seconds=30)  # results were seen within seconds; a lost one is asked about after this
LOOK_AFTER_UNKNOWN = timedelta(seconds=15)
SEND_AGAIN_AFTER = timedelta(minutes=1)
REMARKS = "Booking"  # neutral on purpose: the text shows on statements


@dataclass(frozen=True)
class Sender:
    """What sending needs of the settings: the key that tokens are made of, and our public address.

    `pays_from_paybill`: money leaves by the shortcode that payments come to, so that the balance that Safaricom
    tells of is that of both.
    """

    secret: str = field(repr=False)
    callback_base: str
    pays_from_paybill: bool = False


def sender_of(settings: Settings) -> Sender | None:
    """Return what sending needs; None where nobody is set up to move money out."""
    if not settings.moves_money_out:
        return None
    return Sender(settings.jwt_secret_key, settings.callback_url_base, settings.pays_from_paybill)


@dataclass(frozen=True)
class _Claim:
    disbursement_id: int
    sends: int
    order: B2cOrder | ReversalOrder


def open_attempt(
    session: Session,
    *,
    kind: DisbursementKind,
    amount: int,
    currency: str,
    sender: Sender,
    now: datetime,
    payout_id: int | None = None,
    refund_id: int | None = None,
    phone: str | None = None,
    original_receipt: str | None = None,
) -> Disbursement:
    """Record that money is to be sent, with the ids that it will go by, in cents; a job sends it.

    A second open attempt for the same purpose violates the constraint.
    """
    own_id = str(uuid.uuid4())
    attempt = Disbursement(
        kind=kind,
        payout_id=payout_id,
        refund_id=refund_id,
        amount=amount,
        currency=currency,
        phone=phone,
        original_receipt=original_receipt,
        originator_conversation_id=own_id,
        token_hash=token_hash(_token(sender, own_id)),
        status=DisbursementStatus.READY,
        created_at=now,
        next_send_at=now,
    )
    session.add(attempt)
    session.flush()
    note(session, attempt, None, source="ready", detail=None, now=now)
    return attempt


def _token(sender: Sender, own_id: str) -> str:
    """Make the callback token from the id: a repeat has the same address, and the token is kept nowhere."""
    return hmac.new(sender.secret.encode(), f"disbursement {own_id}".encode(), hashlib.sha256).hexdigest()


def send_next(*, sender: Sender, now: datetime, daraja: DarajaClient) -> bool:
    """Send the attempt that has waited longest; say whether there was one."""
    claim = _claim_due(sender=sender, now=now)
    if claim is None:
        return False
    asks = metrics().asks
    try:
        accepted = _ask(claim.order, daraja)
    except AlreadyAccepted:
        outcome = "accepted_before"
        _note_taken(disbursement_id=claim.disbursement_id, accepted=None, now=now)
    except OutcomeUnknown as error:
        outcome = "unknown"
        _note_unknown(disbursement_id=claim.disbursement_id, said=str(error), now=now)
    except Refused as refusal:
        outcome = "refused"
        _note_refusal(claim, refusal, now=now)
    except NotSent as error:
        outcome = "not_sent"
        _send_later(claim=claim, said=str(error), wait=SEND_AGAIN_AFTER, now=now)
    else:
        outcome = "accepted"
        _note_taken(disbursement_id=claim.disbursement_id, accepted=accepted, now=now)
    asks.labels("b2c" if isinstance(claim.order, B2cOrder) else "reversal", outcome).inc()
    return True


def _ask(order: B2cOrder | ReversalOrder, daraja: DarajaClient) -> AskAccepted:
    return daraja.b2c(order) if isinstance(order, B2cOrder) else daraja.reverse(order)


@transactional
def _claim_due(session: Session, *, sender: Sender, now: datetime) -> _Claim | None:
    """Mark the attempt that is due as sent, before it is: whoever dies now leaves something to be asked about."""
    if standing_stop(session, now=now) is not None:
        return None
    due = sa.select(Disbursement.id).where(
        Disbursement.status == DisbursementStatus.READY, Disbursement.next_send_at <= now
    )
    attempt_id = session.scalar(due.order_by(Disbursement.next_send_at, Disbursement.id).limit(1))
    if attempt_id is None:
        return None
    purpose = purpose_of(session, attempt_id)
    attempt = lock(session, Disbursement, attempt_id)
    if attempt is None or attempt.status is not DisbursementStatus.READY:
        return None  # another worker was faster
    if not purpose.start(session, now=now):
        _withdraw(session, attempt, now=now)
        return None
    token = _token(sender, attempt.originator_conversation_id)
    try:
        order = _order(attempt, result_urls(sender.callback_base, token))
    except ValueError as error:  # it never goes out, and must not keep back those behind it
        settle_out(session, disbursement_id=attempt.id, evidence=refused("refused", str(error)), now=now)
        return None
    attempt.status = DisbursementStatus.SENT
    attempt.sends += 1
    attempt.sent_at = attempt.sent_at or now
    attempt.next_send_at = None
    attempt.next_query_at = now + FIRST_LOOK
    note(session, attempt, DisbursementStatus.READY, source=Source.SEND, detail=f"sent: {attempt.sends}", now=now)
    attempt.token_hash = token_hash(token)
    return _Claim(attempt.id, attempt.sends, order)


def _withdraw(session: Session, attempt: Disbursement, *, now: datetime) -> None:
    """Do not send what is not wanted any more; what may have been sent before is for a person to close."""
    if attempt.sends:
        attempt.next_send_at = None
        return
    settle_out(session, disbursement_id=attempt.id, evidence=refused("withdrawn", "Not wanted."), now=now)


def _order(attempt: Disbursement, urls: ResultUrls) -> B2cOrder | ReversalOrder:
    amount_kes = money.to_shillings(attempt.amount)
    if attempt.kind is DisbursementKind.REVERSAL:
        return ReversalOrder(
            receipt=str(attempt.original_receipt), amount_kes=amount_kes, remarks=REMARKS, urls=urls
        )
    return B2cOrder(
        originator_conversation_id=attempt.originator_conversation_id,
        phone=str(attempt.phone),
        amount_kes=amount_kes,
        remarks=REMARKS,
        urls=urls,
    )


def _locked(session: Session, disbursement_id: int) -> Disbursement:
    attempt = lock(session, Disbursement, disbursement_id)
    if attempt is None:
        raise LookupError(f"disbursement {disbursement_id} does not exist")
    return attempt


@transactional
def _note_taken(session: Session, *, disbursement_id: int, accepted: AskAccepted | None, now: datetime) -> None:
    """Write Safaricom's ids on the attempt; its result may have come first, and is not touched."""
    attempt = _locked(session, disbursement_id)
    before = attempt.status
    if attempt.kind is DisbursementKind.REVERSAL and accepted is not None:  # a copy, with ids of its own
        attempt.conversation_id = accepted.conversation_id
        attempt.safaricom_originator_id = accepted.originator_conversation_id
    elif accepted is None:  # it was turned away because it is there, under the id that we gave it
        attempt.learn_originator_id(attempt.originator_conversation_id)
    else:
        attempt.conversation_id = attempt.conversation_id or accepted.conversation_id
        attempt.learn_originator_id(accepted.originator_conversation_id)
    if attempt.kind is DisbursementKind.B2C and before is DisbursementStatus.READY:
        # The books had no such transaction while this answer was on its way: it is not to be sent again.
        attempt.status = DisbursementStatus.SENT
        attempt.next_send_at = None
        attempt.next_query_at = now + FIRST_LOOK
    detail = "taken" if accepted is not None else "taken before"
    note(session, attempt, before, source=Source.SEND, detail=detail, now=now)


@transactional
def _note_unknown(session: Session, *, disbursement_id: int, said: str, now: datetime) -> None:
    attempt = _locked(session, disbursement_id)
    if attempt.status is DisbursementStatus.SENT:
        attempt.next_query_at = now + LOOK_AFTER_UNKNOWN
    log.warning("send_outcome_unknown", disbursement_id=attempt.id, error=said)
    note(session, attempt, attempt.status, source=Source.SEND, detail="no clear answer", now=now)


def _note_refusal(claim: _Claim, refusal: Refused, *, now: datetime) -> None:
    """Let go of what was provably not taken; of a repeat only the repeat was not."""
    log.error("send_refused", disbursement_id=claim.disbursement_id, kind=refusal.kind, error=str(refusal))
    if refusal.kind is RefusalKind.INVALID_REQUEST and claim.sends == 1:
        _settle(claim=claim, said=f"{refusal.error_code}: {refusal.message}", now=now)
        return
    wait = timedelta(seconds=refusal.retry_after_s or SEND_AGAIN_AFTER.total_seconds())
    _send_later(claim=claim, said=str(refusal), wait=wait, now=now)


@transactional
def _settle(session: Session, *, claim: _Claim, said: str, now: datetime) -> None:
    purpose_of(session, claim.disbursement_id)
    if _locked(session, claim.disbursement_id).sends == claim.sends:  # else another copy is on its way by now
        settle_out(session, disbursement_id=claim.disbursement_id, evidence=refused("refused", said), now=now)


@transactional
def _send_later(session: Session, *, claim: _Claim, said: str, wait: timedelta, now: datetime) -> None:
    """Make an attempt ready again under its own id, since this time nothing reached Safaricom."""
    attempt = _locked(session, claim.disbursement_id)
    if attempt.status is not DisbursementStatus.SENT or attempt.sends != claim.sends:
        return
    attempt.status = DisbursementStatus.READY
    attempt.next_send_at = now + wait
    log.warning("send_postponed", disbursement_id=attempt.id, error=said)
    note(session, attempt, DisbursementStatus.SENT, source=Source.SEND, detail="not taken", now=now)

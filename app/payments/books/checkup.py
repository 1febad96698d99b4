"""What about the money of this installation would be lost, or is stuck, before and after going live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import reading
from app.findings import Finding, Verdict
from app.money import spoken
from app.payments import paybill_addresses
from app.payments.books.balances import standing
from app.payments.books.pulling import REACHES_BACK, until
from app.payments.daraja import certificate_owner, is_security_credential, security_credential
from app.payments.inbox import ATTEMPTS_BEFORE_ALARM
from app.payments.models import InboxItem, Payment, Refund, RefundEvent, RefundStatus
from app.payments.overdue import overdue
from app.payments.stop import standing_stop
from config import Settings, is_live

OLD_BALANCE = timedelta(days=1)
REFUND_IS_SLOW_AFTER = timedelta(hours=1)
UNVERIFIED_IS_LONG_AFTER = timedelta(days=1)
REGISTER = "'flask --app run payments register-urls'"
# Whom the certificates of Safaricom's sandbox are for, as the public SDKs ship them, and that of our stand-in.
NOT_LIVE = {"sandbox.safaricom.co.ke", "apicrypt.safaricom.co.ke", "simulator.invalid"}


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """Look at what is configured for money that goes out and for paybill payments."""
    yield _initiator(settings)
    try:
        paybill_addresses.check_base(settings)
    except paybill_addresses.ForbiddenAddress as forbidden:
        yield Finding(_live(settings), "paybill", forbidden.text)


def _initiator(settings: Settings) -> Finding:
    if not settings.moves_money_out:
        missing = "the SAFARICOM_INITIATOR_ variables are missing: nothing can be paid out, given back or verified"
        return Finding(_live(settings), "initiator", missing)
    sealed = settings.safaricom_security_credential
    if sealed and not is_security_credential(sealed):
        return Finding(Verdict.FAIL, "initiator", "SAFARICOM_SECURITY_CREDENTIAL is not what encrypting makes")
    try:
        if not sealed:
            certificate = Path(settings.safaricom_certificate).read_bytes()
            security_credential(settings.safaricom_initiator_password, certificate)
            if is_live(settings.safaricom_base) and (owner := certificate_owner(certificate)) in NOT_LIVE:
                text = f"SAFARICOM_CERTIFICATE is that of {owner}: on the live base every order would fail"
                return Finding(Verdict.FAIL, "initiator", text)
    except (OSError, ValueError):
        return Finding(Verdict.FAIL, "initiator", "SAFARICOM_CERTIFICATE cannot be read as a certificate")
    return Finding(Verdict.OK, "initiator", f"{settings.safaricom_initiator_name} can move money out")


def examine_money(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Look at what the database says of money; it must be reachable and migrated."""
    with reading() as session:
        yield _addresses(session, settings)
        yield _pull(session, settings, now)
        if settings.moves_money_out:
            yield from _balance(session, settings, now)
            yield _sending(session, now)
        yield _slow_refunds(session, now)
        yield _unverified(session, now)
        yield _inbox(session)
        yield _worker(session, settings, now)


def _live(settings: Settings) -> Verdict:
    return Verdict.FAIL if settings.is_production else Verdict.WARN


def _addresses(session: Session, settings: Settings) -> Finding:
    shortcode, base = settings.safaricom_shortcode, settings.callback_url_base
    address = paybill_addresses.standing(session, shortcode)
    if address is None:
        return Finding(_live(settings), "paybill", f"never registered for {shortcode}: run {REGISTER}")
    if address.callback_base is None:
        text = (
            f"nobody kept where it was registered: see in M-Pesa's portal that it is {base}, else run {REGISTER}"
        )
        return Finding(Verdict.WARN, "paybill", text)
    if address.callback_base != base:
        text = (
            f"payments to {shortcode} are told to {address.callback_base}, not to CALLBACK_URL_BASE: "
            f"run {REGISTER}; on the live system delete the old addresses in M-Pesa's portal first"
        )
        return Finding(_live(settings), "paybill", text)
    return Finding(Verdict.OK, "paybill", f"payments to {shortcode} are told to this API")


def _pull(session: Session, settings: Settings, now: datetime) -> Finding:
    last = until(session)
    if last is None:
        text = (
            "never registered, so a notice that is missed stays missed: 'flask --app run payments register-pull'"
        )
        return Finding(Verdict.WARN if settings.is_production else Verdict.OK, "pull", text)
    if last <= now - REACHES_BACK:
        return Finding(_live(settings), "pull", "did not run for two days; is the worker running?")
    return Finding(Verdict.OK, "pull", f"payments are listed up to {last:%Y-%m-%d %H:%M} UTC")


def _balance(session: Session, settings: Settings, now: datetime) -> Iterator[Finding]:
    stands = standing(session)
    if stands.read_at is None or stands.read_at <= now - OLD_BALANCE:
        how = "never read" if stands.read_at is None else "older than a day"
        yield Finding(Verdict.WARN, "balance", f"{how}: is the worker running, does Safaricom reach this API?")
    if stands.can_pay is False:
        text = f"has {spoken(stands.available or 0)}, approved are {spoken(stands.approved)}: top it up"
        yield Finding(Verdict.FAIL, "float", text)
    elif stands.can_pay:
        yield Finding(Verdict.OK, "float", f"pays what is approved ({spoken(stands.approved)})")


def _sending(session: Session, now: datetime) -> Finding:
    stop = standing_stop(session, now=now)
    if stop is None:
        return Finding(Verdict.OK, "sending", "is not stopped")
    return Finding(Verdict.FAIL, "sending", f"stopped until {stop.until:%Y-%m-%d %H:%M} UTC. {stop.because}")


def _slow_refunds(session: Session, now: datetime) -> Finding:
    approved_at = (
        sa.select(sa.func.max(RefundEvent.at)).where(RefundEvent.refund_id == Refund.id).scalar_subquery()
    )
    slow = (
        sa.select(sa.func.count(), sa.func.sum(Refund.amount))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Refund.status == RefundStatus.APPROVED,
            Payment.is_verified,  # what a notice alone has told of waits for M-Pesa's books, and rightly
            sa.func.coalesce(approved_at, Refund.requested_at) <= now - REFUND_IS_SLOW_AFTER,
        )
    )
    count, total = session.execute(slow).one()
    if count:
        text = f"{count} approved and not sent for an hour ({spoken(int(total))})"
        return Finding(Verdict.FAIL, "refunds", text)
    return Finding(Verdict.OK, "refunds", "none waits to be sent for long")


def _unverified(session: Session, now: datetime) -> Finding:
    old = sa.select(sa.func.count(), sa.func.sum(Payment.amount_received)).where(
        ~Payment.is_verified, Payment.amount_received > 0, Payment.created_at <= now - UNVERIFIED_IS_LONG_AFTER
    )
    count, total = session.execute(old).one()
    if count:
        text = f"{count} payments ({spoken(int(total))}) known by notice alone for a day: import a statement"
        return Finding(Verdict.WARN, "unverified", text)
    return Finding(Verdict.OK, "unverified", "no payment is known by notice alone for long")


def _inbox(session: Session) -> Finding:
    stuck = sa.select(sa.func.count()).where(
        InboxItem.applied_at.is_(None), InboxItem.attempts >= ATTEMPTS_BEFORE_ALARM
    )
    count = session.scalar(stuck)
    if count:
        return Finding(Verdict.FAIL, "inbox", f"{count} messages cannot be applied: see inbox_stuck in the log")
    return Finding(Verdict.OK, "inbox", "no message is stuck")


def _worker(session: Session, settings: Settings, now: datetime) -> Finding:
    waiting = overdue(session, settings, now=now)
    if waiting:
        each = ", ".join(f"{kind} for {wait // timedelta(minutes=1)} minutes" for kind, wait in waiting.items())
        text = (
            f"nobody does what is due ({each}): start 'flask --app run worker', or see the log of the one there is"
        )
        return Finding(_live(settings), "worker", text)
    return Finding(Verdict.OK, "worker", "nothing that is due waits for long")

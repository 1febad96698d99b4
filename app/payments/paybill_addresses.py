"""Tell Safaricom where news of paybill payments goes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import reading, transactional
from app.errors import Problem
from app.payments.callback_tokens import token_hash
from app.payments.daraja import DarajaClient, DarajaError, ForbiddenUrl, check_c2b_url
from app.payments.models import C2bAddress
from config import Settings, is_live

log = structlog.get_logger()

# What Safaricom does with a payment while validation does not answer (daraja-docs C2B).
ResponseType = Literal["Completed", "Cancelled"]


class ForbiddenAddress(Problem):
    """Safaricom would not take an address below CALLBACK_URL_BASE."""

    status, code = 422, "forbidden_callback_url"


class RegistrationFailed(Problem):
    """Safaricom refused the registration, was away, or did not say what it did."""

    status, code = 502, "registration_failed"
    message = "M-Pesa did not confirm the registration. Try again; what it may have taken stays valid here."


@dataclass(frozen=True)
class Registered:
    """What stands at Safaricom: `address` is None where that is nothing of ours."""

    is_new: bool
    address: C2bAddress | None


def register_urls(
    settings: Settings,
    *,
    asked_by_id: int | None,
    response_type: ResponseType,
    now: datetime,
    daraja: DarajaClient,
) -> Registered:
    """Register an address of its own for paybill news; one that stands already at Safaricom stays.

    Raises ForbiddenAddress before anything is sent, RegistrationFailed where Safaricom did not say yes.
    """
    token = secrets.token_hex(24)  # no word that Safaricom forbids in a URL is made of hexadecimal digits
    base = f"{settings.callback_url_base}/api/payment/c2b/{token}"
    check_base(settings)
    address_id = _record(
        token=token, settings=settings, asked_by_id=asked_by_id, response_type=response_type, now=now
    )
    try:
        is_new = daraja.register_c2b_urls(
            confirmation_url=f"{base}/confirmation",
            validation_url=f"{base}/validation",
            response_type=response_type,
        )
    except DarajaError as error:
        log.error("c2b_registration_failed", error=str(error))
        raise RegistrationFailed from error
    if is_new:
        _note_registered(address_id, now=now)
    return Registered(is_new, standing_address(settings.safaricom_shortcode))


def check_base(settings: Settings) -> None:
    """Raise ForbiddenAddress where Safaricom would take no address below CALLBACK_URL_BASE."""
    try:
        check_c2b_url(settings.callback_url_base, production=is_live(settings.safaricom_base))
    except ForbiddenUrl as forbidden:
        raise ForbiddenAddress(f"CALLBACK_URL_BASE cannot be registered: {forbidden}.") from None


def standing_address(shortcode: str) -> C2bAddress | None:
    """Return the address that Safaricom took last for a shortcode."""
    with reading() as session:
        return standing(session, shortcode)


def standing(session: Session, shortcode: str) -> C2bAddress | None:
    """Return that address, within a transaction of the caller's."""
    taken = sa.select(C2bAddress).where(C2bAddress.shortcode == shortcode, C2bAddress.registered_at.is_not(None))
    return session.scalar(taken.order_by(C2bAddress.id.desc()).limit(1))


@transactional
def _record(
    session: Session,
    *,
    token: str,
    settings: Settings,
    asked_by_id: int | None,
    response_type: ResponseType,
    now: datetime,
) -> int:
    address = C2bAddress(
        token_hash=token_hash(token),
        shortcode=settings.safaricom_shortcode,
        till_number=settings.safaricom_till_number or None,
        callback_base=settings.callback_url_base,
        response_type=response_type,
        asked_by_id=asked_by_id,
        asked_at=now,
    )
    session.add(address)
    session.flush()
    return address.id


@transactional
def _note_registered(session: Session, address_id: int, *, now: datetime) -> None:
    session.get_one(C2bAddress, address_id).registered_at = now

"""The application's way to Safaricom: one Daraja client, built from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from flask import Flask, current_app

from app.clock import Clock
from app.database import refuse_open_transaction
from app.payments.daraja import Credentials, DarajaClient, Initiator, TransactionType, security_credential
from app.payments.token_store import DatabaseTokenStore
from config import Settings


def init_gateway(app: Flask, settings: Settings, clock: Clock, daraja: DarajaClient | None) -> None:
    """Give the application its client, unless it is handed one."""
    app.extensions["daraja"] = daraja or build_client(app, settings, clock)


def build_client(app: Flask, settings: Settings, clock: Clock) -> DarajaClient:
    """Build a client that refuses to ask inside a transaction and shares its token through the database."""
    store = DatabaseTokenStore(
        app,
        base_url=settings.safaricom_base,
        key=settings.safaricom_consumer_key,
        secret=settings.safaricom_consumer_secret,
        now=clock.now,
    )
    return DarajaClient(
        Credentials(
            consumer_key=settings.safaricom_consumer_key,
            consumer_secret=settings.safaricom_consumer_secret,
            shortcode=settings.safaricom_shortcode,
            passkey=settings.safaricom_passkey,
            transaction_type=cast(TransactionType, settings.safaricom_transaction_type),
            till_number=settings.safaricom_till_number or None,
        ),
        initiator=_initiator(settings),
        base_url=settings.safaricom_base,
        now=clock.now,
        sleep=clock.sleep,
        token_store=store,
        before_send=refuse_open_transaction,
    )


def _initiator(settings: Settings) -> Initiator | None:
    """Return who moves money out; None where nobody is configured to."""
    if not settings.moves_money_out:
        return None
    sealed = settings.safaricom_security_credential or security_credential(
        settings.safaricom_initiator_password, Path(settings.safaricom_certificate).read_bytes()
    )
    return Initiator(settings.safaricom_initiator_name, sealed, settings.safaricom_b2c_shortcode)


def gateway() -> DarajaClient:
    """Return the current application's client."""
    return cast(DarajaClient, current_app.extensions["daraja"])

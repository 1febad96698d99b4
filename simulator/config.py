"""What one simulator is set up with; nothing here changes while it runs."""

from dataclasses import dataclass
from datetime import datetime

# Published by Safaricom for its sandbox, so not a secret (daraja-docs Authorization and M-Pesa Express).
SANDBOX_SHORTCODE = "174379"
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


@dataclass(frozen=True)
class Config:
    """One merchant at one Safaricom; every span is in seconds, every amount in whole shillings."""

    consumer_key: str = "simulator-key"
    consumer_secret: str = "simulator-secret"
    shortcode: str = SANDBOX_SHORTCODE
    passkey: str = SANDBOX_PASSKEY
    shop: str = "HAKI YETU"

    manual: bool = False
    """Callbacks wait until the control API tells them to go."""
    seed: int | None = None
    """Seed of every random choice; None draws one."""
    starts_at: datetime | None = None
    """Freeze the clock at this instant from the start; None runs with the wall clock."""
    source_address: str = ""
    """Address that callbacks pretend to come from, sent as X-Forwarded-For; empty sends none."""

    prompt_life_s: float = 60.0
    """How long a prompt stays on the phone (observed, production 2024)."""
    callback_delay_s: tuple[float, float] = (1.0, 3.0)
    """Between what happened on the phone and its callback; drawn evenly."""
    query_pending_s: tuple[float, float] = (10.0, 15.0)
    """For at least so long after a push the query says "still under processing" (observed, sandbox 2026)."""
    token_life_s: float = 3599.0
    opening_balance: int = 100_000
    pin: str = "1234"

    query_rate: int = 5
    """STK queries a minute before the gateway refuses (observed, sandbox 2025); 0 lifts the limit."""
    query_burst: int = 5
    """How many of them may come at once; the gateway's own text names 1."""
    rate_limited_status: int = 429
    """HTTP status of that refusal: the body was observed, its status was not; 429 is the Apigee default."""

    # Off, because the application's own callback base is http://127.0.0.1:PORT when both run on one machine;
    # the real gateway answers "Invalid CallBackURL" to a localhost URL (observed, sandbox 2025).
    strict_callback_urls: bool = False
    """Refuse callback URLs on this machine or with capitals in the host."""
    expires_in_is_number: bool = False
    """Documented shape of the token answer; a string was observed."""
    new_token_ends_old: bool = False
    """Documented: each new token invalidates the one before; not observed."""

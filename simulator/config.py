"""What one simulator is set up with; nothing here changes while it runs."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

# Published by Safaricom for its sandbox, so not a secret (daraja-docs Authorization and M-Pesa Express).
SANDBOX_SHORTCODE = "174379"
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


SANDBOX_INITIATOR = "testapi"
SANDBOX_INITIATOR_PASSWORD = "Safaricom999!*!"
SANDBOX_B2C_SHORTCODE = "600992"


@dataclass(frozen=True)
class Config:
    """One merchant at one Safaricom; every span is in seconds, every amount in whole shillings."""

    consumer_key: str = "simulator-key"
    consumer_secret: str = "simulator-secret"
    shortcode: str = SANDBOX_SHORTCODE
    passkey: str = SANDBOX_PASSKEY
    shop: str = "HAKI YETU"

    b2c_shortcode: str = SANDBOX_B2C_SHORTCODE
    """What pays out; the same organisation as `shortcode`, with the same accounts and the same initiator."""
    initiator: str = SANDBOX_INITIATOR
    initiator_password: str = SANDBOX_INITIATOR_PASSWORD
    key_file: Path | None = None
    """PEM file with the RSA key of the certificate, written if it is not there; None makes a key at each start."""

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
    result_delay_s: tuple[float, float] = (1.0, 3.0)
    """Between the answer to what an initiator asks and its result; drawn evenly."""
    validation_limit_s: float = 8.0
    """How long the ValidationURL may take (daraja-docs C2B)."""
    token_life_s: float = 3599.0
    opening_balance: int = 100_000
    """What every phone has."""
    working_opening: int = 0
    utility_opening: int = 1_000_000
    b2c_charge: int = 13
    """What one B2C payment costs the organisation."""
    pull_page_size: int = 100
    pin: str = "1234"

    query_rate: int = 5
    """STK queries a minute before the gateway refuses (observed, sandbox 2025); 0 lifts the limit."""
    query_burst: int = 5
    """How many of them may come at once; the gateway's own text names 1."""
    rate_limited_status: int = 429
    """HTTP status of that refusal: the body was observed, its status was not; 429 is the Apigee default."""

    external_validation: bool = True
    """Paybill payments are asked about first, if a ValidationURL is registered; Safaricom enables it on demand."""
    stk_also_confirms: bool = False
    """A paid push is told as a C2B confirmation as well, where URLs are registered (observed, production 2021)."""
    urls_may_be_registered_again: bool = False
    """As on the sandbox; in production the second registration is refused (daraja-docs C2B)."""

    # Off, because the application's own callback base is http://127.0.0.1:PORT when both run on one machine;
    # the real gateway answers "Invalid CallBackURL" to a localhost URL (observed, sandbox 2025).
    strict_callback_urls: bool = False
    """Refuse callback URLs on this machine or with capitals in the host."""
    expires_in_is_number: bool = False
    """Documented shape of the token answer; a string was observed."""
    new_token_ends_old: bool = False
    """Documented: each new token invalidates the one before; not observed."""

    @property
    def shortcodes(self) -> frozenset[str]:
        """What customers may pay to, and what pays them."""
        return frozenset((self.shortcode, self.b2c_shortcode))

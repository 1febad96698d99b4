"""The settings of one process: read once from the environment, checked as a whole, then frozen."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from environs import Env, EnvValidationError, ValidationError, validate

from config_checks import (
    LIVE_BASE,
    SANDBOX_BASE,
    SANDBOX_PASSKEY,
    SANDBOX_SHORTCODE,
    SIMULATOR_CERTIFICATE,
    SIMULATOR_CREDENTIALS,
    SIMULATOR_INITIATOR,
    Network,
    is_for_strangers,
    is_live,
    is_nobodys_mail,
    is_sandbox,
    sandbox_names,
    unsafe,
)

__all__ = [
    "LIVE_BASE",
    "SANDBOX_BASE",
    "SANDBOX_PASSKEY",
    "SANDBOX_SHORTCODE",
    "SIMULATOR_CREDENTIALS",
    "SIMULATOR_INITIATOR",
    "ConfigurationError",
    "Network",
    "Settings",
    "is_for_strangers",
    "is_live",
    "is_nobodys_mail",
    "is_sandbox",
    "load_settings",
    "parse_networks",
    "sandbox_names",
]

PROJECT_DIR = Path(__file__).resolve().parent
# Source addresses that Safaricom publishes for its callbacks (Daraja portal, Going Live).
SAFARICOM_ADDRESSES = (
    "196.201.214.200,196.201.214.206,196.201.213.114,196.201.214.207,196.201.214.208,196.201.213.44,"
    "196.201.212.127,196.201.212.138,196.201.212.129,196.201.212.136,196.201.212.74,196.201.212.69"
)
PRIVATE_RANGES = "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

RefundTiers = tuple[tuple[int, int], ...]


class ConfigurationError(Exception):
    """The environment cannot be started with; `faults` maps each variable to what is wrong with it."""

    def __init__(self, faults: dict[str, str]) -> None:
        self.faults = faults
        lines = "\n".join(f"  {name}: {fault}" for name, fault in sorted(faults.items()))
        super().__init__(f"The configuration has {len(faults)} fault(s); nothing was started.\n{lines}")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that differs between two installations; field names are the variables in lower case."""

    app_env: str = "development"
    instance_dir: Path = PROJECT_DIR / "instance"
    host: str = "127.0.0.1"
    port: int = 5000
    allow_remote: bool = False
    web_threads: int = 16
    log_level: str = "INFO"
    log_format: str = "console"

    database_url: str = field(default="", repr=False)
    allow_sqlite: bool = False
    redis_url: str = field(default="", repr=False)
    jwt_secret_key: str = field(default="", repr=False)

    safaricom_base: str = ""
    safaricom_consumer_key: str = field(default="", repr=False)
    safaricom_consumer_secret: str = field(default="", repr=False)
    safaricom_shortcode: str = ""
    safaricom_passkey: str = field(default="", repr=False)
    safaricom_transaction_type: str = "CustomerPayBillOnline"
    safaricom_till_number: str = ""
    safaricom_initiator_name: str = ""
    safaricom_initiator_password: str = field(default="", repr=False)
    safaricom_certificate: str = ""
    safaricom_security_credential: str = field(default="", repr=False)
    safaricom_b2c_shortcode: str = ""
    safaricom_query_rate: int = 60
    safaricom_allowed_ips: tuple[Network, ...] = ()
    callback_url_base: str = ""
    simulator: bool = False
    simulator_port: int = 5001

    trusted_proxy_hops: int = 0
    trusted_proxies: tuple[Network, ...] = ()
    cors_origins: tuple[str, ...] = ()
    rate_limits: bool = True
    metrics_token: str = field(default="", repr=False)
    mail_url: str = field(default="", repr=False)
    mail_from: str = "Haki Yetu <no-reply@localhost>"
    sms_url: str = field(default="", repr=False)
    sms_token: str = field(default="", repr=False)
    sms_sender: str = ""
    business_name: str = "Haki Yetu"

    hold_minutes: int = 15
    commission_percent: int = 10
    refund_tiers: RefundTiers = ((24, 100), (6, 50), (0, 0))
    refund_approval_above: int = 5000
    payout_limit: int = 150_000
    payout_daily_limit: int = 500_000

    @property
    def is_production(self) -> bool:
        """Say whether real money moves through this process."""
        return self.app_env == "production"

    @property
    def moves_money_out(self) -> bool:
        """Say whether payouts, refunds, balance and status questions can be sent."""
        sealed = self.safaricom_security_credential or (
            self.safaricom_initiator_password and self.safaricom_certificate
        )
        return bool(self.safaricom_initiator_name and self.safaricom_b2c_shortcode and sealed)

    @property
    def pays_from_paybill(self) -> bool:
        """Say whether payouts leave by the shortcode that payments come to; then one statement shows both."""
        return self.safaricom_b2c_shortcode == self.safaricom_shortcode

    @property
    def on_sqlite(self) -> bool:
        """Say whether the database is the embedded one."""
        return self.database_url.startswith("sqlite")


class _Environment(Env):
    """The process's environment and .env; a variable left empty counts as not set."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = super()._get_value(env_key, default)
        return default if value == "" else value


def load_settings(*, dotenv: Path | None = PROJECT_DIR / ".env") -> Settings:
    """Read and check the environment, then freeze it.

    Raises ConfigurationError that names every wrong or missing variable at once, never a value.
    """
    env = _Environment(eager=False)
    env.add_parser("level", parse_log_level)
    env.add_parser("networks", parse_networks)
    env.add_parser("origins", parse_origins)
    env.add_parser("refund_tiers", parse_refund_tiers)
    if dotenv is not None:
        env.read_env(dotenv, recurse=False)
    values = _read(env)
    faults: dict[str, str] = {}
    try:
        env.seal()
    except EnvValidationError as error:
        faults = {
            name: " ".join(map(str, said))
            for name, said in cast("dict[str, list[str]]", error.error_messages).items()
        }
    _derive(values)
    faults = unsafe(values) | faults
    if faults:
        raise ConfigurationError(faults)
    return Settings(**values)


def _read(env: Env) -> dict[str, Any]:
    positive = validate.Range(min=1)
    return {
        "app_env": env.str(
            "APP_ENV", "development", validate=validate.OneOf(["development", "testing", "production"])
        ),
        "instance_dir": Path(env.str("INSTANCE_DIR", str(PROJECT_DIR / "instance"))),
        "host": env.str("HOST", "127.0.0.1"),
        "port": env.int("PORT", 5000, validate=validate.Range(1, 65535)),
        "allow_remote": env.bool("ALLOW_REMOTE", False),
        "web_threads": env.int("WEB_THREADS", 16, validate=validate.Range(2, 256)),
        "log_level": env.level("LOG_LEVEL", "INFO"),
        "log_format": env.str("LOG_FORMAT", "", validate=validate.OneOf(["", "console", "json"])),
        "database_url": env.str("DATABASE_URL", ""),
        "allow_sqlite": env.bool("ALLOW_SQLITE", False),
        "redis_url": env.str("REDIS_URL", ""),
        "jwt_secret_key": env.str("JWT_SECRET_KEY", ""),
        "safaricom_base": env.str("SAFARICOM_BASE", "").rstrip("/"),
        "safaricom_consumer_key": env.str("SAFARICOM_CONSUMER_KEY", ""),
        "safaricom_consumer_secret": env.str("SAFARICOM_CONSUMER_SECRET", ""),
        "safaricom_shortcode": env.str("SAFARICOM_SHORTCODE", ""),
        "safaricom_passkey": env.str("SAFARICOM_PASSKEY", ""),
        "safaricom_transaction_type": env.str(
            "SAFARICOM_TRANSACTION_TYPE",
            "CustomerPayBillOnline",
            validate=validate.OneOf(["CustomerPayBillOnline", "CustomerBuyGoodsOnline"]),
        ),
        "safaricom_till_number": env.str("SAFARICOM_TILL_NUMBER", ""),
        "safaricom_initiator_name": env.str("SAFARICOM_INITIATOR_NAME", ""),
        "safaricom_initiator_password": env.str("SAFARICOM_INITIATOR_PASSWORD", ""),
        "safaricom_certificate": env.str("SAFARICOM_CERTIFICATE", ""),
        "safaricom_security_credential": env.str("SAFARICOM_SECURITY_CREDENTIAL", ""),
        "safaricom_b2c_shortcode": env.str("SAFARICOM_B2C_SHORTCODE", ""),
        "safaricom_query_rate": env.int("SAFARICOM_QUERY_RATE", 0, validate=validate.Range(min=0, max=6000)),
        "safaricom_allowed_ips": env.networks("SAFARICOM_ALLOWED_IPS", ""),
        "callback_url_base": env.str("CALLBACK_URL_BASE", "").rstrip("/"),
        "simulator": env.bool("SIMULATOR", None),
        "simulator_port": env.int("SIMULATOR_PORT", 5001, validate=validate.Range(1, 65535)),
        "trusted_proxy_hops": env.int("TRUSTED_PROXY_HOPS", 0, validate=validate.Range(0, 10)),
        "trusted_proxies": env.networks("TRUSTED_PROXIES", PRIVATE_RANGES),
        "cors_origins": env.origins("CORS_ORIGINS", ""),
        "rate_limits": env.str("RATE_LIMITS", "on", validate=validate.OneOf(["on", "off"])) != "off",
        "metrics_token": env.str("METRICS_TOKEN", ""),
        "mail_url": env.str("MAIL_URL", ""),
        "mail_from": env.str("MAIL_FROM", "Haki Yetu <no-reply@localhost>"),
        "sms_url": env.str("SMS_URL", ""),
        "sms_token": env.str("SMS_TOKEN", ""),
        "sms_sender": env.str("SMS_SENDER", ""),
        "business_name": env.str("BUSINESS_NAME", "Haki Yetu", validate=validate.Length(max=40)),
        "hold_minutes": env.int("HOLD_MINUTES", 15, validate=validate.Range(1, 24 * 60)),
        "commission_percent": env.int("COMMISSION_PERCENT", 10, validate=validate.Range(0, 100)),
        "refund_tiers": env.refund_tiers("REFUND_TIERS", "24:100,6:50,0:0"),
        "refund_approval_above": env.int("REFUND_APPROVAL_ABOVE", 5000, validate=validate.Range(min=0)),
        "payout_limit": env.int("PAYOUT_LIMIT", 150_000, validate=positive),
        "payout_daily_limit": env.int("PAYOUT_DAILY_LIMIT", 500_000, validate=positive),
    }


def parse_log_level(text: str) -> str:
    """Read the name of a level in small letters or capitals; raise ValidationError."""
    if text.upper() not in LOG_LEVELS:
        raise ValidationError(f"Must be one of {', '.join(LOG_LEVELS)}.")
    return text.upper()


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and CIDR ranges separated by commas; raise ValidationError."""
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValidationError("Must be addresses or CIDR ranges, separated by commas.") from None


def parse_origins(text: str) -> tuple[str, ...]:
    """Read origins as a browser sends them, separated by commas; raise ValidationError."""
    origins = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"\*|https?://[a-z0-9.:\[\]-]+", origin) for origin in origins):
        raise ValidationError("Must be origins such as https://book.example, separated by commas.")
    return origins


def parse_refund_tiers(text: str) -> RefundTiers:
    """Read `hours:percent` pairs, latest last; the first whose hours are left before the start decides."""
    try:
        pairs = sorted(((int(h), int(p)) for h, p in (part.split(":") for part in text.split(","))), reverse=True)
    except ValueError:
        pairs = []
    are_good = all(0 <= percent <= 100 for _, percent in pairs) and len(dict(pairs)) == len(pairs)
    if not are_good or not pairs or pairs[-1][0] != 0:
        raise ValidationError("Must read like 24:100,6:50,0:0 (hours:percent), each hour once, hour 0 among them.")
    return tuple(pairs)


def _derive(values: dict[str, Any]) -> None:
    """Fill in what follows from other values."""
    production = values["app_env"] == "production"
    # Unset, it runs where no base is named; production keeps only that it was asked for, and then refuses.
    wanted = values["simulator"] is not False and not values["safaricom_base"]
    values["simulator"] = values["simulator"] is True if production else wanted
    simulated = values["simulator"] and not production
    if not values["safaricom_allowed_ips"]:
        values["safaricom_allowed_ips"] = parse_networks(SAFARICOM_ADDRESSES + (",127.0.0.0/8,::1" * simulated))
    if simulated:
        values["safaricom_base"] = f"http://127.0.0.1:{values['simulator_port']}"
        values["callback_url_base"] = values["callback_url_base"] or f"http://127.0.0.1:{values['port']}"
        for name, value in SIMULATOR_CREDENTIALS.items():
            values[name] = values[name] or value
        _derive_simulator_initiator(values)
    if not values["safaricom_query_rate"]:
        values["safaricom_query_rate"] = 5 if is_sandbox(values["safaricom_base"]) else 60
    values["log_format"] = values["log_format"] or ("json" if production else "console")
    if not values["cors_origins"] and values["app_env"] == "development":
        values["cors_origins"] = ("http://localhost:5173",)
    values["database_url"] = _sqlalchemy_url(values["database_url"], values)
    if not values["jwt_secret_key"] and not production:
        values["jwt_secret_key"] = _kept_secret(values["instance_dir"] / "jwt_secret_key")


def _derive_simulator_initiator(values: dict[str, Any]) -> None:
    """Move money out by the simulator's own initiator, once the simulator has left its certificate here."""
    certificate = values["instance_dir"] / SIMULATOR_CERTIFICATE
    if certificate.exists() and not values["safaricom_initiator_name"]:
        values |= SIMULATOR_INITIATOR | {"safaricom_certificate": str(certificate)}


def _sqlalchemy_url(url: str, values: dict[str, Any]) -> str:
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            # Named explicitly: the bare scheme means psycopg2 to SQLAlchemy 2.0.
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    if url.startswith("sqlite+pysqlite:"):
        return url.replace("+pysqlite", "", 1)  # the driver that SQLAlchemy takes anyway
    if url or values["app_env"] == "production":
        return url
    return f"sqlite:///{values['instance_dir'] / 'haki_yetu.sqlite3'}"


def _kept_secret(path: Path) -> str:
    """Make a secret on first use and keep it, so that a restart logs nobody out in development."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text()

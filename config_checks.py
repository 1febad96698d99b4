"""What a configuration must not be: everything that would lose money or let a stranger in, named at once."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from redis.connection import parse_url

LIVE_BASE = "https://api.safaricom.co.ke"
SANDBOX_BASE = "https://sandbox.safaricom.co.ke"

# Published by Safaricom for the sandbox shortcode 174379 (Daraja portal, M-Pesa Express simulator page).
SANDBOX_SHORTCODE = "174379"
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"

SIMULATOR_CREDENTIALS = {
    "safaricom_consumer_key": "simulator-key",
    "safaricom_consumer_secret": "simulator-secret",
    "safaricom_shortcode": SANDBOX_SHORTCODE,
    "safaricom_passkey": SANDBOX_PASSKEY,
}
# Published by Safaricom for the sandbox (Daraja portal, test credentials); the bundled simulator takes them, too.
SIMULATOR_INITIATOR = {
    "safaricom_initiator_name": "testapi",
    "safaricom_initiator_password": "Safaricom999!*!",
    "safaricom_b2c_shortcode": "600992",
}
SIMULATOR_CERTIFICATE = "simulator.cer"
# What Safaricom hands to everybody who tries the sandbox.
_PUBLIC_SECRETS = {
    "safaricom_passkey": {SANDBOX_PASSKEY},
    "safaricom_initiator_password": {"Safaricom999!*!", "Safaricom123!!"},
}
_SANDBOX_SHORTCODES = {
    *(SANDBOX_SHORTCODE, "600000", "600610", "600638", "600984", "600992"),
    *("600995", "600996", "600997", "600998", "600999"),
}
_PUBLIC_NAMES = {
    "safaricom_shortcode": _SANDBOX_SHORTCODES,
    "safaricom_b2c_shortcode": _SANDBOX_SHORTCODES,
    "safaricom_initiator_name": {"testapi", "apiop37"},
}
# What keys say that stand in examples, in letters and digits alone; "never ..." is what our own tools' keys say.
_SAYS_REPLACE_ME = re.compile(
    "^your|your(own|secret|jwt|key)|change(me|this|it|inprod|before)|replace(me|this|with)|donotuse|example"
    "|never(used|anywhere)"
)
# A key of nothing but such words, and digits between them, is one that a stranger tries first.
_FILLER_ALONE = re.compile(
    "(hakiyetu|my|super|secret|private|key|jwt|token|password|default|simulator|flask|app|api|insecure"
    "|dev(elopment)?|test(ing)?|local|demo|prod(uction)?|the|this|is|for|only|not|[0-9])+"
)
_MAIL_ADDRESS = re.compile(r"smtps?://([^@\s]*@)?([\w.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?/?", re.ASCII)
# One address in ASCII (RFC 5322, dot-atom), alone or in angle brackets after a name, quoted or of plain words.
_NAME = r'("[^"\\\x00-\x1f\x7f]*" *|[^"\\\x00-\x1f\x7f<>()\[\]@,;:]*)'
_ATOM, _LABEL = r"[\w!#$%&'*+/=?^`{|}~-]+", "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SENDER = re.compile(
    rf"(?P<open>{_NAME}<)?{_ATOM}(\.{_ATOM})*@(?P<domain>{_LABEL}(\.{_LABEL})*)(?(open)>)",
    re.ASCII | re.IGNORECASE,
)
# Set aside for documents and tests (RFC 5737, RFC 3849): nobody can call from there.
_EXAMPLES = [
    ipaddress.ip_network(example)
    for example in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Nobody calls from these over the internet: loopback, private, shared (RFC 6598) and link-local addresses.
_INTERNAL = [
    ipaddress.ip_network(internal)
    for internal in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("::1", "fc00::/7", "fe80::/10"),
    )
]


def host_of(url: str) -> str:
    """Return the host that an address names, as it is compared; empty where it names none."""
    return (_split(url).hostname or "").rstrip(".")


def is_live(base: str) -> bool:
    """Say whether behind this base of Safaricom's real money moves."""
    return host_of(base) == host_of(LIVE_BASE)


def is_for_strangers(network: Network) -> bool:
    """Say whether a range of proxies is so wide that strangers have addresses in it, who could name any other.

    Nothing internal is. The large proxy networks have ranges such as a /13 and, of IPv6, a /28: those may stand.
    """
    for own in _INTERNAL:
        # Of two versions the library compares nothing, and of one it cannot tell mypy that they are the same.
        if network.version == own.version and network.subnet_of(own):  # type: ignore[arg-type]
            return False
    return network.prefixlen < (12 if network.version == 4 else 28)


def is_sandbox(base: str) -> bool:
    """Say whether this base of Safaricom's is the one for trying, where no money moves."""
    return host_of(base) == host_of(SANDBOX_BASE)


def sandbox_names(values: Mapping[str, Any]) -> list[str]:
    """Name the settings that hold a shortcode or an operator which everybody has in the sandbox."""
    return [name.upper() for name, public in _PUBLIC_NAMES.items() if values[name] in public]


def is_nobodys_mail(sender: str) -> bool:
    """Say whether a sender's address is of a domain that nobody can answer to."""
    found = _SENDER.fullmatch(sender)
    labels = found["domain"].lower().split(".") if found else []
    return len(labels) <= 1 or "localhost" in labels


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def unsafe(values: dict[str, Any]) -> dict[str, str]:
    """Name every setting that would lose money or let a stranger in."""
    faults: dict[str, str] = {}
    if not values["safaricom_base"]:
        faults["SAFARICOM_BASE"] = "is missing (the bundled simulator is off)"
    elif not _is_address(values["safaricom_base"], ("https", "http")):
        faults["SAFARICOM_BASE"] = f"must be an address, such as {SANDBOX_BASE}"
    for name in SIMULATOR_CREDENTIALS:
        if not values[name]:
            faults[name.upper()] = "is missing"
    if values["safaricom_transaction_type"] == "CustomerBuyGoodsOnline" and not values["safaricom_till_number"]:
        faults["SAFARICOM_TILL_NUMBER"] = "is needed with CustomerBuyGoodsOnline"
    faults |= _unsafe_initiator(values)
    if not host_of(values["callback_url_base"]):
        faults["CALLBACK_URL_BASE"] = "must be the public address of this API, such as https://pay.example.co.ke"
    if not values["jwt_secret_key"].strip():
        faults["JWT_SECRET_KEY"] = "is empty: set at least 32 random characters"
    if not values["database_url"].startswith(("sqlite:", "postgresql+psycopg:")):
        faults["DATABASE_URL"] = "must be a postgresql:// or sqlite:/// address"
    if values["redis_url"] and not _is_redis(values["redis_url"]):
        faults["REDIS_URL"] = "must be a redis:// or rediss:// address with a host, such as redis://host:6379/0"
    faults |= _unusable_messengers(values)
    return faults | (
        _unsafe_in_production(values) if values["app_env"] == "production" else _unsafe_elsewhere(values)
    )


def _unusable_messengers(values: dict[str, Any]) -> dict[str, str]:
    faults = {}
    if values["mail_url"] and not _MAIL_ADDRESS.fullmatch(values["mail_url"]):
        faults["MAIL_URL"] = "must be an smtp:// or smtps:// address with a host"
    if not _SENDER.fullmatch(values["mail_from"]):
        faults["MAIL_FROM"] = "must be one address in ASCII, such as Haki Yetu <no-reply@example.co.ke>"
    schemes = ("https",) if values["app_env"] == "production" else ("https", "http")
    if values["sms_url"] and not _is_address(values["sms_url"], schemes):
        faults["SMS_URL"] = "must be an https:// address"
    return faults if values["sms_token"] or not values["sms_url"] else faults | {"SMS_TOKEN": "is missing"}


def _unsafe_initiator(values: dict[str, Any]) -> dict[str, str]:
    """Name what is missing to move money out, where anything of it is set."""
    password, certificate = values["safaricom_initiator_password"], values["safaricom_certificate"]
    sealed = values["safaricom_security_credential"]
    name, shortcode = values["safaricom_initiator_name"], values["safaricom_b2c_shortcode"]
    faults: dict[str, str] = {}
    if not any((password, certificate, sealed, name, shortcode)):
        return faults
    if not name:
        faults["SAFARICOM_INITIATOR_NAME"] = "is missing (payouts and refunds)"
    if not shortcode:
        faults["SAFARICOM_B2C_SHORTCODE"] = "is missing (payouts and refunds)"
    if not sealed and not (password and certificate):
        faults["SAFARICOM_SECURITY_CREDENTIAL"] = (
            "is missing: set it, or SAFARICOM_INITIATOR_PASSWORD and SAFARICOM_CERTIFICATE"
        )
    if certificate and not Path(certificate).is_file():
        faults["SAFARICOM_CERTIFICATE"] = "names no file; it is the path of Safaricom's certificate"
    return faults


def _unsafe_elsewhere(values: dict[str, Any]) -> dict[str, str]:
    faults = {}
    if is_live(values["safaricom_base"]):
        faults["SAFARICOM_BASE"] = "is the live one: set APP_ENV=production to move real money"
    if os.environ.get("FLASK_ENV") == "production":
        faults["FLASK_ENV"] = "says production while APP_ENV does not"
    if not _is_loopback(values["host"]) and not values["allow_remote"]:
        faults["HOST"] = "is reachable from outside: set ALLOW_REMOTE=1 if that is meant"
    return faults


def _unsafe_in_production(values: dict[str, Any]) -> dict[str, str]:
    faults = {}
    if len(values["jwt_secret_key"]) < 32 or _looks_like_a_default(values["jwt_secret_key"]):
        faults["JWT_SECRET_KEY"] = "must be at least 32 random characters, not a default or a repeated one"
    if values["database_url"].startswith("sqlite") and not values["allow_sqlite"]:
        faults["DATABASE_URL"] = "is SQLite: set ALLOW_SQLITE=1 if one machine is enough"
    if not _is_address(values["callback_url_base"], ("https",)):
        faults["CALLBACK_URL_BASE"] = "must start with https:// in production"
    faults |= _unsafe_towards_safaricom(values)
    if not values["rate_limits"]:
        faults["RATE_LIMITS"] = "cannot be off in production"
    if "*" in values["cors_origins"]:
        faults["CORS_ORIGINS"] = "must name the front ends, not *"
    if any(_too_open(network) for network in values["safaricom_allowed_ips"]):
        faults["SAFARICOM_ALLOWED_IPS"] = (
            "must list Safaricom's addresses, not a private range or one wider than /16 (IPv6: /32)"
        )
    if values["trusted_proxy_hops"] and any(map(is_for_strangers, values["trusted_proxies"])):
        faults["TRUSTED_PROXIES"] = (
            "must list your own proxies, not a public range wider than /12 (IPv6: /28): whoever calls from there "
            "may name any address as his own"
        )
    return faults


def _unsafe_towards_safaricom(values: dict[str, Any]) -> dict[str, str]:
    faults = {}
    base = values["safaricom_base"]
    if values["simulator"]:
        faults["SIMULATOR"] = "does not run in production: leave it empty, or set 0"
    if base and not _is_address(base, ("https",)):
        faults["SAFARICOM_BASE"] = "must start with https:// in production: the credentials go there"
    if _is_loopback(host_of(base)):
        faults["SAFARICOM_BASE"] = "points at this machine: the simulator does not run in production"
    if values["safaricom_consumer_key"] == SIMULATOR_CREDENTIALS["safaricom_consumer_key"]:
        faults["SAFARICOM_CONSUMER_KEY"] = "belongs to the simulator"
    if Path(values["safaricom_certificate"]).name == SIMULATOR_CERTIFICATE:
        faults["SAFARICOM_CERTIFICATE"] = "is the simulator's; it has to be Safaricom's"
    if is_live(base):
        for name, public in _PUBLIC_SECRETS.items():
            if values[name] in public:
                faults[name.upper()] = "is a public sandbox one; the live base needs your own"
    return faults


def _looks_like_a_default(key: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    says_replace_me = _SAYS_REPLACE_ME.search(plain) is not None
    return len(set(key)) < 10 or says_replace_me or _FILLER_ALONE.fullmatch(plain) is not None


def _too_open(network: Network) -> bool:
    if network.prefixlen < (16 if network.version == 4 else 32):
        return True
    return network.is_private and not any(network.network_address in example for example in _EXAMPLES)


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    return bool(host_of(url)) and _split(url).scheme in schemes


def _is_redis(url: str) -> bool:
    """Say whether both who count in Redis and who keep the schedule there can read an address.

    They write the address of a socket file in two ways, so that none is good for both.
    """
    try:
        parse_url(url)  # type: ignore[no-untyped-call]  # the library leaves it without types
    except ValueError:
        return False
    return _is_address(url, ("redis", "rediss"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

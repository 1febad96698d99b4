"""Where Safaricom is to send news of payments that nobody was prompted for: the check and the registration."""

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from .answers import Answer, refusal, unknown, urls_already_registered

ResponseType = Literal["Completed", "Cancelled"]  # what to do with a payment when validation does not answer

# daraja-docs C2B and FAQ: a URL with any of these, in any case, is turned away.
_FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exe", "cmd", "sql", "query")
_TUNNELS = ("ngrok", "mockbin", "requestbin")  # public code: the sandbox lets them pass


class ForbiddenUrl(ValueError):
    """A C2B URL that Safaricom does not take; the text never quotes it, since it holds our token."""


def check_c2b_url(url: str, *, production: bool) -> None:
    """Raise ForbiddenUrl for a forbidden word, in production also for http, a tunnel or a private host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ForbiddenUrl("a C2B URL is a full http or https URL")
    for word in (*_FORBIDDEN_WORDS, *(_TUNNELS if production else ())):
        if word in url.lower():
            raise ForbiddenUrl(f'Safaricom takes no C2B URL with "{word}" in it')
    if production and parts.scheme != "https":
        raise ForbiddenUrl("in production a C2B URL starts with https")
    if production and not _is_public(parts.hostname):
        raise ForbiddenUrl("in production the host of a C2B URL must be reachable from outside")


def register_body(
    shortcode: str, *, confirmation_url: str, validation_url: str, response_type: ResponseType
) -> dict[str, object]:
    """Build the request of a registration, version 2 (daraja-docs C2B)."""
    return {
        "ShortCode": shortcode,
        "ResponseType": response_type,
        "ConfirmationURL": confirmation_url,
        "ValidationURL": validation_url,
    }


def newly_registered(answer: Answer) -> bool:
    """Say whether the URLs stand now, or others (or these) stood before; raise Refused or OutcomeUnknown.

    The code of success is "0", "00000000" or absent, which null is too (daraja-docs C2B; observed, sandbox 2026),
    so that HTTP 200 without an errorCode is what counts.
    """
    if urls_already_registered(answer):
        return False
    if refused := refusal(answer):
        raise refused
    if answer.status != 200 or not isinstance(answer.json, dict) or answer.has_error:
        raise unknown(answer)
    if answer.response_code not in (None, "0"):
        raise unknown(answer)
    return True


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.strip(".") and not host.rstrip(".").endswith((".local", ".localhost", ".internal"))

"""What Daraja wants computed: the password of an STK request and the clock that it is made with."""

import base64
from datetime import datetime, timedelta, timezone

# Kenya keeps no summer time; statements and callbacks carry East Africa Time without an offset.
NAIROBI = timezone(timedelta(hours=3), "EAT")


def nairobi_timestamp(now: datetime) -> str:
    """Write an aware instant as yyyyMMddHHmmss of East Africa Time (daraja-docs M-Pesa Express)."""
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return now.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def stk_password(shortcode: str, passkey: str, timestamp: str) -> str:
    """Encode shortcode, passkey and timestamp as one base64 text (daraja-docs M-Pesa Express)."""
    return base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode("ascii")

"""The texts of the review items fit their column, whatever is put into them."""

from __future__ import annotations

from app.payments import advice
from app.payments.models import ReviewItem

LARGEST = {
    "other": 9_999_999,
    "notice": 9_999_999,
    "order": 9_999_999,
    "refund": 9_999_999,
    "booked": "KES 150,000.00",
    "amount": "KES 150,000.00",
    "status": "cancelled",
    "reason": "initiator_not_allowed_to_send",
}
HINTS = " Perhaps for HY-7K3M9Q, HY-8M4PTR, HY-9WXABC."


def texts() -> list[str]:
    named = {name: value for name, value in vars(advice).items() if name.isupper()}
    several = named.pop("REFUND_WITHOUT_WAY")
    return [*several.values(), *named.values(), advice.WHOSE + HINTS]


def test_every_text_fits_its_column():
    column = ReviewItem.__table__.c.proposed_action
    too_long = [text for text in texts() if len(text.format(**LARGEST)) > column.type.length]
    assert too_long == []
    assert len(texts()) > 30

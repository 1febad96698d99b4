"""The receipt: for whoever paid and for staff, of money that came, the same bytes each time."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from app.payments import receipts
from app.payments.lookup import PaymentNotFound
from app.payments.receipts import NotPaidYet, Receipt
from tests.payments.out_scenes import pay_by_paybill, register_paybill
from tests.payments.paybill_scenes import deliver_in_order, dual
from tests.payments.scenes import learn_by_query, pay
from tests.people import make_user

RECEIPT = Receipt(
    payee="Haki Yetu",
    reference="HY7K2M9Q",
    number="UKN4QX81ZT",
    amount=300_000,
    currency="KES",
    paid_at=datetime(2026, 11, 23, 11, 2, tzinfo=UTC),
    payer="Wanjirũ wa Ĩrũngũ",
    phone="2547*****678",
    refunded=0,
)


@pytest.fixture
def drawn(monkeypatch):
    """Every text that is drawn on the page, with its width; the bytes of a PDF hold glyphs, not letters."""
    from reportlab.pdfgen.canvas import Canvas

    texts: dict[str, float] = {}
    for name in ("drawString", "drawRightString"):
        draw = getattr(Canvas, name)

        def keep(self, x, y, text, *more, _draw=draw, **named):
            texts[text] = self.stringWidth(text, self._fontname, self._fontsize)
            return _draw(self, x, y, text, *more, **named)

        monkeypatch.setattr(Canvas, name, keep)
    return texts


def written_for(desk, who, payment_id=1) -> bytes:
    with desk.app.app_context():
        return receipts.for_payment(payment_id, who=who, business_name="Amani & Co")


def test_whoever_paid_gets_what_was_paid(desk, safaricom, booking, drawn):
    pay(desk, booking)
    safaricom.deliver()
    assert written_for(desk, desk.achieng).startswith(b"%PDF-")
    payment = desk.payment()
    said = {"Amani & Co", "KES 3,000", booking.reference, payment.mpesa_receipt_number, "Achieng", "2547*****678"}
    assert said <= set(drawn)
    assert "23 Nov 2026, 09:00 (Nairobi)" in drawn
    assert "Sent back · Zimerudishwa" not in drawn


def test_who_paid_at_the_paybill_is_not_taken_for_the_client(desk, booking, drawn):
    register_paybill(desk)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    assert written_for(desk, desk.achieng)
    assert {booking.reference, "KES 3,000"} <= set(drawn)
    assert not {"Paid by · Mlipaji", "Achieng"} & set(drawn)


def test_a_paybill_notice_of_our_own_prompt_names_whoever_was_asked(desk, booking, drawn):
    register_paybill(desk)
    dual(desk)
    prompt_id = pay(desk, booking)
    deliver_in_order(desk, "c2b", "callback")
    notice_id = desk.payment(prompt_id).merged_into_id
    for payment_id in (prompt_id, notice_id):
        drawn.clear()
        written_for(desk, desk.achieng, payment_id)
        assert {"Paid by · Mlipaji", "Achieng"} <= set(drawn)


def test_staff_may_have_it_and_nobody_else(desk, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    assert written_for(desk, make_user(desk.app, "Dalmas"))
    for stranger in (make_user(desk.app, "Chebet"), desk.baraka):
        with pytest.raises(PaymentNotFound):
            written_for(desk, stranger)
    with pytest.raises(PaymentNotFound):
        written_for(desk, desk.achieng, payment_id=99)


def test_there_is_none_before_the_money(desk, safaricom, booking):
    pay(desk, booking)
    with pytest.raises(NotPaidYet):
        written_for(desk, desk.achieng)


def test_there_is_none_of_a_payment_that_failed(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("cancel")
    safaricom.deliver()
    with pytest.raises(NotPaidYet):
        written_for(desk, desk.achieng)


def test_money_that_only_a_query_proved_has_a_receipt_without_a_number(desk, safaricom, booking, drawn):
    pay(desk, booking)
    learn_by_query(desk)
    assert desk.payment().mpesa_receipt_number is None
    written_for(desk, desk.achieng)
    assert "not known yet · bado haijulikani" in drawn


def test_what_went_back_is_said(drawn):
    receipts.receipt_pdf(dataclasses.replace(RECEIPT, refunded=150_000))
    assert {"Sent back · Zimerudishwa", "KES 1,500"} <= set(drawn)


def test_a_payer_who_is_not_known_is_left_out(drawn):
    receipts.receipt_pdf(dataclasses.replace(RECEIPT, payer=None, phone=None))
    assert not {"Paid by · Mlipaji", "Phone · Simu"} & set(drawn)
    assert None not in drawn


def test_the_same_receipt_gives_the_same_bytes():
    assert receipts.receipt_pdf(RECEIPT) == receipts.receipt_pdf(RECEIPT)
    assert receipts.receipt_pdf(RECEIPT) != receipts.receipt_pdf(dataclasses.replace(RECEIPT, amount=300_100))


def test_kenyan_names_have_their_letters():
    from reportlab.pdfbase.pdfmetrics import getFont

    receipts.receipt_pdf(RECEIPT)
    known = getFont(receipts.FONT).face.charToGlyph
    assert [letter for letter in "ũĩŨĨŋŊāēéèçñöß’“–·…" if ord(letter) not in known] == []


def test_a_long_name_stays_on_the_page(drawn):
    receipts.receipt_pdf(dataclasses.replace(RECEIPT, payer="W" * 120, payee="W" * 40))
    assert drawn["W" * 59 + "…"] <= receipts.RIGHT_COLUMN + 0.01
    assert max(drawn.values()) <= receipts.PAGE_WIDTH - 2 * receipts.MARGIN + 0.01


def test_the_code_says_booking_receipt_and_amount():
    assert RECEIPT.code == "HY7K2M9Q|UKN4QX81ZT|KES 3,000"
    assert dataclasses.replace(RECEIPT, number=None).code == "HY7K2M9Q||KES 3,000"


def test_names_stay_out_of_the_repr():
    assert "Wanjir" not in repr(RECEIPT)

"""The receipt of a payment: one page of PDF for whoever paid it, with a QR code that says the same."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app import phone as phones
from app.auth.models import User
from app.clock import NAIROBI
from app.consultations.models import Consultation
from app.database import reading
from app.errors import Problem
from app.http import Person
from app.payments.lookup import find
from app.payments.models import Channel, Payment, Refund, RefundStatus

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

FONT = "DejaVu Sans"  # Latin-1 fonts, which PDF readers bring along, have no ũ and no ĩ
FONT_FILE = Path(__file__).with_name("fonts") / "DejaVuSans.ttf"
PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 420, 595, 40  # A5, in points
RIGHT_COLUMN, QR_SIZE = 210, 110
LONGEST = 60  # characters of a line; names may have 120
GREEN, INK, GREY, RULE = "#1f7a4d", "#1d2a24", "#5b6b63", "#dfe3dd"


class NotPaidYet(Problem):
    """A receipt was asked for, and no money has come, or nobody knows yet for what."""

    status, code = 409, "not_paid_yet"
    message = "There is no receipt yet: this payment has not been received. Look again once it is completed."


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a receipt says; amounts in cents, the phone masked."""

    payee: str
    reference: str
    number: str | None  # unknown until Safaricom says it, though a query may have proved the money before
    amount: int
    currency: str
    paid_at: datetime
    payer: str | None = field(repr=False)  # who pays at a paybill without a log-in is not known to us
    phone: str | None
    refunded: int

    @property
    def code(self) -> str:
        """What the QR code holds: reference|receipt|amount."""
        return f"{self.reference}|{self.number or ''}|{money.spoken(self.amount, self.currency)}"


def for_payment(payment_id: int, *, who: Person, business_name: str) -> bytes:
    """Write the receipt of somebody's payment as PDF; raise PaymentNotFound or NotPaidYet."""
    found = find(payment_id, who=who)
    with reading() as session:
        payment = session.get_one(Payment, found.merged_into_id or found.id)
        if payment.is_aside:
            raise NotPaidYet("There is no receipt yet: it is not settled yet which booking this money is for.")
        if payment.amount_received == 0:
            raise NotPaidYet
        receipt = _receipt_of(session, payment, business_name)
    return receipt_pdf(receipt)


def _receipt_of(session: Session, payment: Payment, business_name: str) -> Receipt:
    booking = session.get_one(Consultation, payment.consultation_id)
    returned = sa.select(sa.func.sum(Refund.amount)).where(
        Refund.payment_id == payment.id, Refund.status == RefundStatus.COMPLETED
    )
    return Receipt(
        payee=business_name,
        reference=booking.reference,
        number=payment.mpesa_receipt_number,
        amount=payment.amount_received,
        currency=payment.currency,
        paid_at=payment.transaction_date or payment.settled_at or payment.created_at,
        payer=_payer_of(session, payment),
        phone=phones.mask(payment.phone) if payment.phone else None,
        refunded=int(session.scalar(returned) or 0),
    )


def _payer_of(session: Session, payment: Payment) -> str | None:
    """Name who paid, where we asked them by a prompt; at the paybill anybody may pay for a booking."""
    # A paybill notice that turned out to be a prompt's stands for both of them.
    own_or_merged = sa.or_(Payment.id == payment.id, Payment.merged_into_id == payment.id)
    asked = (
        sa.select(User.full_name)
        .join(Payment, Payment.payer_id == User.id)
        .where(own_or_merged, Payment.channel == Channel.STK)
    )
    return session.scalar(asked.order_by(Payment.id).limit(1))


def receipt_pdf(receipt: Receipt) -> bytes:
    """Write a receipt as PDF; the same receipt gives the same bytes."""
    from reportlab.pdfgen.canvas import Canvas  # here, since most processes never write a receipt

    _register_font()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), invariant=1, pageCompression=1, lang="en")
    canvas.setTitle(f"Receipt {receipt.reference}")
    canvas.setAuthor(receipt.payee)
    _draw_head(canvas, receipt)
    _draw_facts(canvas, receipt)
    _draw_foot(canvas, receipt)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


@functools.cache
def _register_font() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(FONT, FONT_FILE))


def _draw_head(canvas: Canvas, receipt: Receipt) -> None:
    canvas.setFillColor(GREEN)
    canvas.rect(0, PAGE_HEIGHT - 8, PAGE_WIDTH, 8, stroke=0, fill=1)
    _write(canvas, receipt.payee, PAGE_HEIGHT - 58, size=18, color=INK)
    _write(canvas, "Receipt · Risiti", PAGE_HEIGHT - 76, size=10, color=GREY)
    _write(canvas, money.spoken(receipt.amount, receipt.currency), PAGE_HEIGHT - 126, size=28, color=GREEN)
    _write(canvas, "received by M-Pesa · zimepokelewa kwa M-Pesa", PAGE_HEIGHT - 144, size=9, color=GREY)


def _draw_facts(canvas: Canvas, receipt: Receipt) -> None:
    facts = [
        ("Booking · Nafasi", receipt.reference),
        ("M-Pesa receipt · Risiti ya M-Pesa", receipt.number or "not known yet · bado haijulikani"),
        ("Paid at · Muda wa malipo", f"{receipt.paid_at.astimezone(NAIROBI):%d %b %Y, %H:%M} (Nairobi)"),
    ]
    if receipt.payer:
        facts.append(("Paid by · Mlipaji", receipt.payer))
    if receipt.phone:
        facts.append(("Phone · Simu", receipt.phone))
    if receipt.refunded:
        facts.append(("Sent back · Zimerudishwa", money.spoken(receipt.refunded, receipt.currency)))
    canvas.setStrokeColor(RULE)
    y = PAGE_HEIGHT - 190
    for label, value in facts:
        _write(canvas, label, y, size=9, color=GREY)
        _write(canvas, value, y, size=10, color=INK, in_right_column=True)
        canvas.line(MARGIN, y - 9, PAGE_WIDTH - MARGIN, y - 9)
        y -= 26


def _draw_foot(canvas: Canvas, receipt: Receipt) -> None:
    from reportlab.graphics import renderPDF
    from reportlab.graphics.barcode.qr import QrCodeWidget
    from reportlab.graphics.shapes import Drawing

    drawing = Drawing(QR_SIZE, QR_SIZE)
    drawing.add(QrCodeWidget(receipt.code, barLevel="M", barBorder=0, barWidth=QR_SIZE, barHeight=QR_SIZE))
    renderPDF.draw(drawing, canvas, PAGE_WIDTH - MARGIN - QR_SIZE, MARGIN)
    _write(canvas, "The code holds the booking, the receipt and the amount.", MARGIN + 12, size=7, color=GREY)
    _write(canvas, "Msimbo una nafasi, risiti na kiasi.", MARGIN, size=7, color=GREY)


def _write(canvas: Canvas, text: str, y: float, *, size: float, color: str, in_right_column: bool = False) -> None:
    """Write one line from the left margin, or up to the right one; what is long gets smaller and is cut."""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    room = RIGHT_COLUMN if in_right_column else PAGE_WIDTH - 2 * MARGIN
    size *= min(1, room / canvas.stringWidth(text, FONT, size))
    canvas.setFillColor(color)
    canvas.setFont(FONT, size)
    if in_right_column:
        canvas.drawRightString(PAGE_WIDTH - MARGIN, y, text)
    else:
        canvas.drawString(MARGIN, y, text)

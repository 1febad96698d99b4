"""What people are told about money: by e-mail and SMS, once for each event, and never what it is about."""

from __future__ import annotations

import re

import pytest
from icalendar import Calendar

from app.consultations import notices as appointment
from app.database import transaction
from app.letter import Letter, write
from app.outbox import Channel, OutboxMessage
from app.payments import letters, notices
from app.payments.models import Payment, PaymentStatus
from tests.bookings import locked
from tests.payments.conftest import FEE, PHONE
from tests.payments.invariants import check_money
from tests.payments.scenes import (
    cancel,
    close_money,
    expire_holds,
    pay,
    post,
    press_again_later,
    take_waiting,
)

RECEIPT = "UKN4QX81ZT"
# The alphabet of an SMS of 160 characters, as far as anything we write is concerned (3GPP TS 23.038).
GSM = re.compile(r"[A-Za-z0-9 .,:;!?'()/+-]*")
TELLING = re.compile(
    r"\b(lawyers?|advocates?|legal|court|law|wakili|sheria|kesi|mahakama|patient|doctor|illness|hiv|daktari|ugonjwa)\b",
    re.IGNORECASE,
)


def told(desk) -> list[OutboxMessage]:
    """What was written about money that goes back; such letters have no key."""
    return [message for message in desk.rows(OutboxMessage) if message.message_key is None]


def by_channel(desk) -> tuple[list[OutboxMessage], list[OutboxMessage]]:
    """Every message that tells of one event: the e-mails, the SMS."""
    keyed = [message for message in desk.rows(OutboxMessage) if message.message_key is not None]
    return tuple([message for message in keyed if message.channel is channel] for channel in Channel)


def a_payment(desk, booking, **values) -> Payment:
    """A payment as the door hands it on."""
    known = {"phone": PHONE, "currency": "KES", "amount": FEE * 100, "consultation_id": booking.id}
    return Payment(**(known | {"payer_id": desk.achieng.id} | values))


def paid(desk, booking, **values) -> Payment:
    received = {"status": PaymentStatus.COMPLETED, "amount_received": FEE * 100, "mpesa_receipt_number": RECEIPT}
    return a_payment(desk, booking, **received | values)


def failed(desk, booking, **values) -> Payment:
    return a_payment(desk, booking, **{"status": PaymentStatus.FAILED, "failure_reason": "wrong_pin"} | values)


def tell(desk, booking, notice, *arguments, **more) -> None:
    """Call one of the notices as the door does, in a transaction with the booking locked."""
    with locked(desk.app, booking) as (session, row, now):
        notice(session, row, *arguments, now=now, **more)


def set_number(desk, number: str | None) -> None:
    with desk.app.app_context(), transaction() as session:
        session.merge(desk.achieng).phone_number = number


def test_money_that_comes_after_the_booking_was_cancelled(desk, safaricom, booking):
    pay(desk, booking)
    cancel(desk, booking)
    safaricom.deliver()
    [message] = told(desk)
    assert message.recipient == desk.achieng.email
    assert message.subject == f"Your booking {booking.reference}: KES {FEE:,} goes back to you"
    assert "is not needed" in message.body
    assert "Tunakurudishia" in message.body
    assert message.attachment is None  # it never stood in a calendar
    check_money(desk)


def test_money_that_comes_twice_is_told_once(desk, safaricom, booking):
    pay(desk, booking)
    press_again_later(desk, booking)
    safaricom.deliver()
    safaricom.deliver()
    [message] = told(desk)
    assert f"KES {FEE:,} more than it costs" in message.body


def test_a_shilling_too_much_is_told(desk, safaricom, booking):
    safaricom.faults(charge_off=1)
    pay(desk, booking)
    safaricom.deliver()
    assert [message.subject.rpartition(": ")[2] for message in told(desk)] == ["KES 1 goes back to you"]


def test_only_what_came_late_is_called_late(desk, safaricom, booking):
    """The first payment came in time and goes back by the job; its letter says so."""
    pay(desk, booking)
    in_time = take_waiting(safaricom)
    press_again_later(desk, booking)
    post(in_time["url"], in_time["body"])
    cancel(desk, booking)
    safaricom.deliver()
    close_money(desk)
    late, ended = told(desk)
    assert late.subject.endswith(f"KES {FEE:,} goes back to you")
    assert "is not needed" in late.body
    assert "Your booking is cancelled." in ended.body
    check_money(desk)


def test_a_part_that_was_paid_of_an_expired_booking_goes_back_with_a_letter(desk, safaricom, booking):
    safaricom.faults(charge_off=-1000)
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(minutes=20)
    expire_holds(desk)
    close_money(desk)
    [message] = told(desk)
    assert message.subject.endswith(f"KES {FEE - 1000:,} goes back to you")


def test_money_that_is_as_expected_needs_no_letter(desk, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    assert told(desk) == []


class TestConfirmed:
    def test_by_mail_with_a_calendar_file_and_by_sms(self, desk, booking):
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking))
        [mailed], [texted] = by_channel(desk)
        assert mailed.recipient == desk.achieng.email
        assert mailed.subject == f"Your booking {booking.reference} is confirmed"
        for part in (mailed.body, mailed.body_html):
            for fact in ("KES 3,000", RECEIPT, booking.reference, "Tue 24 Nov 2026, 09:00 (Nairobi)", "Kwa video"):
                assert fact in part
            assert "Nafasi yako imethibitishwa" in part
        assert texted.recipient == PHONE
        assert texted.body == (
            f"Booking {booking.reference} confirmed for Tue 24 Nov 09:00 (Nairobi). "
            f"KES 3,000 received, receipt {RECEIPT}."
        )
        assert mailed.attachment_type == "text/calendar; method=PUBLISH; charset=utf-8"
        [event] = Calendar.from_ical(mailed.attachment).walk("VEVENT")
        assert event["DTSTART"].dt == booking.starts_at

    def test_only_once_for_a_booking(self, desk, booking):
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking))
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking, mpesa_receipt_number="UKN5AB12CD"))
        assert [len(messages) for messages in by_channel(desk)] == [1, 1]

    def test_a_receipt_that_is_not_known_is_left_out(self, desk, booking):
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking, mpesa_receipt_number=None))
        [mailed], [texted] = by_channel(desk)
        assert texted.body.endswith("KES 3,000 received.")
        assert "None" not in mailed.body + mailed.body_html
        assert "M-Pesa receipt" not in mailed.body

    def test_the_number_of_the_account_goes_before_the_one_that_paid(self, desk, booking):
        set_number(desk, "254798765432")
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking))
        assert [texted.recipient for texted in by_channel(desk)[1]] == ["254798765432"]

    @pytest.mark.parametrize("phone", [None, "2547*****678", "a1b2c3d4e5f6"])
    def test_a_number_that_is_not_known_whole_gets_no_sms(self, desk, booking, phone):
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking, phone=phone))
        assert [len(messages) for messages in by_channel(desk)] == [1, 0]

    def test_nothing_is_queued_if_the_cause_is_undone(self, desk, booking):
        def confirm_and_fail(session, row, payment, *, now):
            notices.payment_confirmed(session, row, payment, now=now)
            raise LookupError

        with pytest.raises(LookupError):
            tell(desk, booking, confirm_and_fail, paid(desk, booking))
        assert by_channel(desk) == ([], [])

    def test_a_name_becomes_no_markup(self, desk, booking):
        with desk.app.app_context(), transaction() as session:
            session.merge(desk.achieng).full_name = "<b>{amount}</b> & Co"
        tell(desk, booking, notices.payment_confirmed, paid(desk, booking))
        [mailed], _ = by_channel(desk)
        assert "Dear &lt;b&gt;{amount}&lt;/b&gt; &amp; Co," in mailed.body_html
        assert "Dear <b>{amount}</b> & Co," in mailed.body


class TestFailed:
    def test_it_says_why_and_until_when_to_try_again(self, desk, booking):
        tell(desk, booking, notices.payment_failed, failed(desk, booking))
        [mailed], [texted] = by_channel(desk)
        for part in (mailed.body, mailed.body_html):
            assert "The M-Pesa PIN was wrong." in part
            assert "PIN ya M-Pesa si sahihi." in part
            assert "until Mon 23 Nov 09:15 (Nairobi)" in part
            assert "do not pay again: we will find it" in part
        assert "try again until Mon 23 Nov 09:15 (Nairobi)" in texted.body

    def test_only_once_however_often_it_fails(self, desk, booking):
        for reason in ("wrong_pin", "insufficient_funds", "cancelled_by_user"):
            tell(desk, booking, notices.payment_failed, failed(desk, booking, failure_reason=reason))
        assert [len(messages) for messages in by_channel(desk)] == [1, 1]

    def test_nobody_is_asked_to_try_again_once_the_booking_is_over(self, desk, booking):
        desk.clock.advance(minutes=20)
        tell(desk, booking, notices.payment_failed, failed(desk, booking))
        [mailed], [texted] = by_channel(desk)
        assert "please book a new time" in mailed.body
        assert "try again" not in mailed.body + texted.body

    def test_a_booking_that_is_paid_or_cancelled_needs_no_such_message(self, desk, safaricom, booking):
        pay(desk, booking)
        safaricom.deliver()
        tell(desk, booking, notices.payment_failed, failed(desk, booking))
        cancel(desk, booking)
        tell(desk, booking, notices.payment_failed, failed(desk, booking))
        keyed = [message for messages in by_channel(desk) for message in messages]
        assert [message.message_key for message in keyed if "not-paid" in message.message_key] == []


class TestMoneyOut:
    def test_a_refund_that_arrived_is_told_once(self, desk, booking):
        for _ in range(2):
            more = {"refund_id": 7, "amount": 150_000, "receipt": RECEIPT, "phone": PHONE}
            tell(desk, booking, notices.refund_sent, **more)
        [mailed], [texted] = by_channel(desk)
        assert mailed.subject == f"Your booking {booking.reference}: KES 1,500 was sent back to you"
        assert "Tumekurudishia KES 1,500" in mailed.body
        assert RECEIPT in mailed.body
        sent = f"Booking {booking.reference}: KES 1,500 sent back to you by M-Pesa, receipt {RECEIPT}."
        assert (texted.recipient, texted.body) == (PHONE, sent)

    def test_two_refunds_are_told_one_by_one(self, desk, booking):
        for refund_id in (7, 8):
            tell(desk, booking, notices.refund_sent, refund_id=refund_id, amount=100_00, receipt=None, phone=PHONE)
        assert [len(messages) for messages in by_channel(desk)] == [2, 2]

    def test_a_refund_that_failed_is_told_once_and_by_mail_alone(self, desk, booking):
        for _ in range(2):
            tell(desk, booking, notices.refund_failed, refund_id=7, amount=150_000, has_no_way=False)
        [mailed], texted = by_channel(desk)
        assert "The money is not lost" in mailed.body
        assert texted == []

    def test_a_payee_is_told_of_money_that_arrived(self, desk, booking):
        with desk.app.app_context(), transaction() as session:
            more = {"amount": 270_000, "receipt": RECEIPT, "phone": PHONE, "now": desk.clock.now()}
            for _ in range(2):
                notices.payout_completed(session, payout_id=3, user_id=desk.baraka.id, **more)
        [mailed], [texted] = by_channel(desk)
        assert (mailed.recipient, mailed.subject) == (desk.baraka.email, "KES 2,700 was paid out to you")
        assert texted.body == f"KES 2,700 was sent to you by M-Pesa, receipt {RECEIPT}."

    def test_a_payee_is_told_of_money_that_did_not_arrive(self, desk, booking):
        with desk.app.app_context(), transaction() as session:
            failed_payout = {"payout_id": 3, "user_id": desk.baraka.id, "amount": 270_000}
            notices.payout_failed(session, **failed_payout, now=desk.clock.now())
        [mailed], texted = by_channel(desk)
        assert "set aside for you" in mailed.body
        assert texted == []


class TestCalledOff:
    @pytest.fixture
    def confirmed(self, desk, safaricom):
        """A booking of the day after tomorrow that is paid for."""
        booking = desk.book(days=2)
        pay(desk, booking)
        safaricom.deliver()
        return booking

    def test_a_client_whose_advocate_cancels_is_told_what_and_when_and_how_much(self, desk, confirmed):
        cancel(desk, confirmed, by=desk.baraka)
        close_money(desk)
        [message] = told(desk)
        assert message.recipient == desk.achieng.email
        assert message.subject == f"Your booking {confirmed.reference} is cancelled: KES 3,000 goes back to you"
        for part in (message.body, message.body_html):
            for words in (
                "Your booking is cancelled. KES 3,000 of what you paid goes back to you",
                "Nafasi yako imefutwa. Tunakurudishia KES 3,000",
                "Wed 25 Nov 2026, 09:00 (Nairobi)",
                "Kwa video",
            ):
                assert words in part
        assert message.attachment_type == "text/calendar; method=CANCEL; charset=utf-8"

    def test_so_is_the_phone_that_paid(self, desk, confirmed):
        cancel(desk, confirmed, by=desk.baraka)
        close_money(desk)
        texted = by_channel(desk)[1][-1]
        assert texted.recipient == PHONE
        assert texted.body == (
            f"Your booking {confirmed.reference} for Wed 25 Nov 09:00 (Nairobi) is cancelled. "
            "KES 3,000 goes back to you."
        )

    def test_a_client_who_cancels_reads_what_the_terms_leave(self, desk, confirmed):
        desk.clock.advance(hours=30)  # eighteen before it begins: half
        cancel(desk, confirmed)
        close_money(desk)
        [message] = told(desk)
        assert "Your booking is cancelled. KES 1,500 of what you paid goes back to you" in message.body

    def test_a_second_sum_is_mailed_and_not_texted_again(self, desk, confirmed):
        cancel(desk, confirmed, by=desk.baraka)
        for amount in (100_000, 200_000):
            tell(desk, confirmed, notices.money_goes_back, amount, because=notices.ENDED)
        assert [message.subject.rpartition(": ")[2] for message in told(desk)] == [
            "KES 1,000 goes back to you",
            "KES 2,000 goes back to you",
        ]
        assert [texted.body for texted in by_channel(desk)[1] if "cancelled" in texted.body] == [
            f"Your booking {confirmed.reference} for Wed 25 Nov 09:00 (Nairobi) is cancelled. "
            "KES 1,000 goes back to you."
        ]

    def test_what_nobody_cancelled_is_not_called_so(self, desk, booking):
        tell(desk, booking, notices.money_goes_back, 300_000, because=notices.ENDED)
        [message] = told(desk)
        assert "is over without having taken place" in message.body
        assert "cancelled" not in message.subject + message.body
        assert message.attachment is None


LETTERS = [
    letter for letter in (vars(letters) | vars(appointment)).values() if isinstance(letter, Letter)
]  # about money, about the appointment
LONGEST = {
    "reference": "ABCDEFGHJKLM",
    "amount": "KES 250,000",
    "when": "Wed 30 Sep 23:59 (Nairobi)",
    "until": "Wed 30 Sep 23:59 (Nairobi)",
    "before": "Wed 30 Sep 2026, 23:59 (Nairobi)",
    "receipt": ", receipt UKN4QX81ZT",
    "what": "The payment did not go through.",
    "what_in_swahili": "Malipo hayakufanikiwa.",
}


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.subject)
def test_every_message_is_short_and_says_nothing_of_what_it_is_about(app, letter):
    with app.app_context():
        written = write(letter, name="Achieng", **LONGEST)
    assert len(written.sms) <= 160
    assert GSM.fullmatch(written.sms), written.sms
    assert len(written.subject) <= 78
    for part in (written.subject, written.text, written.html, written.sms):
        assert not TELLING.search(part), part
        assert "{" not in re.sub(r"<style.*?</style>", "", part, flags=re.DOTALL)


def test_a_letter_reads_well_as_text(app):
    with app.app_context():
        facts = (("Booking / Nafasi", "ABC"), ("Received / Tumepokea", "KES 3,000"))
        written = write(Letter("S", "English.", "Kiswahili."), name="Achieng", facts=facts)
        without = write(Letter("S", "English.", "Kiswahili."), name="Achieng")
    assert written.text == (
        "Dear Achieng,\n\nEnglish.\n\nBooking / Nafasi: ABC\nReceived / Tumepokea: KES 3,000\n\nKiswahili.\n"
    )
    assert without.text == "Dear Achieng,\n\nEnglish.\n\nKiswahili.\n"

"""What a person is told about a payment, in English and in Swahili."""

from __future__ import annotations

from app import money
from app.payments.models import Payment, PaymentStatus

# (English, Swahili)
_PENDING = (
    "Waiting for the payment. Enter your M-Pesa PIN on your phone.",
    "Tunasubiri malipo. Weka PIN yako ya M-Pesa kwenye simu.",
)
_UNKNOWN = (
    "We do not know yet whether the payment went through. You have not been asked twice; please wait.",
    "Bado hatujui kama malipo yamefanikiwa. Hujaombwa mara mbili; tafadhali subiri.",
)
_COMPLETED = ("The payment was received. Thank you.", "Malipo yamepokelewa. Asante.")
_GOES_BACK = (
    "The payment was received. {amount} of it was given back, or is on its way back.",
    "Malipo yamepokelewa. {amount} kati yake zimerudishwa, au zinarudishwa.",
)
_REST_IS_DUE = (
    "{received} was received. {due} is still due; pay it while the booking is held for you.",
    "{received} zimepokelewa. Bado {due}; lipa kabla muda wa kushikiwa nafasi haujaisha.",
)
_CANCELLED = (
    "We heard nothing of this payment for a day. If money left your phone, we will find it and tell you.",
    "Hatujapata habari za malipo haya kwa siku nzima. Kama pesa zimetoka, tutazitafuta na kukujulisha.",
)
_FAILED_OTHERWISE = (
    "The payment did not go through. Please try again.",
    "Malipo hayakufanikiwa. Tafadhali jaribu tena.",
)
_FAILED = {
    "cancelled_by_user": (
        "The request was cancelled or not answered on the phone. You can try again.",
        "Ombi lilighairiwa au halikujibiwa kwenye simu. Unaweza kujaribu tena.",
    ),
    "no_response": (
        "The phone could not be reached or did not answer. Switch it on, then try again.",
        "Simu haikupatikana au haikujibu. Iwashe, kisha jaribu tena.",
    ),
    "insufficient_funds": (
        "There is not enough money in the M-Pesa account. Top up, then try again.",
        "Salio la M-Pesa halitoshi. Ongeza pesa, kisha jaribu tena.",
    ),
    "wrong_pin": (
        "The M-Pesa PIN was wrong. Please try again.",
        "PIN ya M-Pesa si sahihi. Tafadhali jaribu tena.",
    ),
    "repeated_too_soon": (
        "The same amount was asked for too soon. Wait two minutes, then try again.",
        "Kiasi hicho kimeombwa mapema mno. Subiri dakika mbili, kisha jaribu tena.",
    ),
    "limit_exceeded": (
        "The phone's M-Pesa limit for today is used up. Use another phone or try tomorrow.",
        "Kikomo cha M-Pesa cha leo kimefikiwa. Tumia simu nyingine au jaribu kesho.",
    ),
    "not_sent": (
        "Failed to initiate payment. Nothing was charged.",
        "Ombi la malipo halikutumwa. Hukutozwa chochote.",
    ),
    "refused": (
        "Failed to initiate payment. Nothing was charged.",
        "Ombi la malipo halikutumwa. Hukutozwa chochote.",
    ),
}


def message_for(payment: Payment, *, due: int | None = None, swahili: bool) -> str:
    """Say how a payment stands; `due` are the cents that its booking still waits for, where it does."""
    match payment.status:
        case PaymentStatus.COMPLETED:
            return _received(payment.holder, due)[swahili]
        case PaymentStatus.CANCELLED:
            words = _CANCELLED
        case PaymentStatus.FAILED:
            words = _FAILED.get(payment.failure_reason or "", _FAILED_OTHERWISE)
        case _:
            words = _PENDING if payment.is_live and payment.checkout_request_id else _UNKNOWN
    return words[swahili]


def _received(payment: Payment, due: int | None) -> tuple[str, str]:
    """Say what becomes of money that came: some of it goes back, it was a part only, or all is well."""
    if payment.amount_returned:
        return _with(_GOES_BACK, amount=money.spoken(payment.amount_returned, payment.currency))
    if due is not None and not payment.is_aside:  # what is kept aside may be counted already
        received = money.spoken(payment.amount_received, payment.currency)
        return _with(_REST_IS_DUE, received=received, due=money.spoken(due, payment.currency))
    return _COMPLETED


def _with(words: tuple[str, str], **sums: str) -> tuple[str, str]:
    english, swahili = words
    return english.format(**sums), swahili.format(**sums)

"""What a person who is called may do: the texts of the review items, each at most 255 characters.

The names of decisions in them are those that `POST /api/payment/review/{id}/resolve` takes.
"""

from __future__ import annotations

from app.payments.models import NoWay

_SEE_IF_PAID = (
    "See on the M-Pesa statement whether this booking was paid; if it was and is not booked, decide "
    "record_payment; else close this."
)

# Money in, by a prompt.
OUTCOME_UNKNOWN = (
    "Look for this payment on the M-Pesa statement. If the money came and is not booked, decide "
    "record_payment; else close this."
)
FAILED_AFTER_PAID = (
    "M-Pesa said that this was paid, and then that it failed; it stays paid. Look for it on the M-Pesa "
    "statement; if it is not there, ask Safaricom."
)
OTHER_AMOUNT = (
    "M-Pesa names another amount than was asked for. If its statement has another amount than is booked, decide "
    "record_payment with it; else close this."
)
AS_ASKED_AFTER_ALL = (
    "The prompt's news now names what was asked for, and another amount is booked. Decide record_payment with "
    "what the M-Pesa statement has."
)
OTHER_PHONE = (
    "Another phone paid than was asked. A part that goes back by B2C goes to the phone that was asked: see "
    "that this is right, then close this."
)
OTHER_REQUEST = f"M-Pesa's news of this prompt carries another request's id. {_SEE_IF_PAID}"
RENAMED_REQUEST = f"M-Pesa called this prompt otherwise in its callback. {_SEE_IF_PAID}"
REPEATED_REQUEST = f"M-Pesa gave this prompt the id of another one. {_SEE_IF_PAID}"
RECEIPT_REUSED = (
    "The receipt is booked to another payment already. If the M-Pesa statement has one for this too, decide "
    "record_payment with its own receipt; else close this."
)

# Money in, by a notice, and of a prompt perhaps.
WHOSE = (
    "The account number names no booking. If a prompt brought this, its news closes the item. Else find the "
    "payer on the M-Pesa statement; decide assign with the booking, or give_back."
)
PERHAPS_COUNTED = (
    "This may be the same money as payment {other}, so it is kept aside until M-Pesa's news tells. If none comes, "
    "count the lines on the M-Pesa statement: one, decide same_money; two, decide assign."
)
CLAIMED_TWICE = (
    "Two prompts are counted as one paybill payment. If the M-Pesa statement has a second payment of this "
    "booking, decide record_payment with its receipt and amount; else close this."
)
COUNTED_TWICE = (
    "One receipt was counted twice, as this prompt and as payment {notice}: it came once. Approve no refund of "
    "either; ask the client to return what has gone out, and close this with a note of it."
)
NOT_ALL_ONE_AMOUNT = (
    "What a prompt asked for, its news and its paybill notice are not all of one amount. {booked} is booked: "
    "if the M-Pesa statement has another, decide record_payment with that; else close this."
)
AMOUNT_AGAIN = (
    "M-Pesa names two amounts for one receipt. If its statement has another than is booked, decide record_payment "
    "with it (money of no booking: assign it first); else close this."
)
NEVER_MADE = (
    "M-Pesa told of this payment, and its books have it as {status}. If the M-Pesa statement has it, close this; "
    "if not, nothing came: ask Safaricom, and let nothing of it go back or be paid out before."
)
MORE_THAN_GIVEN_BACK = (
    "More had come than was given back; the rest is kept aside. Decide assign with the booking, or give_back."
)
SURPLUS = (
    "{amount} more came than the booking can use. Its refund is requested: approve it if it waits for that, "
    "and send nothing by hand."
)
NOT_BOOKED = (
    "When this was told, nothing was booked for it. Import the M-Pesa statement of its day, which books what "
    "is ours; then close this. What is not on our statement is not our money."
)
UNREADABLE_NOTICE = (
    "A paybill notice cannot be read. Import the M-Pesa statement of its day, which books the payment; then close "
    "this."
)

# Money out.
PAID_TWICE = "What this order was for had been paid already, so it went out twice. Ask the payee to return it."
SENT_WITH_ANOTHERS_RECEIPT = (
    "Another payment out has this receipt, so this one was not believed. If the M-Pesa statement tells how it "
    "ended, decide record_payment with its own receipt, or record_unpaid."
)
SENT_OTHER_AMOUNT = (
    "Another amount is named than was ordered; what was ordered is booked. If the M-Pesa statement has another, "
    "settle the difference with the payee and Safaricom: no decision changes it here."
)
SENT_WITHOUT_RECEIPT = (
    "M-Pesa has this as carried out and names no receipt. Look it up on the M-Pesa statement, and decide "
    "record_payment with it."
)
SENT_AFTER_ALL = (
    "It was reported as failed, then as paid; nothing more is sent for it. If the M-Pesa statement has another "
    "payment for the same, ask the payee to return one. Of a payout, decide unfreeze at the end."
)
SENT_BY_TWO_RECEIPTS = (
    "M-Pesa names two receipts for one payment out. If both are on its statement, ask the payee to return one. "
    "Of a payout, decide unfreeze at the end."
)
NOT_SENT_AFTER_ALL = (
    "It was reported as paid, and then as failed; it stays paid. Look for it on the M-Pesa statement; if it is "
    "not there, ask Safaricom. Of a payout, decide unfreeze at the end."
)
SENDING_UNKNOWN = (
    "Nobody could tell for a day whether this was paid. Look for it on the M-Pesa statement of each day since: "
    "if it is there, decide record_payment with its receipt, else record_unpaid."
)
NEVER_SENT = (
    "This order was made a day ago and has not been sent: doctor says why, or the log. Once that is mended it "
    "goes out by itself; to give it up, decide record_unpaid."
)
RESULT_OF_ANOTHER = (
    "A result came to this order's address and names another, so it was not believed. If the M-Pesa statement "
    "tells how this one ended, decide record_payment or record_unpaid."
)
ANSWER_OF_ANOTHER = (
    "M-Pesa answered a question about this order with another one, so it was not believed. If its statement "
    "tells how this one ended, decide record_payment or record_unpaid."
)
REFUND_FAILED = (
    "M-Pesa says that refund {refund} failed ({reason}). Retry it: the answer tells whether M-Pesa's books "
    "confirm that. Only once they have may it be given back by hand; then decide record_refund."
)
REFUND_WITHOUT_WAY: dict[str | None, str] = {
    NoWay.GIVEN_BACK: (
        "M-Pesa gave this whole payment back by itself, as its statement says, so refund {refund} was not "
        "sent. If the client has it, decide record_refund; retry it only if it is to be sent all the same."
    ),
    NoWay.BELOW_MINIMUM: (
        "M-Pesa carries no less than KES 10, so refund {refund} cannot be sent. Give it back by hand, then decide "
        "record_refund."
    ),
    NoWay.PHONE_UNKNOWN: (
        "No phone is known to send refund {refund} to. Give it back by hand, then decide record_refund; or "
        "retry it once M-Pesa's books have named the number."
    ),
}

# What Safaricom's books have.
NOT_A_CUSTOMERS = (
    "Money came in that reads like no customer's payment, so nothing was booked. Find out what it is, and "
    "write that into the note that closes this."
)
PERHAPS_AN_ORDER = (
    "Money left that may be order {order}, whose end nobody knows; M-Pesa's books are asked. If they do not tell, "
    "compare payee and time on the M-Pesa statement; decide record_payment or record_unpaid."
)
PERHAPS_A_FAILED_ORDER = (
    "Money left that looks like order {order}, which M-Pesa's books had as not paid. If its statement shows "
    "that it is that order's, decide record_payment with this receipt; else find out who sent it."
)
GIVEN_BACK_IN_THE_PORTAL = (
    "M-Pesa gave this payment back without an order of ours. If its booking is not to stand, cancel it as "
    "staff: its refund finds the reversal done. Else agree with the client how it is paid."
)
LEFT_WITHOUT_ORDER = (
    "Money left without an order of ours: to the bank, or by somebody in the portal. Find out which, and write "
    "that into the note that closes this."
)
NOT_ON_THE_STATEMENT = "We hold this as made, and the M-Pesa statement does not. Ask Safaricom."
PULLED_WITHOUT_RECEIPT = (
    "M-Pesa lists a payment without a readable receipt. Import the M-Pesa statement of its day, which books "
    "it; then close this."
)
PULLED_REVERSAL = (
    "M-Pesa's list has a reversal under this receipt; nothing was changed here. See on the M-Pesa statement "
    "what went back, and whether an order of ours did it; then close this."
)

"""The words of the messages about money: English, then Swahili, never what a consultation is about.

Nobody's language is known, so an e-mail carries both. An SMS is English alone: both would make three of one.
"""

from __future__ import annotations

from app.letter import Letter

LATE = Letter(
    "Your booking {reference}: {amount} goes back to you",
    "Your booking {reference} is over, and {amount} that came for it is not needed. We send it back to you; you "
    "need not do anything. If you still want an appointment, please book a new time.",
    "Nafasi yako {reference} imeisha, na {amount} zilizolipwa kwa ajili yake hazihitajiki. Tunakurudishia; huna "
    "la kufanya. Kama bado unahitaji miadi, tafadhali weka nafasi mpya.",
)
TOO_MUCH = Letter(
    "Your booking {reference}: {amount} goes back to you",
    "For your booking {reference} we received {amount} more than it costs. We send that back to you; you need not "
    "do anything. The booking itself is not touched by this.",
    "Kwa nafasi yako {reference} tumepokea {amount} zaidi ya gharama yake. Tunakurudishia kiasi hicho; huna la "
    "kufanya. Nafasi yako yenyewe haijabadilika.",
)
CALLED_OFF = Letter(
    "Your booking {reference} is cancelled: {amount} goes back to you",
    "Your booking is cancelled. {amount} of what you paid goes back to you; you need not do anything. If the "
    "appointment is in your calendar, the file with this message takes it out.",
    "Nafasi yako imefutwa. Tunakurudishia {amount} kati ya ulicholipa; huna la kufanya. Kama miadi iko kwenye "
    "kalenda yako, faili iliyo na ujumbe huu inaiondoa.",
    sms="Your booking {reference} for {when} is cancelled. {amount} goes back to you.",
)
ENDED = Letter(
    "Your booking {reference}: {amount} goes back to you",
    "Your booking {reference} is over without having taken place. {amount} of what you paid goes back to you; you "
    "need not do anything.",
    "Nafasi yako {reference} imeisha bila kufanyika. Tunakurudishia {amount} kati ya ulicholipa; huna la kufanya.",
)
GIVEN_BACK = Letter(
    "Your booking {reference}: {amount} goes back to you",
    "We send {amount} of what you paid for your booking {reference} back to you; you need not do anything.",
    "Tunakurudishia {amount} kati ya ulicholipa kwa nafasi yako {reference}; huna la kufanya.",
)
CORRECTED = Letter(
    "Your booking {reference}: {amount} goes back to you",
    "M-Pesa has told us that less money reached us for your booking {reference} than it had said before. {amount} "
    "goes back to you, instead of what we wrote. If this does not seem right, please tell us.",
    "M-Pesa imetujulisha kwamba pesa za nafasi yako {reference} zilikuwa pungufu ya ilivyosema awali. "
    "Tunakurudishia {amount}, badala ya kiasi tulichokuandikia. Kama si sahihi, tafadhali tujulishe.",
)
CONFIRMED = Letter(
    "Your booking {reference} is confirmed",
    "Your booking is confirmed: we have received {amount}. The file with this message puts the appointment into "
    "your calendar.",
    "Nafasi yako imethibitishwa: tumepokea {amount}. Faili iliyo na ujumbe huu inaweka miadi kwenye kalenda yako.",
    sms="Booking {reference} confirmed for {when}. {amount} received{receipt}.",
)
NOT_PAID = Letter(
    "Your booking {reference}: the payment did not go through",
    "{what} Your booking is kept for you until {until}. If money has left your M-Pesa account all the same, do "
    "not pay again: we will find it and tell you.",
    "{what_in_swahili} Nafasi yako imehifadhiwa hadi {until}. Kama hata hivyo pesa zimetoka kwenye akaunti yako "
    "ya M-Pesa, usilipe tena: tutazitafuta na kukujulisha.",
    sms="Payment for booking {reference} did not go through. You can try again until {until}. If money left your "
    "M-Pesa, do not: we will find it.",
)
NOT_PAID_IN_TIME = Letter(
    "Your booking {reference}: the payment did not go through",
    "The payment did not go through, and your booking is not kept any more. If you still want an appointment, "
    "please book a new time. If money has left your M-Pesa account all the same, we will find it and tell you.",
    "Malipo hayakufanikiwa, na nafasi yako haijahifadhiwa tena. Kama bado unahitaji miadi, tafadhali weka nafasi "
    "mpya. Kama hata hivyo pesa zimetoka kwenye akaunti yako ya M-Pesa, tutazitafuta na kukujulisha.",
    sms="Payment for booking {reference} did not go through, and the booking is over. If money left your M-Pesa, "
    "we will find it.",
)
REFUNDED = Letter(
    "Your booking {reference}: {amount} was sent back to you",
    "We have sent {amount} for your booking {reference} back to you by M-Pesa.",
    "Tumekurudishia {amount} za nafasi yako {reference} kupitia M-Pesa.",
    sms="Booking {reference}: {amount} sent back to you by M-Pesa{receipt}.",
)
REFUNDED_BY_HAND = Letter(
    "Your booking {reference}: {amount} was given back to you",
    "We have given {amount} for your booking {reference} back to you by another way than M-Pesa. If it has not "
    "reached you, please tell us.",
    "Tumekurudishia {amount} za nafasi yako {reference} kwa njia nyingine, si kupitia M-Pesa. Kama "
    "hazijakufikia, tafadhali tujulishe.",
)
NOT_REFUNDED = Letter(
    "Your booking {reference}: {amount} could not be sent back yet",
    "We tried to send {amount} for your booking {reference} back to you, but M-Pesa did not carry it out. The "
    "money is not lost: it is set aside for you, and we will see to it. You need not do anything.",
    "Tulijaribu kukurudishia {amount} za nafasi yako {reference}, lakini M-Pesa haikukamilisha. Pesa hazijapotea: "
    "zimewekwa kando kwa ajili yako, na tunalishughulikia. Huna la kufanya.",
)
NO_WAY_BACK = Letter(
    "Your booking {reference}: {amount} will be given back in another way",
    "We cannot send {amount} for your booking {reference} back to you by M-Pesa. The money is not lost: it is set "
    "aside for you, and we will give it to you in another way.",
    "Hatuwezi kukurudishia {amount} za nafasi yako {reference} kupitia M-Pesa. Pesa hazijapotea: zimewekwa kando "
    "kwa ajili yako, na tutakurudishia kwa njia nyingine.",
)
PAID_OUT = Letter(
    "{amount} was paid out to you",
    "We have sent you {amount} by M-Pesa.",
    "Tumekutumia {amount} kupitia M-Pesa.",
    sms="{amount} was sent to you by M-Pesa{receipt}.",
)
NOT_PAID_OUT = Letter(
    "{amount} could not be paid out to you yet",
    "We tried to send you {amount}, but M-Pesa did not carry it out. The money is set aside for you, and we will "
    "see to it. Please check that the phone number we have of you is right.",
    "Tulijaribu kukutumia {amount}, lakini M-Pesa haikukamilisha. Pesa zimewekwa kando kwa ajili yako, na "
    "tunalishughulikia. Tafadhali hakikisha kwamba nambari yako ya simu tuliyo nayo ni sahihi.",
)

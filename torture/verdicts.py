"""What our books, compared with what truly happened, may be found guilty of; and the harm that is only counted."""

from __future__ import annotations

from collections.abc import Iterator

Broken = Iterator[tuple[str, str]]

ONCE = "I01 every movement is recorded once"
EXACT = "I01 every movement has its amount"
INTENT = "I01 the intent comes first"
INVENTED = "I02 nothing is invented"
PLACED = "I02 money is where its payer said"
OUT_ONCE = "I03 what went out is recorded once"
OUT_INVENTED = "I04 what is recorded as sent went out"
TIERS = "I06 a cancellation keeps what its tier says"
CASH = "I11 the cash accounts are what came in and went out"
APPROVED = "I12 what is above the limit was approved by a person"
BY_TWO = "I12 two people decide about a review item"
REFUSED = "I12 what staff say by mistake is refused"
HONOURED = "I12 what two people decided was done"
TWICE = "I14 nothing is paid twice"
KEPT = "I15 what was answered 200 is kept"
FOUND = "I15 news from Safaricom finds its addressee"
PATIENCE = "I17 nobody is given up before a day is over"
PHONE = "I18 no phone rings a fourth time in ten minutes"
OLDER = "I19 no push while an older prompt rings"
LATE = "I19 no push long after it was asked for"
KEY = "I23 one key has one answer"
LASTS = "I24 what was answered lasts"
SEEN = "I25 what was seen stays"
PERSON = "I27 a wrong amount is seen by a person"
VALIDATED = "I27 paybill takes what a booking costs, and nothing else"
MACHINE = "I30 no machine sends a prompt"
PRESS = "I30 one press is one prompt"
NAMES = (
    ONCE, EXACT, INTENT, INVENTED, PLACED, OUT_ONCE, OUT_INVENTED, TIERS, CASH, APPROVED, BY_TWO, REFUSED,
    HONOURED, TWICE, KEPT, FOUND, PATIENCE, PHONE, OLDER, LATE, KEY, LASTS, SEEN, PERSON, VALIDATED, MACHINE,
    PRESS,
)  # fmt: skip

# What hurts people and breaks no rule; each is counted.
BY_MACHINE = "harm: prompts sent by a machine"
PAID_TWICE = "harm: bookings paid twice by two presses"
TAKEN_BACK = "harm: told that it failed, then that it was paid"
RANG_ON = "harm: push while an older prompt rang, held up or clock stepped"
BACK_TWICE = "harm: given back by Safaricom and by us"
HARM = (BY_MACHINE, PAID_TWICE, TAKEN_BACK, RANG_ON, BACK_TWICE)

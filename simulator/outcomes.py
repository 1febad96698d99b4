"""How a push can end: result codes and their words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One ending; `query_text` is what the query says where it differs from the callback."""

    name: str
    code: int | str
    text: str
    query_text: str = ""

    @property
    def is_paid(self) -> bool:
        return self.code == 0

    @property
    def words_for_query(self) -> str:
        return self.query_text or self.text


# Codes and words as observed in callbacks and query answers of 2019 to 2026; 3 and 1025 as in the portal's
# error tables (daraja-docs M-Pesa Express), where no recorded body is known.
_ALL = (
    Outcome("paid", 0, "The service request is processed successfully."),
    Outcome("insufficient", 1, "The balance is insufficient for the transaction"),
    Outcome("above_maximum", 3, "Declined due to limit rule"),
    Outcome("rule_limited", 17, "Rule limited."),
    Outcome("expired", 1019, "Transaction has expired"),
    Outcome("text_too_long", 1025, "An error occurred while sending a push request"),
    Outcome("cancelled_old", 1031, "Request cancelled by user"),
    Outcome("cancelled", 1032, "Request cancelled by user", "Request Cancelled by user."),
    Outcome("not_delivered", 1036, "SMSC ACK timeout."),
    Outcome("no_answer", 1037, "No response from user."),
    Outcome("unreachable", 1037, "DS timeout user cannot be reached", "DS timeout user cannot be reached."),
    Outcome("wrong_pin", 2001, "The initiator information is invalid."),
    Outcome("bad_debt", "E3008", "Error, the user has a bad debt contract."),
)
OUTCOMES = {outcome.name: outcome for outcome in _ALL}

# What somebody can do with an open prompt: approving may still end in wrong_pin or insufficient, ignoring
# leaves it to expire, every other name is the ending itself.
ACTIONS = ("approve", "cancel", "ignore", *(name for name in OUTCOMES if name not in ("paid", "cancelled")))

"""How what an initiator asked for can end: result codes and their words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ending:
    """One ending; `code` is what the result says, a number or not."""

    name: str
    code: int | str
    text: str

    @property
    def is_success(self) -> bool:
        return self.code == 0


SUCCESS = Ending("success", 0, "The service request is processed successfully.")

# Codes as in the portal's tables (daraja-docs B2C, Reversal, Account Balance); of 2001, R000002 and 17 there are
# recorded bodies. "amount_differs" and "not_found" are told without a code: the ones here are a guess.
_FAILURES = (
    Ending("insufficient", 1, "The balance is insufficient for the transaction."),
    Ending("below_minimum", 2, "Declined due to limit rule: less than the minimum transaction amount."),
    Ending("above_maximum", 3, "Declined due to limit rule: greater than the maximum transaction amount."),
    Ending("daily_limit", 4, "Declined due to limit rule: would exceed daily transfer limit."),
    Ending("receiver_full", 8, "Declined due to limit rule: would exceed the maximum balance."),
    Ending("debit_party_state", 11, "The DebitParty is in an invalid state."),
    Ending("internal", 17, "System internal error."),
    Ending("lacks_role", 21, "The initiator is not allowed to initiate this request."),
    Ending("bad_parameters", 25, "Invalid parameters."),
    Ending("busy", 26, "Traffic blocking condition in place."),
    Ending("initiator", 2001, "The initiator information is invalid."),
    Ending("account_rule", 2006, "Declined due to account rule: The account status does not allow it."),
    Ending("product", 2028, "The request is not permitted according to product assignment."),
    Ending("not_a_customer", 2040, "Credit Party customer type can't be supported by the service."),
    Ending("credential_locked", 8006, "The security credential is locked."),
    Ending("amount_differs", 2, "The amount should match the original transaction amount."),
    Ending("not_found", 2032, "The transaction receipt number does not exist."),
    Ending("no_operator", "SFC_IC0003", "The operator does not exist."),
    Ending("no_permission", "TP40153", "The API operator has no permission."),
    Ending("already_reversed", "R000001", "The transaction has already been reversed."),
    Ending("original_invalid", "R000002", "The OriginalTransactionID is invalid."),
)
ENDINGS = {ending.name: ending for ending in _FAILURES}

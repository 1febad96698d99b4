"""How the status of a consultation may change: one table, nothing else."""

from __future__ import annotations

from app.consultations.models import ConsultationStatus
from app.errors import Problem

PENDING, CONFIRMED = ConsultationStatus.PENDING, ConsultationStatus.CONFIRMED
COMPLETED, NO_SHOW = ConsultationStatus.COMPLETED, ConsultationStatus.NO_SHOW
CANCELLED, EXPIRED = ConsultationStatus.CANCELLED, ConsultationStatus.EXPIRED

TRANSITIONS: dict[ConsultationStatus, frozenset[ConsultationStatus]] = {
    PENDING: frozenset({CONFIRMED, EXPIRED, CANCELLED}),
    EXPIRED: frozenset({CONFIRMED}),  # money came late and the slot was still free
    CONFIRMED: frozenset({COMPLETED, NO_SHOW, CANCELLED}),
    COMPLETED: frozenset(),
    NO_SHOW: frozenset(),
    CANCELLED: frozenset(),  # a person said no: never revived
}

# Those that occupy the advocate's time; the constraint against overlaps in the migration names the same four.
LIVE = frozenset({PENDING, CONFIRMED, COMPLETED, NO_SHOW})
CLOSED = frozenset({COMPLETED, NO_SHOW, CANCELLED, EXPIRED})


class IllegalTransition(Problem):
    """The status that a consultation has does not lead to the one that was asked for."""

    status, code = 409, "illegal_transition"

    def __init__(self, before: ConsultationStatus, after: ConsultationStatus) -> None:
        super().__init__(f"This consultation is {before} and cannot become {after}.")


def check_transition(before: ConsultationStatus, after: ConsultationStatus) -> None:
    """Raise IllegalTransition unless the table allows the change."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(before, after)

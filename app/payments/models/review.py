"""What a person must see, and what was decided about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import money
from app.auth.models import User
from app.database import Base, PrimaryKey, UTCDateTime, text_enum
from app.payments.models.incoming import PaymentEvent
from app.payments.models.outgoing import Disbursement


class ReviewKind(StrEnum):
    """Why a person must look."""

    AMOUNT_MISMATCH = "amount_mismatch"
    LATE_PAYMENT = "late_payment"
    SECOND_PAYMENT = "second_payment"
    UNMATCHED_MONEY = "unmatched_money"
    UNKNOWN_OUTCOME = "unknown_outcome"
    CONTRADICTORY_NEWS = "contradictory_news"


class ReviewStatus(StrEnum):
    """Whether a person still has to decide; `proposed` waits for a second one."""

    OPEN = "open"
    PROPOSED = "proposed"
    RESOLVED = "resolved"


class ReviewItem(Base):
    """Something about money that the rules alone must not close; `news_key` keeps repeats silent."""

    __tablename__ = "review_items"

    id: Mapped[PrimaryKey]
    news_key: Mapped[str] = mapped_column(sa.String(128), unique=True)
    kind: Mapped[ReviewKind] = mapped_column(text_enum(ReviewKind, "kind"))
    status: Mapped[ReviewStatus] = mapped_column(text_enum(ReviewStatus, "status"), index=True)
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    consultation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("consultations.id"), index=True)
    disbursement_id: Mapped[int | None] = mapped_column(sa.ForeignKey("disbursements.id"), index=True)
    inbox_id: Mapped[int | None] = mapped_column(sa.ForeignKey("inbox.id"))
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    amount_expected: Mapped[int | None]
    amount_received: Mapped[int | None]
    proposed_action: Mapped[str] = mapped_column(sa.String(255))
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decisions: Mapped[list[ReviewDecision]] = relationship(order_by="ReviewDecision.id", lazy="selectin")
    evidence: Mapped[list[PaymentEvent]] = relationship(
        primaryjoin="foreign(PaymentEvent.payment_id) == ReviewItem.payment_id",
        order_by="PaymentEvent.id",
        lazy="selectin",
        viewonly=True,
    )
    """Everything that was heard of the payment in question."""
    disbursement: Mapped[Disbursement | None] = relationship(lazy="selectin", viewonly=True)

    @property
    def action_with_cents(self) -> str:
        """What to do, and each amount that has cents, which the wire's whole shillings cannot say."""
        amounts = {"We expected": self.amount_expected, "M-Pesa says": self.amount_received}
        odd = [f" {who} {money.spoken(cents)}." for who, cents in amounts.items() if cents and cents % money.CENTS]
        return self.proposed_action + "".join(odd)

    @property
    def payout_id(self) -> int | None:
        """The payout whose sending is in question."""
        return self.disbursement.payout_id if self.disbursement else None

    @property
    def refund_id(self) -> int | None:
        """The refund whose sending is in question."""
        return self.disbursement.refund_id if self.disbursement else None


class Decision(StrEnum):
    """What a person makes of a review item."""

    NOTHING_TO_DO = "nothing_to_do"
    RECORD_PAYMENT = "record_payment"  # evidence entered by hand: a receipt read off the M-Pesa statement
    ASSIGN = "assign"  # money kept aside belongs to this booking
    SAME_MONEY = "same_money"  # money kept aside is what a prompt has brought already
    GIVE_BACK = "give_back"  # money kept aside goes back to where it came from
    RECORD_UNPAID = "record_unpaid"  # money out: the M-Pesa statement does not have it
    UNFREEZE = "unfreeze"  # a payout may go on
    RECORD_REFUND = "record_refund"  # a refund that M-Pesa did not send was given back by hand


class ReviewDecision(Base):
    """What one person decided about a review item, and why; never changed afterwards."""

    __tablename__ = "review_decisions"

    id: Mapped[PrimaryKey]
    review_id: Mapped[int] = mapped_column(sa.ForeignKey("review_items.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    actor: Mapped[User] = relationship(lazy="joined")
    decision: Mapped[Decision] = mapped_column(text_enum(Decision, "decision"))
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    amount: Mapped[int | None]
    consultation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("consultations.id"))
    sends: Mapped[int | None]
    """How often the order in question may have reached Safaricom when this was said."""
    note: Mapped[str] = mapped_column(sa.String(500))

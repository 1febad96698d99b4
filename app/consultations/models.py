"""What is kept of advocates, their hours and the consultations booked with them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.models import User
from app.database import Base, PrimaryKey, text_enum

# Made by the migration: an exclusion constraint on PostgreSQL, triggers of the same name on SQLite.
NO_OVERLAP = "consultations_no_overlap"


class ConsultationStatus(StrEnum):
    """How far a consultation has come."""

    PENDING = "Pending"
    CONFIRMED = "Confirmed"
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"
    NO_SHOW = "NoShow"


class PaymentStatus(StrEnum):
    """What is known of the money for a consultation."""

    UNPAID = "Unpaid"
    PENDING = "Pending"
    PAID = "Paid"
    FAILED = "Failed"
    PARTIALLY_PAID = "PartiallyPaid"
    REFUNDING = "Refunding"
    REFUNDED = "Refunded"


class Mode(StrEnum):
    """How the two will meet."""

    VIDEO = "video"
    PHONE = "phone"
    IN_PERSON = "in_person"


class Absent(StrEnum):
    """Who did not come to a consultation."""

    CLIENT = "client"
    ADVOCATE = "advocate"


class Advocate(Base):
    """The professional side of a user whose role is advocate; shown once fee and hours are set."""

    __tablename__ = "advocates"
    __table_args__ = (
        CheckConstraint("fee > 0", name="fee"),
        CheckConstraint("slot_minutes between 15 and 480 and slot_minutes % 5 = 0", name="slot_minutes"),
    )

    id: Mapped[PrimaryKey] = mapped_column(ForeignKey("users.id"))
    fee: Mapped[int | None]
    slot_minutes: Mapped[int] = mapped_column(default=60)
    bio: Mapped[str | None] = mapped_column(String(2000))

    user: Mapped[User] = relationship(lazy="raise", viewonly=True)
    practice_areas: Mapped[list[PracticeArea]] = relationship(
        lazy="raise", viewonly=True, order_by="PracticeArea.name"
    )
    hours: Mapped[list[WeeklyHours]] = relationship(
        lazy="raise", viewonly=True, order_by="(WeeklyHours.weekday, WeeklyHours.start_minute)"
    )
    days_off: Mapped[list[DayOff]] = relationship(lazy="raise", viewonly=True, order_by="DayOff.date")

    @property
    def practice_area_names(self) -> list[str]:
        """The practice areas as texts."""
        return [area.name for area in self.practice_areas]

    @property
    def dates_off(self) -> list[dt.date]:
        """The days off as dates."""
        return [day.date for day in self.days_off]


class PracticeArea(Base):
    """One field of law that an advocate works in."""

    __tablename__ = "practice_areas"

    advocate_id: Mapped[int] = mapped_column(ForeignKey("advocates.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)


class WeeklyHours(Base):
    """A span of a weekday in which an advocate sees people; minutes from midnight in Nairobi."""

    __tablename__ = "weekly_hours"
    __table_args__ = (
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("start_minute >= 0 and start_minute < end_minute and end_minute <= 1440", name="span"),
        Index(None, "advocate_id"),
    )

    id: Mapped[PrimaryKey]
    advocate_id: Mapped[int] = mapped_column(ForeignKey("advocates.id"))
    weekday: Mapped[int]  # Monday is 0
    start_minute: Mapped[int]
    end_minute: Mapped[int]


class DayOff(Base):
    """A date, in Nairobi, on which an advocate sees nobody."""

    __tablename__ = "days_off"

    advocate_id: Mapped[int] = mapped_column(ForeignKey("advocates.id"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)


class Consultation(Base):
    """A client's booking of an advocate's time; its fee is the advocate's at the moment of booking."""

    __tablename__ = "consultations"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="times"),
        CheckConstraint("fee > 0", name="fee"),
        CheckConstraint("kept_amount between 0 and fee", name="kept_amount"),
        CheckConstraint("client_id <> advocate_id", name="two_people"),
        Index(None, "client_id"),
        Index(None, "advocate_id", "starts_at"),
        Index(None, "status", "hold_expires_at"),
        Index(None, "status", "ends_at"),
    )

    id: Mapped[PrimaryKey]
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    advocate_id: Mapped[int] = mapped_column(ForeignKey("advocates.id"))
    client_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    mode: Mapped[Mode] = mapped_column(text_enum(Mode, "mode"))
    topic: Mapped[str | None] = mapped_column(String(500))
    fee: Mapped[int]
    status: Mapped[ConsultationStatus] = mapped_column(text_enum(ConsultationStatus, "status"))
    payment_status: Mapped[PaymentStatus] = mapped_column(text_enum(PaymentStatus, "payment_status"))
    hold_expires_at: Mapped[dt.datetime]
    created_at: Mapped[dt.datetime]
    closed_at: Mapped[dt.datetime | None]
    cancelled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    kept_amount: Mapped[int] = mapped_column(default=0)  # of what was paid, what the cancellation tier keeps
    no_show_by: Mapped[Absent | None] = mapped_column(text_enum(Absent, "no_show_by"))

    advocate: Mapped[Advocate] = relationship(lazy="raise", viewonly=True)
    client: Mapped[User] = relationship(lazy="raise", viewonly=True, foreign_keys=[client_id])

    @property
    def held_until(self) -> dt.datetime | None:
        """When the hold ends, as long as there is one."""
        return self.hold_expires_at if self.status == ConsultationStatus.PENDING else None

    @property
    def kept_on_cancellation(self) -> int | None:
        """What the cancellation keeps of the money, in cents, once there is one."""
        return self.kept_amount if self.status == ConsultationStatus.CANCELLED else None

    def topic_for(self, person_id: int) -> str | None:
        """Return what it is about to its client and its advocate; it is nobody else's business."""
        return self.topic if person_id in {self.client_id, self.advocate_id} else None


class ConsultationEvent(Base):
    """One change of a consultation: who, when, why, and what it was before. Never changed, by trigger."""

    __tablename__ = "consultation_events"
    __table_args__ = (Index(None, "consultation_id"),)

    id: Mapped[PrimaryKey]
    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultations.id"))
    at: Mapped[dt.datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # nobody: the system itself
    cause: Mapped[str] = mapped_column(String(64))
    status_before: Mapped[ConsultationStatus | None] = mapped_column(
        text_enum(ConsultationStatus, "status_before")
    )
    status_after: Mapped[ConsultationStatus] = mapped_column(text_enum(ConsultationStatus, "status_after"))
    payment_status_before: Mapped[PaymentStatus | None] = mapped_column(
        text_enum(PaymentStatus, "payment_status_before")
    )
    payment_status_after: Mapped[PaymentStatus] = mapped_column(text_enum(PaymentStatus, "payment_status_after"))
    detail: Mapped[str | None] = mapped_column(String(500))

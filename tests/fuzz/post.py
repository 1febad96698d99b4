"""Bringing bodies to Safaricom's doors, and checking what each answers and keeps."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from app.database import reading
from app.payments.models import InboxItem
from tests.fuzz.deliveries import Delivery
from tests.fuzz.report import Report
from tests.fuzz.world import World
from tests.http.api_map import check_envelope, document
from tests.payments.door import ACCEPTED

MOST_CPU_SECONDS = 1


@dataclass(frozen=True)
class Door:
    """Where a body is brought, by whom, and what must come of it where it can be heard."""

    path: str
    template: str  # as the document names it
    address: str
    trust: str | None  # None where nothing is kept
    answers: tuple[int, ...]
    keeps_bytes: bool = True  # else credentials are taken out
    says: bool = False  # its answer says whether somebody may pay


class Post:
    """Brings bodies to doors."""

    def __init__(self, world: World, report: Report) -> None:
        self.world, self.report = world, report
        self.paths = document(world.app)["paths"]

    def bring(self, delivery: Delivery, door: Door, what: str) -> dict:
        """Bring a body; return what was answered."""
        before = self.newest_id()
        started, cpu_started = time.perf_counter(), time.thread_time()
        answer = self.world.app.test_client().post(
            door.path,
            data=delivery.raw,
            headers=delivery.headers,
            environ_overrides={"REMOTE_ADDR": door.address} | delivery.environ,
        )
        cpu_took = time.thread_time() - cpu_started
        self.report.timed(time.perf_counter() - started, cpu_took, f"a callback, {what}")
        self.report.answers[door.template, str(door.trust), answer.status_code] += 1
        assert str(answer.status_code) in self.paths[door.template]["post"]["responses"], what
        assert cpu_took < MOST_CPU_SECONDS, what
        if delivery.heard is None and answer.status_code != 403:  # strangers are refused whatever they send
            assert answer.status_code in (400, 413), what
        else:
            assert answer.status_code in door.answers, what
        if answer.status_code != 200:
            check_envelope(answer, whatever=what)
        elif not door.says:
            assert answer.json == ACCEPTED, what
        self.check_kept(before, delivery, door, what)
        return answer.json

    def newest_id(self) -> int:
        with self.world.app.app_context(), reading() as session:
            return session.scalar(sa.select(sa.func.max(InboxItem.id))) or 0

    def check_kept(self, before: int, delivery: Delivery, door: Door, what: str) -> None:
        if delivery.heard is None or door.trust is None:
            assert self.newest_id() == before, what
            return
        with self.world.app.app_context(), reading() as session:
            [kept] = session.scalars(sa.select(InboxItem).where(InboxItem.id > before))
        assert (kept.trust.value, kept.source_address) == (door.trust, door.address), what
        assert not door.keeps_bytes or kept.raw == delivery.heard, what
        assert kept.applied_at is not None, what

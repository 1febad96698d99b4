"""What staff see: what a person must decide, and how paying goes."""

from app.payments import advice
from tests.payments.answers import refused
from tests.payments.conftest import FEE
from tests.payments.scenes import OTHER_PHONE, pay
from tests.people import bearer, make_user

REVIEW, STATISTICS = "/api/payment/review", "/api/payment/statistics"


def get(desk, path, person, **args):
    return desk.http.get(path, query_string=args, headers=bearer(desk.app, person))


def test_only_staff_see_them(desk):
    staff = [make_user(desk.app, "Dalmas"), make_user(desk.app, "Esther")]
    for path in (REVIEW, STATISTICS):
        for person in (desk.achieng, desk.baraka):
            assert "errors" not in refused(get(desk, path, person), 403, "forbidden")
        anonymous = desk.http.get(path)
        refused(anonymous, 401, "missing_token")
        assert anonymous.headers["WWW-Authenticate"] == "Bearer"
        assert [get(desk, path, person).status_code for person in staff] == [200, 200]


AT_NINE = {"at": "2026-11-23T09:00:00+03:00"}


def test_money_that_is_not_what_was_asked_for_is_shown_with_both_amounts(desk, safaricom, booking):
    safaricom.faults(charge_off=-1)
    pay(desk, booking)
    safaricom.deliver()
    dalmas = make_user(desk.app, "Dalmas")
    [receipt] = [moved["receipt"] for moved in safaricom.moved]
    answer = get(desk, REVIEW, dalmas)
    assert answer.status_code == 200
    assert answer.json == {
        "items": [
            {
                "id": 1,
                "kind": "amount_mismatch",
                "status": "open",
                "payment_id": 1,
                "booking_id": booking.id,
                "disbursement_id": None,
                "payout_id": None,
                "refund_id": None,
                "receipt": receipt,
                "amount_expected": FEE,
                "amount_received": FEE - 1,
                "proposed_action": advice.OTHER_AMOUNT,
                "opened_at": "2026-11-23T09:00:00+03:00",
                "evidence": [
                    {"source": "client", "status": "pending", "detail": None, "news_id": None} | AT_NINE,
                    {"source": "callback", "status": "completed", "detail": receipt, "news_id": 1} | AT_NINE,
                ],
                "decisions": [],
            }
        ],
        "next_cursor": None,
        "total": 1,
    }
    assert desk.booking(booking).payment_status == "PartiallyPaid"


def test_the_list_is_filtered_and_paged(desk, safaricom):
    safaricom.faults(charge_off=1)  # also a second payment: what is over the fee goes back
    for hour, phone in ((9, "254711000201"), (10, "254711000202")):
        pay(desk, desk.book(hour=hour), phone=phone)
    safaricom.deliver()
    dalmas = make_user(desk.app, "Dalmas")
    everything = get(desk, REVIEW, dalmas).json
    assert [item["id"] for item in everything["items"]] == [4, 3, 2, 1]
    kinds = {item["kind"] for item in everything["items"]}
    assert kinds == {"amount_mismatch", "second_payment"}
    for kind in kinds:
        found = get(desk, REVIEW, dalmas, kind=kind).json
        assert (found["total"], {item["kind"] for item in found["items"]}) == (2, {kind})
    assert get(desk, REVIEW, dalmas, kind="late_payment").json["items"] == []
    first = get(desk, REVIEW, dalmas, limit=3).json
    rest = get(desk, REVIEW, dalmas, limit=3, cursor=first["next_cursor"]).json
    assert first["items"] + rest["items"] == everything["items"]
    for args in (
        {"kind": "x"},
        {"status": "x"},
        {"limit": 0},
        {"cursor": "x"},
        {"sort": "id"},
        {"status": ["open"] * 2},
    ):
        assert list(refused(get(desk, REVIEW, dalmas, **args), 422, "invalid_input")["errors"]) == list(args)


def test_the_figures_count_what_happened(desk, safaricom):
    dalmas = make_user(desk.app, "Dalmas")
    empty = get(desk, STATISTICS, dalmas).json
    assert (empty["total"], empty["amount_received"], empty["success_rate"]) == (0, 0, None)
    assert empty["counts"] == {"pending": 0, "completed": 0, "failed": 0, "cancelled": 0}

    paid, failed, forgotten = desk.book(hour=9), desk.book(hour=10), desk.book(hour=11)
    desk.push(failed, phone=OTHER_PHONE)
    safaricom.act("insufficient", OTHER_PHONE)
    desk.push(paid)
    desk.clock.advance(seconds=8)
    safaricom.act("approve")
    safaricom.deliver()
    desk.push(forgotten, phone="254711000209")
    desk.clock.advance(minutes=5, seconds=1)
    figures = get(desk, STATISTICS, dalmas).json
    assert figures == figures | {
        "counts": {"pending": 1, "completed": 1, "failed": 1, "cancelled": 0},
        "total": 3,
        "amount_received": FEE,
        "amount_returned": 0,
        "success_rate": 0.5,
        "seconds_to_complete": 8.0,
        "failure_reasons": {"insufficient_funds": 1},
        "pending_over_5_minutes": 1,
        "review_items_open": 0,
    }


def test_a_second_charge_is_no_prompt_that_took_no_time(desk, safaricom, booking):
    safaricom.faults(charged_twice=True)
    desk.push(booking)
    desk.clock.advance(seconds=30)
    safaricom.act("approve")
    safaricom.deliver()
    figures = get(desk, STATISTICS, make_user(desk.app, "Dalmas")).json
    assert figures["counts"]["completed"] == 2
    assert [figures[f"{name}seconds_to_complete"] for name in ("", "p50_", "p90_")] == [30, 30, 30]

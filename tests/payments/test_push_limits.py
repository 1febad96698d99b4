"""Nobody's phone can be bombed with prompts; asking how a payment stands is never limited."""

import dataclasses
from functools import partial

import pytest

from tests.payments.conftest import PHONE
from tests.payments.door import BARE, knock
from tests.payments.scenes import OTHER_PHONE, at_once
from tests.people import bearer, make_user

ROUTE = "/api/payment/mpesa/stk-push"
THIRD_PHONE, FOURTH_PHONE = "254110000003", "254110000004"


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, rate_limits=True)


def ring_and_cancel(desk, booking, **more):
    """Ring a phone whose owner says no."""
    answer = desk.push(booking, **more)
    assert answer.status_code == 200, answer.json
    desk.safaricom.act("cancel", desk.safaricom.pushes[-1]["msisdn"])
    desk.safaricom.deliver()


def too_many(answer):
    """Check a refusal and return how long to wait."""
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_prompts"), answer.json
    return int(answer.headers["Retry-After"])


def test_one_phone_is_counted_over_everybody_and_every_way_of_writing_it(desk, safaricom):
    people = [make_user(desk.app, name) for name in ("Chebet", "Fatuma", "Gitau", "Halima")]
    written = ["0712345678", "+254 712 345 678", "712-345-678", "254712345678"]
    bookings = [desk.book(hour=9 + number, client=person) for number, person in enumerate(people)]
    for person, phone, booking in zip(people[:3], written, bookings, strict=False):
        ring_and_cancel(desk, booking, client=person, phone=phone)
        desk.clock.advance(minutes=1)
    wait = too_many(desk.push(bookings[3], client=people[3], phone=written[3]))
    assert len(safaricom.pushes) == 3
    assert wait == 12 * 60 + 1
    assert desk.push(bookings[3], client=people[3], phone=OTHER_PHONE).status_code == 200


def test_after_the_wait_the_phone_may_be_rung_again(desk, booking):
    for _ in range(3):
        ring_and_cancel(desk, booking)
    wait = too_many(desk.push(booking))
    desk.clock.advance(seconds=wait)
    assert desk.push(desk.book(hour=14)).status_code == 200


def test_a_phone_is_asked_for_one_thing_at_a_time(desk, safaricom, booking):
    chebet = make_user(desk.app, "Chebet")
    hers = desk.book(hour=11, client=chebet)
    desk.push(booking)
    assert 0 < too_many(desk.push(hers, client=chebet)) <= 121
    assert len(safaricom.pushes) == 1


def test_one_person_is_counted_over_all_phones(desk, safaricom, booking):
    for phone in (PHONE, OTHER_PHONE, THIRD_PHONE):
        ring_and_cancel(desk, booking, phone=phone)
        ring_and_cancel(desk, booking, phone=phone)
    too_many(desk.push(booking, phone=PHONE))
    assert len(safaricom.pushes) == 6


def test_nobody_rings_many_different_phones(desk, safaricom, booking):
    for phone in (PHONE, OTHER_PHONE, THIRD_PHONE):
        ring_and_cancel(desk, booking, phone=phone)
    too_many(desk.push(booking, phone=FOURTH_PHONE))
    assert len(safaricom.pushes) == 3
    ring_and_cancel(desk, booking, phone=PHONE)


def test_prompts_that_never_rang_do_not_count(desk, safaricom, booking):
    safaricom.faults(push="busy")
    assert [desk.push(booking).status_code for _ in range(4)] == [502] * 4
    safaricom.faults()
    assert desk.push(booking).status_code == 200


def test_one_address_may_not_press_all_the_time(desk, safaricom, booking):
    headers = bearer(desk.app, desk.achieng)

    def press(address):
        more = {"headers": headers, "environ_overrides": {"REMOTE_ADDR": address}}
        return desk.http.post(ROUTE, json={"phone_number": "12", "booking_id": booking.id}, **more)

    for address, same_place in (
        ("41.90.1.1", "41.90.1.1"),
        ("::ffff:41.90.1.2", "41.90.1.2"),
        ("2001:db8:1:1::1", "2001:db8:1:1:ffff::2"),
    ):
        assert [press(address).status_code for _ in range(20)] == [422] * 20
        assert too_many(press(same_place)) > 0
    for elsewhere in ("41.90.1.3", "::ffff:41.90.1.4", "2001:db8:1:2::1"):
        assert press(elsewhere).status_code == 422


def test_asking_how_a_payment_stands_is_never_limited(desk, booking):
    pushed = desk.push(booking).json
    headers = bearer(desk.app, desk.achieng)
    for path in (
        f"/api/payment/payments/{pushed['payment_id']}",
        f"/api/payment/mpesa/status/{pushed['CheckoutRequestID']}",
    ):
        assert {desk.http.get(path, headers=headers).status_code for _ in range(60)} == {200}


def test_asking_safaricom_now_is_limited_for_each_person(desk, booking):
    pushed = desk.push(booking).json
    dalmas = make_user(desk.app, "Dalmas")

    def ask(person):
        body = {"CheckoutRequestID": pushed["CheckoutRequestID"]}
        desk.clock.advance(seconds=1)
        return desk.http.post("/api/payment/mpesa/stkpush/query", json=body, headers=bearer(desk.app, person))

    assert {ask(desk.achieng).status_code for _ in range(10)} == {200}
    limited = ask(desk.achieng)
    assert (limited.status_code, limited.json["code"]) == (429, "too_many_requests")
    assert int(limited.headers["Retry-After"]) > 0
    assert ask(dalmas).status_code == 200


def test_safaricom_is_never_limited(desk):
    for path in (BARE, f"{BARE}/{'a' * 32}"):
        assert 429 not in {knock(desk.app, path).status_code for _ in range(40)}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_person_at_five_phones_at_once_rings_three(desk, safaricom):
    bookings = [desk.book(hour=9 + number) for number in range(5)]
    phones = [f"25471234567{number}" for number in range(5)]
    pushes = [partial(desk.push, booking, phone=phone) for booking, phone in zip(bookings, phones, strict=True)]
    assert sorted(answer.status_code for answer in at_once(pushes)) == [200, 200, 200, 429, 429]
    assert len(safaricom.pushes) == 3

"""The control API: it steers everything, for this machine only."""

import pytest
import requests
from daraja_merchant import ACHIENG, CHEBET


def refused(shop, path, body, **kwargs):
    return requests.post(f"{shop.base_url}/_control{path}", json=body, timeout=5, **kwargs)


def test_the_state_tells_everything(shop):
    checkout = shop.pushed()
    shop.act("approve", pin="1234")
    shop.deliver_all()
    state = shop.state()
    assert set(state) == {
        "now", "is_frozen", "is_manual", "seed", "shop", "shortcode", "b2c_shortcode", "accounts", "switches",
        "registrations", "prompts", "bill_payments", "orders", "movements", "requests", "callbacks", "deliveries",
        "phones", "faults", "numbers",
    }  # fmt: skip
    assert (state["now"], state["is_frozen"], state["is_manual"]) == ("2026-11-21T06:00:00+00:00", True, True)
    assert [one["kind"] for one in state["requests"]] == ["OAUTH", "STK"]
    assert state["prompts"][0]["status"] == "paid"
    (delivery,) = state["deliveries"]
    assert (delivery["checkout_request_id"], delivery["http_status"]) == (checkout, 200)
    assert delivery["url"].endswith("/callback/t0ken")
    assert "Accepted" in delivery["answer"]


def test_the_state_keeps_the_shops_secrets(shop):
    config = shop.running.engine.config
    dump = requests.get(f"{shop.base_url}/_control/state", timeout=5).text
    secrets = (config.consumer_secret, config.passkey, config.initiator_password, shop.token)
    assert not any(secret in dump for secret in secrets)


def test_the_clock_freezes_moves_and_runs_again(shop):
    assert shop.control("/clock", freeze="2026-12-24T18:00:00+03:00")["now"] == "2026-12-24T15:00:00+00:00"
    assert shop.control("/clock", advance=1.5)["now"] == "2026-12-24T15:00:01.500000+00:00"
    assert shop.control("/clock", resume=True)["is_frozen"] is False
    assert shop.control("/clock", freeze=True)["is_frozen"] is True


def test_advancing_a_running_clock_moves_it_ahead(open_shop):
    shop = open_shop(starts_at=None)
    before = shop.state()["now"]
    assert shop.control("/clock", advance=3600 * 24 * 400)["now"][:4] > before[:4]


@pytest.mark.parametrize(
    "body", [{}, {"freeze": "tomorrow"}, {"freeze": "2026-12-24T18:00:00"}, {"advance": -1}, {"advance": "x"}]
)
def test_a_clock_cannot_be_set_to_nonsense(shop, body):
    assert refused(shop, "/clock", body).status_code == 400


def test_callbacks_go_one_by_one_or_by_push_or_all_together(shop, receiver):
    first, second = shop.pushed(ACHIENG), shop.pushed(CHEBET)
    shop.act("approve", ACHIENG)
    shop.advance(10)
    shop.act("cancel", CHEBET)
    (delivered,) = shop.control("/callbacks/deliver", checkout_request_id=second)["deliveries"]
    assert delivered["checkout_request_id"] == second
    (delivered,) = shop.control("/callbacks/deliver")["deliveries"]
    assert delivered["checkout_request_id"] == first
    assert refused(shop, "/callbacks/deliver", {}).status_code == 404
    assert shop.deliver_all() == []
    assert len(receiver.received) == 2


def test_all_callbacks_of_one_push_can_go(shop, receiver):
    shop.faults(callbacks=2)
    first = shop.pushed(ACHIENG)
    shop.pushed(CHEBET)
    shop.act("approve", ACHIENG)
    shop.act("approve", CHEBET)
    shop.control("/callbacks/deliver", checkout_request_id=first, all=True)
    assert len(receiver.received) == 2
    assert len(shop.state()["callbacks"]) == 1


def test_a_callback_can_be_dropped(shop, receiver):
    shop.pushed()
    shop.act("approve")
    assert shop.control("/callbacks/drop") == {"dropped": 1}
    assert shop.deliver_all() == []
    assert not receiver.received


def test_a_callback_can_be_duplicated_waiting_or_gone(shop, receiver):
    checkout = shop.pushed()
    shop.act("approve")
    assert shop.control("/callbacks/duplicate", checkout_request_id=checkout)["attempt"] == 2
    shop.deliver_all()
    assert shop.control("/callbacks/duplicate", checkout_request_id=checkout)["attempt"] == 3
    shop.deliver_all()
    assert [one["attempt"] for one in shop.state()["deliveries"]] == [1, 2, 3]
    assert len({one.body for one in receiver.received}) == 1
    assert refused(shop, "/callbacks/duplicate", {"checkout_request_id": "x"}).status_code == 404


def test_a_phone_has_a_balance_and_a_pin(shop):
    assert shop.control(f"/phones/{ACHIENG}", balance=500, pin="4321")["balance"] == 500
    shop.pushed()
    assert shop.act("approve", pin="1234")["status"] == "wrong_pin"
    shop.pushed()
    assert shop.act("approve", pin="4321")["status"] == "insufficient"
    shop.pushed(Amount=500)
    assert shop.act("approve", pin="4321")["status"] == "paid"
    assert shop.state()["phones"][0]["balance"] == 0


def test_nothing_can_be_done_on_a_silent_phone_and_nothing_odd_on_any(shop):
    assert refused(shop, f"/phones/{ACHIENG}/act", {"action": "approve"}).status_code == 409
    shop.pushed()
    assert refused(shop, f"/phones/{ACHIENG}/act", {"action": "dance"}).status_code == 400
    assert refused(shop, "/phones/nobody", {"balance": 1}).status_code == 400
    assert refused(shop, f"/phones/{ACHIENG}", {"balance": "much"}).status_code == 400


def test_a_reset_forgets_everything_and_may_name_the_seed(shop):
    shop.faults("all", callbacks=0)
    shop.pushed()
    shop.advance(30)
    state = shop.control("/reset", seed=42)
    assert (state["seed"], state["now"]) == (42, "2026-11-21T06:00:00+00:00")
    assert not state["prompts"]
    assert not state["requests"]
    assert state["faults"] == {"all": {}, "phones": {}, "kinds": {}, "next": []}
    assert refused(shop, "/reset", {"seed": "x"}).status_code == 400


def test_the_faults_that_are_set_are_shown(shop):
    shop.faults("all", callbacks=0)
    shop.faults("phone", ACHIENG, push="waf")
    shop.faults(answer="lost")
    shop.control("/faults", scope="all", kind="b2c", faults={"callbacks": 2})
    assert shop.state()["faults"] == {
        "all": {"callbacks": 0},
        "phones": {ACHIENG: {"push": "waf"}},
        "kinds": {"b2c": {"all": {"callbacks": 2}, "phones": {}}},
        "next": [{"kind": "stk", "msisdn": "", "faults": {"answer": "lost"}}],
    }
    assert refused(shop, "/faults", {"scope": "phone", "faults": {}}).status_code == 400
    assert refused(shop, "/faults", {"scope": "all"}).status_code == 400
    assert refused(shop, "/faults", {"scope": "all", "kind": "b2b", "faults": {}}).status_code == 400


def test_a_page_from_elsewhere_cannot_steer_it(shop):
    rebound = requests.get(f"{shop.base_url}/_control/state", headers={"Host": "evil.example"}, timeout=5)
    assert rebound.status_code == 403
    form = requests.post(f"{shop.base_url}/_control/reset", data={"seed": "1"}, timeout=5)
    assert form.status_code == 415
    assert refused(shop, "/reset", ["no", "object"]).status_code == 400

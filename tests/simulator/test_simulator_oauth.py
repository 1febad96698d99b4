"""OAuth, as observed; documented variants by switch."""

import re

import requests


def test_a_good_pair_gets_a_token_with_its_life_as_a_string(shop):
    answer = shop.get_token()
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == "3599"
    assert re.fullmatch(r"[A-Za-z0-9]{28}", answer.json()["access_token"])
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


def test_a_wrong_pair_gets_400_and_nothing_else(shop):
    answer = shop.get_token(auth=("simulator-key", "wrong"))
    assert (answer.status_code, answer.content) == (400, b"")


def test_another_scheme_is_400_008_01(shop):
    for header in ("Bearer abc", "Basic %%%", "Basic bm9jb2xvbg==", ""):
        answer = shop.get_token(auth=None, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.008.01")
        assert answer.json()["requestId"]


def test_another_grant_is_400_008_02(shop):
    answer = shop.get_token(params={"grant_type": "password"})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.008.02")


def test_a_token_ends_after_an_hour(shop):
    shop.pushed()
    shop.advance(3600)
    answer = shop.push()
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")
    shop.forget_token()
    shop.pushed()


def test_tokens_can_be_ended_before_their_time(shop):
    shop.pushed()
    shop.control("/tokens/expire")
    assert shop.query("ws_CO_1").json()["errorCode"] == "404.001.03"


def test_two_tokens_live_side_by_side_unless_the_documented_rule_is_on(open_shop):
    for ends_old, status in ((False, 200), (True, 404)):
        shop = open_shop(new_token_ends_old=ends_old)
        first = shop.token
        shop.get_token()
        headers = {"Authorization": f"Bearer {first}"}
        answer = shop.post("/mpesa/stkpush/v1/processrequest", shop.push_fields(), headers=headers)
        assert answer.status_code == status


def test_the_life_of_a_token_can_be_a_number_as_documented(open_shop):
    assert open_shop(expires_in_is_number=True).get_token().json()["expires_in"] == 3599


def test_oauth_can_be_down(shop):
    shop.faults("all", oauth="unavailable")
    assert shop.get_token().status_code == 503


def test_a_wrong_path_is_404_and_a_wrong_method_405(shop):
    wrong = requests.get(f"{shop.base_url}/mpesa/nothing/v1/here", timeout=5)
    assert (wrong.status_code, wrong.json()["errorCode"]) == (404, "404.001.01")
    method = requests.get(f"{shop.base_url}/mpesa/stkpush/v1/processrequest", timeout=5)
    assert (method.status_code, method.json()["errorCode"]) == (405, "405.001")

"""STK query: pending, final, noise, lies and the rate."""

import pytest


def final(shop, action, **faults):
    """Push, act, and let the query become final."""
    if faults:
        shop.faults(**faults)
    checkout = shop.pushed()
    shop.act(action)
    shop.advance(15)
    return checkout


def test_an_open_prompt_is_still_under_processing(shop):
    answer = shop.query(shop.pushed())
    assert answer.status_code == 200
    assert answer.json()["ResponseCode"] == "0"
    assert answer.json()["ResultCode"] == "4999"


def test_a_paid_push_stays_pending_for_some_seconds_and_then_is_paid_without_a_receipt(shop):
    checkout = shop.pushed()
    shop.act("approve")
    shop.advance(9)
    assert shop.query(checkout).json()["ResultCode"] == "4999"
    shop.advance(6)
    answer = shop.query(checkout).json()
    assert answer["ResultCode"] == "0"
    assert answer["ResultDesc"] == "The service request is processed successfully."
    assert set(answer) == {
        "ResponseCode", "ResponseDescription", "MerchantRequestID", "CheckoutRequestID",
        "ResultCode", "ResultDesc",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("cancel", "1032"),
        ("insufficient", "1"),
        ("wrong_pin", "2001"),
        ("unreachable", "1037"),
        ("bad_debt", "E3008"),
    ],
)
def test_a_failure_has_its_code_as_a_string(shop, action, code):
    assert shop.query(final(shop, action)).json()["ResultCode"] == code


def test_an_unknown_id_does_not_exist(shop):
    answer = shop.query("ws_CO_21112026090000712345678")
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
    assert answer.json()["errorMessage"] == "The transaction does not Exist"


def test_bad_fields_and_a_bad_password_are_refused_as_for_a_push(shop):
    assert shop.query("").json()["errorMessage"] == "Bad Request - Invalid CheckoutRequestID"
    assert shop.query("ws_CO_1", Password="x").json()["errorMessage"] == "Wrong credentials"
    assert shop.query("ws_CO_1", BusinessShortCode="6000000").json()["errorMessage"] == "Merchant does not exist"


@pytest.mark.parametrize(
    ("style", "status", "message"),
    [("error_500", 500, "The transaction is being processed"), ("no_message", 200, "")],
)
def test_pending_can_look_as_in_other_years(shop, style, status, message):
    shop.faults("all", pending_style=style)
    checkout = shop.pushed()
    answer = shop.query(checkout)
    assert (answer.status_code, answer.json()["errorCode"]) == (status, "500.001.1001")
    assert answer.json()["errorMessage"] == message
    assert (answer.json()["requestId"] == checkout) == (style == "error_500")


def test_the_sixth_query_in_a_minute_meets_the_gateway(shop):
    checkout = shop.pushed()
    assert [shop.query(checkout).status_code for _ in range(6)] == [200] * 5 + [429]
    fault = shop.query(checkout).json()["fault"]
    assert fault["detail"]["errorcode"] == "policies.ratelimit.SpikeArrestViolation"
    assert "messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0" in fault["faultstring"]
    shop.advance(60)
    assert shop.query(checkout).status_code == 200


def test_a_burst_of_one_spaces_the_queries(open_shop):
    shop = open_shop(query_burst=1, rate_limited_status=500)
    checkout = shop.pushed()
    assert [shop.query(checkout).status_code for _ in range(2)] == [200, 500]
    shop.advance(12)
    assert shop.query(checkout).status_code == 200


def test_a_rate_of_nought_is_no_limit(open_shop):
    shop = open_shop(query_rate=0)
    checkout = shop.pushed()
    assert {shop.query(checkout).status_code for _ in range(12)} == {200}


def test_noise_answers_some_queries_with_a_bare_error(open_shop):
    shop = open_shop(query_rate=0)
    shop.faults("all", query_noise=0.3)
    checkout = shop.pushed()
    answers = [shop.query(checkout) for _ in range(30)]
    noise = [answer for answer in answers if answer.status_code == 500]
    assert 0 < len(noise) < 30
    assert {answer.json()["errorCode"] for answer in noise} == {"500.001.1001"}


@pytest.mark.parametrize(("lie", "code"), [("failed", "1032"), ("pending", "4999")])
def test_a_query_can_lie_about_a_paid_push(shop, lie, code):
    checkout = final(shop, "approve", query_says=lie)
    assert shop.query(checkout).json()["ResultCode"] == code
    assert len(shop.state()["movements"]) == 1


def test_a_query_can_deny_a_paid_push(shop):
    answer = shop.query(final(shop, "approve", query_says="unknown"))
    assert answer.json()["errorMessage"] == "The transaction does not Exist"

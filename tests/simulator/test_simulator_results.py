"""What can go wrong between an initiator's order and its result."""

import json
from datetime import datetime, timedelta

import pytest
import requests
from daraja_merchant import ACHIENG, Driver, parameters


def told(shop, receiver):
    shop.deliver_all()
    return receiver.bodies("/result")


def codes(shop, receiver):
    return [one["Result"]["ResultCode"] for one in told(shop, receiver)]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [("waf", 403), ("rate_limited", 429), ("unavailable", 503), ("maintenance", 500), ("system_internal", 500)],
)
def test_a_refused_order_is_never_carried_out(shop, refusal, status):
    shop.faults(kind="b2c", request=refusal)
    assert shop.b2c().status_code == status
    assert (shop.state()["orders"], shop.moved()) == ([], [])
    assert shop.state()["requests"][-1]["accepted"] is False


def test_a_good_token_may_be_rejected(shop):
    shop.faults(kind="b2c", token_rejected=True)
    assert shop.b2c().json()["errorCode"] == "401.002.01"
    assert shop.moved() == []


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_an_answer_may_not_arrive_although_the_money_went(shop, receiver, fault):
    shop.faults(kind="b2c", answer=fault)
    with pytest.raises(requests.RequestException):
        shop.b2c()
    assert shop.moved() == [("B2C", "OUT", 100)]
    assert codes(shop, receiver) == [0]


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("error_500", 500, "Internal Server Error"),
        ("system_internal", 500, "System internal error."),
        ("html", 200, "<html>"),
        ("empty", 200, ""),
        ("no_ids", 200, "Accept the service request"),
        ("byte_order_mark", 200, "\\ufeff"),
    ],
)
def test_an_answer_may_be_wrong_although_the_money_went(shop, fault, status, said):
    shop.faults(kind="b2c", answer=fault)
    answer = shop.b2c()
    text = json.dumps(answer.text) if fault == "byte_order_mark" else answer.text
    assert (answer.status_code, said in text) == (status, True)
    assert ("AG_" in answer.text) is (fault == "byte_order_mark")
    assert shop.moved() == [("B2C", "OUT", 100)]


def test_a_result_may_come_before_the_answer(shop, receiver):
    shop.faults(kind="b2c", callback_before_answer=True)
    conversation_id = shop.b2c().json()["ConversationID"]
    (result,) = receiver.bodies("/result")
    assert result["Result"]["ConversationID"] == conversation_id
    assert shop.state()["callbacks"] == []


@pytest.mark.parametrize(("number", "count"), [(0, 0), (2, 2)])
def test_a_result_may_be_lost_or_come_twice(shop, receiver, number, count):
    shop.faults(kind="b2c", callbacks=number)
    shop.b2c()
    assert len(told(shop, receiver)) == count
    assert len({one.body for one in receiver.received}) == min(count, 1)


def test_a_result_may_be_late(shop):
    shop.faults(kind="b2c", callback_delay_s=90)
    shop.b2c()
    (waiting,) = shop.state()["callbacks"]
    assert waiting["due_at"] > "2026-11-21T06:01:30"
    assert (waiting["kind"], waiting["checkout_request_id"]) == ("RESULT", "")


def test_a_timeout_notice_may_repeat_the_request_with_its_credential(shop, receiver):
    shop.faults(kind="b2c", timeout_notice="echo")
    shop.b2c(OriginatorConversationID="mine")
    assert codes(shop, receiver) == [0]
    (notice,) = receiver.bodies("/timeout")
    assert (notice["OriginatorConversationID"], notice["SecurityCredential"]) == ("mine", shop.credential)
    assert [one.path for one in receiver.received] == ["/timeout", "/result"]


def test_after_a_timeout_notice_the_result_takes_half_a_minute_more(shop):
    shop.faults(kind="b2c", timeout_notice="echo")
    shop.b2c()
    notice, result = (datetime.fromisoformat(one["due_at"]) for one in shop.state()["callbacks"])
    assert result - notice == timedelta(seconds=30)


def test_a_timeout_notice_may_be_all_that_comes(shop, receiver):
    shop.faults(kind="b2c", timeout_notice="failed_result", callbacks=0)
    shop.b2c(OriginatorConversationID="mine")
    assert told(shop, receiver) == []
    (notice,) = receiver.bodies("/timeout")
    assert notice["Result"]["OriginatorConversationID"] == "mine"
    assert notice["Result"]["ResultCode"] != 0
    assert shop.moved() == [("B2C", "OUT", 100)]


@pytest.mark.parametrize(
    ("fault", "expected"), [("success_then_failure", [0, 1]), ("failure_then_success", [1, 0])]
)
def test_results_may_contradict_each_other(shop, receiver, fault, expected):
    shop.faults(kind="b2c", contradiction=fault)
    shop.b2c()
    assert codes(shop, receiver) == expected
    assert shop.moved() == [("B2C", "OUT", 100)]


def test_a_failure_is_not_contradicted(shop, receiver):
    shop.faults(kind="b2c", contradiction="success_then_failure", ends="insufficient")
    shop.b2c()
    assert codes(shop, receiver) == [1]


def test_one_parameter_is_an_object(shop, receiver):
    shop.faults(kind="b2c", single_parameter=True)
    shop.b2c()
    (result,) = told(shop, receiver)
    assert result["Result"]["ResultParameters"]["ResultParameter"] == {"Key": "TransactionAmount", "Value": 100}


def test_numbers_may_be_strings(shop, receiver):
    shop.faults(kind="b2c", string_values=True)
    shop.b2c()
    (result,) = told(shop, receiver)
    assert (result["Result"]["ResultType"], result["Result"]["ResultCode"]) == ("0", "0")
    assert parameters(result)["TransactionAmount"] == "100"
    assert parameters(result)["B2CUtilityAccountAvailableFunds"] == "999900.00"


@pytest.mark.parametrize(
    ("fault", "shape"), [("zeros", "UKL0000000"), ("sixteen_zeros", "0000000000000000"), ("receipt", "UKL")]
)
def test_a_failed_result_has_one_id_or_another(shop, receiver, fault, shape):
    shop.faults(kind="b2c", failed_id=fault, ends="internal")
    shop.b2c()
    (result,) = told(shop, receiver)
    assert result["Result"]["TransactionID"].startswith(shape)


def test_the_amount_that_is_named_may_be_wrong(shop, receiver):
    shop.faults(kind="b2c", amount_off=-1)
    shop.b2c()
    (result,) = told(shop, receiver)
    assert parameters(result)["TransactionAmount"] == 99
    assert shop.moved() == [("B2C", "OUT", 100)]


@pytest.mark.parametrize(
    ("fault", "body"), [("empty", b""), ("not_json", b"<html"), ("empty_object", b'{"Result":{}}')]
)
def test_a_result_may_say_nothing(shop, receiver, fault, body):
    shop.faults(kind="b2c", callback_body=fault)
    shop.b2c()
    shop.deliver_all()
    assert receiver.received[0].body.startswith(body)


def test_an_order_may_stay_under_way(shop, receiver):
    shop.faults(kind="b2c", carried_out_after_s=60)
    shop.b2c()
    assert (shop.moved(), shop.state()["orders"][0]["status"]) == ([], "open")
    shop.advance(60)
    assert (shop.moved(), shop.state()["orders"][0]["status"]) == ([("B2C", "OUT", 100)], "success")


def test_an_answer_may_be_slow(shop):
    shop.faults(kind="b2c", answer_delay_s=0.3)
    assert shop.b2c().elapsed.total_seconds() >= 0.3


def test_faults_of_one_kind_leave_the_others_alone(shop, receiver):
    shop.faults("all", kind="b2c", callbacks=0)
    shop.faults("phone", ACHIENG, kind="reversal", callbacks=2)
    shop.faults(kind="balance", ends="internal")
    receipt = shop.paid_push()
    shop.deliver_all()
    shop.b2c()
    shop.reverse(receipt, 3000)
    shop.ask_balance()
    assert sorted(codes(shop, receiver)) == [0, 0, 17]


def test_results_are_delivered_by_conversation(shop, receiver):
    first, second = (shop.b2c().json()["ConversationID"] for _ in range(2))
    (delivery,) = shop.control("/callbacks/deliver", subject=second)["deliveries"]
    assert (delivery["subject"], delivery["kind"]) == (second, "RESULT")
    assert shop.control("/callbacks/duplicate", subject=second)["attempt"] == 2
    assert shop.control("/callbacks/drop", subject=first) == {"dropped": 1}
    assert len(shop.state()["callbacks"]) == 1


def test_the_request_log_tells_the_ids_and_no_secret(shop):
    ids = shop.b2c().json()
    logged = shop.state()["requests"][-1]
    assert (logged["kind"], logged["msisdn"], logged["amount"]) == ("B2C", ACHIENG, 100)
    assert logged["conversation_id"] == ids["ConversationID"]
    assert logged["originator_conversation_id"] == ids["OriginatorConversationID"]
    assert shop.credential not in json.dumps(shop.state()["requests"] + shop.state()["orders"])


def test_the_same_seed_tells_the_same_story_without_http():
    def story():
        driver = Driver(seed=7)
        answer = driver.post(
            "/mpesa/b2c/v3/paymentrequest",
            OriginatorConversationID="a",
            InitiatorName="testapi",
            SecurityCredential="eA==",
            CommandID="BusinessPayment",
            Amount=10,
            PartyA="600992",
            PartyB=ACHIENG,
            Remarks="ok",
            ResultURL="https://shop.example/r",
            QueueTimeOutURL="https://shop.example/t",
        )
        return answer.body, [(one.due_at, one.body) for one in driver.engine.callbacks]

    assert story() == story()

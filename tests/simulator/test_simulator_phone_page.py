"""The phone in the browser: its pages, what they poll, and that they need nothing from elsewhere."""

import re

import pytest
import requests
from daraja_merchant import ACHIENG


def get(shop, path, **kwargs):
    return requests.get(f"{shop.base_url}{path}", timeout=5, **kwargs)


def screen(shop):
    return get(shop, f"/phone/{ACHIENG}/state").json()


def test_the_front_page_leads_to_the_phones(shop):
    assert get(shop, "/", allow_redirects=False).headers["Location"] == "/phone"


def test_the_list_names_every_number_that_behaves_by_itself(shop):
    page = get(shop, "/phone").text
    assert "254708374149" in page
    assert "the callback is lost" in page


@pytest.mark.parametrize("typed", ["0712345678", "0712 345 678", "+254712345678", "254-712-345-678", "712345678"])
def test_a_number_as_people_type_it_opens_its_phone(shop, typed):
    answer = get(shop, "/phone", params={"number": typed}, allow_redirects=False)
    assert answer.headers["Location"] == f"/phone/{ACHIENG}"


def test_what_is_no_number_is_said_so(shop):
    page = get(shop, "/phone", params={"number": "<b>0812"})
    assert "no Kenyan mobile number" in page.text
    assert "<b>0812" not in page.text
    assert get(shop, "/phone/nobody").status_code == 404
    assert get(shop, "/phone/nobody/state").status_code == 404


def test_the_pages_need_nothing_from_elsewhere(shop):
    for path in ("/phone", f"/phone/{ACHIENG}", "/phone/static/phone.css", "/phone/static/phone.js"):
        answer = get(shop, path)
        assert answer.status_code == 200
        assert not re.search(r"https?://|//[a-z]+\.", answer.text)


def test_an_idle_phone_shows_the_time_in_nairobi(shop):
    shown = screen(shop)
    assert (shown["time"], shown["date"]) == ("09:00", "Saturday, 21 November")
    assert (shown["prompt"], shown["messages"], shown["balance"]) == (None, [], 100_000)


def test_a_prompt_asks_for_the_amount_the_shop_and_the_account(shop):
    shop.pushed()
    shop.advance(17)
    prompt = screen(shop)["prompt"]
    assert prompt["text"] == "Do you want to pay KES 3,000 to HAKI YETU Account HY-7K2MQ4PX? Enter M-PESA PIN:"
    assert (prompt["status"], prompt["is_ignored"], prompt["seconds_left"]) == ("open", False, 43)
    (listed,) = get(shop, "/phone/state").json()["phones"]
    assert listed["prompt"]["amount"] == 3000


def test_after_paying_a_receipt_arrives_as_a_text_message(shop):
    shop.pushed()
    shop.act("approve", pin="1234")
    shown = screen(shop)
    assert shown["prompt"] is None
    assert re.fullmatch(
        r"UKL[A-Z0-9]{7} Confirmed\. Ksh3,000\.00 sent to HAKI YETU for account HY-7K2MQ4PX "
        r"on 21/11/26 at 9:00 AM\. "
        r"New M-PESA balance is Ksh97,000\.00\. Transaction cost, Ksh0\.00\.",
        shown["messages"][0]["text"],
    )


def test_a_failure_is_texted_where_mpesa_texts_it(shop):
    shop.pushed()
    shop.act("approve", pin="0000")
    shop.control(f"/phones/{ACHIENG}", balance=10)
    shop.pushed()
    shop.act("approve")
    shop.pushed()
    shop.act("cancel")
    wrong_pin, insufficient = [one["text"] for one in screen(shop)["messages"]]
    assert "wrong M-PESA PIN" in wrong_pin
    assert "not have enough money" in insufficient


def test_a_phone_pays_by_paybill_under_any_account(shop):
    page = get(shop, f"/phone/{ACHIENG}").text
    assert 'id="paybill"' in page
    assert "Business number 174379, HAKI YETU." in page
    assert shop.pay_bill(50, "<b>what I like</b>", pin="1234")["progress"] == "paid"
    shown = screen(shop)
    assert shown["balance"] == 99_950
    assert "Ksh50.00 sent to HAKI YETU for account <b>what I like</b>" in shown["messages"][0]["text"]


def test_a_paybill_payment_that_fails_is_texted(shop):
    shop.pay_bill(pin="0000")
    shop.pay_bill(200_000)
    wrong_pin, insufficient = [one["text"] for one in screen(shop)["messages"]]
    assert wrong_pin == "Failed. You have entered a wrong M-PESA PIN. Ksh3,000.00 was not sent to HAKI YETU."
    assert "not have enough money" in insufficient


def test_money_that_comes_or_comes_back_is_texted(shop):
    shop.b2c(Amount=500)
    receipt = shop.pay_bill(50)["receipt"]
    shop.reverse(receipt, 50)
    received, _, given_back = [one["text"] for one in screen(shop)["messages"]]
    assert "You have received Ksh500.00 from HAKI YETU" in received
    assert f"Transaction {receipt} was reversed on 21/11/26 at 9:00 AM and Ksh50.00 is credited" in given_back


def test_the_shop_on_the_prompt_is_configured(open_shop):
    shop = open_shop(shop="MAMA MBOGA")
    shop.pushed()
    assert "to MAMA MBOGA Account" in screen(shop)["prompt"]["text"]
    assert "MAMA MBOGA" in get(shop, f"/phone/{ACHIENG}").text


def test_a_page_from_elsewhere_cannot_look_at_a_phone(shop):
    assert get(shop, f"/phone/{ACHIENG}/state", headers={"Host": "evil.example"}).status_code == 403

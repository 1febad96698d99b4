"""The part of the control API about money: paying by paybill, accounts, switches, the statement, the certificate.

| call | body | answer |
|---|---|---|
| POST /phones/<msisdn>/pay | `{"account": "HY-7K2MQ4PX", "amount": 3000, "pin": "1234"}`, the PIN may be left out | the payment: `receipt`, `progress` (validating, paid, rejected, wrong_pin, insufficient) and `why` |
| POST /reversals/external | `{"receipt": "..."}` | the movement; 409 if it cannot be reversed. The shop is not told |
| POST /accounts | `{"working": 0, "utility": 0, "charges_paid": 0}`, any of them | the accounts, in shillings |
| POST /switches | `{"external_validation": true, "stk_also_confirms": true, "urls_may_be_registered_again": true}`, any of them | the switches |
| POST /registrations/clear | `{}` | 204; no C2B URL is registered any more |
| GET  /statement.csv?date=2026-11-21 | | the organisation's statement of that day in Nairobi |
| GET  /certificate | | PEM certificate for the SecurityCredential |
"""  # noqa: E501 - a table

from datetime import date

from flask import Blueprint, Response, jsonify, request

from simulator import views
from simulator.control_body import BadControl, json_body
from simulator.fields import is_msisdn
from simulator.initiator import certificate
from simulator.statement import statement
from simulator.world import World

Answer = Response | tuple[Response, int]


def register(control: Blueprint, world: World) -> None:
    """Add these routes to the control API of one world."""
    _register_payments(control, world)
    _register_organisation(control, world)
    _register_papers(control, world)


def _register_payments(control: Blueprint, world: World) -> None:
    @control.post("/phones/<msisdn>/pay")
    def pay(msisdn: str) -> Answer:
        body = json_body()
        amount, pin = _shillings(body.get("amount")), body.get("pin")
        if amount < 1:
            raise BadControl("nobody pays less than 1 shilling")
        if not is_msisdn(msisdn):
            raise BadControl("a number looks like 254712345678")
        with world.lock:
            account = str(body.get("account", ""))
            payment = world.engine.pay_bill(msisdn, account, amount, None if pin is None else str(pin))
            return jsonify(views.bill_payment(payment))

    @control.post("/reversals/external")
    def reverse() -> Answer:
        with world.lock:
            return jsonify(views.record(world.engine.reverse_externally(str(json_body().get("receipt")))))


def _register_organisation(control: Blueprint, world: World) -> None:
    @control.post("/accounts")
    def set_accounts() -> Answer:
        with world.lock:
            accounts = world.engine.accounts
            wanted = json_body()
            if not wanted.keys() <= accounts.keys():
                raise BadControl(f"accounts are {', '.join(accounts)}")
            for name in accounts:
                accounts[name] = _shillings(wanted.get(name, accounts[name]))
            return jsonify(accounts)

    @control.post("/switches")
    def set_switches() -> Answer:
        with world.lock:
            switches = world.engine.switches
            wanted = json_body()
            for name, is_on in wanted.items():
                if not hasattr(switches, name) or not isinstance(is_on, bool):
                    raise BadControl("a switch is true or false; their names stand in the state")
            for name, is_on in wanted.items():
                setattr(switches, name, is_on)
            return jsonify(views.switches(switches))

    @control.post("/registrations/clear")
    def forget_urls() -> Answer:
        with world.lock:
            world.engine.forget_urls()
        return Response(status=204)


def _shillings(amount: object) -> int:
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise BadControl("an amount is whole shillings")
    return amount


def _register_papers(control: Blueprint, world: World) -> None:
    @control.get("/statement.csv")
    def statement_of_day() -> Answer:
        try:
            day = date.fromisoformat(request.args.get("date", ""))
        except ValueError:
            raise BadControl("date looks like 2026-11-21") from None
        with world.lock:
            written = statement(world.config, world.engine.movements, day)
        return Response(written, content_type="text/csv; charset=utf-8")

    @control.get("/certificate")
    def public_certificate() -> Answer:
        return Response(certificate(world.config), content_type="application/x-pem-file")

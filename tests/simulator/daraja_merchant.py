"""A merchant who calls the simulator, and the door where its callbacks arrive."""

import base64
import itertools
import json
import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.clock import SettableClock
from simulator.config import Config
from simulator.engine import Safaricom
from simulator.records import Call, Reply
from simulator.server import RunningSimulator

NINE_IN_NAIROBI = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
ACHIENG = "254712345678"
CHEBET = "254722000111"


@dataclass
class Received:
    """One callback as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The shop's callback door."""

    url: str
    received: list[Received] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    status: int = 200
    says: bytes = b'{"ResultCode":0,"ResultDesc":"Accepted"}'

    def bodies(self, path: str) -> list[Any]:
        """Return the JSON objects that came to one path, in order."""
        return [json.loads(one.body) for one in self.received if one.path == path]

    def wait_for(self, count: int) -> list[Received]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, timeout=5), self.received
        return self.received


class Merchant:
    """A shop with the simulator's credentials."""

    def __init__(self, running: RunningSimulator, callback_base: str) -> None:
        self._numbers = itertools.count(1)
        self.running = running
        self.base_url = running.base_url
        self.callback_base = callback_base
        self._token = ""

    def get_token(self, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("params", {"grant_type": "client_credentials"})
        kwargs.setdefault("auth", ("simulator-key", "simulator-secret"))
        return requests.get(f"{self.base_url}/oauth/v1/generate", timeout=5, **kwargs)

    @property
    def token(self) -> str:
        self._token = self._token or self.get_token().json()["access_token"]
        return self._token

    def forget_token(self) -> None:
        self._token = ""

    def push_fields(self, msisdn: str = ACHIENG, **changes: object) -> dict[str, object]:
        return {
            **self._credentials(),
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 3000,
            "PartyA": msisdn,
            "PartyB": "174379",
            "PhoneNumber": msisdn,
            "CallBackURL": f"{self.callback_base}/callback/t0ken",
            "AccountReference": "HY-7K2MQ4PX",
            "TransactionDesc": "Consultation",
            **changes,
        }

    def push(self, msisdn: str = ACHIENG, **changes: object) -> requests.Response:
        return self.post("/mpesa/stkpush/v1/processrequest", self.push_fields(msisdn, **changes))

    def pushed(self, msisdn: str = ACHIENG, **changes: object) -> str:
        answer = self.push(msisdn, **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["CheckoutRequestID"])

    def query(self, checkout_request_id: str, **changes: object) -> requests.Response:
        fields = {**self._credentials(), "CheckoutRequestID": checkout_request_id, **changes}
        return self.post("/mpesa/stkpushquery/v1/query", fields)

    def post(self, path: str, fields: object, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("headers", {"Authorization": f"Bearer {self.token}"})
        return requests.post(f"{self.base_url}{path}", json=fields, timeout=5, **kwargs)

    def control(self, path: str, **body: object) -> Any:
        answer = requests.post(f"{self.base_url}/_control{path}", json=body, timeout=5)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def state(self) -> Any:
        return requests.get(f"{self.base_url}/_control/state", timeout=5).json()

    def act(self, action: str, msisdn: str = ACHIENG, **pin: str) -> Any:
        return self.control(f"/phones/{msisdn}/act", action=action, **pin)

    def faults(self, scope: str = "next", msisdn: str = "", kind: str = "stk", **faults: object) -> None:
        self.control("/faults", scope=scope, kind=kind, msisdn=msisdn, faults=faults)

    def advance(self, seconds: float) -> None:
        self.control("/clock", advance=seconds)

    def deliver_all(self) -> list[dict[str, Any]]:
        return list(self.control("/callbacks/deliver", all=True)["deliveries"])

    def _credentials(self, timestamp: str = "20261121090000") -> dict[str, object]:
        config = self.running.engine.config
        password = base64.b64encode((config.shortcode + config.passkey + timestamp).encode()).decode()
        return {"BusinessShortCode": config.shortcode, "Password": password, "Timestamp": timestamp}


class Organisation(Merchant):
    """A shop that also moves its own money, as an initiator, and has its customers' paybill payments told."""

    @cached_property
    def credential(self) -> str:
        return self.encrypt("Safaricom999!*!")

    def encrypt(self, password: str) -> str:
        pem = requests.get(f"{self.base_url}/_control/certificate", timeout=5).text
        return credential(pem, password)

    def order(self, path: str, **fields: object) -> requests.Response:
        common = {
            "SecurityCredential": self.credential,
            "Remarks": "Refund",
            "ResultURL": f"{self.callback_base}/result",
            "QueueTimeOutURL": f"{self.callback_base}/timeout",
        }
        return self.post(path, {name: value for name, value in (common | fields).items() if value is not None})

    def b2c(self, msisdn: str = ACHIENG, version: int = 3, **changes: object) -> requests.Response:
        known = {"OriginatorConversationID": f"pay-{next(self._numbers)}"} if version == 3 else {}
        fields = {
            "InitiatorName": "testapi",
            "CommandID": "BusinessPayment",
            "Amount": 100,
            "PartyA": "600992",
            "PartyB": msisdn,
            "Occassion": "",
        }
        return self.order(f"/mpesa/b2c/v{version}/paymentrequest", **(fields | known | changes))

    def reverse(self, receipt: str, amount: int, **changes: object) -> requests.Response:
        fields = {
            "Initiator": "testapi",
            "CommandID": "TransactionReversal",
            "TransactionID": receipt,
            "Amount": amount,
            "ReceiverParty": "174379",
            "RecieverIdentifierType": "11",
        }
        return self.order("/mpesa/reversal/v1/request", **(fields | changes))

    def ask_status(self, **which: object) -> requests.Response:
        return self.order(
            "/mpesa/transactionstatus/v1/query",
            **{"Initiator": "testapi", "CommandID": "TransactionStatusQuery", "PartyA": "600992"}
            | {"IdentifierType": "4", "Occasion": ""}
            | which,
        )

    def ask_balance(self, **changes: object) -> requests.Response:
        fields = {"Initiator": "testapi", "CommandID": "AccountBalance", "PartyA": "600992", "IdentifierType": "4"}
        return self.order("/mpesa/accountbalance/v1/query", **(fields | changes))

    def register(self, version: int = 2, **changes: object) -> requests.Response:
        fields = {
            "ShortCode": "174379",
            "ResponseType": "Completed",
            "ConfirmationURL": f"{self.callback_base}/confirmation",
            "ValidationURL": f"{self.callback_base}/validation",
        }
        return self.post(f"/mpesa/c2b/v{version}/registerurl", fields | changes)

    def pay_bill(self, amount: int = 3000, account: str = "HY-7K2MQ4PX", **more: object) -> Any:
        return self.control(f"/phones/{ACHIENG}/pay", account=account, amount=amount, **more)

    def paid_push(self, **changes: object) -> str:
        """Let a push be paid; return its receipt."""
        self.pushed(**changes)
        self.act("approve")
        return str(self.state()["movements"][-1]["receipt"])

    def moved(self) -> list[tuple[str, str, int]]:
        return [(one["kind"], one["direction"], one["amount"]) for one in self.state()["movements"]]

    def balance(self, msisdn: str = ACHIENG) -> int:
        (found,) = [one["balance"] for one in self.state()["phones"] if one["msisdn"] == msisdn]
        return int(found)


class Driver:
    """Somebody who drives an engine without HTTP, threads or wall clock."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = SettableClock(NINE_IN_NAIROBI)
        self.engine = Safaricom(Config(query_rate=0), self.clock, random.Random(seed))
        pair = base64.b64encode(b"simulator-key:simulator-secret").decode()
        asked = Call("GET", "/oauth/v1/generate", {"grant_type": "client_credentials"}, f"Basic {pair}")
        self._bearer = "Bearer " + json.loads(self.engine.answer(asked).body)["access_token"]

    def post(self, path: str, **fields: object) -> Reply:
        body = json.dumps(fields).encode()
        return self.engine.answer(Call("POST", path, {}, self._bearer, "application/json", body))


def credential(certificate: str, password: str) -> str:
    """Encrypt a password as Safaricom wants it."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()


def parameters(result: Any) -> dict[str, Any]:
    """Return a result's parameters by key; a doubled key keeps its last value."""
    listed = result["Result"].get("ResultParameters", {}).get("ResultParameter", [])
    return {one["Key"]: one.get("Value") for one in ([listed] if isinstance(listed, dict) else listed)}

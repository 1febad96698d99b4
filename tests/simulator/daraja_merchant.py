"""A merchant who calls the simulator, and the door where its callbacks arrive."""

import base64
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

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

    def wait_for(self, count: int) -> list[Received]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, timeout=5), self.received
        return self.received


class Merchant:
    """A shop with the simulator's credentials."""

    def __init__(self, running: RunningSimulator, callback_base: str) -> None:
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

    def faults(self, scope: str = "next", msisdn: str = "", **faults: object) -> None:
        self.control("/faults", scope=scope, msisdn=msisdn, faults=faults)

    def advance(self, seconds: float) -> None:
        self.control("/clock", advance=seconds)

    def deliver_all(self) -> list[dict[str, Any]]:
        return list(self.control("/callbacks/deliver", all=True)["deliveries"])

    def _credentials(self, timestamp: str = "20261121090000") -> dict[str, object]:
        config = self.running.engine.config
        password = base64.b64encode((config.shortcode + config.passkey + timestamp).encode()).decode()
        return {"BusinessShortCode": config.shortcode, "Password": password, "Timestamp": timestamp}

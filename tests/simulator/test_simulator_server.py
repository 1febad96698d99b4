"""Starting, stopping, refusing to start, and many callers at once."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from daraja_merchant import Merchant

import simulator
from simulator.config import Config
from simulator.server import NotAllowedHere, serve

_ROOT = Path(simulator.__file__).parent.parent


def launch(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", *arguments],
        cwd=_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_as_soon_as_it_says_that_it_runs(name):
    with launch("--manual", "--seed", "5") as process:
        assert "seed 5" in process.stdout.readline()
        process.send_signal(name)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_the_organisation_is_set_up_from_the_command_line(tmp_path):
    arguments = ["--b2c-shortcode", "600111", "--utility", "5", "--stk-also-confirms", "--no-validation"]
    with launch(*arguments, "--register-again", "--key-file", str(tmp_path / "key.pem")) as process:
        base_url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline()).group()
        state = requests.get(f"{base_url}/_control/state", timeout=5).json()
        process.terminate()
        process.communicate(timeout=5)
    assert (state["b2c_shortcode"], state["accounts"]["utility"]) == ("600111", 5)
    assert state["switches"] == {
        "external_validation": False, "stk_also_confirms": True, "urls_may_be_registered_again": True,
    }  # fmt: skip
    assert (tmp_path / "key.pem").read_bytes().startswith(b"-----BEGIN PRIVATE KEY")


def test_a_bad_key_file_is_named_at_the_start(tmp_path):
    (tmp_path / "key.pem").write_text("no key")
    with launch("--key-file", str(tmp_path / "key.pem")) as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "key.pem is no PEM key" in errors


@pytest.mark.parametrize(
    ("arguments", "environment"), [((), {"APP_ENV": "production"}), (("--host", "192.168.1.7"), {})]
)
def test_it_does_not_start_where_it_must_not(arguments, environment):
    with launch(*arguments, **environment) as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.startswith("simulator: the simulator")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "simulator.example"])
def test_it_listens_on_loopback_only(host):
    with pytest.raises(NotAllowedHere):
        serve(host=host)


def test_production_has_no_simulator(monkeypatch):
    monkeypatch.setenv("APP_ENV", "production")
    with pytest.raises(NotAllowedHere):
        serve()


def test_stopping_cuts_slow_answers_short():
    running = serve(Config(manual=True))
    merchant = Merchant(running, "http://127.0.0.1:9")
    merchant.faults(push_delay_s=60)
    merchant.token  # noqa: B018 - fetched now, so that the push is the only call in the thread
    caller = threading.Thread(target=lambda: merchant.push())
    caller.start()
    while not merchant.state()["prompts"]:
        time.sleep(0.01)
    running.stop()
    caller.join(timeout=30)
    assert not caller.is_alive()


def test_fifty_people_push_at_once_and_every_shilling_is_there(open_shop, receiver):
    shop = open_shop(manual=False, callback_delay_s=(0.0, 0.0))
    shop.faults("all", phone_does="approve", phone_after_s=0.0)
    assert shop.token
    phones = [f"2547220001{number:02}" for number in range(50)]
    with ThreadPoolExecutor(50) as crowd:
        checkouts = set(crowd.map(shop.pushed, phones))
    assert len(checkouts) == 50
    receiver.wait_for(50)
    state = shop.state()
    assert {one["checkout_request_id"] for one in state["movements"]} == checkouts
    assert len({one["receipt"] for one in state["movements"]}) == 50
    assert len({one.body for one in receiver.received}) == 50


def test_fifty_people_push_one_phone_and_one_prompt_rings(open_shop):
    shop = open_shop()
    assert shop.token
    with ThreadPoolExecutor(50) as crowd:
        statuses = list(crowd.map(lambda _: shop.push().status_code, range(50)))
    assert sorted(statuses) == [200] + [500] * 49
    assert len(shop.state()["prompts"]) == 1


def test_a_callback_may_ask_back_while_it_is_delivered(open_shop, receiver):
    shop = open_shop()
    shop.faults(callback_before_answer=True, push_delay_s=0.2)
    pushing = threading.Thread(target=shop.pushed)
    pushing.start()
    receiver.wait_for(1)
    assert shop.query(shop.state()["prompts"][0]["checkout_request_id"]).status_code == 200
    pushing.join()


def test_a_call_waits_while_somebody_holds_the_lock(shop):
    assert shop.token
    pushing = threading.Thread(target=shop.pushed)
    with shop.running.lock:
        pushing.start()
        pushing.join(timeout=0.2)
        assert shop.running.engine.pushes == ()
    pushing.join()
    assert len(shop.running.engine.pushes) == 1

"""`python -m simulator`: a stand-in Safaricom on this machine, until it is interrupted."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from simulator.config import Config
from simulator.initiator import BadKeyFile
from simulator.server import NotAllowedHere, RunningSimulator, serve


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    options = _parser().parse_args()
    asked_to_stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):  # before anybody is told that it runs, and so may end it
        signal.signal(name, lambda *_: asked_to_stop.set())
    try:
        running = serve(_config(options), options.host, options.port)
    except (NotAllowedHere, BadKeyFile, OSError) as refusal:
        sys.stderr.write(f"simulator: {refusal}\n")
        return 1
    _announce(running, options.manual)
    asked_to_stop.wait()
    running.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    default = Config()
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A stand-in Safaricom.")
    parser.add_argument("--host", default="127.0.0.1", help="loopback only")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--manual", action="store_true", help="callbacks wait until /_control says go")
    parser.add_argument("--seed", type=int, help="repeat the random choices of an earlier run")
    parser.add_argument("--shop", default=default.shop, help="name on the prompt and in the text message")
    parser.add_argument("--consumer-key", default=default.consumer_key)
    parser.add_argument("--consumer-secret", default=default.consumer_secret)
    parser.add_argument("--shortcode", default=default.shortcode)
    parser.add_argument("--passkey", default=default.passkey)
    parser.add_argument("--b2c-shortcode", default=default.b2c_shortcode, help="what pays out")
    parser.add_argument("--initiator", default=default.initiator)
    parser.add_argument("--initiator-password", default=default.initiator_password)
    parser.add_argument("--key-file", type=Path, help="RSA key of the certificate, written if it is not there")
    parser.add_argument("--utility", type=int, default=default.utility_opening, help="shillings to pay out from")
    parser.add_argument("--no-validation", action="store_true", help="paybill payments are not asked about")
    parser.add_argument("--stk-also-confirms", action="store_true", help="pushes are told as C2B as well")
    parser.add_argument("--register-again", action="store_true", help="C2B URLs may be replaced (sandbox)")
    parser.add_argument("--source-address", default="", help="sent with callbacks as X-Forwarded-For")
    parser.add_argument("--query-rate", type=int, default=default.query_rate, help="a minute; 0: no limit")
    parser.add_argument("--strict-callback-urls", action="store_true", help="refuse localhost, as the real one")
    return parser


def _config(options: argparse.Namespace) -> Config:
    return Config(
        consumer_key=options.consumer_key,
        consumer_secret=options.consumer_secret,
        shortcode=options.shortcode,
        passkey=options.passkey,
        shop=options.shop,
        b2c_shortcode=options.b2c_shortcode,
        initiator=options.initiator,
        initiator_password=options.initiator_password,
        key_file=options.key_file,
        utility_opening=options.utility,
        external_validation=not options.no_validation,
        stk_also_confirms=options.stk_also_confirms,
        urls_may_be_registered_again=options.register_again,
        manual=options.manual,
        seed=options.seed,
        source_address=options.source_address,
        query_rate=options.query_rate,
        strict_callback_urls=options.strict_callback_urls,
    )


def _announce(running: RunningSimulator, is_manual: bool) -> None:
    mode = "callbacks wait for /_control" if is_manual else "callbacks go by themselves"
    sys.stdout.write(
        f"Safaricom simulator {running.base_url} ({mode}, seed {running.world.seed})\n"
        f"Phone               {running.base_url}/phone\n"
        f"Certificate         {running.base_url}/_control/certificate\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

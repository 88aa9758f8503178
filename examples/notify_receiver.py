#!/usr/bin/env python3
"""The software house's server, where Koubei's notifications arrive: verify, file, answer, spend.

    PYTHONPATH=bindings/python python3 examples/notify_receiver.py FOLDER GATEWAY
        [--name server] [--secret-file FILE] [--host 127.0.0.1] [--port 8089] [--path /notify]

FOLDER holds app_private_key.txt, alipay_public_key.txt, app_id.txt (without it: the sandbox's app, as
in the other examples) and the server's own queue, server.queue, made when it is absent. The queue is
locked while the server runs; examples/notify_receiver.c is the same as a program per request.

  POST or GET --path   a notification. `success` is answered only after it is in the queue and on
                       the disk: whatever is cut before that comes again, up to 8 times in 25 hours.
                       The same message again changes nothing; one that comes before its offer is
                       kept, and joined when the offer is imported. A message about an activity moves
                       no points: it is answered, and activity.query gives its state.
  POST /import         what a till's redeem_export made for --name; the answer is the receipt for
                       its redeem_handed_over.
  GET /offers          every offer with its state, as JSON; "owed", "uncertain" and "stuck" are for a
                       person.

Points are spent and released in the background. The last two paths speak of shoppers. With
--secret-file they want the file's text in the header X-Pointcard-Secret, from everyone; without it
they are open to this machine only, and closed to whatever a proxy says it forwards. A proxy that does
not say so opens them to all: give it a secret, or --path alone. It listens on this machine only unless
told otherwise; put the web server that has your certificate in front.
"""

import argparse
import hmac
import ipaddress
import json
import socketserver
import sys
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pointcard

MESSAGE_MAX = 65536
SANDBOX_APP = "2016100900000001"
#: What a proxy adds: such a request is not from this machine, whoever brought it.
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
#: Failures of the server, not of what it was given: the same again may succeed.
AGAIN = ("ERR_BUSY", "ERR_QUEUE_FULL", "ERR_STORAGE", "ERR_SIGNER", "ERR_ENTROPY")


def say(text):
    print(text, file=sys.stderr, flush=True)


class Spender(threading.Thread):
    """Syncs after every wake(), and when the queue says that something is due."""

    LONGEST = 60.0  #: seconds between two looks at the clock and the queue

    def __init__(self, client):
        super().__init__(daemon=True)
        self._client, self._due, self._over = client, threading.Event(), False

    def wake(self):
        self._due.set()

    def run(self):
        wait = 0.0
        while not self._over:
            self._due.wait(wait)
            self._due.clear()
            wait = self._sync()

    def _sync(self):
        try:
            report = self._client.sync(5000)
        except pointcard.Error as error:
            say(f"sync: {error}")
            return self.LONGEST
        if report.accepted or report.rejected or report.uncertain:
            say(f"sync: {report.accepted} accepted, {report.rejected + report.uncertain} refused")
        if report.waiting == 0:
            return self.LONGEST
        return min(max(report.retry_in_ms / 1000, 0.1), self.LONGEST)

    def stop(self):
        """Returns when the sync that is under way has ended."""
        self._over = True
        self.wake()
        self.join()


class Handler(BaseHTTPRequestHandler):
    """One request. The server has the receiver, the client, the spender and what was given."""

    timeout = 20
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 9:
            return self.reply(411, pointcard.REPLY_FAIL)
        if int(length) > MESSAGE_MAX:
            return self.reply(413, pointcard.REPLY_FAIL)
        path, body = self.path.partition("?")[0], self.rfile.read(int(length))
        if path == self.server.given.path:
            return self.take(body)
        return self.take_offer(body) if path == "/import" else self.reply(404, pointcard.REPLY_FAIL)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == self.server.given.path:
            return self.take(query.encode("latin-1"))
        return self.show_offers() if path == "/offers" else self.reply(404, pointcard.REPLY_FAIL)

    def take(self, raw):
        try:
            message = self.server.receiver.read(raw)
            filed = self.server.client.redeem_commit(message) if message.kind == "coupon" else "seen"
        except pointcard.Error as error:
            say(f"not filed: {error}")
            return self.reply(200, pointcard.REPLY_FAIL)
        self.server.spender.wake()
        say(f"{message.kind} {message.isv_out_biz_id or message.id}: {filed}")
        return self.reply(200, pointcard.REPLY)

    def take_offer(self, raw):
        if not self.is_trusted():
            return self.reply(403, pointcard.REPLY_FAIL)
        try:
            receipt = self.server.client.redeem_import(raw.strip(), self.server.given.name)
        except pointcard.Error as error:
            say(f"not imported: {error}")
            return self.reply(503 if error.name in AGAIN else 400, str(error).encode())
        self.server.spender.wake()
        return self.reply(200, receipt.encode())

    def show_offers(self):
        if not self.is_trusted():
            return self.reply(403, pointcard.REPLY_FAIL)
        try:
            offers = [asdict(offer) for offer in self.server.client.redeem_list()]
        except pointcard.Error as error:
            return self.reply(503, str(error).encode())
        return self.reply(200, json.dumps(offers).encode(), "application/json")

    def is_trusted(self):
        if self.server.secret is not None:
            said = self.headers.get("X-Pointcard-Secret", "").encode("latin-1", "replace")
            return hmac.compare_digest(said, self.server.secret)
        here = ipaddress.ip_address(self.client_address[0]).is_loopback
        return here and not any(name in self.headers for name in FORWARDED)

    def reply(self, status, body, kind="text/plain; charset=utf-8"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            # Its body may not have been read.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """A request line may hold user ids: nothing is logged of it."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        # Without the reverse look-up of HTTPServer, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def options():
    parser = argparse.ArgumentParser(description="Receives Koubei's notifications and spends points.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("gateway")
    parser.add_argument("--name", default="server", help="what tills export to")
    parser.add_argument("--secret-file", type=Path, help="for /import and /offers")
    parser.add_argument("--auth-app-id", help="the merchant's app; default: any")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--path", default="/notify")
    return parser.parse_args()


def secret(given):
    if given.secret_file is None:
        return None
    text = given.secret_file.read_bytes().strip()
    if len(text) < 16:
        sys.exit(f"{given.secret_file}: a secret has at least 16 bytes")
    return text


def open_queue(server, folder, gateway):
    """The library, twice: what verifies messages, and what files and spends."""
    paper = folder / "app_id.txt"
    app_id = paper.read_text().strip() if paper.exists() else SANDBOX_APP
    alipay_key = (folder / "alipay_public_key.txt").read_text()
    server.receiver = pointcard.Receiver(
        app_id=app_id, auth_app_id=server.given.auth_app_id, alipay_public_key=alipay_key
    )
    server.client = pointcard.Client(
        app_id=app_id, queue=folder / "server.queue", queue_size=4 << 20, gateway=gateway,
        private_key=(folder / "app_private_key.txt").read_text(), alipay_public_key=alipay_key,
    )
    server.spender = Spender(server.client)


def main():
    given = options()
    with Server((given.host, given.port), Handler) as server:
        server.given, server.secret = given, secret(given)
        open_queue(server, given.folder, given.gateway)
        server.spender.start()
        print(f"listening on http://{given.host}:{server.server_port}{given.path}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        server.spender.stop()
        server.client.close()


if __name__ == "__main__":
    main()

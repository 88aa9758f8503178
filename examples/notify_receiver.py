#!/usr/bin/env python3
"""Koubei's notifications as they arrive at a software house: verify, store, answer.

    PYTHONPATH=bindings/python python3 examples/notify_receiver.py \
        --alipay-public-key keys/alipay_public_key.txt --app-id 2016100900000001 \
        --journal notifications.log [--host 127.0.0.1] [--port 8089] [--path /notify]

Takes POST and GET on one path. `success` is answered only after the message is in the journal and
on the disk: whatever is cut before that comes again, up to 8 times in 25 hours. What does not
verify is answered `fail` and not stored. The journal is that of examples/notify_receiver.c: a line
per message with its id, kind, buyer and isv_out_biz_id, tabs between them. It listens on
this machine only unless told otherwise; put the web server that has your certificate in front.
"""

import argparse
import os
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pointcard

MESSAGE_MAX = 65536


class Journal:
    """Messages on the disk, each once. One process at a time."""

    def __init__(self, path):
        self._lock = threading.Lock()
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        # Behind the last whole line may stand one that a power cut tore: nobody was told `success`
        # for it, and the next message takes its place.
        lines = self._file.read().split(b"\n")[:-1]
        self._end = sum(len(line) + 1 for line in lines)
        self._ids = {line.split(b"\t")[0] for line in lines}

    def commit(self, message):
        """Durable when it returns; once, however often the message comes."""
        number = message.notify_id or message.order_id
        if not number:
            raise ValueError("neither notify_id nor order_id")
        parts = [number, message.kind, message.buyer_id, message.isv_out_biz_id]
        parts = ["".join("?" if char < " " else char for char in part).encode() for part in parts]
        with self._lock:
            if parts[0] in self._ids:
                return False
            self._append(b"\t".join(parts) + b"\n")
            self._ids.add(parts[0])
        return True

    def _append(self, line):
        self._file.seek(self._end)
        self._file.truncate()
        if self._file.write(line) != len(line):
            raise OSError("the journal took a part of a line: the disk is full")
        os.fsync(self._file.fileno())
        self._end += len(line)


class Handler(BaseHTTPRequestHandler):
    """One request. The server has the receiver, the journal and the path."""

    timeout = 20
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 9:
            return self.reply(411, pointcard.REPLY_FAIL)
        if int(length) > MESSAGE_MAX:
            return self.reply(413, pointcard.REPLY_FAIL)
        return self.take(self.rfile.read(int(length)))

    def do_GET(self):
        return self.take(self.path.partition("?")[2].encode("latin-1"))

    def take(self, raw):
        if self.path.partition("?")[0] != self.server.notify_path:
            return self.reply(404, pointcard.REPLY_FAIL)
        try:
            new = self.server.journal.commit(self.server.receiver.read(raw))
        except (pointcard.Error, ValueError, OSError) as error:
            print(f"not stored: {error}", file=sys.stderr, flush=True)
            return self.reply(200, pointcard.REPLY_FAIL)
        if not new:
            print("seen before", file=sys.stderr, flush=True)
        return self.reply(200, pointcard.REPLY)

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
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


def main():
    parser = argparse.ArgumentParser(description="Receives Koubei's notifications.")
    parser.add_argument("--alipay-public-key", required=True, help="file; Alipay's, not your own")
    parser.add_argument("--app-id", required=True)
    parser.add_argument("--auth-app-id", help="the merchant's app; default: any")
    parser.add_argument("--journal", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--path", default="/notify")
    given = parser.parse_args()
    with open(given.alipay_public_key, encoding="ascii") as file:
        key = file.read()
    server = Server((given.host, given.port), Handler)
    server.receiver = pointcard.Receiver(
        app_id=given.app_id, auth_app_id=given.auth_app_id, alipay_public_key=key
    )
    server.journal, server.notify_path = Journal(given.journal), given.path
    print(f"listening on http://{given.host}:{server.server_port}{given.path}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

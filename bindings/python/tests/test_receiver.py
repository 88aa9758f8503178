"""examples/notify_receiver.py as a process of its own, real HTTP on loopback."""

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from support import APP_ID, KEYS, ROOT, raw

COUPON, QUERY = "001-coupon-v1", "004-coupon-get-query"


class Server:
    """The example, told to end when the test does."""

    def __init__(self, folder):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / "notify_receiver.py"),
             "--alipay-public-key", str(KEYS / "alipay2048.pub.pem"), "--app-id", APP_ID,
             "--journal", str(folder / "journal"), "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True,
        )
        line = self.process.stdout.readline()
        self.port = int(line.rsplit(":", 1)[1].split("/")[0])

    def ask(self, method, path, body=None, headers=None):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(method, path, body, headers or {})
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def post(self, body):
        return self.ask("POST", "/notify", body)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Receiver(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.server = Server(self.folder)
        self.addCleanup(lambda: self.server.kill())

    def journal(self):
        return (self.folder / "journal").read_bytes().splitlines()

    def test_a_message_is_stored_once_and_answered_each_time(self):
        for _ in range(3):
            self.assertEqual(self.server.post(raw(COUPON)), (200, b"success"))
        self.assertEqual(len(self.journal()), 1)
        self.assertEqual(self.journal()[0].split(b"\t")[1:],
                         [b"coupon", b"2088202920045392", b"hhe-test1-210600000101537"])

    def test_a_restart_knows_what_was_stored_and_drops_a_torn_line(self):
        self.assertEqual(self.server.post(raw(COUPON)), (200, b"success"))
        self.server.kill()
        with open(self.folder / "journal", "ab") as file:
            file.write(b"torn\tcoup")
        self.server = Server(self.folder)
        self.assertEqual(self.server.post(raw(COUPON)), (200, b"success"))
        activity = raw("006-activity-sync-no-sign-type").decode()
        self.assertEqual(self.server.ask("GET", "/notify?" + activity), (200, b"success"))
        lines = self.journal()
        self.assertEqual(len(lines), 2)
        self.assertIn(b"\tactivity\t", lines[1])

    def test_what_does_not_verify_is_not_stored(self):
        forged = raw(COUPON).replace(b"2088202920045392", b"2088202920045393")
        for body in (forged, b"", b"a=1", b"\xff\xfe", b"sign=" + b"A" * 60000):
            self.assertEqual(self.server.post(body), (200, b"fail"))
        # Heads only: what follows would not be read.
        self.assertEqual(self.server.ask("POST", "/notify", None, {"Content-Length": "65537"})[0], 413)
        self.assertEqual(self.server.ask("POST", "/notify", None, {"Transfer-Encoding": "chunked"})[0], 411)
        self.assertEqual(self.server.ask("GET", "/elsewhere")[0], 404)
        self.assertEqual(self.journal(), [])

    def test_many_at_once_are_stored_once(self):
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.server.post(raw(COUPON)))) for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [(200, b"success")] * 16)
        self.assertEqual(len(self.journal()), 1)


if __name__ == "__main__":
    unittest.main()

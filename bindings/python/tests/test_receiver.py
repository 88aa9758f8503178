"""examples/notify_receiver.py as a process of its own, real HTTP on loopback."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from support import APP_ID, ROOT, key, raw

COUPON = "001-coupon-v1"
#: What is listed of it while no till has handed its offer over.
CLAIM = ("claim", "hhe-test1-210600000101537", "2088202920045392")


class Server:
    """The example, told to end when the test does."""

    def __init__(self, folder, *options):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / "notify_receiver.py"),
             str(folder), "http://127.0.0.1:9/gateway.do", "--port", "0", *options],
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

    def offers(self):
        status, body = self.ask("GET", "/offers")
        assert status == 200, body
        return [(one["state"], one["out_biz_no"], one["user_id"]) for one in json.loads(body)]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Receiver(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        papers = {
            "app_private_key.txt": key("app2048.pkcs8.pem"), "app_id.txt": APP_ID + "\n",
            "alipay_public_key.txt": key("alipay2048.pub.pem"),
        }
        for name, text in papers.items():
            (self.folder / name).write_text(text)
        self.server = Server(self.folder)
        self.addCleanup(lambda: self.server.kill())

    def test_a_message_is_stored_once_and_answered_each_time(self):
        for _ in range(3):
            self.assertEqual(self.server.post(raw(COUPON)), (200, b"success"))
        self.assertEqual(self.server.offers(), [CLAIM])

    def test_a_server_that_was_killed_knows_what_it_answered(self):
        self.assertEqual(self.server.post(raw(COUPON)), (200, b"success"))
        self.server.kill()
        self.server = Server(self.folder)
        self.assertEqual(self.server.offers(), [CLAIM])
        self.assertEqual(self.server.post(raw(COUPON)), (200, b"success"))
        self.assertEqual(self.server.offers(), [CLAIM])

    def test_a_message_about_an_activity_is_answered(self):
        activity = raw("006-activity-sync-no-sign-type").decode()
        self.assertEqual(self.server.ask("GET", "/notify?" + activity), (200, b"success"))
        self.assertEqual(self.server.offers(), [])

    def test_tills_texts_are_taken_from_this_machine_or_with_the_secret(self):
        def ask(path, headers):
            return self.server.ask("POST" if path == "/import" else "GET", path, b"x", headers)[0]

        status, said = self.server.ask("POST", "/import", b"not a text")
        self.assertEqual((status, b"ERR_MALFORMED" in said), (400, True), said)
        for path in ("/import", "/offers"):
            self.assertEqual(ask(path, {"X-Forwarded-For": "192.0.2.1"}), 403)
        self.server.kill()
        (self.folder / "secret").write_text("0123456789abcdef\n")
        self.server = Server(self.folder, "--secret-file", str(self.folder / "secret"))
        for path in ("/import", "/offers"):
            self.assertEqual(ask(path, {}), 403)
            self.assertEqual(ask(path, {"X-Pointcard-Secret": "0123456789abcdeF"}), 403)
        self.assertEqual(ask("/import", {"X-Pointcard-Secret": "0123456789abcdef"}), 400)
        self.assertEqual(ask("/offers", {"X-Pointcard-Secret": "0123456789abcdef"}), 200)

    def test_what_does_not_verify_is_not_stored(self):
        forged = raw(COUPON).replace(b"2088202920045392", b"2088202920045393")
        for body in (forged, b"", b"a=1", b"\xff\xfe", b"sign=" + b"A" * 60000):
            self.assertEqual(self.server.post(body), (200, b"fail"))
        # Heads only: what follows would not be read.
        self.assertEqual(self.server.ask("POST", "/notify", None, {"Content-Length": "65537"})[0], 413)
        self.assertEqual(self.server.ask("POST", "/notify", None, {"Transfer-Encoding": "chunked"})[0], 411)
        self.assertEqual(self.server.ask("GET", "/elsewhere")[0], 404)
        self.assertEqual(self.server.offers(), [])

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
        self.assertEqual(self.server.offers(), [CLAIM])


if __name__ == "__main__":
    unittest.main()

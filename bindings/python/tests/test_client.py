"""A till in Python: sales on the disk, against a gateway that is not there and, where one is named in
POINTCARD_TEST_GATEWAY, one that is."""

import gc
import tempfile
import threading
import unittest
from pathlib import Path

from support import GATEWAY, key, till
import pointcard
from pointcard import earn

USER = "2088123412341234"


class Till(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.queue = Path(self.folder.name) / "点.queue"

    def open(self, **more):
        return pointcard.Client(**till(self.queue, **more))

    def fails(self, name, what, call, *arguments, **more):
        with self.assertRaises(pointcard.Error) as caught:
            call(*arguments, **more)
        self.assertEqual((caught.exception.name, caught.exception.what), (name, what))
        return caught.exception

    def test_a_sale_survives_the_program(self):
        with self.open() as till:
            first = till.accrue(user_id=USER, biz_no="1", points=10, memo="消费集点")
            self.assertEqual((first.duplicate, first.points, len(first.req_id)), (False, 10, 32))
        with self.open() as till:
            again = till.accrue(user_id=USER, biz_no="1", points=10, memo="消费集点")
            self.assertEqual((again.seq, again.req_id, again.duplicate), (first.seq, first.req_id, True))
            self.assertEqual((till.status().waiting, till.status().points), (1, 10))

    def test_without_a_line_everything_waits(self):
        heard = []
        with self.open(on_outcome=heard.append) as till:
            till.accrue(user_id=USER, biz_no="1", points=10)
            report = till.sync(200)
            self.assertEqual((report.accepted, report.waiting), (0, 1))
            self.assertEqual([(one.verdict, one.points) for one in heard], [("deferred", 10)])
            with self.assertRaises(pointcard.Error) as caught:
                till.query_balance(USER, timeout_ms=500)
            self.assertEqual(caught.exception.name, "ERR_TRANSPORT")

    def test_what_the_listener_raises_is_raised_by_sync(self):
        def listener(_outcome):
            raise KeyError("of the listener")

        with self.open(on_outcome=listener) as till:
            till.accrue(user_id=USER, biz_no="1", points=10)
            with self.assertRaises(KeyError):
                till.sync(200)
            self.assertEqual(till.status().waiting, 1)

    def test_errors_name_the_member(self):
        with self.open() as till:
            self.fails("ERR_RANGE", "sale.points", till.accrue, user_id=USER, biz_no="1", points=0)
            self.fails("ERR_MISSING", "sale.biz_no", till.accrue, user_id=USER, biz_no="", points=1)
            error = self.fails("ERR_ENCODING", "sale.memo", till.accrue,
                               user_id=USER, biz_no="1", points=1, memo="a\0b")
            self.assertEqual(error.at, 1)
            self.fails("ERR_RANGE", "sale.points", till.accrue, user_id=USER, biz_no="1", points=1 << 32)
            self.fails("ERR_RANGE", "sale.points", till.accrue, user_id=USER, biz_no="1", points=-1)
            self.fails("ERR_ENCODING", "sale.memo", till.accrue,
                       user_id=USER, biz_no="1", points=1, memo="\ud800")
            self.assertRaises(TypeError, till.accrue, user_id=USER, biz_no="1", points=1.5)
            self.assertRaises(TypeError, till.accrue, user_id=USER, biz_no="1", points=1, note="x")
            till.accrue(user_id=USER, biz_no="1", points=1)
            with self.assertRaises(pointcard.Error) as caught:
                till.accrue(user_id=USER, biz_no="1", points=2)
            self.assertEqual(caught.exception.name, "ERR_CONFLICT")
            self.assertEqual(till.status().waiting, 1)

    def test_configuration_errors_name_the_member_and_leave_nothing_open(self):
        self.fails("ERR_MISSING", "config.app_id", self.open, app_id="")
        self.fails("ERR_KEY_MISMATCH", "config.alipay_public_key", self.open,
                   alipay_public_key=key("app2048.pub.pem"))
        self.fails("ERR_ARGUMENT", "config.charset", self.open, charset="latin-1")
        self.assertRaises(TypeError, self.open, passwort="x")
        self.open().close()

    def test_each_merchant_has_its_sales_and_its_token(self):
        west = pointcard.Merchant("west", app_auth_token="t" * 40, activity_account="3920" * 8)
        shops = [west, pointcard.Merchant("east", activity_account="3921" * 8)]
        with self.open(merchants=shops) as till:
            sale = {"user_id": USER, "biz_no": "1", "points": 10}
            seqs = [till.accrue(merchant=name, **sale).seq for name in ("west", "east", None)]
            self.assertEqual(len(set(seqs)), 3, "three merchants' payments, three entries")
            self.fails("ERR_NOT_FOUND", "sale.merchant", till.accrue, merchant="north", **sale)
            till.set_token("u" * 40, merchant="east")
            self.fails("ERR_NOT_FOUND", "merchant", till.set_token, "u" * 40, merchant="north")
        self.assertNotIn("tttt", repr(west))

    def test_a_merchant_without_a_token_waits_alone(self):
        with self.open(merchants=[pointcard.Merchant("east", activity_account="3921" * 8)]) as till:
            till.accrue(user_id=USER, biz_no="1", points=10, merchant="east")
            report = till.sync(200)
            self.assertEqual((report.sent, report.paused, report.paused_merchant), (0, 1, "east"))
            till.set_token("u" * 40, merchant="east")
            self.assertEqual(till.sync(200).sent, 1)

    def test_a_bad_merchant_is_named_with_its_place(self):
        shop = pointcard.Merchant
        error = self.fails("ERR_DUPLICATE", "config.merchants", self.open,
                           merchants=[shop("a"), shop("b"), shop("a")])
        self.assertEqual(error.at, 2)
        self.fails("ERR_TOO_LONG", "config.merchants", self.open,
                   merchants=[shop(str(n)) for n in range(99)])
        self.fails("ERR_MISSING", "config.merchants.merchant", self.open, merchants=[shop("")])
        self.fails("ERR_ENCODING", "config.merchants.shop_id", self.open,
                   merchants=[shop("a", shop_id="\ud800")])

    def test_one_has_the_queue_at_a_time(self):
        with self.open():
            self.fails("ERR_LOCKED", "config.storage", self.open)
        self.open().close()

    def test_a_closed_client_says_so_and_a_forgotten_one_is_closed(self):
        till = self.open()
        till.close()
        till.close()
        with self.assertRaises(pointcard.Error) as caught:
            till.status()
        self.assertEqual(caught.exception.name, "ERR_BAD_STATE")
        till = self.open()
        till.accrue(user_id=USER, biz_no="1", points=10)
        del till
        gc.collect()
        with self.open() as till:
            self.assertEqual(till.status().waiting, 1)

    def test_texts_live_as_long_as_the_client(self):
        with self.open(shop_id="".join(["2016", "0412"]), activity_account="".join(["39", "20"])) as till:
            gc.collect()
            junk = [bytes(100) for _ in range(10000)]
            for number in range(50):
                till.accrue(user_id=USER, biz_no=f"b{number}", points=1, memo="集" * (number + 1))
            del junk
            self.assertEqual(till.status().waiting, 50)

    def test_threads_share_a_client(self):
        wrong = []

        def sell(who):
            try:
                for number in range(20):
                    till.accrue(user_id=USER, biz_no=f"{who}-{number}", points=1)
                    till.status()
            except pointcard.Error as error:
                wrong.append(error)

        with self.open(power_safe=True) as till:
            threads = [threading.Thread(target=sell, args=(who,)) for who in range(4)]
            threads.append(threading.Thread(target=till.sync, args=(300,)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual((wrong, till.status().waiting), ([], 80))

    def test_points_by_amount(self):
        rule = pointcard.Rule(points=1, per_fen=1000, day_cap=10)
        with self.open() as till:
            sale = {"user_id": USER, "biz_no": "1", "amount_fen": 7999, "rule": rule}
            self.assertEqual(till.accrue(**sale).points, 7)
            self.assertEqual(till.accrue(**{**sale, "biz_no": "2"}).points, 3)
            again = till.accrue(**sale)
            self.assertEqual((again.points, again.duplicate), (7, True))
            none = till.accrue(**{**sale, "biz_no": "3"})
            self.assertEqual((none.points, none.seq, none.req_id), (0, 0, ""))
            self.assertEqual(till.status().waiting, 2)

    def test_rules(self):
        monday = earn.Bonus(percent=300, weekdays=earn.MONDAY, from_hour=12, to_hour=18)
        rule = pointcard.Rule(points=1, per_fen=1000, bonuses=[monday])
        earned = pointcard.points_for(rule, 25999, unix_time=1724053422)
        self.assertEqual((earned.points, earned.percent, earned.cap), (77, 300, None))
        self.assertEqual(pointcard.points_for(rule, 25999).points, 25)
        self.fails("ERR_RANGE", "amount_fen", pointcard.points_for, rule, (1 << 64) - 1)
        self.fails("ERR_RANGE", "amount_fen", pointcard.points_for, rule, 1 << 64)
        self.fails("ERR_MISSING", "rule.per_fen", pointcard.points_for, pointcard.Rule(1, 0), 1)
        self.fails("ERR_RANGE", "rule.bonuses", pointcard.points_for,
                   pointcard.Rule(1, 1, bonuses=[monday] * 9), 1)

    @unittest.skipUnless(GATEWAY, "POINTCARD_TEST_GATEWAY names no gateway")
    def test_with_a_line_it_is_credited_and_the_balance_says_so(self):
        with self.open(gateway=GATEWAY) as till:
            till.accrue(user_id=USER, biz_no="python-1", points=10, memo="消费集点")
            report = till.sync(5000)
            self.assertEqual((report.accepted, report.waiting), (1, 0))
            balance = till.query_balance(USER)
            self.assertEqual((balance.available_points, balance.waiting_points), (10, 0))
            refund = till.refund(biz_no="python-1", refund_no="r1", points=4)
            self.assertEqual((refund.duplicate, refund.voided, refund.points), (False, False, 4))
            self.assertEqual(till.sync(5000).accepted, 1)
            self.assertEqual(till.query_balance(USER).available_points, 6)


if __name__ == "__main__":
    unittest.main()

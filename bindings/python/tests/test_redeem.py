"""Offers: a till and a server with a queue each; and, where POINTCARD_TEST_GATEWAY names one, a gateway."""

import tempfile
import unittest
from pathlib import Path

from support import APP_ID as FOREIGN_APP, GATEWAY, key, raw, till
import pointcard

USER = "2088123412341235"
ORDER = {
    "user_id": USER, "points": 10, "prize_id": "20160527000000000682853000153366",
    "link_base": "https://render.alipay.com/p/z/pointset/index.html?itemId=1",
}


class Redeem(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def open(self, name="till", **more):
        return pointcard.Client(**till(self.folder / name, **more))

    def fails(self, name, what, call, *arguments, **more):
        with self.assertRaises(pointcard.Error) as caught:
            call(*arguments, **more)
        self.assertEqual((caught.exception.name, caught.exception.what), (name, what))

    def test_a_message_without_an_offer_is_kept_once(self):
        receiver = pointcard.Receiver(app_id=FOREIGN_APP, alipay_public_key=key("alipay2048.pub.pem"))
        message = receiver.read(raw("001-coupon-v1"))
        with self.open(app_id=FOREIGN_APP) as server:
            self.assertEqual([server.redeem_commit(message) for _ in range(2)], ["stored", "stored"])
        with self.open(app_id=FOREIGN_APP) as server:
            offer, = server.redeem_list()
            self.assertEqual((offer.state, offer.points, offer.user_id), ("claim", 0, message.buyer_id))
            self.assertEqual(offer.out_biz_no, message.isv_out_biz_id)
            self.fails("ERR_BAD_STATE", "offer", server.redeem_cancel, offer.out_biz_no)
            server.redeem_cancel(offer.out_biz_no, word=True)
            self.assertEqual(server.redeem_list(), [])
        with self.open("other") as other:
            self.fails("ERR_ARGUMENT", "app_id", other.redeem_commit, message)

    def test_offline_an_offer_waits_and_can_be_given_up(self):
        with self.open() as till:
            with self.assertRaises(pointcard.Error) as caught:
                till.redeem_start(out_biz_no="c-1", timeout_ms=500, **ORDER)
            self.assertEqual(caught.exception.name, "ERR_TRANSPORT")
            offer, = till.redeem_list()
            self.assertEqual((offer.state, offer.points, len(offer.req_id)), ("freezing", 10, 32))
            self.fails("ERR_BAD_STATE", "offer", till.redeem_export, "c-1", "server")

    def test_errors_name_the_member(self):
        with self.open() as till:
            start = till.redeem_start
            self.fails("ERR_RANGE", "redeem.points", start, out_biz_no="c", **{**ORDER, "points": 0})
            self.fails("ERR_ENCODING", "redeem.out_biz_no", start, out_biz_no="a b", **ORDER)
            self.fails("ERR_RANGE", "redeem.claim_life_s", start, out_biz_no="c", claim_life_s=-1, **ORDER)
            self.assertRaises(TypeError, start, out_biz_no="c", memo="x", **ORDER)
            self.fails("ERR_NOT_FOUND", "out_biz_no", till.redeem_resume, "nobody")
            self.fails("ERR_NOT_FOUND", "out_biz_no", till.redeem_cancel, "nobody", word=True)
            self.fails("ERR_MISSING", "to", till.redeem_export, "c", "")
            self.fails("ERR_MALFORMED", "text", till.redeem_import, "not a text", "server")
            self.fails("ERR_MALFORMED", "receipt", till.redeem_handed_over, "not a receipt")
            self.assertEqual(till.redeem_list(), [])

    @unittest.skipUnless(GATEWAY, "POINTCARD_TEST_GATEWAY names no gateway")
    def test_an_offer_is_handed_to_the_server_which_releases_it(self):
        with self.open(gateway=GATEWAY) as till, self.open("server", gateway=GATEWAY) as server:
            till.accrue(user_id=USER, biz_no="python-2", points=10)
            self.assertEqual(till.sync(5000).accepted, 1)
            link = till.redeem_start(out_biz_no="python-3", **ORDER)
            self.assertIn("&outBizNo=python-3", link)
            self.assertEqual(till.redeem_resume("python-3"), link)
            self.fails("ERR_CONFLICT", "redeem.out_biz_no", till.redeem_start,
                       out_biz_no="python-3", **{**ORDER, "points": 9})
            text = till.redeem_export("python-3", "server")
            self.fails("ERR_BAD_STATE", "offer", till.redeem_resume, "python-3")
            self.fails("ERR_ARGUMENT", "text.to", server.redeem_import, text, "elsewhere")
            receipt = server.redeem_import(text, "server")
            self.assertEqual(server.redeem_import(text, "server"), receipt)
            till.redeem_handed_over(receipt)
            self.assertEqual(till.redeem_resume("python-3"), link)
            self.assertEqual([offer.state for offer in till.redeem_list()], ["handed"])
            server.redeem_cancel("python-3", word=True)
            self.assertEqual(server.sync(5000).accepted, 1)
            self.assertEqual([offer.state for offer in server.redeem_list()], ["cancelled"])
            self.assertEqual(till.query_balance(USER).freezed_points, 0)


if __name__ == "__main__":
    unittest.main()

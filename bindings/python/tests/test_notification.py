"""Messages signed by another implementation; what is not to be believed."""

import gc
import unittest

from support import APP_ID, key, notifications, raw
import pointcard


def receiver(**more):
    return pointcard.Receiver(**{"app_id": APP_ID, "alipay_public_key": key("alipay2048.pub.pem"), **more})


class Messages(unittest.TestCase):
    def test_a_coupon_is_read_field_by_field(self):
        message = receiver().read(raw("001-coupon-v1"))
        gc.collect()
        self.assertEqual(message.kind, "coupon")
        self.assertEqual(message.buyer_id, "2088202920045392")
        self.assertEqual(message.isv_out_biz_id, "hhe-test1-210600000101537")
        self.assertEqual(message.order_id, "")
        self.assertEqual(message.field("business_order"), "2088202920045392|20160917000000000862132000151011")
        self.assertIsNone(message.field("sign_type"))
        self.assertIsNone(message.field("nothing"))

    def test_gbk_comes_out_as_text(self):
        self.assertEqual(receiver().read(raw("008-gbk")).field("memo"), "咖啡集点卡")

    def test_every_foreign_message_is_believed_or_not_as_it_should_be(self):
        seen = {"valid": 0, "invalid": 0}
        for row in notifications():
            given = receiver(
                alipay_public_key=key(row["alipay_public_key"].split("/", 1)[1]),
                sign_type=row["session_sign_type"],
            )
            try:
                given.read(bytes.fromhex(row["raw_hex"]))
                found = "valid"
            except pointcard.Error as error:
                # Another app's message is well signed and not for us.
                found = "valid" if error.what in ("app_id", "auth_app_id") else "invalid"
            expected = "valid" if row["expect"] == "valid" else "invalid"
            self.assertEqual(found, expected, row["case"])
            seen[found] += 1
        self.assertGreater(min(seen.values()), 2)

    def test_what_is_wrong_is_named(self):
        whole = raw("001-coupon-v1")
        forged = whole.replace(b"2088202920045392", b"2088202920045393")
        for given, name in [(forged, "ERR_SIGNATURE"), (b"a=1", "ERR_UNSIGNED")]:
            with self.assertRaises(pointcard.Error) as caught:
                receiver().read(given)
            self.assertEqual((caught.exception.name, caught.exception.what), (name, "sign"))
        with self.assertRaises(pointcard.Error) as caught:
            receiver(app_id="2016100900000001").read(whole)
        self.assertEqual(caught.exception.what, "app_id")
        with self.assertRaises(pointcard.Error) as caught:
            receiver(alipay_public_key=key("app2048.pkcs8.pem"))
        self.assertEqual(caught.exception.name, "ERR_KEY_MISMATCH")

    def test_a_repeat_is_told(self):
        seen, given = pointcard.Seen(8), receiver()
        first, activity = given.read(raw("001-coupon-v1")), given.read(raw("006-activity-sync-no-sign-type"))
        self.assertNotIn(first, seen)
        seen.keep(first)
        self.assertIn(given.read(raw("001-coupon-v1")), seen)
        self.assertNotIn(activity, seen)


if __name__ == "__main__":
    unittest.main()

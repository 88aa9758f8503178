"""The claim link and its QR code. Whether a reader reads it is tests/qr.rs's matter: the bits are the
same library's."""

import unittest

import support  # noqa: F401  (finds the package)
import pointcard

PAGE = "https://render.alipay.com/p/z/pointset/index.html"
LINK = PAGE + "?itemId=1&type=pointcard&token=t&outBizNo=o"


class Claim(unittest.TestCase):
    def fails(self, name, what, call, *arguments, **more):
        with self.assertRaises(pointcard.Error) as caught:
            call(*arguments, **more)
        self.assertEqual((caught.exception.name, caught.exception.what), (name, what))
        return caught.exception.at

    def test_link(self):
        self.assertEqual(pointcard.claim_link(PAGE + "?itemId=1", "t", "o"), LINK)
        link = pointcard.claim_link(PAGE + "?itemId=1", "t", "o", buyer_id="2088", shop_id="集")
        self.assertEqual(link, LINK + "&buyerId=2088&shopId=%E9%9B%86")
        self.fails("ERR_MISSING", "token", pointcard.claim_link, PAGE, "", "o")
        self.fails("ERR_ENCODING", "base", pointcard.claim_link, PAGE + "\0", "t", "o")

    def test_bitmap_and_its_file(self):
        size = pointcard.qr_measure(LINK, scale=3)
        bitmap = pointcard.qr_bitmap(LINK, scale=3)
        self.assertEqual((bitmap.side, size.side), (3 * (size.modules + 8),) * 2)
        self.assertEqual(len(bitmap.bits), bitmap.side * bitmap.row_bytes)
        head = b"P4\n%d %d\n" % (bitmap.side, bitmap.side)
        self.assertEqual(bitmap.pbm(), head + bitmap.bits)
        inverted = pointcard.qr_bitmap(LINK, scale=3, light_is_one=True)
        self.assertEqual(bytes(byte ^ 0xFF for byte in bitmap.bits), inverted.bits)

    def test_paper_and_terminal(self):
        paper = pointcard.qr_escpos(LINK)
        self.assertEqual(paper[:4], b"\x1dv0\0")
        self.assertLessEqual(paper[4] * 8, 384)
        native = pointcard.qr_escpos(LINK, native=True, scale=4)
        self.assertEqual(len(native), len(LINK) + 41)
        self.assertIn(LINK.encode(), native)
        size = pointcard.qr_measure(LINK)
        lines = pointcard.qr_text(LINK, paint="dark").splitlines()
        self.assertEqual(len(lines), (size.modules + 9) // 2)
        self.assertEqual({len(line) for line in lines}, {size.modules + 8})
        self.assertTrue(pointcard.qr_text(LINK).startswith("\x1b["))

    def test_what_cannot_be_is_named(self):
        self.assertEqual(self.fails("ERR_TOO_LONG", "text", pointcard.qr_bitmap, "x" * 2332), 2331)
        self.assertEqual(self.fails("ERR_RANGE", "scale", pointcard.qr_bitmap, "x", scale=17), 16)
        self.assertEqual(self.fails("ERR_ENCODING", "text", pointcard.qr_bitmap, "a\0"), 1)
        side = pointcard.qr_measure(LINK, scale=1).side
        self.assertEqual(self.fails("ERR_RANGE", "max_side", pointcard.qr_escpos, LINK, max_side=20), side)
        self.fails("ERR_MISSING", "text", pointcard.qr_text, "")
        self.fails("ERR_RANGE", "level", pointcard.qr_text, "x", level="X")


if __name__ == "__main__":
    unittest.main()

"""A till in Python, a step per process: FOLDER GATEWAY USER start|export|handed|hand NUMBER MORE.

In: a folder with a till's keys and queue. Out: the claim link; after `export` the offer's text. MORE is
the receipt (handed), or where to POST the text (hand).
"""

import sys
import urllib.request

import pointcard

folder, gateway, user, what, number, more = sys.argv[1:]
till = pointcard.Client(
    app_id="2016100900000001", queue=f"{folder}/till.queue", gateway=gateway,
    private_key=open(f"{folder}/app_private_key.txt").read(),
    alipay_public_key=open(f"{folder}/alipay_public_key.txt").read(),
    activity_account="39201608190015500100016011040139", shop_id="2016041200077000000003277104",
)
with till:
    if what == "start":
        till.accrue(user_id=user, biz_no=f"sale-{number}", points=10)
        till.sync(5000)
        print(till.redeem_start(
            out_biz_no=number, user_id=user, points=10, prize_id="20160527000000000682853000153366",
            link_base="https://render.alipay.com/p/z/pointset/index.html?itemId=1",
        ))
    elif what == "export":
        print(till.redeem_export(number, "server"))
    elif what in ("handed", "hand"):
        if what == "hand":
            text = till.redeem_export(number, "server").encode()
            with urllib.request.urlopen(more, text, timeout=30) as answer:
                more = answer.read().decode()
        till.redeem_handed_over(more)
        print(till.redeem_resume(number))
    else:
        sys.exit(f"a till cannot {what}")

"""Alipay's Python SDK as a servant: one JSON order per line in, one JSON result per line out.

A result is {"value": ...} or {"error": "Type: text"}. What an error means is the test's affair.
"""

import http.client
import importlib
import json
import sys
import urllib.parse

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.util import SignatureUtils, WebUtils

# The SDK connects to port 80 and 443 only, whatever the URL says. This changes where the socket
# goes and nothing else; order "port" shows that it is needed.
PORT = None


class Connection(http.client.HTTPConnection):
    def __init__(self, host, port, timeout):
        super().__init__(host, PORT or port, timeout=timeout)


class Http:
    HTTPConnection = Connection
    HTTPSConnection = http.client.HTTPSConnection


WebUtils.httplib = Http


def class_of(kind, method):
    """KoubeiMarketingToolPointsUpdateRequest of koubei.marketing.tool.points.update."""
    name = "".join(part.capitalize() for part in method.split(".")) + kind.capitalize()
    return getattr(importlib.import_module(f"alipay.aop.api.{kind}.{name}"), name)


def client(order):
    config = AlipayClientConfig()
    config.server_url = order["gateway"]
    config.app_id = order["app_id"]
    config.app_private_key = order["app_key"]
    config.alipay_public_key = order["alipay_key"]
    config.charset = order.get("charset", "utf-8")
    config.sign_type = order.get("sign_type", "RSA2")
    if "content_key" in order:
        config.encrypt_type = "AES"
        config.encrypt_key = order["content_key"]
    return DefaultAlipayClient(config)


def call(order):
    """Sends a request; gives the members that the SDK's own response class read."""
    global PORT
    url = urllib.parse.urlsplit(order["gateway"])
    if not order.get("keep_port"):
        PORT = url.port
        order["gateway"] = f"{url.scheme}://{url.hostname}{url.path}"
    request = class_of("request", order["method"])()
    request.biz_content = order["biz"]
    request.notify_url = order.get("notify_url")
    for name, value in order.get("extra", {}).items():
        request.add_other_text_param(name, value)
    text = client(order).execute(request)
    response = class_of("response", order["method"])()
    response.parse_response_content(text)
    members = {name[1:]: value for name, value in vars(response).items() if value is not None}
    return {"success": response.is_success(), "sub_code": response.sub_code, **members}


def verify(order):
    """Checks a signature over query and form as the SDK builds its own string."""
    charset = order.get("charset", "utf-8")
    params = {}
    for part in order["parts"]:
        pairs = urllib.parse.parse_qsl(part, keep_blank_values=True, encoding=charset)
        params.update(pairs)
    sign = params.pop("sign")
    for name in order.get("without", []):
        params.pop(name, None)
    content = SignatureUtils.get_sign_content(params).encode(charset)
    return SignatureUtils.verify_with_rsa(order["public_key"], content, sign)


ORDERS = {"call": call, "verify": verify}

for line in sys.stdin:
    order = json.loads(line)
    try:
        result = {"value": ORDERS[order["do"]](order)}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)

// Alipay's Node SDK as a servant: one JSON order per line in, one JSON result per line out. The
// SDK is found from the directory this runs in.
//
// A result is {"value": ...} or {"error": "Type: text"}. What an error means is the test's affair.

const { createInterface } = require('node:readline');
const { createRequire } = require('node:module');
const { AlipaySdk } = createRequire(`${process.cwd()}/`)('alipay-sdk');

function sdk(order) {
  return new AlipaySdk({
    appId: order.app_id,
    privateKey: order.app_key,
    alipayPublicKey: order.alipay_key,
    gateway: order.gateway,
    signType: order.sign_type ?? 'RSA2',
    charset: order.charset ?? 'utf-8',
    encryptKey: order.content_key,
    camelcase: false,
  });
}

// Sends a request; gives the members the SDK returned. (Unless asked to, it verifies nothing.)
async function call(order) {
  const params = { bizContent: order.biz, ...order.extra };
  if (order.content_key) params.needEncrypt = true;
  if (order.notify_url) params.notifyUrl = order.notify_url;
  const result = await sdk(order).exec(order.method, params, { validateSign: true });
  return { success: result.code === '10000', ...result };
}

// Checks a signature over query and form with the SDK's check of notifications, which takes
// sign_type in and, failing that, out.
function verify(order) {
  const params = {};
  for (const part of order.parts) Object.assign(params, Object.fromEntries(new URLSearchParams(part)));
  const checker = sdk({ ...order, app_key: order.app_key, alipay_key: order.public_key });
  return order.old ? checker.checkNotifySign(params) : checker.checkNotifySignV2(params);
}

const orders = { call, verify };

async function serve() {
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let result;
    try {
      result = { value: await orders[order.do](order) };
    } catch (error) {
      result = { error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}

serve();

#!/bin/sh
# The stubs of examples/porting compile, for this machine and for a Cortex-M; and a till whose key is in
# a secure element (examples/secure_element.c) makes a request whose signature openssl accepts.
set -eu
cd "$(dirname "$0")/../.."
out=${CARGO_TARGET_DIR:-target}/porting
mkdir -p "$out"

compiler() { # COMMAND FLAGS...
    command -v "$1" >/dev/null || {
        echo "SKIPPED TOOL $1: would have tested the stubs of examples/porting with it; Debian: gcc, gcc-arm-none-eabi"
        [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ]
        return
    }
    for stub in examples/porting/*.c; do
        "$@" -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude -c "$stub" -o "$out/stub.o"
    done
}
compiler "${CC:-cc}"
compiler arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb

for tool in openssl python3; do
    command -v $tool >/dev/null || {
        echo "SKIPPED TOOL $tool: would have tested a till with a secure element; Debian: $tool"
        [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ]
        exit
    }
done
make --no-print-directory target/lib/secure_element >/dev/null
keys=$PWD/tests/vectors/keys
root=$PWD
cd "$out"
"$root/target/lib/secure_element" "$keys/app2048.pkcs8.pem" "$keys/app2048.pub.pem" \
    "$keys/alipay2048.pub.pem" >request
# Parameters of query and body, decoded and sorted, without the signature.
python3 - <<'PY'
import base64, urllib.parse
query, body = open("request").read().strip().split("?", 1)[1].split(" ", 1)
pairs = dict(urllib.parse.parse_qsl(query + "&" + body, strict_parsing=True))
open("signature", "wb").write(base64.b64decode(pairs.pop("sign")))
open("message", "w").write("&".join(f"{name}={pairs[name]}" for name in sorted(pairs)))
PY
openssl dgst -sha256 -verify "$keys/app2048.pub.pem" -signature signature message
# An element with another key is found out: the library checks before it hands out.
if "$root/target/lib/secure_element" "$keys/other2048.pkcs8.pem" "$keys/app2048.pub.pem" \
    "$keys/alipay2048.pub.pem" >request 2>refused; then
    echo "porting: FAILED, a signature of the wrong element went out"
    exit 1
fi
grep -q '^next_request: ' refused
echo "porting: stubs compile, the secure element's signature is accepted, a wrong element is refused"

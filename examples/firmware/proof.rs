//! Requests in; out, how many signatures openssl accepted. Nothing here is the library's: the
//! canonical string is put together from what stood on the wire.

use std::process::Command;

use base64::Engine as _;

use crate::Any;
use crate::line::Posted;
use crate::till::Till;

/// Fails at the first signature openssl does not accept.
pub fn check_all(requests: &[Posted], till: &Till) -> Result<usize, Any> {
    if requests.is_empty() {
        return Err("the till sent nothing".into());
    }
    let key = format!("{}/tests/vectors/keys/app2048.pub.pem", env!("CARGO_MANIFEST_DIR"));
    for request in requests {
        let (message, signature) = canonical(request)?;
        let (text, sign) = (till.file("message"), till.file("signature"));
        std::fs::write(&text, message)?;
        std::fs::write(&sign, signature)?;
        let verify = ["dgst", "-sha256", "-verify", &key, "-signature"];
        let output = Command::new("openssl").args(verify).arg(&sign).arg(&text).output()?;
        if !output.status.success() {
            return Err(format!("openssl refuses the signature of {}", request.url).into());
        }
    }
    Ok(requests.len())
}

/// Every parameter but `sign`, sorted by name, as `a=b&c=d`; and the signature.
fn canonical(request: &Posted) -> Result<(Vec<u8>, Vec<u8>), Any> {
    let query = request.url.split_once('?').ok_or("no query")?.1;
    let body = std::str::from_utf8(&request.body)?;
    let mut pairs: Vec<(&str, Vec<u8>)> = Vec::new();
    for pair in query.split('&').chain(body.split('&')) {
        let (name, value) = pair.split_once('=').ok_or("a parameter without a value")?;
        pairs.push((name, plain(value)?));
    }
    pairs.sort();
    let sign = pairs.iter().position(|(name, _)| *name == "sign").ok_or("no signature")?;
    let signature = base64::engine::general_purpose::STANDARD.decode(pairs.remove(sign).1)?;
    let mut message = Vec::new();
    for (name, value) in pairs {
        if !message.is_empty() {
            message.push(b'&');
        }
        message.extend_from_slice(name.as_bytes());
        message.push(b'=');
        message.extend_from_slice(&value);
    }
    Ok((message, signature))
}

/// Undoes percent coding.
fn plain(value: &str) -> Result<Vec<u8>, Any> {
    let mut bytes = value.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next().ok_or("% at the end")?, bytes.next().ok_or("% short")?];
                u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?
            }
            b'+' => b' ',
            other => other,
        });
    }
    Ok(out)
}

//! What people see: in flow the books, out flow HTML, a style sheet, a script and QR pictures, all of
//! it from here: no page asks another machine for anything.
//!
//! `maud` escapes every text it is given; the headers forbid scripts that are not our file, should
//! that ever fail.

pub mod claim_page;
mod dashboard;
mod live;
mod offer;

use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use hyper::{Response, StatusCode};
use maud::{DOCTYPE, Markup, html};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use crate::door::Payload;
use crate::house::House;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("dashboard.js");

/// Only our own files, and no frame around us. `data:` is the empty icon.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// The admin door's pages; none for a path that is no page.
pub fn dashboard(house: &House, path: &str) -> Option<Response<Payload>> {
    Some(match path {
        "/dashboard" => page(StatusCode::OK, "会员集点沙箱", dashboard::page(house)),
        "/dashboard/live" => typed("text/html; charset=utf-8", live::parts(house).into_string()),
        "/dashboard.js" => typed("text/javascript; charset=utf-8", SCRIPT),
        _ => return style(path),
    })
}

/// The style sheet, which both doors have.
fn style(path: &str) -> Option<Response<Payload>> {
    (path == "/style.css").then(|| typed("text/css; charset=utf-8", STYLE))
}

/// A whole page. `body` is the body element.
fn page(status: StatusCode, title: &str, body: Markup) -> Response<Payload> {
    let whole = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
            }
            (body)
        }
    };
    let mut response = typed("text/html; charset=utf-8", whole.into_string());
    *response.status_mut() = status;
    response
}

fn typed(kind: &'static str, text: impl Into<hyper::body::Bytes>) -> Response<Payload> {
    let mut response = Response::new(Payload::whole(text));
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        // The link's token is a secret of its own.
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().expect("a constant header"));
    }
    response
}

/// A QR code of `text` as a picture. An error when it is too long for one.
pub fn qr(text: &str) -> Result<Response<Payload>, String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(|e| format!("text: {e}"))?;
    let picture = code.render::<svg::Color>().module_dimensions(4, 4).quiet_zone(true).build();
    Ok(typed("image/svg+xml", picture))
}

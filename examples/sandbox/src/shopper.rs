//! A shopper in a program: in flows a claim link, out flows what the claim page said. It opens the
//! page's own address over HTTP and sends what the page's button sends.

use serde_json::Value;
use tokio::runtime;
use tokio::time::timeout;

use crate::claims::Claimed;
use crate::postman;

/// A page that is silent longer is down.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Claims what a link of a sandbox offers, in this process or another. The shopper is whom the
/// token was given for, or `user_id`. An error says why the page refused, or why there was no
/// answer; claiming twice is one.
///
/// ```no_run
/// # fn f(sandbox: &pointcard_sandbox::Sandbox, link: &str) -> Result<(), String> {
/// let claimed = pointcard_sandbox::claim_by_link(link, None)?;
/// let notify_id = claimed.notify_id.ok_or("the campaign has no notify_url")?;
/// let delivery = sandbox.wait_for_delivery(&notify_id, std::time::Duration::from_secs(10));
/// assert!(delivery.is_some_and(|delivery| delivery.accepted));
/// # Ok(()) }
/// ```
pub fn claim_by_link(link: &str, user_id: Option<&str>) -> Result<Claimed, String> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| e.to_string())?;
    let link = link.split('#').next().unwrap_or_default();
    let user = user_id.map(|id| format!("&user_id={}", crate::notice::escape(id.as_bytes())));
    let form = format!("answer=json{}", user.unwrap_or_default());
    let sent = async { timeout(PATIENCE, postman::send(link, &form, false, false)).await };
    let silent = |_| format!("the claim page did not answer in {} s", PATIENCE.as_secs());
    let (status, text) = runtime.block_on(sent).map_err(silent)??;
    let said: Value = serde_json::from_slice(&text).unwrap_or_default();
    let part = |name: &str| said[name].as_str().map(str::to_owned);
    match (said["ok"].as_bool(), part("error")) {
        (Some(true), _) => Ok(Claimed { camp_id: part("camp_id"), notify_id: part("notify_id") }),
        (Some(false), Some(why)) => Err(why),
        _ => Err(format!("no claim page of a sandbox: status {status}")),
    }
}

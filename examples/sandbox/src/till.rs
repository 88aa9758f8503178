//! A till's folder for the C examples: in flow a path and the running sandbox, out flow key files
//! under the names the examples look for, and words that tell a person what to do next.

use std::fs;
use std::path::{Path, PathBuf};

use pointcard_sandbox::Sandbox;

use crate::{in_file, make_dir, write_secret};

/// The app's public key of this folder; the pair is made once.
pub fn app_key(dir: &Path) -> Result<PathBuf, String> {
    let (private, public) = (dir.join("app_private_key.txt"), dir.join("app_public_key.txt"));
    if private.exists() {
        return Ok(public);
    }
    make_dir(dir).map_err(|e| in_file(dir, e))?;
    let forms = pointcard_keytool::forms(&pointcard_keytool::generate(2048)?)?;
    // The public half first: a folder with a private key is complete.
    fs::write(&public, format!("{}\n", forms.public_line)).map_err(|e| in_file(&public, e))?;
    write_secret(&private, &forms.private_pkcs8_line).map_err(|e| in_file(&private, e))?;
    Ok(public)
}

/// Puts Alipay's key there; returns what to tell a person.
pub fn furnish(dir: &Path, sandbox: &Sandbox) -> Result<String, String> {
    let file = dir.join("alipay_public_key.txt");
    let line = format!("{}\n", sandbox.alipay_public_key());
    fs::write(&file, line).map_err(|e| in_file(&file, e))?;
    Ok(words(&dir.display().to_string(), sandbox))
}

fn words(till: &str, sandbox: &Sandbox) -> String {
    let (gateway, admin) = (sandbox.gateway_url(), sandbox.admin_url());
    let dashboard = sandbox.dashboard_url();
    format!(
        "
Watch and trouble it   {dashboard}
A sale from C          target/lib/checkout {till} {till}/points.queue \\
                           {gateway} 2088123412341234 TRADE-1 10
Ten sales              target/lib/offline_day {till} {gateway} sell 1 10
                       target/lib/offline_day {till} {gateway} sync 5000
A claim link           the dashboard's 试领一张券, or
                       curl -X POST '{admin}/offer?user_id=2088123412341234'

Keys of the till: {till}/app_private_key.txt, {till}/alipay_public_key.txt. Ctrl-C ends it.

"
    )
}

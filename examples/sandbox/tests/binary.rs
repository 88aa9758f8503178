//! The program as scripts use it: its lines, its admin API, its end.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use common::*;
use serde_json::Value;

struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    gateway: String,
    admin: String,
}

impl Running {
    fn start(keys: &Path, more: &[&str]) -> Running {
        let mut child = command(&["--app-id", APP_ID, "--app-public-key"])
            .arg(key_file("app2048.pub.pem"))
            .arg("--keys")
            .arg(keys)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = |name: &str| {
            let mut text = String::new();
            out.read_line(&mut text).unwrap();
            text.trim().strip_prefix(name).expect(name).trim().to_owned()
        };
        let (gateway, admin) = (line("gateway"), line("admin"));
        assert_eq!(line("dashboard"), format!("{admin}/dashboard"));
        assert!(line("claim_page").ends_with("/p/z/pointset/index.html"));
        assert_eq!(Path::new(&line("alipay_public_key")), keys.join("alipay_public_key.txt"));
        line("ready");
        Running { child, out, gateway, admin }
    }

    fn order(&self, path: &str) -> Answer {
        post(&format!("{}{path}", self.admin), "").unwrap()
    }

    fn see(&self, path: &str) -> String {
        get(&format!("{}{path}", self.admin))
    }

    /// What it printed after `ready`, once it ended well.
    fn end(mut self) -> String {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointcard-sandbox"));
    command.args(args);
    command
}

/// Alipay's key pair put there beforehand; one test lets the program make its own.
fn keys() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alipay_private_key.pem");
    std::fs::write(file, key("alipay2048.pkcs8.pem")).unwrap();
    dir
}

fn send(running: &Running, req_id: &str) -> std::io::Result<Answer> {
    Call::new(UPDATE, &deposit(req_id, req_id)).signed().send_as_is(&running.gateway)
}

#[test]
fn a_session_over_the_admin_api() {
    let dir = keys();
    let running = Running::start(dir.path(), &[]);
    assert!(send(&running, "r1").unwrap().verifies());
    running.order("/fault?kind=http_5xx&status=502&retry_after=3&booked=true");
    running.order("/fault?kind=reject&sub_code=X_Y&times=2");
    assert_eq!(running.see("/faults").lines().count(), 2);
    let answer = send(&running, "r2").unwrap();
    assert!(answer.status == 502 && answer.head.contains("retry-after: 3"));
    assert_eq!(send(&running, "r3").unwrap().get("sub_code"), "X_Y");
    running.order("/clear");
    running.order("/repeat?way=error");
    assert_eq!(send(&running, "r1").unwrap().get("code"), "40004");
    let ledger = running.see("/ledger");
    let first: Value = serde_json::from_str(ledger.lines().next().unwrap()).unwrap();
    assert_eq!((ledger.lines().count(), &first["req_id"]), (2, &"r1".into()));
    assert!(first["point_log_no"].is_string() && first["amount"] == 10);
    let requests = running.see("/requests");
    let last: Value = serde_json::from_str(requests.lines().last().unwrap()).unwrap();
    assert_eq!((&last["number"], &last["answered"]), (&4.into(), &true.into()));
    let asked = format!("/balance?user_id={USER}&activity_account={ACCOUNT}");
    let balance: Value = serde_json::from_str(&running.see(&asked)).unwrap();
    assert_eq!(balance["available_points"], "20");
    running.order("/shutdown");
    let printed = running.end();
    assert!(printed.contains("user 2088****1234 booked 10000 answered"), "{printed}");
    assert!(printed.contains("fault http_5xx"), "{printed}");
    assert!(!printed.contains(USER), "{printed}");
}

#[test]
fn down_and_up_by_order() {
    let dir = keys();
    let running = Running::start(dir.path(), &["--quiet"]);
    running.order("/down");
    assert!(connect(&running.gateway).is_err());
    assert!(running.see("/").contains("POST /fault"));
    running.order("/up");
    assert!(send(&running, "r1").unwrap().verifies());
    running.order("/fault?kind=down");
    assert!(connect(&running.gateway).is_err());
    running.order("/up");
    assert!(connect(&running.gateway).is_ok());
    running.order("/shutdown");
    assert_eq!(running.end(), "");
}

#[test]
fn bad_orders_are_named() {
    let dir = keys();
    let running = Running::start(dir.path(), &[]);
    for (path, says) in [
        ("/fault", "kind is missing"),
        ("/fault?kind=nonsense", "no fault"),
        ("/fault?kind=slow&ms=x", "ms=x"),
        ("/fault?kind=slow&time=2", "no parameter"),
        ("/fault?kind=http_5xx&status=404", "500 to 599"),
        ("/repeat?way=maybe", "same, error, forget or biz_no"),
        ("/repeat", "way is missing"),
        ("/down?ms=%zz", "broken"),
    ] {
        let answer = running.order(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains(says), "{path}: {}", answer.text());
    }
    assert_eq!(running.order("/ledger").status, 404);
    assert_eq!(request("GET", &format!("{}/shutdown", running.admin), "").unwrap().status, 404);
}

#[cfg(unix)]
#[test]
fn it_ends_cleanly_on_sigterm_and_keeps_the_ledger_over_kill() {
    let dir = keys();
    let file = dir.path().join("ledger");
    let file = ["--ledger", file.to_str().unwrap()];
    let mut running = Running::start(dir.path(), &file);
    let first = send(&running, "r1").unwrap().get("point_log_no");
    running.child.kill().unwrap();
    drop(running);
    let running = Running::start(dir.path(), &file);
    assert_eq!(send(&running, "r1").unwrap().get("point_log_no"), first);
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    running.end();
}

#[cfg(unix)]
#[test]
fn a_tills_folder_is_furnished_and_ctrl_c_ends_it() {
    let dir = keys();
    let till = dir.path().join("till");
    let start = || {
        let child = command(&["--app-id", APP_ID, "--keys"])
            .arg(dir.path())
            .arg("--till")
            .arg(&till)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C ends it.") {
            assert_ne!(out.read_line(&mut said).unwrap(), 0, "{said}");
        }
        (child, said)
    };
    let end = |mut child: Child| {
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    };
    let read = |name: &str| std::fs::read_to_string(till.join(name)).unwrap();
    let (child, said) = start();
    let gateway = said.lines().next().unwrap().strip_prefix("gateway ").unwrap().to_owned();
    // The folder's keys are a pair the sandbox takes, and Alipay's key is the one it signs with.
    let key = pointcard_keytool::read_private(&read("app_private_key.txt")).unwrap();
    let call = Call { key, ..Call::new(UPDATE, &deposit("r1", "r1")) };
    assert!(call.signed().send_as_is(&gateway).unwrap().verifies());
    assert_eq!(read("alipay_public_key.txt").trim(), common::key("alipay2048.pub.b64").trim());
    assert!(said.contains(&format!("checkout {}", till.display())), "{said}");
    end(child);
    let before = read("app_private_key.txt");
    end(start().0);
    assert_eq!(read("app_private_key.txt"), before, "made once");
}

#[test]
fn it_makes_alipays_keys_once() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("made/here");
    let public = |running: Running| {
        running.order("/shutdown");
        running.end();
        std::fs::read_to_string(keys.join("alipay_public_key.txt")).unwrap()
    };
    let first = public(Running::start(&keys, &[]));
    assert_eq!(first, public(Running::start(&keys, &[])));
    let (kind, bits, _) = pointcard_keytool::describe(&first).unwrap();
    assert_eq!((kind, bits), (pointcard_keytool::Kind::SpkiPublic, 2048));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let private = keys.join("alipay_private_key.pem");
        assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn each_bad_option_has_its_message() {
    let key = key_file("app2048.pub.pem");
    let private = key_file("app2048.pkcs8.pem");
    let (key, private) = (key.to_str().unwrap(), private.to_str().unwrap());
    let good = ["--app-id", APP_ID, "--app-public-key", key];
    let with = |more: &[&'static str]| [&good[..], more].concat();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec![], "--app-id ID is needed"),
        (vec!["--app-id", "1"], "--app-public-key FILE is needed"),
        (vec!["--app-id", "1", "--app-public-key", "/nowhere"], "/nowhere"),
        (vec!["--app-id", "1", "--app-public-key", private], "a public key is needed"),
        (with(&["--listen", "nowhere"]), "--listen nowhere"),
        (with(&["--admin", "1"]), "--admin 1"),
        (with(&["--repeat", "x"]), "same, error, forget or biz_no"),
        (with(&["--clock-tolerance", "-1"]), "--clock-tolerance"),
        (with(&["--nonsense"]), "no option --nonsense"),
        (with(&["stray"]), "stray"),
        (with(&["--ledger"]), "--ledger"),
        (with(&["--keys", "/dev/null/x"]), "/dev/null/x"),
    ];
    for (args, says) in cases {
        let Output { status, stderr, .. } = command(&args).output().unwrap();
        let text = String::from_utf8_lossy(&stderr);
        assert!(status.code() == Some(2) && text.contains(says), "{args:?}: {text}");
    }
    let help = command(&["--help"]).output().unwrap();
    assert!(help.status.success() && help.stderr.is_empty());
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = keys();
    let output = command(&["--app-id", APP_ID, "--app-public-key"])
        .arg(key_file("app2048.pub.pem"))
        .arg("--keys")
        .arg(dir.path())
        .args(["--listen", &taken.local_addr().unwrap().to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot start"));
}

//! bindings/python and the two receivers of notifications, as their users run them.
//!
//! In: `make lib`'s shared library, a sandbox, messages signed by another implementation. Out: the
//! bindings' own unit tests, none skipped, and the gateway's ledger after them; what
//! `examples/notify_receiver.py` and `.c` answer and list, and one COMMIT for one coupon.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may panic

mod c_api {
    pub mod build;
}
#[path = "interop/mail.rs"]
mod mail;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use c_api::build::{self, Program};
use mail::Mailbox;
use pointcard_sandbox::{Claim, Claimed, Config, Sandbox};

const APP_ID: &str = "2016100900000001";
/// Of the messages another implementation signed.
const FOREIGN_APP_ID: &str = "2016090501239018";
const USER: &str = "2088123412341234";
const NOBODY: &str = "http://127.0.0.1:9/gateway.do";

fn key(file: &str) -> String {
    let path = build::root().join("tests/vectors/keys").join(file);
    std::fs::read_to_string(path).expect("a key")
}

fn sandbox() -> Sandbox {
    let config = Config {
        alipay_key: Some(key("alipay2048.pkcs8.pem")),
        ..Config::new(APP_ID, key("app2048.pub.b64"))
    };
    Sandbox::start(config).expect("a sandbox")
}

fn kinds(sandbox: &Sandbox) -> Vec<String> {
    sandbox.ledger().into_iter().map(|line| line.order.trans_type).collect()
}

/// A new folder with the papers of a server, and of a till.
fn folder(name: &str, app_id: &str) -> PathBuf {
    let folder = build::out().join("run").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder under target");
    let papers = [
        ("app_private_key.txt", key("app2048.pkcs8.pem")),
        ("alipay_public_key.txt", key("alipay2048.pub.pem")),
        ("app_id.txt", format!("{app_id}\n")),
    ];
    for (paper, text) in papers {
        std::fs::write(folder.join(paper), text).expect("a paper");
    }
    folder
}

/// Python with the bindings and the library as it ships.
fn with_bindings(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONPATH", build::root().join("bindings/python"));
    command.env("POINTCARD_LIBRARY", build::lib().join("libpointcard.so"));
    command
}

/// A process that is told to end when the test does, whatever becomes of the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program that says one line when it is ready.
fn started(mut command: Command) -> (Ended, ChildStdin, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let (stdin, stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let ended = Ended(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    (ended, stdin, line.trim().to_owned())
}

#[test]
fn python_bindings_pass_their_own_tests() {
    let Some(python) = build::tool("python3", "bindings/python; Debian: python3") else { return };
    let sandbox = sandbox();
    let mut command = with_bindings(&python);
    command.args(["-W", "error", "-m", "unittest", "discover", "-s", "tests"]);
    command.current_dir(build::root().join("bindings/python"));
    command.env("POINTCARD_TEST_GATEWAY", sandbox.gateway_url());
    let output = command.output().expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.trim_end().ends_with("\nOK"), "nothing may be skipped here: {said}");
    let ledger = sandbox.ledger();
    let booked: Vec<_> = ledger
        .iter()
        .map(|line| format!("{} {}", line.order.trans_type, line.order.amount))
        .collect();
    // A sale, a part of it taken back; another sale, frozen and released by the server.
    assert_eq!(booked, ["DEPOSIT 10", "CONSUME 4", "DEPOSIT 10", "FREEZE 10", "CANCEL 10"]);
}

/// `tests/common/till.py`, a process per step.
struct Till<'t> {
    python: &'t Path,
    sandbox: &'t Sandbox,
    folder: &'t Path,
}

impl Till<'_> {
    fn run(&self, what: &str, number: &str, more: &str) -> String {
        let mut command = with_bindings(self.python);
        command
            .arg(build::root().join("tests/common/till.py"))
            .arg(self.folder)
            .arg(self.sandbox.gateway_url())
            .arg(USER);
        command.args([what, number, more]);
        build::run(command).trim().to_owned()
    }

    /// The shopper opens the link and takes the coupon.
    fn claim(&self, link: &str, notify_url: &str) -> Claimed {
        let of = |name: &str| {
            let mut pairs = link.split(['?', '&']).filter_map(|pair| pair.split_once('='));
            let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
            value.unwrap_or_else(|| panic!("{name} in {link}"))
        };
        let claim = Claim {
            out_biz_no: of("outBizNo"),
            token: of("token"),
            user_id: of("buyerId"),
            notify_url: Some(notify_url.into()),
            ..Claim::default()
        };
        self.sandbox.claim(&claim).expect("a coupon")
    }
}

/// The server of examples/notify_receiver.py, and its URL.
fn server(python: &Path, folder: &Path, gateway: &str) -> (Ended, String) {
    let mut command = with_bindings(python);
    command.arg(build::root().join("examples/notify_receiver.py")).arg(folder).arg(gateway);
    command.args(["--port", "0"]);
    let (ended, _, line) = started(command);
    let url = line.strip_prefix("listening on ").expect("its URL").to_owned();
    (ended, url)
}

/// One HTTP exchange of Python's own client: status and body.
fn ask(python: &Path, url: &str, form: Option<&str>) -> String {
    const ASK: &str = "import sys, urllib.request\n\
        form = sys.argv[2].encode() if len(sys.argv) > 2 else None\n\
        with urllib.request.urlopen(sys.argv[1], form, timeout=30) as answer:\n    \
            print(answer.status, answer.read().decode())\n";
    let mut command = Command::new(python);
    command.args(["-c", ASK, url]).args(form);
    build::run(command).trim().to_owned()
}

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {what} in a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const SPENT: [&str; 3] = ["DEPOSIT", "FREEZE", "COMMIT"];

#[test]
fn a_claim_reaches_the_receiver_in_python_and_is_spent_once() {
    let would = "a claim's message from the sandbox to examples/notify_receiver.py, and its \
                 COMMIT; Debian: python3";
    let Some(python) = build::tool("python3", would) else { return };
    let (folder, sandbox) = (folder("notify_receiver-python", APP_ID), sandbox());
    let (_server, url) = server(&python, &folder, &sandbox.gateway_url());
    let till = Till { python: &python, sandbox: &sandbox, folder: &folder };
    till.run("start", "offer-1", "");
    let link = till.run("hand", "offer-1", &url.replace("/notify", "/import"));
    let claimed = till.claim(&link, &url);
    let id = claimed.notify_id.expect("it is told");
    let told = sandbox.wait_for_delivery(&id, Duration::from_secs(60)).expect("a delivery");
    assert!(told.accepted && told.attempt == 1, "{told:?}");
    wait_for("COMMIT", || kinds(&sandbox).len() >= 3);
    let offers = url.replace("/notify", "/offers");
    wait_for("end", || ask(&python, &offers, None).contains(r#""state": "done""#));
    assert_eq!(kinds(&sandbox), SPENT);
}

#[test]
fn a_message_that_comes_before_its_offer_and_twice_is_spent_once() {
    let would = "an early message at examples/notify_receiver.py; Debian: python3";
    let Some(python) = build::tool("python3", would) else { return };
    let (folder, sandbox) = (folder("notify_receiver-early", APP_ID), sandbox());
    let till = Till { python: &python, sandbox: &sandbox, folder: &folder };
    let mail = Mailbox::open();
    till.claim(&till.run("start", "offer-1", ""), &mail.url);
    let form = mail.next();
    let (mut first, url) = server(&python, &folder, &sandbox.gateway_url());
    let offers = |url: &str| ask(&python, &url.replace("/notify", "/offers"), None);
    for _ in 0..2 {
        assert_eq!(ask(&python, &url, Some(&form)), "200 success");
    }
    let listed = offers(&url);
    assert_eq!(listed.matches(r#""state": "claim""#).count(), 1, "{listed}");
    // A server that dies keeps the claim.
    first.0.kill().expect("it ends");
    first.0.wait().expect("it ends");
    let (_second, url) = server(&python, &folder, &sandbox.gateway_url());
    till.run("hand", "offer-1", &url.replace("/notify", "/import"));
    wait_for("COMMIT", || offers(&url).contains(r#""state": "done""#));
    assert_eq!(ask(&python, &url, Some(&form)), "200 success", "late");
    let listed = offers(&url);
    assert_eq!(listed.matches("out_biz_no").count(), 1, "{listed}");
    assert_eq!(kinds(&sandbox), SPENT);
}

/// The receiver in C, a process per call.
struct Receiver {
    folder: PathBuf,
    gateway: String,
}

impl Receiver {
    /// For messages signed by another implementation; there is no gateway.
    fn foreign(name: &str) -> Receiver {
        Receiver { folder: folder(name, FOREIGN_APP_ID), gateway: NOBODY.into() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let program = build::c(&Program::example("notify_receiver", "cc", "c99"));
        let mut command = Command::new(program);
        command.arg(&self.folder).arg(&self.gateway).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What it says on stdout and stderr.
    fn message(&self, words: &[&str], body: &[u8]) -> (String, String) {
        let mut child = self.command(words).spawn().expect("it starts");
        // A receiver that has read enough may close its end.
        let _ = child.stdin.take().expect("its end").write_all(body);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(i32::from(said != "success")));
        (said, String::from_utf8(output.stderr).expect("UTF-8"))
    }

    fn post(&self, body: &[u8]) -> (String, String) {
        self.message(&["message"], body)
    }

    /// What another call prints.
    fn run(&self, words: &[&str]) -> String {
        build::run(self.command(words)).trim_end().to_owned()
    }

    /// Number, state and points of each offer.
    fn list(&self) -> Vec<String> {
        let text = self.run(&["list"]);
        let rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        rows.map(|row| format!("{} {} {}", row[0], row[1], row[3])).collect()
    }
}

const FOREIGN_CLAIM: &str = "hhe-test1-210600000101537 CLAIM 0";

#[test]
fn receiver_in_c_spends_a_claim_once_early_or_late_and_answers_each_time() {
    let would = "a claim's message at examples/notify_receiver.c, and its COMMIT; Debian: python3";
    let Some(python) = build::tool("python3", would) else { return };
    for early in [false, true] {
        let (sandbox, mail) = (sandbox(), Mailbox::open());
        let folder = folder("notify_receiver-c", APP_ID);
        let receiver = Receiver { folder: folder.clone(), gateway: sandbox.gateway_url() };
        let till = Till { python: &python, sandbox: &sandbox, folder: &folder };
        let mut link = till.run("start", "offer-1", "");
        let hand = |receiver: &Receiver| {
            let text = till.run("export", "offer-1", "");
            let receipt = receiver.run(&["import", "server", &text]);
            till.run("handed", "offer-1", &receipt)
        };
        if !early {
            link = hand(&receiver);
            assert_eq!(receiver.list(), ["offer-1 AUTHORISED 10"]);
        }
        till.claim(&link, &mail.url);
        let form = mail.next();
        assert_eq!(receiver.post(form.as_bytes()).0, "success");
        assert_eq!(receiver.message(&["message", &form], b"").0, "success", "as a GET");
        if early {
            assert_eq!(receiver.list(), ["offer-1 CLAIM 0"]);
            hand(&receiver);
        }
        assert!(receiver.run(&["sync"]).starts_with("1 accepted, 0 rejected"));
        assert_eq!(receiver.list(), ["offer-1 DONE 10"]);
        assert_eq!(receiver.post(form.as_bytes()).0, "success", "late");
        assert!(receiver.run(&["sync"]).starts_with("0 accepted, 0 rejected"));
        assert_eq!(kinds(&sandbox), SPENT, "early: {early}");
    }
}

#[test]
fn receiver_in_c_keeps_what_is_not_to_be_believed_out() {
    let receiver = Receiver::foreign("notify_receiver-forged");
    let coupon = build::notification("001-coupon-v1");
    let forged = String::from_utf8(coupon.clone()).expect("ASCII").replace("20045392", "20045393");
    let (said, why) = receiver.post(forged.as_bytes());
    assert_eq!(said, "fail");
    assert!(why.starts_with("notify_receiver: message: sign: "), "{why}");
    assert_eq!(receiver.post(b"").0, "fail");
    let torn = coupon.get(..coupon.len() / 2).expect("a half");
    assert_eq!(receiver.post(torn).0, "fail");
    let (said, why) = receiver.post(&[b'x'; 70_000]);
    assert!(said == "fail" && why.contains("65536"), "{said} {why}");
    let activity = String::from_utf8(build::notification("006-activity-sync-no-sign-type"));
    let (said, why) = receiver.message(&["message", &activity.expect("ASCII")], b"");
    assert!(said == "success" && why.contains("not about a coupon"), "{said} {why}");
    assert_eq!(receiver.list(), [""; 0]);
    std::fs::write(receiver.folder.join("app_id.txt"), APP_ID).expect("a paper");
    let (said, why) = receiver.post(&coupon);
    assert!(said == "fail" && why.contains("app_id"), "{said} {why}");
}

#[test]
fn receiver_in_c_keeps_a_message_once_when_killed_and_among_many() {
    let receiver = Receiver::foreign("notify_receiver-many");
    let coupon = build::notification("001-coupon-v1");
    for wait in [0, 2, 5, 10, 20, 40] {
        let mut child = receiver.command(&["message"]).spawn().expect("it starts");
        let _ = child.stdin.take().expect("its end").write_all(&coupon);
        std::thread::sleep(Duration::from_millis(wait));
        drop(Ended(child));
    }
    std::thread::scope(|scope| {
        let posts: Vec<_> = (0..8).map(|_| scope.spawn(|| receiver.post(&coupon).0)).collect();
        for post in posts {
            assert_eq!(post.join().expect("no panic"), "success");
        }
    });
    assert_eq!(receiver.list(), [FOREIGN_CLAIM]);
}

#[test]
fn receiver_in_c_waits_for_a_queue_in_use_and_fails_in_the_end() {
    let would = "a queue that two processes want; Debian: python3";
    let Some(python) = build::tool("python3", would) else { return };
    let receiver = Receiver::foreign("notify_receiver-locked");
    let (coupon, url) = (build::notification("001-coupon-v1"), NOBODY);
    let (holder, _) = server(&python, &receiver.folder, url);
    let (said, why) = receiver.post(&coupon);
    assert!(said == "fail" && why.contains("init"), "{said} {why}");
    std::thread::scope(|scope| {
        let post = scope.spawn(|| receiver.post(&coupon).0);
        std::thread::sleep(Duration::from_millis(500));
        drop(holder);
        assert_eq!(post.join().expect("no panic"), "success");
    });
    assert_eq!(receiver.list(), [FOREIGN_CLAIM]);
}

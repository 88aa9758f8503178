//! bindings/python and the two receivers of notifications, as their users run them.
//!
//! In: `make lib`'s shared library, a sandbox, messages signed by another implementation. Out: the
//! bindings' own unit tests, none skipped, and the gateway's ledger after them; what
//! `examples/notify_receiver.c` answers and stores.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may panic

mod c_api {
    pub mod build;
}

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use c_api::build::{self, Program};
use pointcard_sandbox::{Claim, Config, Sandbox};

fn key(file: &str) -> String {
    let path = build::root().join("tests/vectors/keys").join(file);
    std::fs::read_to_string(path).expect("a key")
}

const APP_ID: &str = "2016100900000001";
const USER: &str = "2088123412341234";

fn sandbox() -> Sandbox {
    let config = Config {
        alipay_key: Some(key("alipay2048.pkcs8.pem")),
        ..Config::new(APP_ID, key("app2048.pub.b64"))
    };
    Sandbox::start(config).expect("a sandbox")
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
    let booked: Vec<_> = sandbox.ledger().iter().map(|b| b.order.amount.to_string()).collect();
    assert_eq!(booked, ["10", "4"], "one sale credited, a part of it taken back");
}

/// A token for a prize, asked for through the bindings.
fn token(python: &Path, sandbox: &Sandbox, folder: &Path) -> String {
    const ASK: &str = "import pointcard, sys\n\
        queue, gateway, user, key, alipay_key = sys.argv[1:]\n\
        till = pointcard.Client(app_id='2016100900000001', queue=queue, gateway=gateway,\n\
        private_key=open(key).read(), alipay_public_key=open(alipay_key).read())\n\
        prize = '20160527000000000682853000153366'\n\
        print(till.authorize_prize(req_id='r1', prize_id=prize, user_id=user))\n\
        till.close()\n";
    let keys = build::root().join("tests/vectors/keys");
    let mut command = with_bindings(python);
    command.args(["-c", ASK]).arg(folder.join("queue")).arg(sandbox.gateway_url()).arg(USER);
    command.args([keys.join("app2048.pkcs8.pem"), keys.join("alipay2048.pub.pem")]);
    build::run(command).trim().to_owned()
}

/// The server of examples/notify_receiver.py, and its URL.
fn server(python: &Path, folder: &Path) -> (Ended, String) {
    let mut command = with_bindings(python);
    command.arg(build::root().join("examples/notify_receiver.py")).args(["--app-id", APP_ID]);
    command.arg("--alipay-public-key");
    command.arg(build::root().join("tests/vectors/keys/alipay2048.pub.pem"));
    command.arg("--journal").arg(folder.join("journal")).args(["--port", "0"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("python3 starts");
    let stdout = child.stdout.take().expect("its words");
    let ended = Ended(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let url = line.trim().strip_prefix("listening on ").expect("its URL").to_owned();
    (ended, url)
}

#[test]
fn a_claim_reaches_the_receiver_in_python() {
    let would =
        "a claim's message from the sandbox to examples/notify_receiver.py; Debian: python3";
    let Some(python) = build::tool("python3", would) else { return };
    let receiver = Receiver::new("notify_receiver-python");
    let sandbox = sandbox();
    let (_server, url) = server(&python, &receiver.folder);
    let claim = Claim {
        out_biz_no: "prize1476966783310".into(),
        token: token(&python, &sandbox, &receiver.folder),
        user_id: USER.into(),
        notify_url: Some(url),
        ..Claim::default()
    };
    let claimed = sandbox.claim(&claim).expect("a coupon");
    let start = Instant::now();
    while receiver.journal().is_empty() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let notify_id = claimed.notify_id.expect("it is told");
    let line = format!("{notify_id}\tcoupon\t{USER}\tprize1476966783310");
    assert_eq!(receiver.journal(), [line]);
}

/// The request of a row of `tests/vectors/verify_notify.jsonl`.
fn notification(case: &str) -> Vec<u8> {
    let path = build::root().join("tests/vectors/verify_notify.jsonl");
    let rows = std::fs::read_to_string(path).expect("the vectors");
    let mut rows =
        rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).expect("a row"));
    let row = rows.find(|row| row["case"] == format!("open/notify/{case}")).expect("a row");
    let hex = row["raw_hex"].as_str().expect("hex").as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("hex") as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The receiver in C, with a journal of its own.
struct Receiver {
    folder: PathBuf,
}

impl Receiver {
    fn new(name: &str) -> Receiver {
        let folder = build::out().join("run").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder under target");
        Receiver { folder }
    }

    fn command(&self, app_id: &str) -> Command {
        let program = build::c(&Program::example("notify_receiver", "cc", "c99"));
        let mut command = Command::new(program);
        command.arg(build::root().join("tests/vectors/keys/alipay2048.pub.pem")).arg(app_id);
        command.arg(self.folder.join("journal"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn finish(mut command: Command, body: &[u8]) -> (String, String) {
        let mut child = command.spawn().expect("it starts");
        // A receiver that has read enough may close its end.
        let _ = child.stdin.take().expect("its end").write_all(body);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(i32::from(said != "success")));
        (said, String::from_utf8(output.stderr).expect("UTF-8"))
    }

    fn post(&self, body: &[u8]) -> (String, String) {
        Self::finish(self.command("2016090501239018"), body)
    }

    fn journal(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("journal")).unwrap_or_default();
        text.lines().map(String::from).collect()
    }
}

#[test]
fn receiver_in_c_stores_a_message_once_and_answers_each_time() {
    let receiver = Receiver::new("notify_receiver");
    let coupon = notification("001-coupon-v1");
    for _ in 0..3 {
        assert_eq!(receiver.post(&coupon).0, "success");
    }
    let query = String::from_utf8(notification("006-activity-sync-no-sign-type")).expect("ASCII");
    let mut get = receiver.command("2016090501239018");
    get.arg(&query);
    assert_eq!(Receiver::finish(get, b"").0, "success");
    let journal = receiver.journal();
    assert_eq!(journal.len(), 2, "{journal:?}");
    assert!(journal[0].ends_with("\tcoupon\t2088202920045392\thhe-test1-210600000101537"));
    assert!(journal[1].contains("\tactivity\t"), "{journal:?}");
}

#[test]
fn receiver_in_c_keeps_what_is_not_to_be_believed_out() {
    let receiver = Receiver::new("notify_receiver-forged");
    let coupon = notification("001-coupon-v1");
    let forged = String::from_utf8(coupon.clone()).expect("ASCII").replace("20045392", "20045393");
    let (said, why) = receiver.post(forged.as_bytes());
    assert_eq!(said, "fail");
    assert!(why.starts_with("notify_receiver: sign: "), "{why}");
    assert_eq!(receiver.post(b"").0, "fail");
    let (said, why) = receiver.post(&[b'x'; 70_000]);
    assert!(said == "fail" && why.contains("65536"), "{said} {why}");
    let (said, why) = Receiver::finish(receiver.command("2016100900000001"), &coupon);
    assert!(said == "fail" && why.contains("app_id"), "{said} {why}");
    assert_eq!(receiver.journal(), [""; 0]);
}

#[test]
fn receiver_in_c_stores_a_message_again_whose_line_was_torn_and_survives_many_at_once() {
    let receiver = Receiver::new("notify_receiver-torn");
    let coupon = notification("001-coupon-v1");
    assert_eq!(receiver.post(&coupon).0, "success");
    // The power was cut before the line's end was on the disk.
    let whole = receiver.journal();
    let torn = whole[0].get(..whole[0].len() - 5).expect("ASCII");
    std::fs::write(receiver.folder.join("journal"), torn).expect("a journal");
    std::thread::scope(|scope| {
        let posts: Vec<_> = (0..8).map(|_| scope.spawn(|| receiver.post(&coupon).0)).collect();
        for post in posts {
            assert_eq!(post.join().expect("no panic"), "success");
        }
    });
    assert_eq!(receiver.journal(), whole);
}

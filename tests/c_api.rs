//! The C boundary as a C programmer meets it: small C programs, one per section of the header.
//!
//! In: `tests/c_api/*.c` and the examples, `make lib`'s archive. Out: each program compiled once
//! (C99, -pedantic, -Werror), run against a sandbox of its own, and run again under valgrind. What
//! a program says it sold is compared with that sandbox's ledger.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may panic

mod c_api {
    pub mod build;
}
#[path = "common/desk.rs"]
mod desk;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use c_api::build::{self, Program};
use pointcard_sandbox::{Config, Sandbox};

const APP_ID: &str = "2016100900000001";

/// A program's surroundings: a sandbox, a desk for the methods no sandbox plays, and a folder with
/// keys, all its own.
struct Bench {
    sandbox: Sandbox,
    desk: desk::Desk,
    folder: PathBuf,
}

impl Bench {
    fn new(name: &str, bits: u32) -> Bench {
        let folder = build::out().join("run").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder under target");
        let keys = build::root().join("tests/vectors/keys");
        let key = |file: &str| std::fs::read_to_string(keys.join(file)).expect("a key");
        let config = Config {
            alipay_key: Some(key(&format!("alipay{bits}.pkcs8.pem"))),
            ..Config::new(APP_ID, key(&format!("app{bits}.pub.b64")))
        };
        let sandbox = Sandbox::start(config).expect("a sandbox");
        let files = [
            ("app_private_key.txt", key(&format!("app{bits}.pkcs8.pem"))),
            ("app_private_key.pkcs1.txt", key(&format!("app{bits}.pkcs1.b64"))),
            ("app_public_key.txt", key(&format!("app{bits}.pub.b64"))),
            ("alipay_public_key.txt", sandbox.alipay_public_key().into()),
            ("other_private_key.txt", key("other2048.pkcs8.pem")),
            ("other_public_key.txt", key("other2048.pub.pem")),
            ("encrypted.pem", key("forms/app2048.encrypted.pem")),
            ("ec.pem", key("forms/ec.pkcs8.pem")),
            ("app_public_key.crlf.pem", key("app2048.pub.pem").replace('\n', "\r\n")),
            ("app.crt", key("certs/app.crt")),
            ("app.crt.number", certificate_number("app.crt")),
            ("root_bundle.crt", key("certs/root_bundle.crt")),
            ("root_bundle.crt.number", certificate_number("root_bundle.crt")),
        ];
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("a file under target");
        }
        for case in ["001-coupon-v1", "006-activity-sync-no-sign-type", "008-gbk"] {
            std::fs::write(folder.join(case), build::notification(case))
                .expect("a file under target");
        }
        Bench { sandbox, desk: desk::Desk::start(desk::ordinary), folder }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = build::runs(program);
        self.surround(&mut command);
        command
    }

    fn surround(&self, command: &mut Command) {
        command.arg(&self.folder).arg(self.sandbox.gateway_url()).arg(self.sandbox.admin_url());
        command.env("DESK", &self.desk.url).current_dir(&self.folder);
    }

    /// Runs one of our programs; then the ledger must hold what it sold, once, and nothing else.
    fn check(&self, mut command: Command) {
        let output = command.output().expect("the program starts");
        let said = passed(&command, &output);
        let mut wanted: Vec<_> =
            said.lines().filter_map(|line| line.strip_prefix("sold ")).map(String::from).collect();
        let booked = |booking: &pointcard_sandbox::Booking| {
            let biz_no = booking.order.biz_no.as_deref().unwrap_or("");
            format!("{biz_no} {}", booking.order.amount)
        };
        let mut ledger: Vec<_> = self.sandbox.ledger().iter().map(booked).collect();
        wanted.sort();
        ledger.sort();
        assert_eq!(wanted, ledger, "left: what was sold, right: what was credited");
    }
}

/// The number other implementations compute for `tests/vectors/keys/certs/FILE`.
fn certificate_number(file: &str) -> String {
    let path = build::root().join("tests/vectors/certsn.jsonl");
    let rows = std::fs::read_to_string(path).expect("the vectors");
    let mut rows =
        rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).expect("a row"));
    let row = rows.find(|row| row["cert"] == format!("keys/certs/{file}")).expect("a row");
    row["expect_sn"].as_str().expect("a number").to_owned()
}

/// What the program printed; a failure shows all of it.
fn passed(command: &Command, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    said
}

/// What a program calls beside the library.
fn has_tools(name: &str) -> bool {
    let would = match name {
        "signer" | "signing" => "a key that never enters the till",
        "keys" => "signatures of pointcard_key_sign",
        _ => return true,
    };
    build::tool("openssl", &format!("{would}, tests/c_api/{name}.c")).is_some()
}

fn plain(name: &str, bits: u32) {
    if !has_tools(name) {
        return;
    }
    let bench = Bench::new(&format!("{name}-plain"), bits);
    bench.check(bench.command(build::c(&Program::test(name))));
}

fn under_valgrind(name: &str, bits: u32) {
    if !has_tools(name) {
        return;
    }
    let program = build::c(&Program::test(name)).to_owned();
    let Some(valgrind) = build::tool("valgrind", &format!("memory use of tests/c_api/{name}.c"))
    else {
        return;
    };
    let bench = Bench::new(&format!("{name}-valgrind"), bits);
    let mut command = Command::new(valgrind);
    command.args(VALGRIND).arg(program).env("QUICK", "1");
    bench.surround(&mut command);
    bench.check(command);
}

const VALGRIND: [&str; 8] = [
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite,possible",
    "--show-leak-kinds=definite,possible",
    "--trace-children=no",
    "--fair-sched=yes",
    concat!("--suppressions=", env!("CARGO_MANIFEST_DIR"), "/tests/c_api/valgrind.supp"),
];

macro_rules! programs {
    ($($name:ident $bits:literal;)*) => {
        mod plain {
            $(#[test] fn $name() { super::plain(stringify!($name), $bits); })*
        }
        mod valgrind {
            $(#[test] fn $name() { super::under_valgrind(stringify!($name), $bits); })*
        }
    };
}

programs! {
    activity 2048;
    answers 2048;
    bad_config 2048;
    bad_input 2048;
    bad_sectors 2048;
    callbacks 2048;
    calls 2048;
    charset 2048;
    checkup 2048;
    claim 2048;
    clock 2048;
    earn 2048;
    explain 2048;
    file 2048;
    keys 2048;
    letters 2048;
    limits 2048;
    locks 2048;
    notification 2048;
    drain 2048;
    profiles 2048;
    qr 2048;
    redeem 2048;
    seal 2048;
    signer 2048;
    signing 2048;
    steps 2048;
    storage 2048;
    threads 2048;
}

/// The examples as a user would build and run them, against real HTTP on the built-in transport.
mod examples {
    use super::*;

    const SALE: &str = "2016082221001004150200139999";

    fn run(mut command: Command) -> String {
        let output = command.output().expect("the program starts");
        passed(&command, &output)
    }

    fn checkout(bench: &Bench, program: &Path, biz_no: &str, points: &str) -> Output {
        let mut command = Command::new(program);
        command.arg(&bench.folder).arg(bench.folder.join("points.queue"));
        command.arg(bench.sandbox.gateway_url()).args(["2088123412341234", biz_no, points]);
        command.output().expect("the program starts")
    }

    fn checks_out(name: &str, program: &Path) {
        let bench = Bench::new(name, 2048);
        let sell = |biz_no: &str, points: &str| {
            let output = checkout(&bench, program, biz_no, points);
            passed(&Command::new(program), &output)
        };
        let said = sell(SALE, "10");
        assert!(said.contains("10 points, receipt "), "{said}");
        assert!(said.contains("sent: 1 accepted, 0 refused"), "{said}");
        assert!(said.contains("balance 10, and 0 on their way"), "{said}");
        let again = sell(SALE, "10");
        assert!(again.contains("(recorded before)"), "{again}");
        assert!(again.contains("balance 10, and 0 on their way"), "{again}");
        bench.sandbox.down();
        let offline = sell("2016082221001004150200140000", "7");
        assert!(offline.contains("1 sales wait for the line"), "{offline}");
        bench.sandbox.up();
        let later = sell("2016082221001004150200140001", "5");
        assert!(later.contains("balance 22, and 0 on their way"), "{later}");
        let refused = checkout(&bench, program, "2016082221001004150200140002", "0");
        assert_eq!(refused.status.code(), Some(1));
        let complaint = String::from_utf8_lossy(&refused.stderr);
        assert!(complaint.contains("accrue: sale.points: "), "{complaint}");
        assert_eq!(bench.sandbox.ledger().len(), 3);
    }

    #[test]
    fn checkout_sells_online_and_offline() {
        checks_out("checkout-c99", build::c(&Program::example("checkout", "cc", "c99")));
    }

    #[test]
    fn checkout_is_cxx11_as_well() {
        let Some(_) = build::tool("c++", "examples/checkout.c as C++11") else { return };
        checks_out("checkout-c++11", build::c(&Program::example("checkout", "c++", "c++11")));
    }

    fn readme(bench: &Bench, mut command: Command) -> String {
        let key = |name: &str| std::fs::read_to_string(bench.folder.join(name)).expect("a key");
        command.current_dir(&bench.folder).env("GATEWAY", bench.sandbox.gateway_url());
        command.env("APP_PRIVATE_KEY", key("app_private_key.txt"));
        command.env("ALIPAY_PUBLIC_KEY", key("alipay_public_key.txt"));
        run(command)
    }

    #[test]
    fn readme_credits_its_sale_once() {
        let program = build::c(&Program::example("readme", "cc", "c99"));
        let bench = Bench::new("readme", 2048);
        assert_eq!(readme(&bench, Command::new(program)), "1 credited, 0 waiting\n");
        assert_eq!(readme(&bench, Command::new(program)), "0 credited, 0 waiting\n");
        let ledger = bench.sandbox.ledger();
        assert_eq!(ledger.len(), 1);
        assert_eq!(ledger[0].order.biz_no.as_deref(), Some(SALE));
    }

    #[test]
    fn readme_uses_memory_well() {
        let program = build::c(&Program::example("readme", "cc", "c99"));
        let Some(valgrind) = build::tool("valgrind", "memory use of examples/readme.c") else {
            return;
        };
        let bench = Bench::new("readme-valgrind", 2048);
        let mut command = Command::new(valgrind);
        command.args(VALGRIND).arg(program);
        assert_eq!(readme(&bench, command), "1 credited, 0 waiting\n");
    }

    /// A process that is told to end when the test does, whatever becomes of the test.
    struct House(std::process::Child);

    impl Drop for House {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// The software house's server, and the port it listens on.
    fn house(bench: &Bench, program: &Path) -> (House, String) {
        use std::io::BufRead;
        let mut command = Command::new(program);
        command.arg("house").arg(bench.folder.join("app_private_key.txt")).arg(APP_ID);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("a house");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its words");
        std::io::BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port = line.trim().strip_prefix("listening on ").expect("its port").to_owned();
        (House(child), port)
    }

    #[test]
    fn remote_signing_credits_a_sale_of_a_till_without_a_key() {
        let would = "the example of signing elsewhere, examples/remote_signing.c";
        if build::tool("openssl", would).is_none() {
            return;
        }
        let program = build::c(&Program::example("remote_signing", "cc", "c99"));
        let bench = Bench::new("remote_signing", 2048);
        let (_house, port) = house(&bench, program);
        let till = |app_id: &str, biz_no: &str| {
            let mut command = Command::new(program);
            command.arg("till").arg(bench.folder.join("app_public_key.txt"));
            command.arg(bench.folder.join("alipay_public_key.txt")).arg(app_id);
            command.args([&bench.sandbox.gateway_url(), &port, "2088123412341234", biz_no, "10"]);
            command.output().expect("the program starts")
        };
        let said = passed(&Command::new(program), &till(APP_ID, SALE));
        assert!(said.contains("10 points credited, flow number "), "{said}");
        // Another application's requests are not this house's to sign.
        let refused = till("2016100900000002", "2016082221001004150200140000");
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8_lossy(&refused.stdout);
        assert!(said.contains("not signed; 1 sale waits"), "{said}");
        assert_eq!(bench.sandbox.ledger().len(), 1);
    }

    #[test]
    fn offline_day_compiles_without_a_warning() {
        build::c(&Program::example("offline_day", "cc", "c99"));
    }
}

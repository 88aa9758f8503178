//! `make demo`: a day at the till, in C, against an embedded sandbox.
//!
//! In: the till programs `examples/offline_day.c` and `examples/redeem.c`, built. Out: what happens,
//! step by step; a table of every sale; and a last line computed from the gateway's ledger against the
//! till's own list of sales. Exit code 1 unless every sale was credited exactly once, and the coupon's
//! points were spent.

mod redemption;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pointcard_sandbox::{Booking, Config, Fault, Sandbox};
use redemption::Left;

const SALES: usize = 50;
const SHOPPERS: usize = 5;
const POINTS: u64 = 10;
const APP_ID: &str = "2016100900000001";

type Any = Box<dyn std::error::Error>;

/// The till: a C program in a folder, started afresh for every step, as after a power cut.
#[derive(Clone)]
struct Till {
    program: PathBuf,
    folder: PathBuf,
    gateway: String,
}

impl Till {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(&self.folder).arg(&self.gateway).args(words);
        command
    }

    fn run(&self, words: &[&str]) -> Result<ExitStatus, Any> {
        Ok(self.command(words).status()?)
    }

    fn must(&self, words: &[&str]) -> Result<(), Any> {
        let status = self.run(words)?;
        if status.success() { Ok(()) } else { Err(format!("the till failed: {words:?}").into()) }
    }

    fn output(&self, words: &[&str]) -> Result<String, Any> {
        let output = self.command(words).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("the till failed: {words:?}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn main() -> ExitCode {
    let mut programs = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(sales), Some(coupons)) = (programs.next(), programs.next()) else {
        eprintln!("use: demo OFFLINE_DAY REDEEM (built from examples/*.c); see `make demo`");
        return ExitCode::from(2);
    };
    match day(&sales, &coupons) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn day(program: &Path, coupons: &Path) -> Result<bool, Any> {
    let folder = fresh_folder()?;
    step("the software house makes its app's keys, the gateway its own");
    let sandbox = Sandbox::start(Config::new(APP_ID, &make_keys(&folder)?))?;
    std::fs::write(folder.join("alipay_public_key.txt"), sandbox.alipay_public_key())?;
    let till = Till { program: program.into(), folder, gateway: sandbox.gateway_url() };

    step("the network is down; the shop sells all morning");
    sandbox.down();
    till.must(&["sell", "1", "12"])?;
    till.must(&["sync", "300"])?;
    step("the power fails between the append and its return, in sale 13");
    killed(till.run(&["sell", "13", "13", "kill"])?)?;
    step("the till starts again, is unsure of sale 13, and rings it up again");
    till.must(&["sell", "14", "25"])?;

    step("the network is back; the gateway accepts a sale and its answer is lost");
    sandbox.up();
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 500 }, 1);
    drain(&till)?;
    step("afternoon; the power fails while a sync waits for an answer");
    till.must(&["sell", "26", "40"])?;
    kill_in_sync(&till, &sandbox)?;
    step("the till starts again, sells the rest, and sends everything");
    till.must(&["sell", "41", "50"])?;
    drain(&till)?;

    step("what became of every sale, by the till's own papers");
    print!("{}", till.output(&["table"])?);
    step("what every shopper has, by the gateway");
    let balances = till.output(&["balances"])?;
    print!("{balances}");
    let left = redemption::redeem(coupons, &till, &sandbox)?;
    println!();
    Ok(verdict(&sold(&till.folder)?, &sandbox.ledger(), &balances, &left))
}

fn step(what: &str) {
    println!("\n-- {what}");
}

fn fresh_folder() -> Result<PathBuf, Any> {
    let folder = PathBuf::from("target/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The app's key pair; the private half goes to the till, the public one to the gateway.
fn make_keys(folder: &Path) -> Result<String, Any> {
    let keys = pointcard_keytool::forms(&pointcard_keytool::generate(2048)?)?;
    std::fs::write(folder.join("app_private_key.txt"), &*keys.private_pkcs8_line)?;
    Ok(keys.public_line.clone())
}

fn killed(status: ExitStatus) -> Result<(), Any> {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(9) => Ok(()),
        _ => Err(format!("the till should have been killed, but {status}").into()),
    }
}

/// Starts a sync against a slow gateway and kills the till when the gateway has its request.
fn kill_in_sync(till: &Till, sandbox: &Sandbox) -> Result<(), Any> {
    let before = sandbox.requests().len();
    sandbox.fault(Fault::Slow { ms: 3_000 }, 1);
    let mut child = till.command(&["sync", "5000"]).spawn()?;
    let patience = Instant::now() + Duration::from_secs(10);
    while sandbox.requests().len() == before {
        if Instant::now() > patience {
            return Err("no request came".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    killed(child.wait()?)
}

/// Syncs until nothing waits, as a till would whenever its line is idle.
fn drain(till: &Till) -> Result<(), Any> {
    for _ in 0..30 {
        let said = till.output(&["sync", "5000"])?;
        print!("{said}");
        if said.contains("; 0 waiting") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Err("the queue does not drain".into())
}

/// The trade numbers of the till's own list of sales.
fn sold(folder: &Path) -> Result<Vec<String>, Any> {
    let list = std::fs::read_to_string(folder.join("sales.txt"))?;
    let numbers = list.lines().filter_map(|line| line.strip_prefix("sale "));
    Ok(numbers.map(|number| format!("20160822210010041502001{number:0>5}")).collect())
}

/// Compares the till's sales with the gateway's ledger and prints the last line.
fn verdict(sales: &[String], ledger: &[Booking], balances: &str, left: &Left) -> bool {
    let mut credited: HashMap<&str, (u32, u64)> = HashMap::new();
    for booking in ledger.iter().filter(|booking| booking.order.trans_type == "DEPOSIT") {
        let entry = credited.entry(booking.order.biz_no.as_deref().unwrap_or("")).or_default();
        entry.0 += 1;
        entry.1 += booking.order.amount;
    }
    let count = |sale: &String| credited.get(sale.as_str()).copied().unwrap_or_default();
    let once = sales.iter().filter(|sale| count(sale) == (1, POINTS)).count();
    let lost = sales.iter().filter(|sale| count(sale).0 == 0).count();
    let doubled = sales.iter().filter(|sale| count(sale).0 > 1).count();
    let strangers =
        credited.keys().filter(|known| !sales.iter().any(|sale| sale == *known)).count();
    let points: u64 = balances
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .filter_map(|points| points.parse::<u64>().ok())
        .sum();
    println!(
        "demo: {} sales, {once} credited once, {lost} lost, {doubled} doubled; {} coupon{}, {} points stranded",
        sales.len(),
        left.coupons,
        if left.coupons == 1 { "" } else { "s" },
        left.stranded,
    );
    if strangers != 0 {
        eprintln!("demo: the ledger holds {strangers} credits the till never sold");
    }
    let whole = sales.len() == SALES && once == SALES && strangers == 0;
    let paid = (left.coupons, left.commits, left.stranded) == (1, 1, 0);
    whole && paid && balances.lines().count() == SHOPPERS && points == SALES as u64 * POINTS
}

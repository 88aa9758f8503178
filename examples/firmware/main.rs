//! A day with a till in an emulator: the host's side of `make firmware`.
//!
//! In: a name, a mode and the command that runs the till's image once; `{words}` in it stands for
//! the image's command line. Out: what happened, the deepest stack of every function, and one line
//! with the verdict. Exit code 1 unless the gateway's ledger shows every sale exactly once and
//! openssl accepts every signature the till made.
//!
//! ```text
//! firmware NAME FOLDER CUTS COMMAND...
//! ```
//!
//! The till runs in FOLDER, which is made anew and keeps `nor.chip`, its flash, between runs: each
//! run is a cold start, and a power cut ends the run in the middle of a flash operation. CUTS is how
//! many operations, spread over a sale and over a sync, the power is cut in.

mod line;
mod proof;
mod till;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use pointcard_sandbox::{Booking, Config, Fault, Sandbox};

use line::Line;
use till::{Ended, Till};

type Any = Box<dyn std::error::Error>;

const APP_ID: &str = "2016100900000001";
const POINTS: u64 = 10;
/// Flash steps of one sale and of one exchange, about: cuts are spread over them.
const STEPS_OF_SALE: usize = 300;
const STEPS_OF_SYNC: usize = 120;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (name, folder, cuts) = (words.next(), words.next(), words.next());
    let command: Vec<String> = words.collect();
    let cuts = cuts.and_then(|cuts| cuts.parse().ok());
    let (Some(name), Some(folder), Some(cuts), false) = (name, folder, cuts, command.is_empty())
    else {
        eprintln!("use: firmware NAME FOLDER CUTS COMMAND... (see examples/firmware/README.md)");
        return ExitCode::from(2);
    };
    match day(&name, folder.into(), cuts, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firmware: {name}: FAILED, {error}");
            ExitCode::FAILURE
        }
    }
}

/// One of the keys everybody knows: the signatures of two machines can be compared.
fn test_key(name: &str) -> Result<String, Any> {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}").into())
}

fn day(name: &str, folder: PathBuf, cuts: usize, command: Vec<String>) -> Result<(), Any> {
    let mut config = Config::new(APP_ID, test_key("app2048.pub.pem")?);
    config.alipay_key = Some(test_key("alipay2048.pkcs8.pem")?);
    let sandbox = Sandbox::start(config)?;
    let mut till = Till::new(folder, command, &test_key("app2048.pkcs8.b64")?)?;
    till.write("alipay_public_key.txt", sandbox.alipay_public_key())?;
    let line = Line::open(&till.file("modem"), sandbox.gateway_url())?;

    morning(&mut till, &line)?;
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 300 }, 1);
    till.must("sync")?;
    let last = cuts_everywhere(&mut till, cuts)?;
    till.must("sync")?;
    let walked = till.must("walk")?;
    if walked.contains(" waiting ") || walked.contains(" dead ") || walked.contains(" parked ") {
        return Err(format!("not every entry is settled:\n{walked}").into());
    }
    credited_once(last, &sandbox.ledger())?;

    let requests = line.requests();
    let signatures = proof::check_all(&requests, &till)?;
    till.print_stacks();
    println!(
        "firmware: {name}: {last} sales credited once, {} power cuts, {} starts, {} requests, \
         {signatures} signatures checked by openssl",
        till.cuts,
        till.starts,
        requests.len()
    );
    Ok(())
}

/// Offline, with a cut in the first sale (the chip is being formatted) and one in a later one.
fn morning(till: &mut Till, line: &Line) -> Result<(), Any> {
    line.down();
    till.cut_or_done(40, "sell 1 1")?;
    till.must("sell 1 4")?;
    till.cut_or_done(STEPS_OF_SALE / 2, "sell 5 5")?;
    till.must("sell 5 6")?;
    let said = till.run(0, "sync")?;
    if !matches!(said, Ended::Failed(ref text) if text.contains("6")) {
        return Err(format!("without a line six entries must wait: {said:?}").into());
    }
    line.up();
    Ok(())
}

/// Cuts in the middle of sales and of exchanges; after each the till is unsure and repeats.
/// Returns the number of the last sale.
fn cuts_everywhere(till: &mut Till, cuts: usize) -> Result<usize, Any> {
    let mut sale = 6;
    for cut in 0..cuts {
        sale += 1;
        let repeat = format!("sell {sale} {sale}");
        till.cut_or_done(1 + cut * STEPS_OF_SALE / cuts, &repeat)?;
        till.must(&repeat)?;
        till.cut_or_done(1 + cut * STEPS_OF_SYNC / cuts, "sync")?;
        // Every cut write costs the rest of its sector until the entries in it are settled.
        if cut % 3 == 2 {
            till.must("sync")?;
        }
    }
    Ok(sale)
}

/// Compares the till's sales, 1 to `last`, with the gateway's ledger.
fn credited_once(last: usize, ledger: &[Booking]) -> Result<(), Any> {
    let mut credited: HashMap<&str, Vec<u64>> = HashMap::new();
    for booking in ledger {
        let sale = booking.order.biz_no.as_deref().unwrap_or("");
        credited.entry(sale).or_default().push(booking.order.amount);
    }
    for sale in 1..=last {
        let trade = format!("2016082221001004150200{:06}", 100_000 + sale);
        match credited.remove(trade.as_str()).as_deref() {
            Some([POINTS]) => {}
            other => return Err(format!("sale {sale} is credited as {other:?}").into()),
        }
    }
    match credited.is_empty() {
        true => Ok(()),
        false => Err(format!("credits the till never sold: {credited:?}").into()),
    }
}

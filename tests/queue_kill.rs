//! Real processes killed while they sell and send: client, file and HTTP as a till has them, against
//! a gateway that misbehaves over loopback. In the end its ledger holds every sale that was
//! acknowledged, once. The long form is 10,000 kills.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/till.rs"]
mod till;

use common::{Rng, cases, seed};
use pointcard::client::{Client, IO_SIZE};
use pointcard::points::sale::Sale;
use pointcard::points::sync::sync;
use pointcard::port::file::FileStorage;
use pointcard::port::http::HttpTransport;
use pointcard::port::system::{SystemClock, SystemEntropy};
use pointcard::port::{Clock, Entropy, Ports, Storage};
use pointcard::status::Status;
use pointcard_sandbox::{Fault, Sandbox, Way};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Goes on by a back-off's longest time whenever it is told to.
struct Hasty(u64);

impl Clock for Hasty {
    fn monotonic_ms(&mut self) -> u64 {
        self.0
    }

    fn unix_time(&mut self) -> Option<u64> {
        SystemClock.unix_time()
    }
}

struct Machine {
    storage: FileStorage,
    clock: Hasty,
    entropy: SystemEntropy,
}

impl Ports for Machine {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.storage
    }

    fn clock(&mut self) -> &mut dyn Clock {
        &mut self.clock
    }

    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        Some(&mut self.entropy)
    }
}

struct Process {
    client: RefCell<Client<'static, Machine>>,
    http: HttpTransport,
    io: Vec<u8>,
}

impl Process {
    fn start(path: &Path, gateway: &str) -> Process {
        let storage = FileStorage::open(path, 256 << 10, 512).unwrap();
        let machine = Machine { storage, clock: Hasty(0), entropy: SystemEntropy };
        let mut client = Client::new(till::config(gateway), machine);
        client.open().unwrap_or_else(|e| panic!("{e}"));
        let http = HttpTransport::new("", "").unwrap();
        Process { client: client.into(), http, io: vec![0; IO_SIZE] }
    }

    /// Sale number `n`; false when the queue is full.
    fn sell(&self, n: u64) -> bool {
        let biz_no = format!("sale{n}");
        let points = points(n) as u32;
        let sale = Sale { user_id: till::USER, biz_no: &biz_no, points, ..Sale::default() };
        match self.client.borrow_mut().accrue(&sale) {
            Ok(_) => true,
            Err(e) if e.status == Status::QueueFull => false,
            Err(e) => panic!("{biz_no}: {e}"),
        }
    }

    /// One sync, after whatever back-off was asked for; says how many still wait.
    fn sync(&mut self) -> u32 {
        self.client.borrow_mut().ports().clock.0 += 86_400_000;
        let report = sync(&self.client, &mut self.http, &mut self.io, 1_000, &mut |_| {}).unwrap();
        assert_eq!(report.rejected + report.uncertain, 0, "{report:?}");
        report.waiting
    }
}

/// What sale number `n` is worth.
fn points(n: u64) -> u64 {
    n % 97 + 1
}

/// Not a test of its own: sells and sends until it is killed, and tells what was acknowledged.
#[test]
fn role_till() {
    let Some(path) = std::env::var_os("POINTCARD_CHILD").map(PathBuf::from) else { return };
    let mut n: u64 = std::env::var("POINTCARD_FROM").unwrap().parse().unwrap();
    let mut process = Process::start(&path, &std::env::var("POINTCARD_GATEWAY").unwrap());
    let mut out = std::io::stdout();
    loop {
        for _ in 0..3 {
            if process.sell(n) {
                // One write, so that a kill leaves a whole line or none.
                out.write_all(format!("\nsold {n}\n").as_bytes()).unwrap();
                n += 1;
            }
        }
        process.sync();
    }
}

/// When a till is killed: some time after it is started, or after it has told a sale.
#[derive(Clone, Copy)]
enum Moment {
    Start(Duration),
    Sale(Duration),
}

impl Moment {
    fn any(rng: &mut Rng) -> Moment {
        let after = Duration::from_micros(2_000 + rng.below(60_000) as u64);
        if rng.below(2) == 0 { Moment::Start(after) } else { Moment::Sale(after) }
    }

    /// A busy machine starts a process slowly; a full queue takes no sale.
    fn wait(self, sold: &Receiver<()>) {
        let after = match self {
            Moment::Start(after) => after,
            Moment::Sale(after) => {
                let _ = sold.recv_timeout(Duration::from_secs(2));
                after
            }
        };
        std::thread::sleep(after);
    }
}

/// Runs a till from sale number `from` and kills it; says the number behind the last one it was
/// told is recorded.
fn killed(path: &Path, gateway: &str, from: u64, moment: Moment) -> u64 {
    let mut till = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "role_till", "--nocapture", "--test-threads=1"])
        .env("POINTCARD_CHILD", path)
        .env("POINTCARD_GATEWAY", gateway)
        .env("POINTCARD_FROM", from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (till.stdout.take().unwrap(), till.stderr.take().unwrap());
    let (teller, sold) = channel();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(out).lines().map_while(Result::ok);
        let tell = |line: &String| {
            if line.starts_with("sold") {
                let _ = teller.send(()); // nobody may be listening
            }
        };
        lines.inspect(tell).collect::<Vec<_>>()
    });
    moment.wait(&sold);
    let ended = till.try_wait().unwrap();
    till.kill().unwrap();
    till.wait().unwrap();
    let said: Vec<_> = BufReader::new(err).lines().map_while(Result::ok).collect();
    assert!(ended.is_none(), "the till ended by itself: {ended:?}\n{}", said.join("\n"));
    let told = reader.join().unwrap();
    let sold = told.iter().filter_map(|line| line.strip_prefix("sold ")?.parse::<u64>().ok());
    sold.max().map_or(from, |last| last + 1)
}

/// What goes wrong for some of the next requests. None of these is a refusal the gateway signs.
fn misbehave(sandbox: &Sandbox, rng: &mut Rng) {
    sandbox.repeat([Way::Same, Way::BizNo][rng.below(2)]);
    for _ in 0..rng.below(4) {
        let booked = rng.below(2) == 0;
        let ms = 1 + rng.below(20) as u64;
        let status = 500 + rng.below(5) as u16;
        let retry_after = (rng.below(2) == 0).then_some(600);
        let fault = match rng.below(16) {
            0 => Fault::Down { ms },
            1 | 2 => Fault::TimeoutAfterAccept { ms },
            3 => Fault::Stall { ms },
            4 | 5 => Fault::Drop { booked },
            6 | 7 => Fault::Http5xx { status, retry_after, booked },
            8 => Fault::Unsigned,
            9 => Fault::WrongSignature,
            10 => Fault::DuplicateNode,
            11 => Fault::Truncate,
            12 => Fault::UnsignedError { booked },
            13 => Fault::Unknown { booked },
            14 => Fault::Throttle,
            _ => Fault::Slow { ms },
        };
        sandbox.fault(fault, 1 + rng.below(2) as u32);
    }
}

/// Each sale in the ledger once, with its points; `sold` of them, and perhaps the one in doubt.
fn check_ledger(sandbox: &Sandbox, sold: u64) -> u64 {
    let mut times: HashMap<u64, u32> = HashMap::new();
    for booking in sandbox.ledger() {
        let biz_no = booking.order.biz_no.unwrap();
        let n: u64 = biz_no.strip_prefix("sale").unwrap().parse().unwrap();
        assert_eq!(booking.order.amount, points(n), "sale {n} was altered");
        *times.entry(n).or_default() += 1;
    }
    let doubled: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "credited more than once: {doubled:?}");
    let lost: Vec<_> = (0..sold).filter(|n| !times.contains_key(n)).collect();
    assert!(lost.is_empty(), "acknowledged and never credited: {lost:?}");
    let credited = times.len() as u64;
    assert!(times.keys().all(|n| *n <= sold) && credited <= sold + 1, "nobody sold them");
    credited
}

#[test]
fn killed_tills_credit_every_sale_once_at_a_gateway_that_misbehaves() {
    let name = format!("pointcard-killed-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let sandbox = till::sandbox();
    let url = sandbox.gateway_url();
    let (mut rng, mut sold) = (Rng(seed()), 0);
    let kills = cases(60, 10_000);
    for _ in 0..kills {
        misbehave(&sandbox, &mut rng);
        sold = killed(&path, &url, sold, Moment::any(&mut rng));
    }
    sandbox.clear();
    sandbox.up();
    let mut last = Process::start(&path, &url);
    let mut rounds = 0;
    while last.sync() > 0 {
        rounds += 1;
        assert!(rounds < 10_000, "it never drains");
    }
    let credited = check_ledger(&sandbox, sold);
    let requests = sandbox.requests().len() as u64;
    drop(last);
    std::fs::remove_file(&path).unwrap();
    println!(
        "queue kills: {kills}, {sold} sales acknowledged, {credited} credited with {requests} \
         requests, 0 lost, 0 doubled (seed {})",
        seed()
    );
    assert!(sold > kills / 3 && requests > credited, "too little happened: {sold}, {requests}");
}

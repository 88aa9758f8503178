//! A till in one hand: client, transport, clock and storage, all of which a test can disturb.
//!
//! In: a gateway's address, or a whole configuration. Out: a [`Till`]. Its clock stands still
//! until it is told to go on, so that back-off can be waited out at once.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use pointcard::client::{Client, Config, IO_SIZE, Ticket};
use pointcard::outcome::Outcome;
use pointcard::points::sale::Sale;
use pointcard::points::sync::{Report, sync};
use pointcard::port::http::HttpTransport;
use pointcard::port::ram::RamStorage;
use pointcard::port::system::SystemEntropy;
use pointcard::port::*;
use pointcard::queue::{Cursor, EntryState};
use pointcard_sandbox::Sandbox;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub const APP_ID: &str = "2016100900000001";
pub const ACCOUNT: &str = "39201608190015500100016011040139";
pub const USER: &str = "2088123412341234";
pub const SHAPE: Geometry =
    Geometry { sector_size: 4096, sector_count: 32, prog_size: 4, align: 4 };

pub fn key(name: &str) -> String {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

pub fn leak(text: impl Into<String>) -> &'static str {
    Box::leak(text.into().into_boxed_str())
}

pub fn sandbox() -> Sandbox {
    let mut config = pointcard_sandbox::Config::new(APP_ID, key("app2048.pub.b64"));
    config.alipay_key = Some(key("alipay2048.pkcs8.pem"));
    Sandbox::start(config).unwrap()
}

pub fn config(gateway: &str) -> Config<'static> {
    Config {
        gateway: leak(gateway),
        app_id: APP_ID,
        private_key: leak(key("app2048.pkcs8.b64")),
        alipay_public_key: leak(key("alipay2048.pub.b64")),
        activity_account: ACCOUNT,
        shop_id: "2016041200077000000003277104",
        ..Config::default()
    }
}

/// A blank medium of [`SHAPE`].
pub fn memory() -> Vec<u8> {
    vec![0xFF; 32 * 4096]
}

/// Wall time is real unless set.
#[derive(Clone, Default)]
pub struct TestClock {
    pub ms: Rc<Cell<u64>>,
    pub unix: Rc<Cell<Option<u64>>>,
}

impl Clock for TestClock {
    fn monotonic_ms(&mut self) -> u64 {
        self.ms.get()
    }

    fn unix_time(&mut self) -> Option<u64> {
        self.unix.get().or_else(|| pointcard::port::system::SystemClock.unix_time())
    }
}

/// RAM whose next sync fails when it is told to, or that cannot be reached at all for a while.
pub struct Flaky {
    pub ram: RamStorage<'static>,
    pub fail: Rc<Cell<bool>>,
    pub gone: Rc<Cell<bool>>,
}

impl Flaky {
    pub fn new(memory: Vec<u8>) -> Flaky {
        let shape = Geometry { sector_count: (memory.len() / 4096) as u32, ..SHAPE };
        let ram = RamStorage::new(Box::leak(memory.into_boxed_slice()), shape);
        Flaky { ram, fail: Rc::default(), gone: Rc::default() }
    }
}

impl Storage for Flaky {
    fn geometry(&self) -> Geometry {
        self.ram.geometry()
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        if self.gone.get() {
            return Err(PortError(5));
        }
        self.ram.read(at, buf)
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.ram.prog(at, data)
    }

    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.ram.erase(sector)
    }

    fn sync(&mut self) -> Result<(), PortError> {
        if self.fail.replace(false) {
            return Err(PortError(5));
        }
        self.ram.sync()
    }
}

pub struct TestPorts {
    pub storage: Flaky,
    pub clock: TestClock,
    pub entropy: SystemEntropy,
}

impl TestPorts {
    pub fn new(memory: Vec<u8>) -> TestPorts {
        let storage = Flaky::new(memory);
        TestPorts { storage, clock: TestClock::default(), entropy: SystemEntropy }
    }
}

impl Ports for TestPorts {
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

/// Answers some requests itself, hands the others on.
pub struct Between {
    pub http: HttpTransport,
    pub bad: fn(&Request<'_>) -> Option<HttpAnswer>,
}

impl Transport for Between {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> Result<HttpAnswer, TransportError> {
        match (self.bad)(request) {
            Some(answered) => Ok(answered),
            None => self.http.exchange(request, answer, timeout_ms),
        }
    }
}

pub struct Till {
    pub client: RefCell<Client<'static, TestPorts>>,
    pub clock: TestClock,
    pub transport: Between,
    pub io: Vec<u8>,
    pub fail: Rc<Cell<bool>>,
    pub gone: Rc<Cell<bool>>,
    pub outcomes: Vec<Outcome>,
}

impl Till {
    pub fn new(gateway: &str) -> Till {
        Till::over(memory(), config(gateway))
    }

    pub fn over(memory: Vec<u8>, config: Config<'static>) -> Till {
        Till::with(TestPorts::new(memory), config)
    }

    fn with(ports: TestPorts, config: Config<'static>) -> Till {
        let (clock, fail) = (ports.clock.clone(), ports.storage.fail.clone());
        let gone = ports.storage.gone.clone();
        let mut client = Client::new(config, ports);
        client.open().unwrap_or_else(|e| panic!("{e}"));
        Till {
            client: client.into(),
            clock,
            fail,
            gone,
            transport: Between { http: HttpTransport::new("", "").unwrap(), bad: |_| None },
            io: vec![0; IO_SIZE],
            outcomes: vec![],
        }
    }

    /// The same store, opened with another configuration.
    pub fn reopen(self, config: Config<'static>) -> Till {
        let mut client = self.client.into_inner();
        client.close();
        let ports = std::mem::replace(client.ports(), TestPorts::new(vec![]));
        Till::with(ports, config)
    }

    pub fn accrue(&self, sale: &Sale<'_>) -> pointcard::status::Result<Ticket> {
        self.client.borrow_mut().accrue(sale)
    }

    pub fn try_sell(&self, biz_no: &str) -> pointcard::status::Result<Ticket> {
        let sale =
            Sale { user_id: USER, biz_no, points: 10, memo: "消费集点", ..Sale::default() };
        self.accrue(&sale)
    }

    pub fn sell(&self, biz_no: &str) -> Ticket {
        self.try_sell(biz_no).unwrap_or_else(|e| panic!("{biz_no}: {e}"))
    }

    pub fn sync(&mut self) -> Report {
        let Till { client, transport, io, outcomes, .. } = self;
        sync(client, transport, io, 2_000, &mut |outcome| outcomes.push(outcome.clone())).unwrap()
    }

    pub fn wait_ms(&self, ms: u64) {
        self.clock.ms.set(self.clock.ms.get() + ms);
    }

    /// The longest back-off passes.
    pub fn wait(&self) {
        self.wait_ms(86_400_000);
    }

    pub fn last(&self) -> &Outcome {
        self.outcomes.last().unwrap()
    }

    /// What the client says of the latest failure, in one line.
    pub fn complaint(&self) -> String {
        self.client.borrow().detail().line().to_string()
    }

    /// States of all entries, oldest first.
    pub fn states(&self) -> Vec<EntryState> {
        let mut cursor = Cursor::default();
        let mut client = self.client.borrow_mut();
        let mut states = vec![];
        while let Some(entry) = client.walk(&mut cursor).unwrap() {
            states.push(entry.state);
        }
        states
    }
}

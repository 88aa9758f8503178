//! A till, a server, a shopper and a gateway: in flow what they do, out flow what is booked and
//! listed. A machine whose power fails starts again and repeats what it was doing.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::LazyLock;

use super::coupon::coupon;
use super::gateway::{Gateway, Lost, Way};
use pointcard::client::redeem::{Filed, Offered, Standing};
use pointcard::client::{Client, Config, IO_SIZE, REQUEST_MAX};
use pointcard::points::redeem::Redeem;
use pointcard::points::redeem_text::TEXT_MAX;
use pointcard::points::sync::{redeem, sync};
use pointcard::port::*;
use pointcard::queue::Cursor;
use pointcard::status::{Error, Result, Status};
use pointcard::text::Writer;

pub const APP_ID: &str = "2016100900000001";
pub const NUMBER: &str = "prize-1";
pub const USER: &str = "2088123412341234";
const SHAPE: Geometry = Geometry { sector_size: 4096, sector_count: 12, prog_size: 4, align: 4 };

/// NOR flash whose power fails at its n-th write: half of it done, or before the sync that follows.
#[derive(Clone)]
pub struct Nor {
    bytes: Rc<RefCell<Vec<u8>>>,
    writes: Rc<Cell<u64>>,
    cut: Rc<Cell<Option<u64>>>,
    off: Rc<Cell<bool>>,
}

impl Nor {
    fn new(bytes: Vec<u8>, writes: Rc<Cell<u64>>, cut: Rc<Cell<Option<u64>>>) -> Nor {
        Nor { bytes: Rc::new(RefCell::new(bytes)), writes, cut, off: Rc::default() }
    }

    fn powered(&self) -> core::result::Result<(), PortError> {
        if self.off.get() { Err(PortError(4)) } else { Ok(()) }
    }

    /// Counts a write; true when the power fails in it.
    fn fails(&self) -> bool {
        let nth = self.writes.get();
        self.writes.set(nth + 1);
        let fails = self.cut.get() == Some(nth);
        self.off.set(self.off.get() || fails);
        fails
    }
}

impl Storage for Nor {
    fn geometry(&self) -> Geometry {
        SHAPE
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> core::result::Result<(), PortError> {
        self.powered()?;
        let at = at as usize;
        buf.copy_from_slice(&self.bytes.borrow()[at..at + buf.len()]);
        Ok(())
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> core::result::Result<(), PortError> {
        self.powered()?;
        let done = if self.fails() { data.len() / 8 * 4 } else { data.len() };
        let room = &mut self.bytes.borrow_mut()[at as usize..][..done];
        assert!(room.iter().all(|byte| *byte == 0xFF), "programmed twice");
        room.copy_from_slice(&data[..done]);
        self.powered()
    }

    fn erase(&mut self, sector: u32) -> core::result::Result<(), PortError> {
        self.powered()?;
        let size = SHAPE.sector_size as usize;
        let done = if self.fails() { size / 2 } else { size };
        self.bytes.borrow_mut()[sector as usize * size..][..done].fill(0xFF);
        self.powered()
    }

    fn sync(&mut self) -> core::result::Result<(), PortError> {
        self.powered()?;
        self.fails();
        self.powered()
    }
}

#[derive(Clone, Default)]
pub struct Time {
    ms: Rc<Cell<u64>>,
}

impl Clock for Time {
    fn monotonic_ms(&mut self) -> u64 {
        self.ms.get()
    }

    fn unix_time(&mut self) -> Option<u64> {
        Some(1_700_000_000 + self.ms.get() / 1000)
    }
}

pub struct Machine {
    nor: Nor,
    time: Time,
}

impl Ports for Machine {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.nor
    }

    fn clock(&mut self) -> &mut dyn Clock {
        &mut self.time
    }

    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        None
    }
}

type Till = RefCell<Client<'static, Machine>>;

fn config() -> Config<'static> {
    static KEYS: LazyLock<[String; 2]> = LazyLock::new(|| {
        ["app1024.pkcs8.b64", "alipay1024.pub.b64"].map(|name| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys");
            std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
        })
    });
    Config {
        app_id: APP_ID,
        private_key: &KEYS[0],
        alipay_public_key: &KEYS[1],
        activity_account: "39201608190015500100016011040139",
        ..Config::default()
    }
}

fn start(nor: &Nor, time: &Time) -> Result<Till> {
    nor.off.set(false);
    let machine = Machine { nor: nor.clone(), time: time.clone() };
    let mut client = Client::new(config(), machine);
    client.open()?;
    Ok(RefCell::new(client))
}

/// A store that was formatted once and is used by every case.
fn formatted() -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let blank = vec![0xFF; (SHAPE.sector_size * SHAPE.sector_count) as usize];
        let nor = Nor::new(blank, Rc::default(), Rc::default());
        start(&nor, &Time::default()).unwrap();
        nor.bytes.take()
    });
    BYTES.clone()
}

pub struct World {
    gateway: Gateway,
    time: Time,
    /// The till and the server.
    nors: [Nor; 2],
    clients: [Till; 2],
    /// Whose turn it is.
    who: usize,
    /// Messages the shopper's claims have caused.
    told: Vec<&'static str>,
    coupons: usize,
    link: bool,
    io: Vec<u8>,
}

impl World {
    /// Power fails at write number `cut` of both machines' writes together.
    pub fn new(way: Way, lost: Option<(usize, Lost)>, cut: Option<u64>) -> World {
        let (writes, fails_at): (Rc<Cell<u64>>, Rc<Cell<Option<u64>>>) = Default::default();
        let nor = || Nor::new(formatted(), writes.clone(), fails_at.clone());
        let (nors, time) = ([nor(), nor()], Time::default());
        let clients = [0, 1].map(|at| start(&nors[at], &time).unwrap());
        writes.set(0);
        fails_at.set(cut);
        World {
            gateway: Gateway::new(way, lost),
            time,
            nors,
            clients,
            who: 0,
            told: vec![],
            coupons: 0,
            link: false,
            io: vec![0; IO_SIZE],
        }
    }

    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub fn writes(&self) -> u64 {
        self.nors[0].writes.get()
    }

    /// Coupons the shopper got.
    pub fn coupons(&self) -> usize {
        self.coupons
    }

    /// Does it, and does it again after a power cut.
    fn again<R>(&mut self, mut what: impl FnMut(&mut World) -> Result<R>) -> Result<R> {
        loop {
            match what(self) {
                Err(error) if error.status == Status::Storage => self.power_up(),
                done => return done,
            }
        }
    }

    fn power_up(&mut self) {
        for (nor, client) in self.nors.iter().zip(&mut self.clients) {
            if nor.off.get() {
                *client = start(nor, &self.time).unwrap();
            }
        }
    }

    fn here<R>(&mut self, what: impl Fn(&mut Client<'static, Machine>) -> Result<R>) -> Result<R> {
        self.again(|world| what(&mut world.clients[world.who].borrow_mut()))
    }

    fn offer(number: &str, points: u32) -> Redeem<'_> {
        Redeem {
            out_biz_no: number,
            user_id: USER,
            points,
            prize_id: "20160527000000000682853000153366",
            link_base: "https://render.alipay.com/p/z/pointset/index.html?itemId=1",
            ..Redeem::default()
        }
    }

    pub fn begin(&mut self, number: &str, points: u32) -> Result<Offered> {
        self.here(|client| client.redeem_begin(&World::offer(number, points)))
    }

    /// One attempt of the till, power cuts included; the link is not looked at.
    pub fn start_once(&mut self) -> Result<String> {
        self.again(|world| {
            let mut room = [0; 1024];
            let mut link = Writer::new(&mut room);
            let offer = World::offer(NUMBER, 10);
            let World { clients, gateway, io, .. } = world;
            redeem(&clients[0], gateway, io, &offer, &mut link, 1000)?;
            Ok(link.finish_str()?.to_owned())
        })
    }

    /// The till asks until there is a link or the offer is over; true: the link is shown.
    pub fn start(&mut self) -> bool {
        for _ in 0..6 {
            match self.start_once() {
                Ok(link) => {
                    assert!(link.contains("outBizNo=prize-1") && link.contains("token="), "{link}");
                    self.link = true;
                    return true;
                }
                Err(error) => assert!(self.is_expected(&error), "{error}"),
            }
        }
        false
    }

    fn is_expected(&self, error: &Error) -> bool {
        matches!(
            error.status,
            Status::Unknown
                | Status::Transport
                | Status::Rejected
                | Status::Uncertain
                | Status::BadState
        )
    }

    /// The shopper takes a coupon; the message is on its way.
    pub fn claim(&mut self, notify_id: &'static str) {
        assert!(self.link, "without a link nobody can");
        self.coupons += 1;
        self.told.push(notify_id);
    }

    /// A message is on its way although no coupon was counted yet.
    pub fn tell(&mut self, notify_id: &'static str) {
        self.told.push(notify_id);
    }

    /// The offer of the message that came too early.
    pub fn start_and_claim_as_told(&mut self) {
        self.coupons += 1;
        self.start();
    }

    /// Every message is delivered, until it is answered.
    pub fn deliver_all(&mut self) {
        for notify_id in self.told.clone() {
            let filed =
                self.here(|client| client.redeem_commit(&coupon(APP_ID, notify_id, NUMBER, USER)));
            assert!(matches!(filed, Ok(Filed::Joined | Filed::Stored | Filed::Debt)), "{filed:?}");
        }
    }

    pub fn cancel(&mut self, word: bool) {
        let done = self.here(|client| client.redeem_cancel(NUMBER, word));
        if let Err(error) = done {
            let fine = [Status::NotFound, Status::BadState];
            assert!(fine.contains(&error.status), "{error}");
        }
    }

    pub fn on_server(&mut self) {
        self.who = 1;
    }

    /// Till and server, up to the server's receipt.
    pub fn export_and_import(&mut self) -> Option<String> {
        self.link = false; // It is shown after the receipt, not before.
        let mut text = [0; TEXT_MAX];
        let text = self.again(|world| {
            let mut client = world.clients[0].borrow_mut();
            client.redeem_export(NUMBER, "server", &mut text).map(str::to_owned)
        });
        let text = text.unwrap();
        let hidden = self.here(|client| client.redeem_link(NUMBER, &mut Writer::new(&mut [])));
        assert_eq!(hidden.unwrap_err().status, Status::BadState, "no link before the receipt");
        let receipt = self.again(|world| {
            let mut room = [0; TEXT_MAX];
            let mut client = world.clients[1].borrow_mut();
            client.redeem_import(&text, "server", &mut room).map(str::to_owned)
        });
        Some(receipt.unwrap())
    }

    /// The whole hand-over; true: the link is shown.
    pub fn hand_over(&mut self) -> bool {
        let receipt = self.export_and_import().unwrap();
        self.here(|client| client.redeem_handed_over(&receipt)).unwrap();
        let mut room = [0; 1024];
        let written = self.again(|world| {
            let mut link = Writer::new(&mut room);
            world.clients[0].borrow_mut().redeem_link(NUMBER, &mut link)?;
            link.finish_str().map(|_| ())
        });
        written.unwrap();
        self.link = true;
        true
    }

    pub fn pass(&mut self, seconds: u64) {
        self.time.ms.set(self.time.ms.get() + seconds * 1000);
    }

    /// Both machines sync, as often as something is due within ten minutes.
    pub fn sync(&mut self) {
        for who in [0, 1, 0, 1] {
            let report = self.again(|world| {
                let World { clients, gateway, io, .. } = world;
                sync(&clients[who], gateway, io, u32::MAX, &mut |_| ())
            });
            report.unwrap();
            self.pass(300);
        }
    }

    /// The till sends one request, and what failed is not tried again yet.
    pub fn sync_once(&mut self) {
        let sent = self.again(|world| {
            let World { clients, gateway, io, .. } = world;
            let (out, answer) = io.split_at_mut(REQUEST_MAX);
            let mut client = clients[0].borrow_mut();
            let Some(step) = client.next_request(out)? else { return Ok(()) };
            let ended = match gateway.exchange(&step.request, answer, 1000) {
                Ok(http) => client.on_response(step.exchange, &http, &answer[..http.body_len]),
                Err(error) => client.on_transport_error(step.exchange, error),
            };
            ended.map(|_| ())
        });
        sent.unwrap();
    }

    /// Two months go by.
    pub fn rest(&mut self) {
        for _ in 0..20 {
            self.sync();
            self.pass(3 * 86_400);
        }
    }

    /// What both queues list, and whether it is in doubt.
    pub fn listed(&mut self) -> Vec<(Standing, bool)> {
        let mut lines = vec![];
        for client in &self.clients {
            let (mut client, mut cursor) = (client.borrow_mut(), Cursor::default());
            while let Some(line) = client.redeem_list(&mut cursor).unwrap() {
                lines.push((line.standing, line.uncertain));
            }
        }
        lines
    }
}

//! The sandbox as a value: in flows a configuration, out flow two addresses and a handle. It runs
//! on a thread and a runtime of its own, so callers may be async or not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::admin::admin;
use crate::certs::Certificate;
use crate::claims::{Claim, Claimed};
use crate::coupons::Coupon;
use crate::crypt::ContentKey;
use crate::desk::{Desk, Received};
use crate::door::{Done, Door, Order};
use crate::faults::Fault;
use crate::house::{Doors, House};
use crate::http::gateway;
use crate::keys::Keys;
use crate::ledger::{Balance, Booking, Way};
use crate::notice::Letter;
use crate::pages::claim_page;
use crate::postman::{self, Delivery};
use crate::protocol::Rules;
use crate::switches::Switches;
use crate::world::World;

/// How to play.
#[derive(Clone, Debug)]
pub struct Config {
    /// The one app this gateway knows.
    pub app_id: String,
    /// The app's public key: PEM or bare base64, SPKI or PKCS#1.
    pub app_public_key: String,
    /// Alipay's private key: PEM or bare base64. None makes one, which takes a moment.
    pub alipay_key: Option<String>,
    /// The key Alipay changes to: likewise, made when it is needed.
    pub next_alipay_key: Option<String>,
    /// Certificate mode: a root, and a certificate for the app and for Alipay, are made, and
    /// requests have to name them.
    pub certificates: bool,
    /// The first merchant's. When set, every request must carry a merchant's token; when not, a
    /// request without one acts for the app's owner.
    pub app_auth_token: Option<String>,
    /// The app's key for encrypted content, base64 of 16 bytes. Without it encrypted requests are
    /// refused.
    pub content_key: Option<String>,
    /// How a repeated req_id is answered.
    pub repeat: Way,
    /// Keeps the bookings across restarts. Not synced: it survives a kill, not a power cut.
    pub ledger_file: Option<PathBuf>,
    /// Where the gateway listens; loopback and any free port unless changed.
    pub listen: SocketAddr,
    /// Where the admin API listens; likewise. It has no password: keep it on loopback.
    pub admin: SocketAddr,
    /// Where the claim page listens; likewise. On `0.0.0.0` a phone in the same network reaches it.
    pub claim: SocketAddr,
    /// Seconds a timestamp may be off; None, as Alipay documents no number, is any.
    pub clock_tolerance: Option<u64>,
    /// One line per request on stdout, user ids masked.
    pub print: bool,
    /// Stop on SIGINT and SIGTERM.
    pub signals: bool,
}

impl Config {
    /// Everything else at its default.
    pub fn new(app_id: impl Into<String>, app_public_key: impl Into<String>) -> Config {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Config {
            app_id: app_id.into(),
            app_public_key: app_public_key.into(),
            alipay_key: None,
            next_alipay_key: None,
            certificates: false,
            app_auth_token: None,
            content_key: None,
            repeat: Way::default(),
            ledger_file: None,
            listen: anywhere,
            admin: anywhere,
            claim: anywhere,
            clock_tolerance: None,
            print: false,
            signals: false,
        }
    }
}

/// A running gateway. Dropping it stops it.
pub struct Sandbox {
    house: House,
    doors: Doors,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Returns once all addresses answer. Bad keys are `InvalidInput`.
    pub fn start(config: Config) -> io::Result<Sandbox> {
        let keys = Keys::read(
            &config.app_public_key,
            config.alipay_key.as_deref(),
            config.next_alipay_key.as_deref(),
            config.certificates,
        );
        let keys = keys.map_err(bad)?;
        let content_key = config.content_key.as_deref().map(ContentKey::read).transpose();
        let content_key = content_key.map_err(bad)?;
        let token = config.app_auth_token;
        let world = World::open(config.repeat, config.ledger_file.as_deref(), token)?;
        let rules = Rules {
            app_id: config.app_id,
            clock_tolerance: config.clock_tolerance,
            keys,
            content_key,
        };
        let (door, orders) = unbounded_channel();
        let (stop, stopped) = unbounded_channel();
        let (post, letters) = unbounded_channel();
        let house = House::new(rules, Desk::new(world), door.clone(), post, stop, config.print);
        let (report, opened) = mpsc::channel();
        let listen = [config.listen, config.admin, config.claim];
        let run = Run { house: house.clone(), orders, letters, stopped, door };
        let thread = std::thread::Builder::new()
            .name("sandbox".into())
            .spawn(move || run.thread(listen, config.signals, &report))?;
        let doors = opened.recv().map_err(io::Error::other)??;
        Ok(Sandbox { house, doors, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT/gateway.do`
    pub fn gateway_url(&self) -> String {
        self.house.gateway_url()
    }

    /// `http://127.0.0.1:PORT`
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.doors.admin)
    }

    /// The page a person watches and plays with: `http://127.0.0.1:PORT/dashboard`
    pub fn dashboard_url(&self) -> String {
        format!("{}/dashboard", self.admin_url())
    }

    /// What claim links begin with; itemId, token and the rest are still to be added.
    pub fn claim_page_url(&self) -> String {
        claim_page_url(self.doors.claim)
    }

    /// Alipay's public key, one line of base64: the client's alipay_public_key.
    pub fn alipay_public_key(&self) -> &str {
        self.house.rules().keys.alipay_public()
    }

    /// The key Alipay will change to, in the same form: clients may be given both.
    pub fn next_alipay_public_key(&self) -> Result<&str, String> {
        self.house.rules().keys.next_public()
    }

    /// Alipay signs with the next key from now on; false goes back to the first.
    pub fn rotate(&self, to_next: bool) -> Result<(), String> {
        self.house.rules().keys.rotate(to_next)
    }

    /// Root, the app's, and the one Alipay signs with now; none but in certificate mode.
    pub fn certificates(&self) -> Option<[Certificate; 3]> {
        self.house.rules().keys.certificates().map(|all| all.map(Clone::clone))
    }

    /// The next `times` requests meet this fault, after those queued before; 0 = until cleared.
    pub fn fault(&self, fault: Fault, times: u32) {
        wait(|done| self.house.fault(fault, times, done));
    }

    /// Forgets all faults that wait. Does not open a door that is shut.
    pub fn clear(&self) {
        self.house.desk().faults.clear();
    }

    /// From the next request on.
    pub fn repeat(&self, way: Way) {
        self.house.desk().world.repeat(way);
    }

    /// Refuses connections from now on. Requests already read are still answered.
    pub fn down(&self) {
        wait(|done| self.house.down(0, done));
    }

    /// Listens again, at the same address.
    pub fn up(&self) {
        wait(|done| self.house.up(done));
    }

    /// Every booking of the first merchant, oldest first.
    pub fn ledger(&self) -> Vec<Booking> {
        self.ledger_of(0)
    }

    /// Every booking of a merchant; none for a number no merchant has.
    pub fn ledger_of(&self, merchant: usize) -> Vec<Booking> {
        let mut desk = self.house.desk();
        desk.world.merchant(merchant).map(|m| m.ledger.bookings().to_vec()).unwrap_or_default()
    }

    /// Every request since the start.
    pub fn requests(&self) -> Vec<Received> {
        self.house.desk().requests.clone()
    }

    /// The first merchant's; zero for whoever was never seen.
    pub fn balance(&self, user_id: &str, activity_account: &str) -> Balance {
        self.house.desk().world.merchants[0].ledger.balance(user_id, activity_account)
    }

    /// One more merchant, for whom the app acts by this token. Returns the merchant's number; the
    /// first, there from the start, is 0.
    pub fn add_merchant(&self, app_auth_token: &str) -> io::Result<usize> {
        self.house.desk().world.add(Some(app_auth_token.to_owned()))
    }

    /// Gives a merchant a new token; the one before is refused from now on. A merchant who was the
    /// app's owner no longer is. An error for a number no merchant has.
    pub fn give_token(&self, merchant: usize, app_auth_token: &str) -> Result<(), String> {
        self.house.desk().world.give(merchant, app_auth_token.to_owned())
    }

    /// Ends a token: it is refused with 20001 from now on. An error when nobody has it.
    pub fn kill_token(&self, app_auth_token: &str) -> Result<(), String> {
        self.house.desk().world.kill(app_auth_token)
    }

    /// A merchant agrees that the app acts for them. Returns the app_auth_code, good once.
    pub fn consent(&self, merchant: usize) -> Result<String, String> {
        self.house.desk().world.consent(merchant)
    }

    /// A shopper claims the coupon of a claim link; the merchant is told at the campaign's
    /// notify_url. An error says why the claim page would refuse.
    pub fn claim(&self, claim: &Claim) -> Result<Claimed, String> {
        self.house.claim(claim).map_err(|why| why.to_string())
    }

    /// Every attempt to deliver a message, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.house.desk().deliveries.clone()
    }

    /// Waits until the merchant took this message; the attempt that was answered `success`, or none
    /// when that does not happen in time.
    pub fn wait_for_delivery(&self, notify_id: &str, patience: Duration) -> Option<Delivery> {
        let end = Instant::now() + patience;
        loop {
            let is_it = |delivery: &&Delivery| delivery.id == notify_id && delivery.accepted;
            let found = self.house.desk().deliveries.iter().find(is_it).cloned();
            if found.is_some() || Instant::now() >= end {
                return found;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Every coupon that was authorised, claimed or not, oldest first.
    pub fn coupons(&self) -> Vec<Coupon> {
        self.house.desk().world.coupons()
    }

    /// Makes a campaign and the right to its coupon, as a merchant's calls would, and returns the
    /// claim link: something to look at before a client is written. No points are frozen.
    pub fn sample_link(&self, user_id: &str, notify_url: Option<&str>) -> Result<String, String> {
        self.house.sample_link(user_id, notify_url)
    }

    /// Turns what the documents leave open.
    pub fn switch(&self, turn: impl FnOnce(&mut Switches)) {
        turn(&mut self.house.desk().world.switches);
    }

    /// Blocks until a signal or `POST /shutdown` ends it.
    pub fn wait(mut self) {
        self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.house.stop();
        self.thread.take().map(JoinHandle::join);
    }
}

fn bad(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Waits until the door has done it. Should the door be gone, the wait ends as well.
fn wait(order: impl FnOnce(Done)) {
    let (done, finished) = mpsc::channel();
    order(Box::new(move || {
        let _ = done.send(());
    }));
    let _ = finished.recv();
}

/// What the thread needs.
struct Run {
    house: House,
    orders: UnboundedReceiver<Order>,
    letters: UnboundedReceiver<Letter>,
    stopped: UnboundedReceiver<()>,
    door: UnboundedSender<Order>,
}

type Opened = io::Result<Doors>;

/// What a claim link from here begins with: an address others can use, and Alipay's path.
fn claim_page_url(mut claim: SocketAddr) -> String {
    if claim.ip().is_unspecified() {
        claim.set_ip(own_address());
    }
    format!("http://{claim}{}", claim_page::PATH)
}

/// The address this machine has towards others. Nothing is sent to find it.
fn own_address() -> IpAddr {
    let towards = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    towards().map_or(Ipv4Addr::LOCALHOST.into(), |addr| addr.ip())
}

/// Opens a door; an address that is taken is named.
fn open(addr: SocketAddr) -> io::Result<Door> {
    Door::open(addr).map_err(|e| io::Error::new(e.kind(), format!("{addr}: {e}")))
}

impl Run {
    /// Reports once: the addresses, or why there are none.
    fn thread(
        self,
        [front, back, side]: [SocketAddr; 3],
        wanted: bool,
        report: &mpsc::Sender<Opened>,
    ) {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => return drop(report.send(Err(e))),
        };
        runtime.block_on(async {
            let opened = || {
                let doors = [open(front)?, open(back)?, open(side)?];
                io::Result::Ok((doors, signal(wanted)?))
            };
            match opened() {
                Ok((doors, signal)) => {
                    let _ = report.send(Ok(self.note(&doors)));
                    self.serve(doors, signal).await;
                }
                Err(e) => drop(report.send(Err(e))),
            }
        });
    }

    /// Tells the house where its doors are, and whoever asks for the claim page where that is.
    fn note(&self, [front, back, side]: &[Door; 3]) -> Doors {
        let (gateway, admin, claim) = (front.addr(), back.addr(), side.addr());
        let doors = Doors { gateway, admin, claim, is_up: front.state() };
        self.house.opened(doors.clone());
        self.house.desk().world.switches.claim_page = claim_page_url(claim);
        doors
    }

    async fn serve(mut self, doors: [Door; 3], signal: impl Future<Output = ()>) {
        let [front, back, side] = doors;
        let (back_door, back_orders) = unbounded_channel();
        let (side_door, side_orders) = unbounded_channel();
        tokio::spawn(postman::keep(self.house.clone(), self.letters));
        let (one, other, third) = (self.house.clone(), self.house.clone(), self.house);
        let front = front.keep(self.orders, move |request| gateway(one.clone(), request));
        let back = back.keep(back_orders, move |request| admin(other.clone(), request));
        let side = side.keep(side_orders, move |request| claim_page::serve(third.clone(), request));
        let end = async move {
            tokio::select! {
                _ = self.stopped.recv() => {}
                () = signal => {}
            }
            let _ = self.door.send(Order::Stop);
            let _ = back_door.send(Order::Stop);
            let _ = side_door.send(Order::Stop);
        };
        tokio::join!(front, back, side, end);
    }
}

/// Ends on SIGINT or SIGTERM, when wanted. The handlers are in place when this returns.
fn signal(wanted: bool) -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let handlers = {
        use tokio::signal::unix::{SignalKind, signal};
        let both =
            || io::Result::Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?));
        wanted.then(both).transpose()?
    };
    #[cfg(unix)]
    return Ok(async move {
        match handlers {
            Some((mut int, mut term)) => tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            },
            None => std::future::pending().await,
        }
    });
    #[cfg(not(unix))]
    Ok(async move {
        match wanted {
            true => drop(tokio::signal::ctrl_c().await),
            false => std::future::pending().await,
        }
    })
}

//! What both doors share: the rules, the desk behind its lock, and a line to the gateway's door.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use crate::claims::{Claim, Claimed, Refused};
use crate::desk::{Dealt, Desk, Received, masked};
use crate::door::{Done, Order};
use crate::faults::Fault;
use crate::notice::Letter;
use crate::protocol::Rules;

/// A handle; clones are the same house.
#[derive(Clone)]
pub struct House(Arc<Inside>);

struct Inside {
    rules: Rules,
    desk: Mutex<Desk>,
    door: UnboundedSender<Order>,
    post: UnboundedSender<Letter>,
    stop: UnboundedSender<()>,
    print: bool,
    doors: OnceLock<Doors>,
}

/// Where the doors are, once they are open.
#[derive(Clone, Debug)]
pub struct Doors {
    /// Alipay's gateway.
    pub gateway: SocketAddr,
    /// The admin API and the dashboard.
    pub admin: SocketAddr,
    /// The claim page.
    pub claim: SocketAddr,
    /// Whether the gateway's door listens.
    pub is_up: Arc<AtomicBool>,
}

impl House {
    /// `door` reaches the gateway's door, `post` the postman, `stop` ends everything.
    pub fn new(
        rules: Rules,
        desk: Desk,
        door: UnboundedSender<Order>,
        post: UnboundedSender<Letter>,
        stop: UnboundedSender<()>,
        print: bool,
    ) -> House {
        let (desk, doors) = (Mutex::new(desk), OnceLock::new());
        House(Arc::new(Inside { rules, desk, door, post, stop, print, doors }))
    }

    /// The rules never change.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Everything else. A panic elsewhere does not make it unreadable.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Said once, before anything is served.
    pub fn opened(&self, doors: Doors) {
        let _ = self.0.doors.set(doors);
    }

    /// Where the gateway is: `http://127.0.0.1:PORT/gateway.do`.
    pub fn gateway_url(&self) -> String {
        let gateway = self.0.doors.get().map(|doors| doors.gateway.to_string());
        format!("http://{}/gateway.do", gateway.unwrap_or_default())
    }

    /// False while the gateway refuses connections.
    pub fn is_up(&self) -> bool {
        self.0.doors.get().is_some_and(|doors| doors.is_up.load(Ordering::Relaxed))
    }

    /// One request, start to finish, with nothing in between.
    pub fn deal(&self, query: &[u8], body: &[u8], form: bool) -> (Dealt, Delivery) {
        let mut desk = self.desk();
        let dealt = desk.deal(&self.0.rules, query, body, form);
        self.post(desk.world.letters());
        drop(desk);
        let delivery = Delivery { house: self.clone(), number: dealt.number, answered: false };
        (dealt, delivery)
    }

    /// A shopper claims a coupon; the merchant is told.
    pub fn claim(&self, claim: &Claim) -> Result<Claimed, Refused> {
        let (claimed, letter) = self.desk().world.claim(claim, &self.0.rules.app_id)?;
        self.post(letter);
        Ok(claimed)
    }

    /// Sends messages on their way.
    pub fn post(&self, letters: impl IntoIterator<Item = Letter>) {
        for letter in letters {
            // A postman who is gone went with everything else.
            let _ = self.0.post.send(letter);
        }
    }

    /// Notes how it ended. A `down` that waited behind this request's fault takes effect now.
    fn delivered(&self, number: usize, answered: bool) {
        let mut desk = self.desk();
        if let Some(line) = desk.requests.get_mut(number - 1) {
            line.answered = answered;
            if self.0.print {
                print(line);
            }
        }
        if let Some(ms) = desk.faults.take_down() {
            self.down(ms, Box::new(|| ()));
        }
    }

    /// Queues a fault; `done` is called at once, or when the door is shut if that was the fault.
    pub fn fault(&self, fault: Fault, times: u32, done: Done) {
        let mut desk = self.desk();
        desk.faults.push(fault, times);
        match desk.faults.take_down() {
            Some(ms) => self.down(ms, done),
            None => done(),
        }
    }

    /// Shuts the gateway's door.
    pub fn down(&self, ms: u64, done: Done) {
        self.order(Order::Down(ms, done));
    }

    /// Opens it.
    pub fn up(&self, done: Done) {
        self.order(Order::Up(done));
    }

    fn order(&self, order: Order) {
        // A door that is gone has nobody waiting for it: `done` is dropped with the order.
        let _ = self.0.door.send(order);
    }

    /// Ends everything.
    pub fn stop(&self) {
        let _ = self.0.stop.send(());
    }
}

/// Notes the end of a request when dropped: also when the client went away before the answer.
pub struct Delivery {
    house: House,
    number: usize,
    /// To be set when an answer goes to the socket.
    pub answered: bool,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.house.delivered(self.number, self.answered);
    }
}

/// One line per request on stdout, without anything secret. A closed pipe is no reason to die.
fn print(line: &Received) {
    let fault = line.fault.map(|fault| format!(" fault {fault}")).unwrap_or_default();
    let end = if line.answered { "answered" } else { "not answered" };
    let text = format!(
        "request {} {} req_id {} user {} {} {}{fault} {end}\n",
        line.number,
        shown(&line.method),
        shown(&line.req_id),
        masked(&line.user_id).escape_debug(),
        line.done,
        line.said,
    );
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// One word, whatever the client sent.
fn shown(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.escape_debug().to_string() }
}

//! The ledger: in flow orders, out flow bookings, balances and, for a repeated order, what the
//! chosen way of repeating says. Optionally one JSON line per booking goes to a file.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock;

/// What a repeated req_id is answered with. Alipay says that req_id controls idempotency, but
/// not how a repeat is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// The first answer again, nothing booked.
    #[default]
    Same,
    /// A signed business refusal, nothing booked.
    Error,
    /// Booked again: the gateway does not look at req_id at all.
    Forget,
    /// The first answer of the same biz_no, whatever the req_id; without biz_no like `Same`.
    BizNo,
}

impl Way {
    /// `same`, `error`, `forget` or `biz_no`.
    pub fn named(name: &str) -> Result<Way, String> {
        match name {
            "same" => Ok(Way::Same),
            "error" => Ok(Way::Error),
            "forget" => Ok(Way::Forget),
            "biz_no" => Ok(Way::BizNo),
            _ => Err(format!("a repeat is same, error, forget or biz_no, not {name:?}")),
        }
    }
}

/// The content of one points.update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names of the wire
pub struct Order {
    pub req_id: String,
    pub user_id: String,
    pub activity_account: String,
    pub trans_type: String,
    pub amount: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biz_no: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext_info: Option<String>,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// What the answer carried.
    pub point_log_no: String,
    /// Beijing time.
    pub time: String,
    /// What was booked.
    #[serde(flatten)]
    pub order: Order,
}

/// Points of one user on one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Free to use.
    pub available: u128,
    /// Frozen. The spelling is Alipay's.
    pub freezed: u128,
    /// Ever collected.
    pub total: u128,
}

impl Balance {
    /// `allows` has seen to it that nothing goes below zero; a file edited by hand stops at zero.
    fn move_by(&mut self, order: &Order) {
        let amount = u128::from(order.amount);
        let less = |from: u128| from.saturating_sub(amount);
        match order.trans_type.as_str() {
            "DEPOSIT" => {
                (self.available, self.total) = (self.available + amount, self.total + amount)
            }
            "CONSUME" => self.available = less(self.available),
            "FREEZE" => {
                (self.available, self.freezed) = (less(self.available), self.freezed + amount);
            }
            "COMMIT" => self.freezed = less(self.freezed),
            "CANCEL" => {
                (self.available, self.freezed) = (self.available + amount, less(self.freezed));
            }
            _ => {}
        }
    }
}

/// A point_log_no, new or given before.
pub enum Booked {
    /// Booked now.
    New(String),
    /// Booked before.
    Repeat(String),
}

/// Why nothing was booked.
pub enum NotBooked {
    /// The same order again, in the way `Error`.
    Repeated,
    /// The same req_id for something else.
    OtherContent,
    /// CONSUME or FREEZE of more than is available.
    NotEnough,
    /// COMMIT or CANCEL of a FREEZE this user and account do not have.
    NoSuchFreeze,
    /// COMMIT or CANCEL of a FREEZE that was committed or cancelled before.
    FreezeSettled,
    /// COMMIT or CANCEL of another amount than was frozen.
    OtherAmount,
    /// The file.
    Storage(String),
}

/// All bookings, oldest first.
pub struct Ledger {
    /// May be changed between two requests.
    pub way: Way,
    bookings: Vec<Booking>,
    by_req_id: HashMap<String, usize>,
    by_biz_no: HashMap<BizKey, usize>,
    /// point_log_no of every FREEZE: where it is booked and whether it is still open.
    freezes: HashMap<String, (usize, bool)>,
    balances: HashMap<(String, String), Balance>,
    file: Option<File>,
    salt: u64,
}

type BizKey = (String, String, String);

impl Ledger {
    /// With a file: what an earlier run booked is here again. A torn last line is cut off.
    pub fn open(way: Way, file: Option<&Path>) -> io::Result<Ledger> {
        let mut ledger = Ledger {
            way,
            bookings: Vec::new(),
            by_req_id: HashMap::new(),
            by_biz_no: HashMap::new(),
            freezes: HashMap::new(),
            balances: HashMap::new(),
            file: None,
            salt: RandomState::new().hash_one(0),
        };
        if let Some(path) = file {
            let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
            file.try_lock().map_err(|e| io::Error::other(format!("{}: {e}", path.display())))?;
            let kept = ledger.replay(&mut file)?;
            file.set_len(kept)?;
            ledger.file = Some(file);
        }
        Ok(ledger)
    }

    fn replay(&mut self, file: &mut File) -> io::Result<u64> {
        let text = io::read_to_string(file)?;
        let kept = text.rfind('\n').map_or(0, |at| at + 1);
        for (number, line) in text[..kept].lines().enumerate() {
            let bad = |e| io::Error::other(format!("ledger line {}: {e}", number + 1));
            let booking = serde_json::from_str(line).map_err(bad)?;
            self.remember(booking);
        }
        Ok(kept as u64)
    }

    /// Books, or says what the order's repeat is answered with.
    pub fn book(&mut self, order: Order) -> Result<Booked, NotBooked> {
        if let Some(first) = self.earlier(&order) {
            let same = first.order == order || self.way == Way::BizNo;
            return match self.way {
                _ if !same => Err(NotBooked::OtherContent),
                Way::Error => Err(NotBooked::Repeated),
                _ => Ok(Booked::Repeat(first.point_log_no.clone())),
            };
        }
        self.allows(&order)?;
        let ms = clock::now_ms();
        let point_log_no = self.number(ms);
        let booking = Booking { point_log_no, time: clock::beijing(ms), order };
        self.write(&booking).map_err(|e| NotBooked::Storage(e.to_string()))?;
        let point_log_no = booking.point_log_no.clone();
        self.remember(booking);
        Ok(Booked::New(point_log_no))
    }

    fn earlier(&self, order: &Order) -> Option<&Booking> {
        let index = match (self.way, biz_key(order)) {
            (Way::Forget, _) => None,
            (Way::BizNo, Some(key)) => self.by_biz_no.get(&key),
            _ => self.by_req_id.get(&order.req_id),
        };
        self.bookings.get(*index?)
    }

    /// 29 digits: Beijing time to the millisecond, four of this run, eight counting up. No two
    /// bookings share one, not even across restarts within a second.
    fn number(&self, ms: i64) -> String {
        let time: String = clock::beijing(ms).chars().filter(char::is_ascii_digit).collect();
        let (part, run) = (ms.rem_euclid(1000), self.salt % 10_000);
        format!("{time}{part:03}{run:04}{:08}", self.bookings.len() + 1)
    }

    /// The state machine: points can be spent once, a freeze settled once and as a whole.
    fn allows(&self, order: &Order) -> Result<(), NotBooked> {
        match order.trans_type.as_str() {
            "CONSUME" | "FREEZE" => {
                let available = self.balance(&order.user_id, &order.activity_account).available;
                if available < u128::from(order.amount) {
                    Err(NotBooked::NotEnough)
                } else {
                    Ok(())
                }
            }
            "COMMIT" | "CANCEL" => self.settles(order),
            _ => Ok(()),
        }
    }

    fn settles(&self, order: &Order) -> Result<(), NotBooked> {
        let number = order.biz_no.as_deref().unwrap_or_default();
        let &(index, open) = self.freezes.get(number).ok_or(NotBooked::NoSuchFreeze)?;
        let freeze = &self.bookings[index].order;
        let owner = |o: &Order| (o.user_id.clone(), o.activity_account.clone());
        match () {
            () if owner(freeze) != owner(order) => Err(NotBooked::NoSuchFreeze),
            () if !open => Err(NotBooked::FreezeSettled),
            () if freeze.amount != order.amount => Err(NotBooked::OtherAmount),
            () => Ok(()),
        }
    }

    /// A line is there whole or not at all.
    fn write(&mut self, booking: &Booking) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let line = serde_json::to_string(booking)? + "\n";
        let before = file.metadata()?.len();
        file.write_all(line.as_bytes()).inspect_err(|_| {
            let _ = file.set_len(before);
        })
    }

    fn remember(&mut self, booking: Booking) {
        let (index, order) = (self.bookings.len(), &booking.order);
        self.by_req_id.entry(order.req_id.clone()).or_insert(index);
        if let Some(key) = biz_key(order) {
            self.by_biz_no.entry(key).or_insert(index);
        }
        let owner = (order.user_id.clone(), order.activity_account.clone());
        self.balances.entry(owner).or_default().move_by(order);
        match (order.trans_type.as_str(), &order.biz_no) {
            ("FREEZE", _) => {
                self.freezes.insert(booking.point_log_no.clone(), (index, true));
            }
            ("COMMIT" | "CANCEL", Some(number)) => {
                self.freezes.entry(number.clone()).and_modify(|(_, open)| *open = false);
            }
            _ => {}
        }
        self.bookings.push(booking);
    }

    /// Zero for whoever was never seen.
    pub fn balance(&self, user_id: &str, activity_account: &str) -> Balance {
        let owner = (user_id.to_owned(), activity_account.to_owned());
        self.balances.get(&owner).copied().unwrap_or_default()
    }

    /// Of everybody ever seen: user_id, activity_account, points; sorted.
    pub fn balances(&self) -> Vec<(&str, &str, Balance)> {
        let all = self.balances.iter();
        let mut all: Vec<_> = all.map(|((user, account), b)| (&**user, &**account, *b)).collect();
        all.sort_by_key(|(user, account, _)| (*user, *account));
        all
    }

    /// Oldest first.
    pub fn bookings(&self) -> &[Booking] {
        &self.bookings
    }
}

fn biz_key(order: &Order) -> Option<BizKey> {
    let biz_no = order.biz_no.clone()?;
    Some((order.activity_account.clone(), order.trans_type.clone(), biz_no))
}

//! What Alipay remembers: in flow tokens that name a merchant, out flow that merchant's books.
//! Merchants share nothing but the app that acts for them.

use std::io;
use std::path::{Path, PathBuf};

use crate::activities::Activities;
use crate::consent::Consent;
use crate::ledger::{Ledger, Way};
use crate::prizes::Prizes;
use crate::switches::Switches;
use crate::trades::Trades;

/// One merchant and all that is kept for them.
pub struct Merchant {
    /// Their Alipay user number.
    pub user_id: String,
    /// Their own app, which messages name.
    pub auth_app_id: String,
    /// True when the app acts for them by a token; false for the app's owner.
    pub by_token: bool,
    /// The tokens.
    pub consent: Consent,
    /// Points.
    pub ledger: Ledger,
    /// Campaigns.
    pub activities: Activities,
    /// Claim tokens.
    pub prizes: Prizes,
    /// Payments.
    pub trades: Trades,
}

/// Everything that outlasts a request.
pub struct World {
    /// The first is there from the start.
    pub merchants: Vec<Merchant>,
    /// How to behave where the documents are silent.
    pub switches: Switches,
    way: Way,
    ledger_file: Option<PathBuf>,
}

impl World {
    /// With the first merchant: the app's owner, or whoever gave `token`.
    pub fn open(way: Way, file: Option<&Path>, token: Option<String>) -> io::Result<World> {
        let (merchants, switches) = (Vec::new(), Switches::default());
        let mut world = World { merchants, switches, way, ledger_file: file.map(Path::to_owned) };
        world.add(token)?;
        Ok(world)
    }

    /// One more merchant; returns the number.
    pub fn add(&mut self, token: Option<String>) -> io::Result<usize> {
        let number = self.merchants.len();
        let mut consent = Consent::default();
        let by_token = token.is_some();
        token.into_iter().for_each(|token| consent.give(token));
        self.merchants.push(Merchant {
            user_id: format!("{}", 2_088_101_000_000_001_u64 + number as u64),
            auth_app_id: format!("{}", 2_016_101_000_000_001_u64 + number as u64),
            by_token,
            consent,
            ledger: Ledger::open(self.way, self.file(number).as_deref())?,
            activities: Activities::new(number),
            prizes: Prizes::default(),
            trades: Trades::new(number),
        });
        Ok(number)
    }

    /// The first merchant's bookings are in the file as named, others' beside it.
    fn file(&self, number: usize) -> Option<PathBuf> {
        let file = self.ledger_file.clone()?;
        if number == 0 {
            return Some(file);
        }
        let mut name = file.into_os_string();
        name.push(format!(".{number}"));
        Some(name.into())
    }

    /// How a repeated req_id is answered, from now on and for all.
    pub fn repeat(&mut self, way: Way) {
        self.way = way;
        self.merchants.iter_mut().for_each(|merchant| merchant.ledger.way = way);
    }

    /// The present way.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Whom a request with this token acts for.
    pub fn acting(&self, token: Option<&str>) -> Option<usize> {
        self.merchants.iter().position(|merchant| match token {
            None => !merchant.by_token,
            Some(token) => merchant.consent.alive().is_some_and(|alive| alive.text == token),
        })
    }

    /// Ends a token, whoever gave it.
    pub fn kill(&mut self, token: &str) -> Result<(), String> {
        let number = self.acting(Some(token)).ok_or("no merchant has this token now")?;
        self.merchants[number].consent.kill();
        Ok(())
    }

    /// Gives a merchant a token from outside.
    pub fn give(&mut self, merchant: usize, token: String) -> Result<(), String> {
        let merchant = self.merchant(merchant)?;
        merchant.by_token = true;
        merchant.consent.give(token);
        Ok(())
    }

    /// A merchant agrees; returns the code.
    pub fn consent(&mut self, merchant: usize) -> Result<String, String> {
        let merchant = self.merchant(merchant)?;
        Ok(merchant.consent.code())
    }

    /// A merchant by number.
    pub fn merchant(&mut self, number: usize) -> Result<&mut Merchant, String> {
        let count = self.merchants.len();
        let no = || format!("there is no merchant {number}, only 0 to {}", count - 1);
        self.merchants.get_mut(number).ok_or_else(no)
    }
}

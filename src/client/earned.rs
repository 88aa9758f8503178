//! Sales that say an amount: the rule makes points of it, and a repeat gets what the first call got.
//!
//! In: a sale and the clock. Out: points; for a sale recorded before, the ticket of that record. The
//! rule, the hour and the day's cap may give other points the second time, so that what is recorded
//! counts and not what would be earned now.

use super::{Client, EARLIEST, Ticket};
use crate::points::earn::Earned;
use crate::points::refund::KIND_DEPOSIT;
use crate::points::sale::{self, Deposit, Sale};
use crate::port::Ports;
use crate::queue::Cursor;
use crate::status::{Error, Result, Status};
use crate::text::{Moment, Text};

impl<P: Ports> Client<'_, P> {
    /// The points of a sale, within the configured limit; 0 = the amount earns none.
    pub(super) fn points_of(&mut self, sale: &Sale<'_>) -> Result<u32> {
        let limit = self.most_points();
        let limited = |points, what| match points > limit {
            true => Err(Error::new(Status::Range, what).at(limit as usize)),
            false => Ok(points),
        };
        let Some(rule) = sale.by_rule()? else {
            let none = Error::new(Status::Range, "sale.points").at(limit as usize);
            return if sale.points == 0 { Err(none) } else { limited(sale.points, "sale.points") };
        };
        let moment = self.moment();
        let earned = rule.points_for(sale.amount_fen, moment, self.today.earned(moment));
        let Earned { points, .. } = earned.map_err(|error| match error.what {
            "amount_fen" => Error { what: "sale.amount_fen", ..error },
            _ => error,
        })?;
        limited(points, "sale.amount_fen")
    }

    /// Points one entry may have at most.
    pub(super) fn most_points(&self) -> u32 {
        match self.config.max_points {
            0 => sale::DEFAULT_MAX_POINTS,
            limit => limit,
        }
    }

    /// Day and hour in Beijing; `None` while the terminal does not know them.
    fn moment(&mut self) -> Option<Moment> {
        let time = self.unix_time();
        if time < EARLIEST { None } else { Moment::from_unix(time) }
    }

    /// Counts what a rule gave, once.
    pub(super) fn count_today(&mut self, sale: &Sale<'_>, points: u32, duplicate: bool) {
        if sale.rule.is_some() && !duplicate {
            let moment = self.moment();
            self.today.add(moment, points);
        }
    }

    /// The ticket of an amount that earns nothing now: the first one's, if it earned something then.
    pub(super) fn nothing_more(
        &mut self,
        deposit: &Deposit<'_>,
        req_id: &str,
        profile: u64,
    ) -> Result<Ticket> {
        let none =
            Ticket { seq: 0, req_id: Text::new(), duplicate: false, points: 0, voided: false };
        Ok(self.recorded(deposit, req_id, profile)?.unwrap_or(none))
    }

    /// The ticket of the same sale, whatever its points. Reads the whole queue.
    pub(super) fn recorded(
        &mut self,
        deposit: &Deposit<'_>,
        req_id: &str,
        profile: u64,
    ) -> Result<Option<Ticket>> {
        self.mend()?;
        let mut cursor = Cursor::default();
        let Self { queue, ports, record, .. } = self;
        while let Some(entry) = queue.walk(ports.storage(), &mut cursor, record)? {
            let item = &entry.item;
            let same = item.kind == KIND_DEPOSIT
                && item.profile == profile
                && item.req_id == req_id
                && Deposit::load(item.body).is_ok_and(|known| known == *deposit);
            if same {
                let req_id = Text::try_from(req_id)
                    .map_err(|_| Error::new(Status::TooLong, "sale.req_id"))?;
                let (seq, points) = (entry.seq, item.points);
                return Ok(Some(Ticket { seq, req_id, duplicate: true, points, voided: false }));
            }
        }
        Ok(None)
    }
}

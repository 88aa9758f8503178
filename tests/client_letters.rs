//! What a person does with a till's entries, through the client: letters put back, edited and
//! discarded, sales voided, many recorded at once, limits and a manager's word, and what a listener
//! hears of all of it. Against the real sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/till.rs"]
mod till;

use pointcard::client::{BATCH_ROOM, Batch, Client, Config, IO_SIZE, Ticket};
use pointcard::points::refund::Refund;
use pointcard::points::sale::Sale;
use pointcard::points::sync::{Report, sync};
use pointcard::port::http::HttpTransport;
use pointcard::port::*;
use pointcard::queue::{BATCH_MAX, Cursor, EXPORT_MAX, EntryState, Level, Limits};
use pointcard::status::{Error, Status};
use pointcard_sandbox::{Fault, Sandbox};
use std::cell::RefCell;
use std::rc::Rc;
use till::{TestClock, TestPorts, USER, config, memory, sandbox};

/// Notes every event in one line.
#[derive(Clone, Default)]
struct Ear(Rc<RefCell<Vec<String>>>);

impl Events for Ear {
    fn hear(&mut self, event: &Event<'_>) {
        let line = match event {
            Event::Stored(entry) => format!("stored {} {}", entry.seq, entry.points),
            Event::Sent { entry, attempts } => format!("sent {} {attempts}", entry.seq),
            Event::Settled(entry) => format!("settled {} {}", entry.seq, entry.req_id.len()),
            Event::Voided(entry) => format!("voided {} {}", entry.seq, entry.points),
            Event::Rejected { entry, uncertain, sub_code, .. } => {
                format!("rejected {} {uncertain} {sub_code}", entry.seq)
            }
            Event::NearFull(pressure) => {
                format!("near {} over {}", pressure.near.count, pressure.over.any())
            }
            Event::Repaired { bits, sectors } => format!("repaired {bits} {sectors}"),
            Event::Lost { first, last, count } => format!("lost {first} {last} {count}"),
            Event::ClockJumped { by_s } => format!("clock {by_s}"),
        };
        self.0.borrow_mut().push(line);
    }
}

impl Ear {
    fn heard(&self) -> Vec<String> {
        self.0.take()
    }
}

struct Listened {
    ports: TestPorts,
    ear: Ear,
}

impl Ports for Listened {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.ports.storage
    }

    fn clock(&mut self) -> &mut dyn Clock {
        &mut self.ports.clock
    }

    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        Some(&mut self.ports.entropy)
    }

    fn events(&mut self) -> Option<&mut dyn Events> {
        Some(&mut self.ear)
    }
}

struct Desk {
    client: RefCell<Client<'static, Listened>>,
    clock: TestClock,
    ear: Ear,
    http: HttpTransport,
    io: Vec<u8>,
}

impl Desk {
    fn new(memory: Vec<u8>, config: Config<'static>) -> Desk {
        let (ports, ear) = (TestPorts::new(memory), Ear::default());
        let clock = ports.clock.clone();
        clock.unix.set(Some(1_790_000_000));
        let mut client = Client::new(config, Listened { ports, ear: ear.clone() });
        client.open().unwrap();
        let http = HttpTransport::new("", "").unwrap();
        Desk { client: client.into(), clock, ear, http, io: vec![0; IO_SIZE] }
    }

    fn at(sandbox: &Sandbox) -> Desk {
        Desk::new(memory(), config(&sandbox.gateway_url()))
    }

    fn sell(&self, biz_no: &str) -> Ticket {
        self.with(|client| client.accrue(&sale(biz_no))).unwrap()
    }

    fn with<R>(&self, work: impl FnOnce(&mut Client<'static, Listened>) -> R) -> R {
        work(&mut self.client.borrow_mut())
    }

    fn sync(&mut self) -> Report {
        sync(&self.client, &mut self.http, &mut self.io, 2_000, &mut |_| {}).unwrap()
    }

    /// Time passes, on both clocks.
    fn wait(&self) {
        self.clock.ms.set(self.clock.ms.get() + 86_400_000);
        self.clock.unix.set(self.clock.unix.get().map(|unix| unix + 86_400));
    }

    fn letters(&self) -> Vec<u64> {
        let (mut cursor, mut found) = (Cursor::default(), vec![]);
        while let Some(letter) = self.with(|c| c.letters(&mut cursor).unwrap().map(|e| e.seq)) {
            found.push(letter);
        }
        found
    }

    fn state(&self, seq: u64) -> Result<EntryState, Status> {
        self.with(|client| client.get(seq).map(|entry| entry.state)).map_err(|e| e.status)
    }
}

fn sale(biz_no: &str) -> Sale<'_> {
    Sale { user_id: USER, biz_no, points: 10, ..Sale::default() }
}

fn failed<T>(result: Result<T, Error>) -> (Status, &'static str) {
    result.map(|_| ()).map_err(|error| (error.status, error.what)).unwrap_err()
}

fn refuse(sandbox: &Sandbox, times: u32) {
    sandbox.fault(Fault::Reject { sub_code: "isv.test".into() }, times);
}

fn credited(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let name = |b: &pointcard_sandbox::Booking| b.order.biz_no.clone().unwrap_or_default();
    sandbox.ledger().iter().map(|b| (name(b), b.order.amount)).collect()
}

#[test]
fn a_letter_put_back_is_credited_once_and_every_step_is_heard() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    refuse(&sandbox, 1);
    let ticket = desk.sell("t1");
    assert_eq!(desk.sync().rejected, 1);
    assert_eq!(desk.letters(), [1]);
    assert_eq!(desk.state(1), Ok(EntryState::Dead));
    assert_eq!(desk.with(|c| c.find(&ticket.req_id).unwrap().seq), 1);
    let mut line = [0; EXPORT_MAX];
    let line = desk.with(|client| client.export(1, &mut line).unwrap().to_owned());
    assert!(line.contains(r#""sub_code":"isv.test""#), "{line}");
    desk.with(|client| client.requeue(1, false)).unwrap();
    assert_eq!((desk.letters(), desk.state(1)), (vec![], Ok(EntryState::Waiting)));
    assert_eq!(desk.sync().accepted, 1);
    assert_eq!(desk.state(1), Err(Status::NotFound));
    assert_eq!(credited(&sandbox), [("t1".into(), 10)]);
    let heard = desk.ear.heard();
    let wanted = [
        "stored 1 10",
        "sent 1 1",
        "rejected 1 false isv.test",
        "stored 1 10",
        "sent 1 1",
        "settled 1 32",
    ];
    assert_eq!(heard, wanted);
}

#[test]
fn an_uncertain_letter_needs_a_word() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    sandbox.fault(Fault::Unknown { booked: false }, 1);
    desk.sell("t1");
    desk.sync();
    desk.wait();
    refuse(&sandbox, 1);
    assert_eq!(desk.sync().uncertain, 1);
    let refused = desk.with(|client| client.requeue(1, false));
    assert_eq!(failed(refused), (Status::Uncertain, "seq"));
    let edited = Sale { part: "again", ..sale("t1") };
    let mut room = [0; BATCH_ROOM];
    let refused = desk.with(|client| client.requeue_edited(1, &edited, false, &mut room));
    assert_eq!(failed(refused), (Status::Uncertain, "seq"));
    assert_eq!(desk.letters(), [1]);
    desk.with(|client| client.requeue(1, true)).unwrap();
    assert_eq!(desk.sync().accepted, 1);
    assert_eq!(credited(&sandbox).len(), 1);
}

#[test]
fn an_edited_letter_is_checked_like_a_sale() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    refuse(&sandbox, 1);
    desk.sell("t1");
    desk.sync();
    let mut room = [0; BATCH_ROOM];
    let mut edit = |sale: &Sale<'_>, room_len: usize| {
        desk.with(|client| client.requeue_edited(1, sale, false, &mut room[..room_len]))
    };
    let bad = Sale { points: 0, ..sale("t1") };
    assert_eq!(failed(edit(&bad, BATCH_ROOM)), (Status::Range, "sale.points"));
    let bad = Sale { user_id: "", ..sale("t1") };
    assert_eq!(failed(edit(&bad, BATCH_ROOM)), (Status::Missing, "sale.user_id"));
    assert_eq!(failed(edit(&sale("t1"), 20)), (Status::TooLong, "sale"));
    let good = Sale { points: 4, part: "edited", ..sale("t1") };
    let ticket = edit(&good, BATCH_ROOM).unwrap();
    assert_eq!((ticket.seq, desk.letters()), (2, vec![]));
    assert_eq!(desk.sync().accepted, 1);
    assert_eq!(credited(&sandbox), [("t1".into(), 4)]);
    let gone = desk.with(|client| client.requeue(1, true));
    assert_eq!(failed(gone), (Status::NotFound, "seq"));
}

#[test]
fn discarded_letters_are_gone_one_by_one_and_all_at_once() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    refuse(&sandbox, 4);
    for i in 0..4 {
        desk.sell(&format!("t{i}"));
    }
    assert_eq!(desk.sync().rejected, 4);
    desk.with(|client| client.discard(2)).unwrap();
    assert_eq!(desk.letters(), [1, 3, 4]);
    assert_eq!(failed(desk.with(|client| client.discard(2))), (Status::NotFound, "seq"));
    desk.sell("waits");
    assert_eq!(failed(desk.with(|client| client.discard(5))), (Status::BadState, "seq"));
    assert_eq!(desk.with(Client::discard_all).unwrap(), 3);
    assert_eq!((desk.letters(), desk.with(|c| c.status().dead)), (vec![], 0));
    desk.sync();
    assert_eq!(credited(&sandbox), [("waits".into(), 10)]);
}

#[test]
fn a_voided_sale_never_leaves_and_is_not_refunded_either() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    desk.sell("t1");
    desk.sell("t2");
    let ticket = desk.with(|client| client.void(1)).unwrap();
    assert!(ticket.voided);
    assert_eq!(desk.state(1), Err(Status::NotFound));
    assert_eq!(failed(desk.with(|client| client.void(1))), (Status::NotFound, "seq"));
    // Taking its points back would take points that were never given.
    let refund = Refund { biz_no: "t1", refund_no: "r", points: 10, ..Refund::default() };
    let refused = desk.with(|client| client.refund(&refund));
    assert_eq!(failed(refused), (Status::NotFound, "refund.biz_no"));
    assert_eq!(desk.sync().accepted, 1);
    assert_eq!(credited(&sandbox), [("t2".into(), 10)]);
    let heard = desk.ear.heard();
    assert_eq!(
        heard[..5],
        ["stored 1 10", "stored 2 10", "stored 3 10", "voided 1 10", "voided 3 10"]
    );
    assert_eq!(heard[5..], ["sent 2 1", "settled 2 32"]);
}

#[test]
fn what_was_sent_or_refused_or_is_a_refund_is_not_voided() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    sandbox.fault(Fault::Unknown { booked: false }, 1);
    desk.sell("t1");
    desk.sync();
    assert_eq!(failed(desk.with(|client| client.void(1))), (Status::Unknown, "seq"));
    let refund = Refund { biz_no: "t1", refund_no: "r", points: 4, ..Refund::default() };
    let ticket = desk.with(|client| client.refund(&refund)).unwrap();
    let refused = desk.with(|client| client.void(ticket.seq));
    assert_eq!(failed(refused), (Status::Unsupported, "seq"));
    desk.wait();
    refuse(&sandbox, 1);
    desk.sync();
    assert_eq!(failed(desk.with(|client| client.void(1))), (Status::BadState, "seq"));
    assert_eq!(failed(desk.with(|client| client.void(99))), (Status::NotFound, "seq"));
}

#[test]
fn a_batch_is_recorded_whole_or_not_at_all() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    desk.sell("b03");
    desk.ear.heard();
    let names: Vec<String> = (0..BATCH_MAX + 1).map(|i| format!("b{i:02}")).collect();
    let mut room = vec![0; BATCH_MAX * BATCH_ROOM];
    let mut batch = Batch::new(&mut room);
    let mut tickets = vec![];
    desk.with(|client| {
        for name in &names[..BATCH_MAX] {
            client.add_to_batch(&mut batch, &sale(name)).unwrap();
        }
        let full = client.add_to_batch(&mut batch, &sale(&names[BATCH_MAX]));
        assert_eq!(failed(full), (Status::TooLong, "sales"));
        client.accrue_batch(&batch, &mut |ticket| tickets.push(ticket.clone())).unwrap();
    });
    assert_eq!(tickets.len(), BATCH_MAX);
    assert!(tickets[3].duplicate && tickets[3].seq == 1);
    assert_eq!(tickets.iter().filter(|ticket| ticket.duplicate).count(), 1);
    assert_eq!(desk.ear.heard().len(), BATCH_MAX - 1);
    let report = desk.sync();
    assert_eq!(report.accepted as usize, BATCH_MAX);
    assert_eq!(credited(&sandbox).len(), BATCH_MAX);
}

#[test]
fn a_bad_sale_leaves_its_batch_as_it_was() {
    let sandbox = sandbox();
    let desk = Desk::at(&sandbox);
    desk.sell("b1");
    let mut room = [0; 260];
    let mut batch = Batch::new(&mut room);
    desk.with(|client| {
        client.add_to_batch(&mut batch, &sale("b0")).unwrap();
        let bad = Sale { points: 0, ..sale("b9") };
        assert_eq!(failed(client.add_to_batch(&mut batch, &bad)), (Status::Range, "sale.points"));
        let long = Sale { ext_info: &"x".repeat(200), ..sale("b9") };
        let small = client.add_to_batch(&mut batch, &long);
        assert_eq!(failed(small), (Status::BufferTooSmall, "room"));
        assert_eq!(batch.len(), 1);
    });
    let mut room = [0; 600];
    let mut batch = Batch::new(&mut room);
    desk.with(|client| {
        client.add_to_batch(&mut batch, &sale("b0")).unwrap();
        client.add_to_batch(&mut batch, &Sale { points: 11, ..sale("b1") }).unwrap();
        let refused = client.accrue_batch(&batch, &mut |_| panic!("nothing was recorded"));
        let refused = refused.unwrap_err();
        assert_eq!((refused.status, refused.at), (Status::Conflict, 1));
        assert_eq!(client.status().waiting, 1);
    });
}

fn two_sales() -> Limits {
    Limits { count: Level { warn: 2, refuse: 2 }, ..Limits::NONE }
}

#[test]
fn a_limit_warns_then_refuses_and_a_manager_waives_it() {
    let sandbox = sandbox();
    let limited = Config { limits: two_sales(), ..config(&sandbox.gateway_url()) };
    let mut desk = Desk::new(memory(), limited);
    desk.sell("t1");
    assert_eq!(desk.ear.heard(), ["stored 1 10"]);
    desk.sell("t2");
    assert_eq!(desk.ear.heard(), ["stored 2 10", "near true over false"]);
    let third = desk.with(|client| client.accrue(&sale("t3")));
    assert_eq!(failed(third), (Status::QueueFull, "limit.count"));
    let mut room = [0; 600];
    for (manager, wanted) in [(false, Err((Status::QueueFull, "limit.count"))), (true, Ok(()))] {
        let mut batch = Batch::new(&mut room);
        let done = desk.with(|client| {
            client.add_to_batch(&mut batch, &Sale { manager, ..sale("t4") }).unwrap();
            client.accrue_batch(&batch, &mut |_| {})
        });
        assert_eq!(done.map_err(|error| (error.status, error.what)), wanted);
    }
    desk.with(|client| client.accrue(&Sale { manager: true, ..sale("t3") })).unwrap();
    // The warning was told; that a limit was passed is told each time.
    let over = ["stored 3 10", "near true over true", "stored 4 10", "near true over true"];
    assert_eq!(desk.ear.heard(), over);
    // A void is never too much, and the limits hold again afterwards.
    assert!(desk.with(|client| client.void(2)).unwrap().voided);
    desk.with(|client| client.set_limits(Limits::NONE)).unwrap();
    desk.sell("t5");
    desk.sync();
    assert_eq!(credited(&sandbox).len(), 4);
}

#[test]
fn a_level_that_warns_too_late_is_refused() {
    let sandbox = sandbox();
    let late = Limits { age_s: Level { warn: 3, refuse: 2 }, ..Limits::NONE };
    let bad = Config { limits: late, ..config(&sandbox.gateway_url()) };
    let ports = TestPorts::new(memory());
    let mut client = Client::new(bad, ports);
    assert_eq!(failed(client.open()), (Status::Range, "config.limits.age_s"));
    let desk = Desk::at(&sandbox);
    let refused = desk.with(|client| client.set_limits(late));
    assert_eq!(failed(refused), (Status::Range, "limits.age_s"));
}

#[test]
fn nothing_goes_out_during_a_pause() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    desk.with(Client::pause);
    desk.sell("t1");
    let report = desk.sync();
    assert_eq!((report.sent, report.waiting, report.retry_in_ms), (0, 1, u32::MAX));
    assert!(desk.with(|client| client.status().paused));
    desk.with(Client::resume);
    let report = desk.sync();
    assert_eq!((report.accepted, report.retry_in_ms), (1, 0));
}

#[test]
fn a_clock_that_jumps_is_told_and_one_that_goes_is_not() {
    let sandbox = sandbox();
    let desk = Desk::at(&sandbox);
    desk.sell("t1");
    desk.wait();
    desk.sell("t2");
    assert_eq!(desk.ear.heard(), ["stored 1 10", "stored 2 10"]);
    let later = desk.clock.unix.get().unwrap();
    for by in [300_i64, 301, -3600] {
        let unix = desk.clock.unix.get().unwrap();
        desk.clock.unix.set(Some(unix.wrapping_add_signed(by)));
        desk.sell(&format!("after {by}").replace(' ', "-"));
        let heard = desk.ear.heard();
        let told: Vec<_> = heard.iter().filter(|line| line.starts_with("clock")).collect();
        let wanted = format!("clock {by}");
        assert_eq!(told, [&wanted][..usize::from(by != 300)], "from {later}");
    }
    desk.clock.unix.set(None);
    desk.sell("unknown");
    assert!(!desk.ear.heard().iter().any(|line| line.starts_with("clock 0")));
}

/// Spoils the records of the sales numbered `lost`, each beyond what can be mended.
fn spoil(memory: &mut [u8], names: &[&str]) {
    for name in names {
        let at = memory.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        for byte in &mut memory[at..at + 4] {
            *byte &= 0x55;
        }
    }
}

#[test]
fn lost_sales_are_told_by_number_when_the_till_starts() {
    let sandbox = sandbox();
    let desk = Desk::at(&sandbox);
    for i in 1..=9 {
        desk.sell(&format!("trade-{i}-of-today"));
    }
    let mut image = vec![0; 32 * 4096];
    desk.with(|client| client.ports().storage().read(0, &mut image)).unwrap();
    spoil(&mut image, &["trade-3-of", "trade-4-of", "trade-7-of"]);
    let mut desk = Desk::new(image, config(&sandbox.gateway_url()));
    assert_eq!(desk.ear.heard(), ["repaired 0 1", "lost 3 4 2", "lost 7 7 1"]);
    assert_eq!(desk.with(|client| client.status().lost), 3);
    assert_eq!(desk.sync().accepted, 6);
    let heard = desk.ear.heard();
    assert_eq!(heard.iter().filter(|line| line.starts_with("lost")).count(), 0, "{heard:?}");
    assert_eq!(heard.iter().filter(|line| line.starts_with("settled")).count(), 6);
}

#[test]
fn a_mended_bit_is_told_once() {
    let sandbox = sandbox();
    let desk = Desk::at(&sandbox);
    desk.sell("trade-of-today");
    let mut image = vec![0; 32 * 4096];
    desk.with(|client| client.ports().storage().read(0, &mut image)).unwrap();
    let at = image.windows(8).position(|window| window == b"trade-of").unwrap();
    image[at] ^= 1;
    let mut desk = Desk::new(image, config(&sandbox.gateway_url()));
    assert_eq!(desk.sync().accepted, 1);
    let heard = desk.ear.heard();
    assert!(heard.iter().any(|line| line.starts_with("repaired ")), "{heard:?}");
    assert!(!heard.iter().any(|line| line.starts_with("lost")), "{heard:?}");
    assert_eq!(credited(&sandbox), [("trade-of-today".into(), 10)]);
}

#[test]
fn a_settlement_whose_write_failed_is_told_when_it_is_durable() {
    let sandbox = sandbox();
    let mut desk = Desk::at(&sandbox);
    desk.sell("t1");
    let fail = desk.with(|client| client.ports().ports.storage.fail.clone());
    // The answer is there, its record is not: sync ends with the write that fails.
    let mut breaking = Breaking { http: HttpTransport::new("", "").unwrap(), fail };
    let done = sync(&desk.client, &mut breaking, &mut desk.io, 2_000, &mut |_| {});
    assert_eq!(failed(done), (Status::Storage, "storage"));
    assert_eq!(desk.ear.heard(), ["stored 1 10", "sent 1 1"]);
    // The bytes are there, as the next look finds.
    assert_eq!(desk.sync().sent, 0);
    assert_eq!(desk.ear.heard(), ["settled 1 32"]);
    assert_eq!(credited(&sandbox), [("t1".into(), 10)]);
}

/// The storage fails right behind an answer.
struct Breaking {
    http: HttpTransport,
    fail: Rc<std::cell::Cell<bool>>,
}

impl Transport for Breaking {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> Result<HttpAnswer, TransportError> {
        let came = self.http.exchange(request, answer, timeout_ms);
        self.fail.set(true);
        came
    }
}

//! What is on the medium of a terminal that no longer starts: prints it, checks it, and saves what
//! can be saved, also from an image that no queue would open.
//!
//! In: the image of a store (a store file, or a flash read out). Out: on standard output every
//! sector, record and damaged byte, how a queue sees the store, and a summary; with `--json FILE`
//! the entries as JSON, one a line. The image is only read.
//!
//! ```text
//! cargo run --example queue_dump -- IMAGE [--json FILE] [--show-users] [--key ID:HEX ...]
//! ```
//!
//! Of a sealed store the structure is told without its keys, and with them everything; the newest
//! key comes first.
//!
//! User ids are masked, and bodies this version cannot read are left out, unless `--show-users` is
//! given. Exit code: 0 sound, 1 damaged, 2 nothing could be read.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use pointcard::points::sale::Deposit;
use pointcard::port::Storage;
use pointcard::port::ram::RamStorage;
use pointcard::port::sealed::{KeyList, SealKey, Sealed};
use pointcard::queue::inspect::{self, Finding, Lane, Record, SectorHeader};
use pointcard::queue::{Cursor, ENTRY_MAX, EntryState, Item, Queue, Reason};
use serde_json::{Value, json};

type Any = Box<dyn std::error::Error>;

struct Options {
    image: String,
    json: Option<String>,
    users: bool,
    /// Number and bytes of each key, the newest first.
    keys: Vec<(u8, Vec<u8>)>,
}

fn key(word: &str) -> Result<(u8, Vec<u8>), Any> {
    let (id, hex) = word.split_once(':').ok_or("--key: ID:HEX is wanted")?;
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or("--key: not hexadecimal")?;
    let bytes = digits.chunks(2).map(|two| two.iter().fold(0, |all, one| all << 4 | *one as u8));
    let id = id.parse().map_err(|_| "--key: its number is not between 1 and 255")?;
    Ok((id, bytes.collect()))
}

fn options() -> Result<Options, Any> {
    let mut args = std::env::args().skip(1);
    let mut options = Options { image: String::new(), json: None, users: false, keys: vec![] };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--show-users" => options.users = true,
            "--key" => options.keys.push(key(&args.next().ok_or("--key: ID:HEX is missing")?)?),
            "--json" => options.json = Some(args.next().ok_or("--json: a file name is missing")?),
            image if options.image.is_empty() && !image.starts_with('-') => {
                options.image = image.into();
            }
            other => return Err(format!("{other}: not understood").into()),
        }
    }
    match options.image.as_str() {
        "" => Err("use: queue_dump IMAGE [--json FILE] [--show-users] [--key ID:HEX ...]".into()),
        _ => Ok(options),
    }
}

/// What the image says, collected.
#[derive(Default)]
struct Dump {
    users: bool,
    lines: Vec<String>,
    /// By number; a later record (a copy, a dead letter) takes the place of an earlier one.
    entries: BTreeMap<u64, Value>,
    sectors: u32,
    records: u32,
    mended: u32,
    damaged: u64,
    refused: u32,
    /// Records of a sealed store that could not be opened for want of a key.
    locked: u32,
    forged: u32,
}

impl Dump {
    fn take(&mut self, finding: &Finding<'_>) {
        match *finding {
            Finding::Sector { at, lane, header } => self.sector(at, lane, header),
            Finding::Record(record) => self.record(&record),
            Finding::State { at, mended } => {
                self.count(mended);
                self.say(at, "  state", mended);
            }
            Finding::Sealed { at, lane, number, len, mended } => {
                self.count(mended);
                self.locked += 1;
                let what = match lane {
                    Lane::Dead => "sealed dead letter",
                    Lane::Backlog => "sealed copy",
                    _ => "sealed entry",
                };
                self.say(at, &format!("  {what}, number {number}, {len} bytes"), mended);
            }
            Finding::Forged { at } => {
                self.forged += 1;
                self.say(at, "  FORGED: nobody with the key has written this", false);
            }
            Finding::Damage { at, len } => {
                self.damaged += u64::from(len);
                self.lines.push(format!("{at:#010x}   DAMAGE: {len} bytes are no record"));
            }
            Finding::Refused { at, error } => {
                self.refused += 1;
                self.lines.push(format!("{at:#010x} REFUSED: {error}"));
            }
        }
    }

    fn count(&mut self, mended: bool) {
        self.records += 1;
        self.mended += u32::from(mended);
    }

    fn say(&mut self, at: u32, what: &str, mended: bool) {
        let rot = if mended { " (MENDED: one bit is wrong)" } else { "" };
        self.lines.push(format!("{at:#010x} {what}{rot}"));
    }

    fn sector(&mut self, at: u32, lane: Lane, header: SectorHeader) {
        let lane = match lane {
            Lane::State => "state",
            Lane::Live => "live",
            Lane::Backlog => "backlog",
            Lane::Dead => "dead",
        };
        self.sectors += u32::from(header != SectorHeader::Erased);
        let what = match header {
            SectorHeader::Erased => return,
            SectorHeader::Sound(generation) => format!("generation {generation}"),
            SectorHeader::Mended(generation) => {
                self.mended += 1;
                format!("generation {generation} (MENDED: one bit of the header is wrong)")
            }
            SectorHeader::Rotten(generation) => {
                self.damaged += 52;
                format!("DAMAGE: the header is rotten; its records say generation {generation}")
            }
            SectorHeader::Unreadable => "DAMAGE: neither header nor records to be read".into(),
            SectorHeader::Foreign => {
                self.damaged += 52;
                "DAMAGE: the header is of another store or place".into()
            }
        };
        self.lines.push(format!("{at:#010x} {lane} sector, {what}"));
    }

    fn record(&mut self, record: &Record<'_>) {
        self.count(record.mended);
        let kind = match (record.lane, record.copy) {
            (Lane::Dead, _) => "dead letter",
            (_, true) => "copy of",
            _ => "entry",
        };
        let item = &record.item;
        let what = format!(
            "  {kind} {}: {} points, created {}, req_id {}, {} bytes{}",
            record.seq,
            item.points,
            item.created,
            item.req_id,
            item.body.len(),
            reason_text(record.reason.as_ref()),
        );
        self.say(record.at, &what, record.mended);
        let entry =
            entry_json(record.seq, "unknown", record.attempts, item, record.reason, self.users);
        self.entries.insert(record.seq, entry);
    }
}

fn reason_text(reason: Option<&Reason<'_>>) -> String {
    match reason {
        None => String::new(),
        Some(reason) => {
            let doubt = if reason.uncertain { ", UNCERTAIN" } else { "" };
            format!(", refused {} {}{doubt}", reason.code, reason.sub_code)
        }
    }
}

/// All but the first and last four characters are hidden.
fn masked(user_id: &str) -> String {
    let shown = |index| index < 4 || index + 4 >= user_id.chars().count();
    let hide = user_id.chars().count() > 8;
    let mask = |(index, c)| if hide && shown(index) { c } else { '*' };
    user_id.chars().enumerate().map(mask).collect()
}

fn entry_json(
    seq: u64,
    state: &str,
    attempts: u8,
    item: &Item<'_>,
    reason: Option<Reason<'_>>,
    users: bool,
) -> Value {
    json!({
        "seq": seq,
        "state": state,
        "attempts": attempts,
        "req_id": item.req_id,
        "profile": format!("{:016x}", item.profile),
        "kind": item.kind,
        "points": item.points,
        "created": item.created,
        "sale": sale_json(item.body, users),
        "reason": reason.map(|reason| json!({
            "uncertain": reason.uncertain,
            "at": reason.at,
            "code": reason.code,
            "sub_code": reason.sub_code,
        })),
    })
}

/// The sale in a body; its bytes in hexadecimal when it is none.
fn sale_json(body: &[u8], users: bool) -> Value {
    match Deposit::load(body) {
        Ok(sale) if !sale.user_id.is_empty() => json!({
            "user_id": if users { sale.user_id.to_owned() } else { masked(sale.user_id) },
            "activity_account": sale.activity_account,
            "shop_id": sale.shop_id,
            "biz_no": sale.biz_no,
            "memo": sale.memo,
            "ext_info": sale.ext_info,
        }),
        _ if users => {
            let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "bytes": hex })
        }
        _ => json!({ "hidden_bytes": body.len() }),
    }
}

/// Opens the store in memory, as a till would, and lets that say what is settled.
fn mount(storage: &mut dyn Storage, dump: &mut Dump) -> Result<String, Any> {
    let (mut queue, mut buf) = (Queue::new(), vec![0; ENTRY_MAX]);
    queue.open(storage, [0; 8])?;
    let mut cursor = Cursor::default();
    for entry in dump.entries.values_mut() {
        entry["state"] = json!("not shown by the queue");
    }
    while let Some(entry) = queue.walk(storage, &mut cursor, &mut buf)? {
        let state = match entry.state {
            EntryState::Waiting => "waiting",
            EntryState::Sent => "sent",
            EntryState::Parked => "parked",
            EntryState::Settled => "settled",
            EntryState::Dead => "dead",
        };
        let (seq, attempts) = (entry.seq, entry.attempts);
        let told = entry_json(seq, state, attempts, &entry.item, entry.reason, dump.users);
        dump.entries.insert(seq, told);
    }
    let status = queue.status();
    dump.forged = dump.forged.max(status.forged);
    let forged = status.forgery.map_or(String::new(), |forgery| format!("; FORGED: {forgery:?}"));
    Ok(format!(
        "{} waiting, {} sent, {} parked, {} dead letters, {} points owed; lost {}{forged}",
        status.waiting, status.sent_unknown, status.parked, status.dead, status.points, status.lost
    ))
}

fn save(path: &str, dump: &Dump) -> Result<(), Any> {
    let mut file = std::fs::File::create(path).map_err(|e| format!("{path}: {e}"))?;
    for entry in dump.entries.values() {
        writeln!(file, "{entry}")?;
    }
    file.sync_all()?;
    println!("saved: {} entries in {path}", dump.entries.len());
    Ok(())
}

/// True when everything is sound.
fn run() -> Result<bool, Any> {
    let options = options()?;
    let read = std::fs::read(&options.image);
    let mut image = read.map_err(|e| format!("{}: {e}", options.image))?;
    let geometry = inspect::geometry(&image)?;
    let geometry = geometry.ok_or("not one sound sector header in the whole image")?;
    let whole = geometry.sector_size as usize * geometry.sector_count as usize;
    println!("geometry: {geometry:?}");
    let missing = whole.saturating_sub(image.len());
    if missing > 0 {
        println!("DAMAGE: the image lacks its last {missing} of {whole} bytes");
    }
    image.resize(whole, 0xFF);

    let mut dump = Dump { users: options.users, ..Dump::default() };
    let keys: Vec<SealKey<'_>> =
        options.keys.iter().map(|(id, bytes)| SealKey { id: *id, bytes }).collect();
    let below = RamStorage::new(&mut image, geometry);
    let mut storage: Box<dyn Storage> = match keys.as_slice() {
        [] => Box::new(below),
        keys => Box::new(Sealed::new(below, KeyList::new(keys)?)),
    };
    let mut buf = vec![0; ENTRY_MAX];
    inspect::inspect(&mut *storage, &mut buf, &mut |finding| dump.take(finding))?;
    for line in &dump.lines {
        println!("{line}");
    }
    let mounted = mount(&mut *storage, &mut dump);
    match &mounted {
        Ok(status) => println!("queue: {status}"),
        Err(why) => println!("queue: REFUSED: {why}; what is settled cannot be told"),
    }
    println!(
        "summary: {} sectors in use, {} records, {} mended, {} bytes damaged, {} sectors refused",
        dump.sectors, dump.records, dump.mended, dump.damaged, dump.refused
    );
    if dump.locked > 0 {
        println!("sealed: {} entries stay closed; --key ID:HEX opens them", dump.locked);
    }
    if let Some(path) = &options.json {
        save(path, &dump)?;
    }
    let refused = u64::from(dump.refused) + u64::from(dump.forged);
    Ok(mounted.is_ok() && missing == 0 && dump.damaged + refused == 0)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("queue_dump: {why}");
            ExitCode::from(2)
        }
    }
}

//! The stores side by side: the raw floor, pointcard's queue, SQLite twice, redb.
//!
//! In: entries by number. Out: durable when each call returns, as a till needs it.

use super::timed;
use pointcard::port::file::FileStorage;
use pointcard::port::{Geometry, PortError, Storage};
use pointcard::queue::{Appended, ENTRY_MAX, Item, Queue, Terms};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use rusqlite::Connection;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// With it a record is 262 bytes: 250 of them the caller's.
pub const BODY: usize = 197;
pub const RECORD: usize = 262;
pub const BATCH: u64 = 32;
/// After a sync the next record starts here: what a disk writes at once.
pub const ALIGN: u32 = 4096;

pub fn name(number: u64) -> String {
    format!("{number:032}")
}

/// One thing to measure.
pub trait Store {
    fn append(&mut self, number: u64);
    fn batch(&mut self, first: u64);
    /// The oldest entry's number, read with its body.
    fn next(&mut self) -> u64;
    fn done(&mut self, number: u64);
    /// Entries and points waiting.
    fn status(&mut self) -> (u64, u64);
    /// What idle time is for.
    fn idle(&mut self) {}
}

/// The floor: the same bytes into a file that is there already, and one sync.
pub struct Floor {
    file: File,
    at: u64,
    size: u64,
}

impl Floor {
    pub fn new(folder: &Path, size: u64) -> Floor {
        let file = File::create_new(folder.join("floor")).expect("floor");
        for at in (0..size).step_by(1 << 20) {
            file.write_all_at(&[0xFF; 1 << 20], at).expect("floor");
        }
        file.sync_all().expect("floor");
        Floor { file, at: 0, size }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.at + bytes.len() as u64 > self.size {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at).expect("floor");
        self.file.sync_data().expect("floor");
        self.at = (self.at + bytes.len() as u64).next_multiple_of(ALIGN.into());
    }
}

impl Store for Floor {
    fn append(&mut self, _: u64) {
        self.write(&[7; RECORD]);
    }
    fn batch(&mut self, _: u64) {
        self.write(&[7; RECORD * BATCH as usize]);
    }
    fn next(&mut self) -> u64 {
        let mut buf = [0; RECORD];
        self.file.read_exact_at(&mut buf, 0).expect("floor");
        0
    }
    fn done(&mut self, _: u64) {
        self.write(&[7; 24]);
    }
    fn status(&mut self) -> (u64, u64) {
        (0, 0)
    }
}

/// A file whose syncs and rewrites can be left out: to fill it quickly, to time reading alone.
pub struct File4k {
    pub file: FileStorage,
    pub sync: bool,
    /// Spent in syncs, and in looking behind the cache, in microseconds.
    pub sync_us: f64,
    pub reassert_us: f64,
}

impl Storage for File4k {
    fn geometry(&self) -> Geometry {
        self.file.geometry()
    }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.file.read(at, buf)
    }
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.file.prog(at, data)
    }
    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.file.erase(sector)
    }
    fn sync(&mut self) -> Result<(), PortError> {
        if !self.sync {
            return Ok(());
        }
        let (time, done) = timed(|| self.file.sync());
        self.sync_us += time;
        done
    }
    fn reassert(&mut self, at: u32, len: u32) -> Result<(), PortError> {
        if !self.sync {
            return Ok(());
        }
        let (time, done) = timed(|| self.file.reassert(at, len));
        self.reassert_us += time;
        done
    }
}

/// pointcard's queue in a file.
pub struct Ours {
    pub storage: File4k,
    pub queue: Queue,
    buf: Box<[u8; ENTRY_MAX]>,
}

impl Ours {
    pub fn open(path: &Path, size: u32, sync: bool) -> Ours {
        let file = FileStorage::open(path, size, ALIGN).expect("store");
        let mut storage = File4k { file, sync, sync_us: 0.0, reassert_us: 0.0 };
        let mut queue = Queue::new();
        queue.open(&mut storage, *b"benching").expect("store");
        Ours { storage, queue, buf: Box::new([0; ENTRY_MAX]) }
    }
}

fn item<'a>(req_id: &'a str, body: &'a [u8]) -> Item<'a> {
    Item { req_id, profile: 1, kind: 1, points: 10, created: 1_471_851_822, body }
}

impl Store for Ours {
    fn append(&mut self, number: u64) {
        let name = name(number);
        self.queue.append(&mut self.storage, &item(&name, &[7; BODY])).expect("append");
    }
    fn batch(&mut self, first: u64) {
        let names: Vec<String> = (first..first + BATCH).map(name).collect();
        let items: Vec<Item<'_>> = names.iter().map(|name| item(name, &[7; BODY])).collect();
        let mut told = [Appended::default(); BATCH as usize];
        let terms = Terms::default();
        self.queue.append_batch(&mut self.storage, &items, &terms, &mut told).expect("batch");
    }
    fn next(&mut self) -> u64 {
        let entry = self.queue.next(&mut self.storage, 0, &mut self.buf[..]).expect("next");
        entry.expect("an entry").seq
    }
    fn done(&mut self, number: u64) {
        self.queue.settle(&mut self.storage, number).expect("done");
    }
    fn status(&mut self) -> (u64, u64) {
        let status = self.queue.status();
        (u64::from(status.waiting + status.sent_unknown), status.points)
    }
    fn idle(&mut self) {
        self.queue.maintain(&mut self.storage).expect("maintain");
    }
}

/// SQLite, durable: synchronous=FULL with the journal of that name.
pub struct Sqlite(pub Connection);

impl Sqlite {
    pub fn open(path: &Path, journal: &str) -> Sqlite {
        let db = Connection::open(path).expect("sqlite");
        db.pragma_update(None, "journal_mode", journal).expect("journal");
        db.pragma_update(None, "synchronous", "FULL").expect("synchronous");
        let table = "create table if not exists q \
             (id integer primary key, req text, points integer, body blob)";
        db.execute(table, ()).expect("table");
        Sqlite(db)
    }

    fn insert(&mut self, number: u64) {
        let sql = "insert into q (req, points, body) values (?1, 10, ?2)";
        let mut insert = self.0.prepare_cached(sql).expect("insert");
        insert.execute((name(number), [7; BODY])).expect("insert");
    }
}

impl Store for Sqlite {
    fn append(&mut self, number: u64) {
        self.insert(number);
    }
    fn batch(&mut self, first: u64) {
        self.0.execute_batch("begin immediate").expect("begin");
        (first..first + BATCH).for_each(|number| self.insert(number));
        self.0.execute_batch("commit").expect("commit");
    }
    fn next(&mut self) -> u64 {
        let sql = "select id, body from q order by id limit 1";
        let mut next = self.0.prepare_cached(sql).expect("next");
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
        next.query_one((), row).map(|(id, _): (i64, _)| id as u64).expect("an entry")
    }
    fn done(&mut self, number: u64) {
        let mut done = self.0.prepare_cached("delete from q where id = ?1").expect("done");
        assert_eq!(done.execute([number as i64]).expect("done"), 1);
    }
    fn status(&mut self) -> (u64, u64) {
        let sql = "select count(*), coalesce(sum(points), 0) from q";
        let mut status = self.0.prepare_cached(sql).expect("status");
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        status.query_one((), row).map(|(n, p)| (n as u64, p as u64)).expect("status")
    }
}

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("q");

/// redb, every commit durable.
pub struct Redb {
    db: Database,
    top: u64,
}

impl Redb {
    pub fn open(path: &Path) -> Redb {
        let db = Database::create(path).expect("redb");
        let write = db.begin_write().expect("redb");
        let last = |table: redb::Table<'_, u64, &[u8]>| {
            table.last().expect("redb").map_or(0, |(key, _)| key.value())
        };
        let top = last(write.open_table(TABLE).expect("redb"));
        write.commit().expect("redb");
        Redb { db, top }
    }

    fn insert(&mut self, from: u64, count: u64) {
        let write = self.db.begin_write().expect("redb");
        {
            let mut table = write.open_table(TABLE).expect("redb");
            for number in from..from + count {
                let mut row = [7; 32 + BODY + 4];
                row[..32].copy_from_slice(name(number).as_bytes());
                self.top += 1;
                table.insert(self.top, &row[..]).expect("redb");
            }
        }
        write.commit().expect("redb");
    }

    pub fn fill(&mut self, count: u64) {
        self.insert(0, count);
    }
}

impl Store for Redb {
    fn append(&mut self, number: u64) {
        self.insert(number, 1);
    }
    fn batch(&mut self, first: u64) {
        self.insert(first, BATCH);
    }
    fn next(&mut self) -> u64 {
        let read = self.db.begin_read().expect("redb");
        let table = read.open_table(TABLE).expect("redb");
        let (key, row) = table.first().expect("redb").expect("an entry");
        assert_eq!(row.value().len(), 32 + BODY + 4);
        key.value()
    }
    fn done(&mut self, number: u64) {
        let write = self.db.begin_write().expect("redb");
        assert!(write.open_table(TABLE).expect("redb").remove(number).expect("redb").is_some());
        write.commit().expect("redb");
    }
    fn status(&mut self) -> (u64, u64) {
        let read = self.db.begin_read().expect("redb");
        let table = read.open_table(TABLE).expect("redb");
        let rows = table.iter().expect("redb");
        rows.fold((0, 0), |(n, points), row| {
            let row = row.expect("redb");
            (n + 1, points + u64::from(row.1.value()[32 + BODY]))
        })
    }
}

/// A folder for one run, empty.
pub fn folder(path: &Path) -> PathBuf {
    let _ = std::fs::remove_dir_all(path);
    std::fs::create_dir_all(path).expect("the bench folder");
    path.to_owned()
}

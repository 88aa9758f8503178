//! Failures inside the queue, one byte each.
//!
//! In: what went wrong. Out: [`Error`] at the queue's border, with the number the medium noted.
//! The crate's error is five words; carried through every call it would be a third of the code.

use super::medium::Medium;
use crate::status::{Error, Status};

pub(crate) type Result<T> = core::result::Result<T, Fault>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    Port,
    /// The storage called a sector bad, and the lane has no other; nothing depends on it.
    Bad,
    /// The same while a record was half written: the queue is closed.
    Spent,
    Full,
    BacklogFull,
    Conflict,
    NotFound,
    Window,
    Parked,
    Buffer,
    Body,
    ReqEmpty,
    ReqLong,
    ReqText,
    Created,
    Version,
    Features,
    Reserved,
    Lane,
    Kind,
    Flags,
    SectorSize,
    SectorCount,
    Corrupt,
    Worn,
    Sent,
    Uncertain,
    Items,
    Told,
    LimitCount,
    LimitBytes,
    LimitEach,
    LimitTotal,
    LimitAge,
    Key,
    #[cfg_attr(not(feature = "seal"), allow(dead_code))]
    KeyPort,
    KeyLength,
    WrongKey,
    NotSealed,
    Forged,
}

impl Fault {
    /// The crate's error; `number` is what the status speaks of, or the port's code.
    pub(crate) fn error(self, number: u32) -> Error {
        let (status, what) = self.text();
        match self {
            Fault::Port | Fault::KeyPort | Fault::Bad | Fault::Spent => {
                Error::new(status, what).port(number as i32)
            }
            _ => Error::new(status, what).at(number as usize),
        }
    }

    fn text(self) -> (Status, &'static str) {
        match self {
            Fault::Port => (Status::Storage, "storage"),
            Fault::Bad | Fault::Spent => (Status::Storage, super::NO_SECTOR),
            Fault::Full => (Status::QueueFull, super::LIVE_FULL),
            Fault::BacklogFull => (Status::QueueFull, super::BACKLOG_FULL),
            Fault::Conflict => (Status::Conflict, "item.req_id"),
            Fault::NotFound => (Status::NotFound, "seq"),
            Fault::Window => (Status::Range, "seq"),
            Fault::Parked => (Status::BadState, "seq"),
            Fault::Buffer => (Status::BufferTooSmall, "buf"),
            Fault::Body => (Status::TooLong, "item.body"),
            Fault::ReqEmpty => (Status::Missing, "item.req_id"),
            Fault::ReqLong => (Status::TooLong, "item.req_id"),
            Fault::ReqText => (Status::Encoding, "item.req_id"),
            Fault::Created => (Status::Range, "item.created"),
            Fault::Version => (Status::MediaVersion, "store.version"),
            Fault::Features => (Status::MediaVersion, "store.features"),
            Fault::Reserved => (Status::MediaVersion, "store.reserved"),
            Fault::Lane => (Status::MediaVersion, "store.lane"),
            Fault::Kind => (Status::MediaVersion, "store.kind"),
            Fault::Flags => (Status::MediaVersion, "store.flags"),
            Fault::SectorSize => (Status::Geometry, "storage.sector_size"),
            Fault::SectorCount => (Status::Geometry, "storage.sector_count"),
            Fault::Corrupt => (Status::MediaCorrupt, "store"),
            Fault::Worn => (Status::MediaCorrupt, "store.generation"),
            Fault::Sent => (Status::Unknown, "seq"),
            Fault::Uncertain => (Status::Uncertain, "seq"),
            Fault::Items => (Status::TooLong, "items"),
            Fault::Told => (Status::BufferTooSmall, "told"),
            Fault::LimitCount => (Status::QueueFull, "limit.count"),
            Fault::LimitBytes => (Status::QueueFull, "limit.bytes"),
            Fault::LimitEach => (Status::Range, "limit.points_each"),
            Fault::LimitTotal => (Status::QueueFull, "limit.points_total"),
            Fault::LimitAge => (Status::QueueFull, "limit.age_s"),
            Fault::Key | Fault::KeyPort => (Status::Missing, "store.key"),
            Fault::KeyLength => (Status::KeyUnsupported, "store.key"),
            Fault::WrongKey => (Status::KeyMismatch, "store.key"),
            Fault::NotSealed => (Status::KeyMismatch, "store.seal"),
            Fault::Forged => (Status::Forged, "store.forged"),
        }
    }

    /// For callers who have begun what cannot be taken back.
    pub(crate) fn spent(self) -> Fault {
        if self == Fault::Bad { Fault::Spent } else { self }
    }

    /// The same, with the number it is about.
    #[cold]
    pub(crate) fn at(self, medium: &mut Medium<'_>, number: usize) -> Fault {
        medium.note = u32::try_from(number).unwrap_or(u32::MAX);
        self
    }
}

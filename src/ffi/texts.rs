//! Texts people read, in the charset this program has them in (config.text_charset).
//!
//! In: C texts, UTF-8 or GBK. Out: UTF-8, converted once, in room the caller lent; what is no text
//! is `Encoding` with the offset of its first bad byte.

use core::ffi::c_char;

use super::call::POINTCARD_CONTENT_MAX;
use super::cell::{self, CClient};
use super::life::pointcard_client;
use super::ports::Texts;
use super::{call_bytes, utf8};
use crate::client::Client;
use crate::queue::BODY_MAX;
use crate::status::{Error, Result, Status};

/// Reads texts; the room is for those that are converted.
pub(super) struct Reader<'r> {
    texts: Texts,
    room: &'r mut [u8],
}

/// Runs `work` with a reader for `client`'s texts.
pub(super) fn with<R>(
    client: &mut CClient,
    work: impl FnOnce(&mut CClient, &mut Reader<'_>) -> Result<R>,
) -> Result<R> {
    match Client::ports(client).texts {
        #[cfg(feature = "gbk")]
        Texts::Gbk => with_room(client, work),
        // Without the feature pointcard_init refuses GBK.
        _ => work(client, &mut Reader { texts: Texts::Utf8, room: &mut [] }),
    }
}

/// The same for calls, which wait for the network: the lock is held only to ask what the texts are.
// Safety: `client` is null or was passed to pointcard_init and lives on.
pub(super) unsafe fn unlocked<R>(
    client: *const pointcard_client,
    work: impl FnOnce(&mut Reader<'_>) -> R,
) -> R {
    // Safety: promised. Why a client cannot be asked is for `work` to find.
    let texts = unsafe { cell::with(client, |client| Ok(Client::ports(client).texts)) };
    match texts {
        #[cfg(feature = "gbk")]
        Ok(Texts::Gbk) => around_room(work),
        _ => work(&mut Reader { texts: Texts::Utf8, room: &mut [] }),
    }
}

#[cfg(feature = "gbk")]
#[inline(never)]
fn around_room<R>(work: impl FnOnce(&mut Reader<'_>) -> R) -> R {
    let mut room = [0; BODY_MAX];
    work(&mut Reader { texts: Texts::Gbk, room: &mut room })
}

/// Apart, so that only who hands in GBK pays for the room. No record holds more text than this.
#[cfg(feature = "gbk")]
#[inline(never)]
fn with_room<R>(
    client: &mut CClient,
    work: impl FnOnce(&mut CClient, &mut Reader<'_>) -> Result<R>,
) -> Result<R> {
    let mut room = [0; BODY_MAX];
    work(client, &mut Reader { texts: Texts::Gbk, room: &mut room })
}

impl<'r> Reader<'r> {
    /// A text of at most `max` bytes, as it was handed in. Null = empty.
    // Safety: as `call_text`; the text is not changed while `'r` lasts.
    pub(super) unsafe fn read(
        &mut self,
        text: *const c_char,
        what: &'static str,
        max: usize,
    ) -> Result<&'r str> {
        // Safety: as promised above.
        let bytes: &'r [u8] = unsafe { call_bytes(text, what, max)? };
        match self.texts {
            Texts::Utf8 => utf8(bytes, what),
            Texts::Gbk => self.convert(bytes, what),
        }
    }

    /// The same, `None` when it is not given. The exact limits are checked with the content.
    // Safety: as `read`.
    pub(super) unsafe fn optional(
        &mut self,
        text: *const c_char,
        what: &'static str,
    ) -> Result<Option<&'r str>> {
        // Safety: promised.
        let text = unsafe { self.read(text, what, POINTCARD_CONTENT_MAX)? };
        Ok((!text.is_empty()).then_some(text))
    }

    #[cfg(feature = "gbk")]
    fn convert(&mut self, bytes: &[u8], what: &'static str) -> Result<&'r str> {
        use crate::text::{Writer, gbk};
        let here = |error: Error| Error { what, ..error };
        let mut counter = Writer::new(&mut []);
        gbk::decode(bytes, &mut counter).map_err(here)?;
        let len = counter.needed();
        let too_long = Error::new(Status::TooLong, what).at(BODY_MAX);
        let (mine, rest) =
            core::mem::take(&mut self.room).split_at_mut_checked(len).ok_or(too_long)?;
        self.room = rest;
        let mut writer = Writer::new(mine);
        gbk::decode(bytes, &mut writer).map_err(here)?;
        writer.finish_str().map_err(here)
    }

    /// Never called: without the feature pointcard_init refuses GBK.
    #[cfg(not(feature = "gbk"))]
    fn convert(&mut self, bytes: &[u8], what: &'static str) -> Result<&'r str> {
        let _ = (bytes, &self.room, BODY_MAX);
        Err(Error::new(Status::Unsupported, what))
    }
}

//! Section: check. Everything a configuration can have wrong, before the first sale.

use core::ffi::c_char;

use super::life::{
    Laid, close_storage, lay, pointcard_client, pointcard_config, prepare_http, rust_merchants,
};
use super::structs::{self, Versioned, chars};
use super::version::POINTCARD_ABI_VERSION;
use super::{call_text, sync};
use crate::client::{Checkup, FINDINGS_MAX, Finding, Line};
use crate::gateway::points;
use crate::points::sync::Shared;
use crate::status::{Result, Status};
use crate::text::Text;
use zeroize::Zeroize as _;

/// Flag of pointcard_check: ask the gateway, too, with one harmless signed query. Source:
/// koubei.marketing.tool.points.query changes nothing.
pub const POINTCARD_CHECK_ONLINE: u32 = 1;

/// One thing that is wrong.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_finding {
    /// A pointcard_status.
    pub status: i32,
    /// Byte offset, length or limit the status speaks of; 0 = none.
    pub at: u32,
    /// The port's own error code; 0 = none.
    pub port: i32,
    /// What it is about: "config.alipay_public_key", "clock", "gateway".
    pub what: [c_char; 48],
    /// The status in words, and what to do about it: one English line.
    pub text: [c_char; 240],
}

/// What pointcard_check found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_checkup {
    /// Set by POINTCARD_CHECKUP_INIT.
    pub struct_size: u32,
    /// How many findings; 0 = all is well.
    pub count: u32,
    /// They, in the order they were found: configuration, keys, storage, clock, line, tables.
    pub findings: [pointcard_finding; 16],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_checkup {
    const NAME: &'static str = "checkup";
    const V1_SIZE: usize = size_of::<pointcard_checkup>();
}

const _: () = assert!(FINDINGS_MAX == 16);

/// Checks a configuration before the first sale: gateway URL, ids, keys (form, size, the app's own
/// public key where Alipay's belongs, a private_key that does not fit app_public_key), a trial
/// signature, storage (shape, readable, writable, locked by another), clock (unknown, before 2020,
/// standing still), transport. With POINTCARD_CHECK_ONLINE also the gateway's side: a clock apart
/// from its, a signature it refuses, answers that are not signed or signed by another key. Call it
/// through the macro pointcard_check(client, config, flags, user_id, checkup).
///
/// It goes through all of it, whatever it finds. The client is left closed; the storage was handed
/// over as by pointcard_init and is closed: make it again for pointcard_init. Nothing recorded is
/// changed; a blank medium becomes a store.
///
/// @param client       memory of the caller's, at least POINTCARD_CLIENT_SIZE bytes, not in use
/// @param client_size  sizeof *client
/// @param abi_version  POINTCARD_ABI_VERSION of the caller's header
/// @param config       read during the call
/// @param flags        POINTCARD_CHECK_ONLINE, or 0
/// @param user_id      online: whose balance is asked for, a test user of yours; any signed answer
///                     will do
/// @param checkup      receives the findings; begin with POINTCARD_CHECKUP_INIT
///
/// Returns POINTCARD_OK when nothing was found, else the status of the first finding; ERR_ABI,
/// ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (flags): nothing was checked. Not for interrupt
/// handlers.
// Safety: as pointcard_init_abi; `checkup` is null or a structure as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_check_abi(
    client: *mut pointcard_client,
    client_size: usize,
    abi_version: u32,
    config: *const pointcard_config,
    flags: u32,
    user_id: *const c_char,
    checkup: *mut pointcard_checkup,
) -> Status {
    if client.is_null() {
        return Status::Null;
    }
    if abi_version != POINTCARD_ABI_VERSION || client_size < size_of::<pointcard_client>() {
        return Status::Abi;
    }
    if flags & !POINTCARD_CHECK_ONLINE != 0 {
        return Status::Argument;
    }
    let is_online = flags & POINTCARD_CHECK_ONLINE != 0;
    // Safety: as promised above.
    let found = unsafe {
        structs::check_out(checkup)
            .and_then(|()| structs::read(config))
            .and_then(|_| lay(client, config))
            .and_then(|laid| check(&laid, is_online, user_id))
    };
    match found {
        Ok(found) => {
            // Safety: checked above.
            unsafe { write(checkup, &found) };
            found.findings.first().map_or(Status::Ok, |first| first.error.status)
        }
        Err(error) => error.status,
    }
}

// Safety: `laid` is the caller's alone; `user_id` is null or NUL-terminated.
unsafe fn check(laid: &Laid, is_online: bool, user_id: *const c_char) -> Result<Checkup> {
    let Laid { cell, table, read } = laid;
    // Safety: as promised.
    let merchants = unsafe { rust_merchants(table) };
    let (list, count) = merchants.unwrap_or_default();
    let merchants_read = merchants.map(drop);
    // Safety: as promised.
    let http = unsafe { prepare_http(cell, table) };
    // Safety: as promised.
    let medium = unsafe { table.storage.check().and(table.seal.check()) };
    let tables = [*read, merchants_read, medium, table.lock.check(), http];
    // Safety: as promised.
    let user = unsafe { call_text(user_id, "user_id", points::USER_ID_MAX) };
    let is_sound = read.is_ok() && medium.is_ok();
    let merchants = list.get(..count).unwrap_or_default();
    // Safety: nobody else has this client.
    let io = unsafe { &mut *cell.io.get() };
    let found = cell.with(|client| {
        let mut found = match is_sound {
            true if is_online => sync::on_line(cell, |transport| {
                Ok(client.check_for(merchants, Some(Line { transport, io, user_id: user? })))
            })
            .unwrap_or_else(|error| {
                let mut found = client.check_for(merchants, None);
                found.add(error, "the gateway was not asked");
                found
            }),
            true => client.check_for(merchants, None),
            false => {
                let mut found = Checkup::default();
                if medium.is_ok() {
                    client.check_machine(&mut found);
                }
                found
            }
        };
        for error in tables.into_iter().filter_map(Result::err) {
            found.add(error, "correct this member of the configuration");
        }
        client.forget_secrets();
        Ok(found)
    });
    close_storage(&table.storage);
    // Safety: nobody else has this client. The query holds a token.
    unsafe { (*cell.io.get()).zeroize() };
    #[cfg(feature = "http")]
    // Safety: nobody else has this client.
    unsafe {
        *cell.http.get() = None;
    }
    found
}

/// Fills the caller's structure where it stays: it is five KiB.
// Safety: `check_out` succeeded, and no version of the structure is shorter than ours.
unsafe fn write(to: *mut pointcard_checkup, found: &Checkup) {
    // Safety: promised; nothing is assumed about alignment.
    unsafe {
        (&raw mut (*to).count).write_unaligned(found.findings.len() as u32);
        let first = (&raw mut (*to).findings).cast::<pointcard_finding>();
        first.cast::<u8>().write_bytes(0, FINDINGS_MAX * size_of::<pointcard_finding>());
        for (at, finding) in found.findings.iter().enumerate() {
            first.add(at).write_unaligned(c_finding(finding)); // at most FINDINGS_MAX
        }
    }
}

const _: () = assert!(pointcard_checkup::V1_SIZE == size_of::<pointcard_checkup>());

fn c_finding(finding: &Finding) -> pointcard_finding {
    let mut line = Text::<239>::new();
    // A full line is cut, not an error.
    let _ = core::fmt::write(&mut line, format_args!("{}: {}", finding.error, finding.advice));
    pointcard_finding {
        status: finding.error.status as i32,
        at: finding.error.at,
        port: finding.error.port,
        what: chars(finding.error.what),
        text: chars(&line),
    }
}

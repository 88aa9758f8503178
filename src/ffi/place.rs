//! A client made where it stays: [`Client::new`] for memory that C lends.
//!
//! In: the memory, a configuration, the ports. Out: a client in it that is not open yet. Made as a
//! whole and moved then, it would take ten KiB of stack. (This file is a part of `client`, whose
//! members it writes; it stands here with the other `unsafe`.)

use super::{Client, Config, Detail, events, exchange, explain, keys, profiles, verdict};
use crate::points::earn::Today;
use crate::points::pace::Pace;
use crate::port::Ports;
use crate::queue::{self, Queue};

/// Writes every member, one by one; a list that is not whole does not compile.
macro_rules! members {
    ($to:ident: $($member:ident = $value:expr;)*) => {
        let _whole = |client: &Client<'c, P>| {
            let Client { $($member: _,)* } = client;
        };
        // Safety: `$to` is valid for writes, and each member is written at its own place.
        unsafe { $((&raw mut (*$to).$member).write($value);)* }
    };
}

impl<'c, P: Ports> Client<'c, P> {
    /// Makes in `to` what [`Client::new`] returns.
    // Safety: `to` is aligned and valid for writes; nobody else uses it until this returns.
    pub(crate) unsafe fn lay(to: *mut Self, config: &Config<'c>, ports: P) {
        members! { to:
            config = *config;
            ports = ports;
            vault = const { keys::Vault::new() };
            wire = const { keys::Wire::new() };
            profiles = profiles::Profiles::new();
            queue = Queue::new();
            flight = None::<exchange::Flight>;
            exchange = 0;
            pace = Pace::new();
            live_from = 0;
            wait_ms = 0;
            held = 0;
            paused = (0, 0);
            next_key_used = false;
            distrust = 0;
            clock_off = false;
            clock_offset = 0;
            seen = const { verdict::Seen::new() };
            memory = const { explain::Memory::new() };
            told = events::Told::new();
            today = Today::new();
            detail = Detail::new();
            record = const { [0; queue::ENTRY_MAX] };
        }
    }
}

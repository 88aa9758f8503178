//! Koubei point cards (会员集点) at the till: a sale becomes points, exactly once.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod crypto;
pub mod gateway;
pub mod json;
pub mod points;
pub mod port;
pub mod queue;
pub mod status;
pub mod text;

//! Storage in memory. See `queue`.

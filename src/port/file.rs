//! Storage in a file.

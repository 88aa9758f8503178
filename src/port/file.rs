//! Storage in a file (temporary).
use super::{Geometry, PortError, Storage};
use crate::status::{Error, Result, Status};
use std::os::unix::fs::FileExt;
/// File.
#[derive(Debug)]
pub struct FileStorage { file: std::fs::File, size: u32, align: u32 }
impl FileStorage {
    /// Open.
    pub fn open(path: impl AsRef<std::path::Path>, size: u32, align: u32) -> Result<FileStorage> {
        let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(|e| Error::new(Status::Storage, "storage").port(e.raw_os_error().unwrap_or(-1)))?;
        file.try_lock().map_err(|_| Error::new(Status::Locked, "storage"))?;
        if file.metadata().map(|m| m.len()).unwrap_or(0) == 0 {
            let _ = file.write_all_at(&vec![0xff; size as usize], 0);
        }
        Ok(FileStorage { file, size, align })
    }
}
impl Storage for FileStorage {
    fn geometry(&self) -> Geometry { Geometry { sector_size: 65536, sector_count: self.size / 65536, prog_size: 1, align: self.align } }
    fn read(&mut self, at: u32, buf: &mut [u8]) -> core::result::Result<(), PortError> { self.file.read_exact_at(buf, at.into()).map_err(|_| PortError(-1)) }
    fn prog(&mut self, at: u32, d: &[u8]) -> core::result::Result<(), PortError> { self.file.write_all_at(d, at.into()).map_err(|_| PortError(-1)) }
    fn erase(&mut self, s: u32) -> core::result::Result<(), PortError> { self.file.write_all_at(&vec![0xff; 65536], u64::from(s) * 65536).map_err(|_| PortError(-1)) }
    fn sync(&mut self) -> core::result::Result<(), PortError> { self.file.sync_data().map_err(|_| PortError(-1)) }
}

//! The floor of everything durable: what one sync of the disk takes, without any database.

use crate::Result;
use crate::load::Spread;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Appends 8 KiB and syncs, 300 times.
///
/// # Errors
/// The system's.
pub(crate) fn syncs(folder: &Path) -> Result<Spread> {
    let mut file = File::create(folder.join("syncs"))?;
    let mut times = Vec::new();
    for _ in 0..300 {
        file.write_all(&[0x5A; 8 << 10])?;
        let begin = Instant::now();
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    Ok(Spread::new(times))
}

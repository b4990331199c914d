//! Memory that is available, and that this process has used.
//!
//! What a file or an option sizes passes [`check`] or [`reserve`] before it is allocated.

use std::path::Path;

use sysinfo::{MemoryRefreshKind, System};

use crate::error::{Error, Result, bytes_in_words};

/// Requests up to this size are made without a look at the free memory, which takes longer.
const SMALL: u64 = 1 << 20;

/// Bytes of a process that has loaded libtorch: 125 MB were measured for the program.
pub const PROCESS_BYTES: u64 = 130_000_000;

/// Bytes that this process can still allocate: the system's available memory, or less where a
/// container or a limit of the process (`ulimit -v`) leaves less.
pub fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let limits = system.cgroup_limits().filter(|limits| limits.total_memory > 0);
    let limited = [limits.map(|limits| limits.free_memory), address_space()];
    limited.into_iter().flatten().fold(system.available_memory(), u64::min)
}

/// Bytes of address space that a limit of the process leaves; `None` without one.
fn address_space() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(status_bytes("VmSize:")?))
}

/// Checks that `needed` bytes are available.
///
/// # Errors
/// [`Error::Memory`] with both figures and `advice`.
pub fn check(needed: u64, advice: &str) -> Result<()> {
    let available = available();
    log::debug!("memory: {} needed, {} free", bytes_in_words(needed), bytes_in_words(available));
    if needed <= available {
        return Ok(());
    }
    Err(Error::Memory { needed, available, advice: advice.to_string() })
}

/// Checks that `needed` bytes are available for what a file holds.
///
/// # Errors
/// [`Error::Memory`] that names the file.
pub fn check_for_file(needed: u64, path: &Path) -> Result<()> {
    if needed <= SMALL { Ok(()) } else { check(needed, &advice_for_file(path)) }
}

/// An empty vector with room for `count` values of a file.
///
/// # Errors
/// Those of [`check_for_file`].
pub fn reserve<T>(count: usize, path: &Path) -> Result<Vec<T>> {
    let needed = (count as u64).saturating_mul(size_of::<T>() as u64);
    check_for_file(needed, path)?;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| Error::Memory {
        needed,
        available: available(),
        advice: advice_for_file(path),
    })?;
    Ok(values)
}

fn advice_for_file(path: &Path) -> String {
    format!("{} is too large for this machine", path.display())
}

/// Peak resident memory of this process in bytes; `None` where the system does not report it.
pub fn peak() -> Option<u64> {
    status_bytes("VmHWM:")
}

/// A size in the status of this process; `None` where the system does not report it.
fn status_bytes(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_beyond_available_memory_is_rejected() {
        let error = check(u64::MAX, "choose a larger spacing").unwrap_err().to_string();
        assert!(error.contains("TB of memory") && error.contains("larger spacing"), "{error}");
        assert!(check(1, "").is_ok());
        let file = Path::new("a.nii");
        let error = reserve::<u64>(usize::MAX / 8, file).unwrap_err().to_string();
        assert!(error.contains("a.nii is too large"), "{error}");
        assert!(reserve::<u64>(1000, file).unwrap().capacity() >= 1000);
    }

    #[test]
    fn peak_grows_with_allocated_memory() {
        let before = peak().expect("Linux reports it");
        let block = std::hint::black_box(vec![1u8; 200_000_000]);
        assert!(peak().expect("Linux reports it") >= before.max(200_000_000));
        drop(std::hint::black_box(block));
    }
}

//! Atomic writes: a file is written whole or not at all. [`atomic_folder`](super::atomic_folder)
//! does so for a folder of files.
//!
//! Two files that belong together are written both or neither.
//!
//! The content goes into a partial file beside the target, is flushed to the disk and then renamed
//! to the target. An error, a full disk or a cancelled job leaves the target
//! unchanged. A file that is replaced passes its permissions on; a link is kept, and the file that
//! it leads to replaced.
//!
//! The partial file is locked while it is written: a second process that writes the same target is
//! refused, and what a killed one left is taken over.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result, bytes_in_words, hex};
use crate::io::lock;

/// Longest name of a file, bytes.
const MAX_NAME: usize = 255;

/// Links that are followed; more are a circle.
const MAX_LINKS: usize = 40;

/// Path of the partial file of [`write_atomically`], or of the partial folder of
/// [`write_folder_atomically`](super::atomic_folder::write_folder_atomically): `.NAME.partial`
/// beside the target.
///
/// It depends on the path only, so that a handler of Ctrl-C can delete it and the next run finds
/// what a killed one left.
pub fn partial_path(path: &Path) -> PathBuf {
    let target = target(path);
    let name = target.file_name().unwrap_or_default();
    let partial = |name: &OsStr| {
        let mut partial = OsString::from(".");
        partial.push(name);
        partial.push(".partial");
        partial
    };
    let mut partial_name = partial(name);
    if partial_name.len() > MAX_NAME {
        let sum = Sha256::digest(name.as_encoded_bytes());
        partial_name = partial(OsStr::new(&hex(&sum[..16])));
    }
    target.with_file_name(partial_name)
}

/// The file that a path leads to, which need not exist.
pub fn target(path: &Path) -> PathBuf {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder(&target).join(next),
            Err(_) => break,
        }
    }
    target
}

/// Writes a file with the content that `write` produces.
///
/// # Errors
/// Those of [`check`], those of `write`, and [`Error::Io`] of the file system. In each case the
/// partial file is deleted and a file that was at `path` is unchanged.
pub fn write_atomically(
    path: &Path,
    overwrite: bool,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    check(path, overwrite)?;
    // Locked until the end.
    let partial = create(path)?;
    write_to(path, &partial, write).and_then(|()| finish(path, overwrite, &partial)).inspect_err(
        |_| {
            // The first error is the one to report.
            let _ = fs::remove_file(partial_path(path));
        },
    )
}

/// Writes two files of one folder with the contents that `write` produces, such as a header and its
/// voxels.
///
/// # Errors
/// Those of [`write_atomically`]. In each case no partial file and no single new file is left.
pub fn write_pair_atomically(
    [first, second]: [&Path; 2],
    overwrite: bool,
    write: impl FnOnce(&mut (dyn Write + Send), &mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    check(first, overwrite)?;
    let second_existed = second.exists();
    let partial = create(first)?;
    // The second file comes first: no header without its voxels.
    write_atomically(second, overwrite, |second| {
        write_to(first, &partial, |first| write(first, second))
    })
    .and_then(|()| {
        let renamed = finish(first, overwrite, &partial);
        if renamed.is_err() && !second_existed {
            let _ = fs::remove_file(second);
        }
        renamed
    })
    .inspect_err(|_| {
        let _ = fs::remove_file(partial_path(first));
    })
}

/// Writes and flushes the partial file of a path.
fn write_to(
    path: &Path,
    partial: &File,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let failed = |source| Error::io(path, source);
    let mut file = BufWriter::with_capacity(1 << 16, partial);
    write(&mut file)?;
    file.flush().map_err(failed)?;
    partial.sync_all().map_err(failed)
}

/// Renames a complete partial file to its target.
fn finish(path: &Path, overwrite: bool, partial: &File) -> Result<()> {
    // The file may have appeared since the first check.
    check_target(path, overwrite)?;
    let target = target(path);
    if let Ok(replaced) = fs::metadata(&target) {
        // Not every file system has permissions.
        let _ = partial.set_permissions(replaced.permissions());
    }
    fs::rename(partial_path(path), &target).map_err(|source| Error::io(path, source))?;
    let size = partial.metadata().map_or(0, |data| data.len());
    log::debug!("{}: {} written", path.display(), bytes_in_words(size));
    // The file is complete. Its name on the disk matters only for a power failure right now, and
    // not every file system lets a folder be flushed.
    let _ = File::open(folder(&target)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Opens the partial file of a path for this process alone, empty.
///
/// # Errors
/// [`Error::Argument`] where another process is writing it, [`Error::Io`].
fn create(path: &Path) -> Result<File> {
    let (partial, failed) = (partial_path(path), |source| Error::io(path, source));
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&partial)
            .map_err(failed)?;
        lock(&file, path)?;
        if is_at(&file, &partial) {
            file.set_len(0).map_err(failed)?;
            return Ok(file);
        }
    }
}

/// Locks the partial file or folder of a path.
pub(super) fn lock(partial: &File, path: &Path) -> Result<()> {
    lock::lock(partial, || {
        format!(
            "{}: another run is writing this; wait for it, or choose another name",
            path.display()
        )
    })
}

/// Whether an open file is the one at a path: who held it before may have renamed or deleted it.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let identity = |data: fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => identity(file) == identity(there),
        _ => false,
    }
}

/// Checks ahead of long work that [`write_atomically`] will be able to write `path`.
///
/// # Errors
/// [`Error::Argument`] where the file exists and may not be overwritten, where it is not a regular
/// file, where another process is writing it, or where its folder does not exist; [`Error::Io`]
/// where the folder is not writable.
pub fn check(path: &Path, overwrite: bool) -> Result<()> {
    check_target(path, overwrite)?;
    check_folder_around(path, &target(path))?;
    // Locked while it is deleted.
    let _partial = create(path)?;
    fs::remove_file(partial_path(path)).map_err(|source| Error::io(path, source))
}

/// Refuses a target in a folder that does not exist; `path` leads to it.
pub(super) fn check_folder_around(path: &Path, target: &Path) -> Result<()> {
    let folder = folder(target);
    match folder.is_dir() {
        true => Ok(()),
        false => Err(Error::Argument(format!(
            "{}: the folder {} does not exist; create it first",
            path.display(),
            folder.display()
        ))),
    }
}

fn check_target(path: &Path, overwrite: bool) -> Result<()> {
    if path.file_name().is_none() {
        return Err(Error::Argument(format!(
            "{}: not a file name; give the path of a file",
            path.display()
        )));
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // The folder is in fact a file; the check of the folder reports it.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(()),
        Err(source) => Err(Error::io(path, source)),
        Ok(data) if data.is_dir() => {
            Err(Error::Argument(format!("{}: a folder; name a file in it", path.display())))
        }
        Ok(data) if !data.is_file() => Err(Error::Argument(format!(
            "{}: not a regular file; give the path of a file",
            path.display()
        ))),
        Ok(_) if !overwrite => Err(Error::Argument(format!(
            "{}: already exists; choose another name or allow overwriting",
            path.display()
        ))),
        Ok(_) => Ok(()),
    }
}

/// Folder of a file; the current folder for a bare name.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Names of the entries of a folder, sorted.
    pub(in crate::io) fn listing(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write_text(path: &Path, overwrite: bool, text: &str) -> Result<()> {
        write_atomically(path, overwrite, |file| {
            file.write_all(text.as_bytes()).map_err(|source| Error::io(path, source))
        })
    }

    #[test]
    fn existing_file_is_only_overwritten_where_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_text(&path, false, "first").unwrap();
        let text = write_text(&path, false, "second").unwrap_err().to_string();
        assert!(text.contains("a.txt") && text.contains("already exists"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write_text(&path, true, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn failed_write_leaves_the_target_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "before").unwrap();
        let seen = write_atomically(&path, true, |file| {
            file.write_all(&[7; 1 << 20]).unwrap();
            assert!(partial_path(&path).exists(), "partial_path is the path of the partial file");
            Err(Error::Cancelled)
        });
        assert!(matches!(seen, Err(Error::Cancelled)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn file_that_appears_during_the_write_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let result = write_atomically(&path, false, |file| {
            fs::write(&path, "of another").unwrap();
            file.write_all(b"ours").map_err(|source| Error::io(&path, source))
        });
        assert!(result.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "of another");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn two_files_are_written_both_or_neither() {
        let folder = tempfile::tempdir().unwrap();
        let [header, data] = ["a.mhd", "a.raw"].map(|name| folder.path().join(name));
        let pair = [header.as_path(), data.as_path()];
        let write = |overwrite: bool, result: Result<()>| {
            write_pair_atomically(pair, overwrite, |first, second| {
                first.write_all(b"header").unwrap();
                second.write_all(b"voxels").unwrap();
                result
            })
        };
        assert!(write(false, Err(Error::Cancelled)).is_err());
        assert_eq!(listing(folder.path()), [""; 0]);
        // The header appears while the files are written.
        let appears = write_pair_atomically(pair, false, |_, _| {
            fs::write(&header, "of another").unwrap();
            Ok(())
        });
        assert!(appears.is_err());
        assert_eq!(listing(folder.path()), ["a.mhd"]);
        fs::remove_file(&header).unwrap();
        write(false, Ok(())).unwrap();
        assert_eq!(fs::read_to_string(&header).unwrap(), "header");
        assert_eq!(fs::read_to_string(&data).unwrap(), "voxels");
        fs::remove_file(&header).unwrap();
        let text = write(false, Ok(())).unwrap_err().to_string();
        assert!(text.contains("a.raw: already exists"), "{text}");
        assert_eq!(listing(folder.path()), ["a.raw"]);
        write(true, Ok(())).unwrap();
        assert_eq!(listing(folder.path()), ["a.mhd", "a.raw"]);
    }

    #[test]
    fn partial_file_of_a_killed_process_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(partial_path(&path), "half, and longer than the whole").unwrap();
        write_text(&path, false, "whole").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        fs::write(partial_path(&path), "half").unwrap();
        check(&path, true).unwrap();
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_file_is_written_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, false, |file| {
            file.write_all(b"the first").unwrap();
            let text = write_text(&path, true, "the second").unwrap_err().to_string();
            assert!(text.contains("a.txt: another run is writing"), "{text}");
            assert!(check(&path, true).is_err());
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "the first");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn links_and_permissions_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("other")).unwrap();
        symlink("other/a.txt", at("link")).unwrap();
        write_text(&at("link"), false, "through a link to nothing").unwrap();
        fs::set_permissions(at("other/a.txt"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("link", at("second")).unwrap();
        write_text(&at("second"), true, "through two").unwrap();
        assert_eq!(fs::read_to_string(at("other/a.txt")).unwrap(), "through two");
        let mode = fs::metadata(at("other/a.txt")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_link(at("second")).unwrap(), Path::new("link"));
        assert_eq!(listing(folder.path()), ["link", "other", "second"]);
        symlink("circle", at("circle")).unwrap();
        assert!(write_text(&at("circle"), true, "").is_err());
    }

    #[test]
    fn names_as_long_as_can_be_are_written() {
        let folder = tempfile::tempdir().unwrap();
        for length in [200, 240, 246, 247, 255] {
            let path = folder.path().join("n".repeat(length));
            write_text(&path, false, "").unwrap_or_else(|error| panic!("{length}: {error}"));
        }
        assert_eq!(listing(folder.path()).len(), 5);
        assert!(write_text(&folder.path().join("n".repeat(256)), false, "").is_err());
    }

    #[test]
    fn unwritable_paths_are_rejected_by_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| check(path, true).unwrap_err().to_string();
        assert!(text(&folder.path().join("none/a.txt")).contains("does not exist; create it"));
        assert!(text(folder.path()).contains("a folder"));
        assert!(text(Path::new("/dev/null")).contains("not a regular file"));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(text(&folder.path().join("file/a.txt")).contains("does not exist"));
        assert!(text(Path::new("/")).contains("not a file name"));
        check(&folder.path().join("a.txt"), false).unwrap();
        assert_eq!(listing(folder.path()), ["file"]);
    }
}

//! Writes a file whole or not at all.
//!
//! What is written goes into a partial file beside the target, is flushed to the disk and then takes
//! the target's name. An error, a full disk or a cancelled job leaves the target as it was.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where [`write_atomically`] writes before it renames: `.NAME.PID.partial` beside the target.
///
/// It depends on the path and the process only, so that a handler of Ctrl-C can delete it. One
/// process can write to one path only once at a time.
pub fn partial_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}

/// Makes a file of what `write` puts out; `write` names the file in its errors.
///
/// # Errors
/// What [`check`] finds, what `write` returns, and [`Error::Io`] of the file system. In each case
/// the partial file is gone and a file that was at `path` is still there.
pub fn write_atomically(
    path: &Path,
    overwrite: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    check(path, overwrite)?;
    let partial = partial_path(path);
    let result = write_partial(path, &partial, write).and_then(|()| {
        // Hours may have passed since the first check.
        check_target(path, overwrite)?;
        fs::rename(&partial, path).map_err(|source| Error::io(path, source))
    });
    if result.is_err() {
        // It may not be there, and what went wrong first is what counts.
        let _ = fs::remove_file(&partial);
        return result;
    }
    // The file is complete. That its name is on the disk too matters only if the power fails now,
    // and not every file system lets a folder be flushed.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

fn write_partial(
    path: &Path,
    partial: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let failed = |source| Error::io(path, source);
    let mut file = BufWriter::with_capacity(1 << 16, create(partial).map_err(failed)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

/// Creates the partial file anew: one of an earlier process with the same number is in the way.
fn create(partial: &Path) -> std::io::Result<File> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => File::create_new(partial),
    }
}

/// Says now what would keep [`write_atomically`] from beginning.
///
/// # Errors
/// [`Error::Argument`] where the file is there and not to be overwritten, where it is no plain file,
/// or where its folder is missing; [`Error::Io`] where the folder takes no new file.
pub fn check(path: &Path, overwrite: bool) -> Result<()> {
    check_target(path, overwrite)?;
    let folder = folder(path);
    if !folder.is_dir() {
        return Err(Error::Argument(format!(
            "{}: the folder {} does not exist; create it first",
            path.display(),
            folder.display()
        )));
    }
    let partial = partial_path(path);
    create(&partial)
        .and_then(|_| fs::remove_file(&partial))
        .map_err(|source| Error::io(path, source))
}

fn check_target(path: &Path, overwrite: bool) -> Result<()> {
    if path.file_name().is_none() {
        return Err(Error::Argument(format!("{}: not the name of a file", path.display())));
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // Where the folder is in fact a file; the check of the folder says so.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(()),
        Err(source) => Err(Error::io(path, source)),
        Ok(data) if data.is_dir() => {
            Err(Error::Argument(format!("{}: a folder; name a file in it", path.display())))
        }
        Ok(data) if !data.is_file() => {
            Err(Error::Argument(format!("{}: not a plain file", path.display())))
        }
        Ok(_) if !overwrite => Err(Error::Argument(format!(
            "{}: is there already; choose another name or allow it to be overwritten",
            path.display()
        ))),
        Ok(_) => Ok(()),
    }
}

/// The folder that a file lies in; that of a bare name is the current one.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of what lies in a folder.
    fn listing(folder: &Path) -> Vec<String> {
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
    fn a_file_is_written_and_only_overwritten_where_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_text(&path, false, "first").unwrap();
        let text = write_text(&path, false, "second").unwrap_err().to_string();
        assert!(text.contains("a.txt") && text.contains("is there already"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write_text(&path, true, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "before").unwrap();
        let seen = write_atomically(&path, true, |file| {
            file.write_all(&[7; 1 << 20]).unwrap();
            assert!(partial_path(&path).exists(), "the partial file is where it is said to be");
            Err(Error::Cancelled)
        });
        assert!(matches!(seen, Err(Error::Cancelled)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_overwritten() {
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
    fn leftovers_of_a_killed_process_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(partial_path(&path), "half").unwrap();
        write_text(&path, false, "whole").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_is_no_place_for_a_file_is_said_before() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| check(path, true).unwrap_err().to_string();
        assert!(text(&folder.path().join("none/a.txt")).contains("does not exist; create it"));
        assert!(text(folder.path()).contains("a folder"));
        assert!(text(Path::new("/dev/null")).contains("not a plain file"));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(text(&folder.path().join("file/a.txt")).contains("does not exist"));
        assert!(text(Path::new("/")).contains("not the name of a file"));
        check(&folder.path().join("a.txt"), false).unwrap();
        assert_eq!(listing(folder.path()), ["file"]);
    }
}

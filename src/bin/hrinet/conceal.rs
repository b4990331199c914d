//! Names of inputs, which may be those of patients, kept out of messages, logs and reports.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// Shortest name without a folder that is looked for: a shorter one is in too many words.
const MIN_NAME: usize = 4;

/// Names that are hidden now.
static HIDDEN: RwLock<Vec<Arc<Names>>> = RwLock::new(Vec::new());

/// Paths of an input, and what stands in their place.
#[derive(Default)]
pub struct Names {
    /// Files and their folders, the longest first.
    paths: Vec<String>,
    /// Names of files, the longest first.
    files: Vec<String>,
    by: String,
}

/// Hides names in all messages until it is dropped.
pub struct Hidden(Arc<Names>);

impl Names {
    /// Names of files and folders, in whose place `by` stands.
    pub fn new<'a>(paths: impl Iterator<Item = &'a Path>, by: &str) -> Names {
        let mut names = Names { by: by.to_string(), ..Names::default() };
        for path in paths {
            let folder = path.parent().filter(|folder| folder.as_os_str().len() > 1);
            let both = [Some(path), folder].into_iter().flatten();
            names.paths.extend(both.map(|path| path.to_string_lossy().into_owned()));
            let parts = [path.file_name(), path.file_stem()].into_iter().flatten();
            let parts = parts.map(|part| part.to_string_lossy().into_owned());
            names.files.extend(parts.filter(|part| part.len() >= MIN_NAME));
        }
        for list in [&mut names.paths, &mut names.files] {
            list.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            list.dedup();
        }
        names
    }

    /// Hides the names in all messages from now on.
    pub fn everywhere(self: &Arc<Names>) -> Hidden {
        HIDDEN.write().unwrap_or_else(PoisonError::into_inner).push(self.clone());
        Hidden(self.clone())
    }

    /// A text without the names.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_string();
        for path in &self.paths {
            let mut from = 0;
            while let Some(at) = text[from..].find(path.as_str()).map(|at| from + at) {
                let Some(end) = end_of_path(&text, path, at) else {
                    from = at + path.len();
                    continue;
                };
                text.replace_range(at..end, &self.by);
                from = at + self.by.len();
            }
        }
        for name in &self.files {
            if !self.by.contains(name.as_str()) {
                text = text.replace(name.as_str(), &self.by);
            }
        }
        text
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let mut hidden = HIDDEN.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = hidden.iter().position(|names| Arc::ptr_eq(names, &self.0)) {
            hidden.swap_remove(index);
        }
    }
}

/// End of a path that begins at `at`; `None` where the text is another word.
fn end_of_path(text: &str, path: &str, at: usize) -> Option<usize> {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let end = at + path.len();
    let rest = &text[end..];
    if text[..at].ends_with(is_letter) || rest.starts_with(is_letter) {
        return None;
    }
    // What follows a folder is a file in it that was not known.
    if rest.starts_with('/') {
        return Some(end + rest.find([':', ';', ',', ')', '"']).unwrap_or(rest.len()));
    }
    path.contains(['/', '.']).then_some(end)
}

/// A message without the names that are hidden now.
pub fn text(text: &str) -> Cow<'_, str> {
    let hidden = HIDDEN.read().unwrap_or_else(PoisonError::into_inner);
    hidden.iter().fold(Cow::Borrowed(text), |text, names| Cow::Owned(names.hide(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_names_are_hidden() {
        let paths = ["/data/DOE, JOHN/ct.nrrd", "/data/DOE, JOHN/slice-0001.dcm"].map(Path::new);
        let names = Names::new(paths.into_iter(), "ID");
        for (text, hidden) in [
            ("/data/DOE, JOHN/ct.nrrd: truncated", "ID: truncated"),
            ("/data/DOE, JOHN/other file.raw: missing", "ID: missing"),
            ("a copy of slice-0001.dcm", "a copy of ID"),
            ("3 slices at 1.5 mm", "3 slices at 1.5 mm"),
        ] {
            assert_eq!(names.hide(text), hidden);
        }
        let relative = Names::new([Path::new("in/a.nii")].into_iter(), "ID");
        assert_eq!(relative.hide("in/a.nii: in a file, in/b.nii"), "ID: in a file, ID");
        let names = Arc::new(names);
        let guard = names.everywhere();
        assert_eq!(super::text("/data/DOE, JOHN: no"), "ID: no");
        drop(guard);
        assert_eq!(super::text("/data/DOE, JOHN: no"), "/data/DOE, JOHN: no");
    }
}

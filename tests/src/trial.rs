//! Steers a host that is tried: a calendar that is set, and points at which its process ends or is held. The program is
//! the example `forewarm-tried` of the host's package, beside `forewarm` in the build folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::poll;

/// What a tried host looks at. Dropping it removes it.
pub struct Trial(TempDir);

impl Trial {
    /// A right calendar, and no point at which anything happens.
    ///
    /// # Panics
    /// When there is no room for a folder.
    #[must_use]
    pub fn new() -> Self {
        Self(TempDir::with_prefix("forewarm-trial-").expect("a temporary folder"))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, text: &str) {
        // Whole or not at all: the host may look at any moment.
        let (file, new) = (self.0.path().join(name), self.0.path().join("new"));
        fs::write(&new, text).and_then(|()| fs::rename(&new, file)).expect("a folder of ours");
    }

    /// The host's process will end at the point, once.
    pub fn end_at(&self, point: &str) {
        self.put("point", point);
    }

    /// The host will stay at the point until [`go_on`](Self::go_on).
    pub fn hold_at(&self, point: &str) {
        drop(fs::remove_file(self.held()));
        self.put("point", &format!("hold {point}"));
    }

    /// Waits until the host is held.
    pub fn is_held(&self) {
        poll::eventually("the host at the point", || self.held().exists().then_some(()));
    }

    /// Lets a held host go on.
    pub fn go_on(&self) {
        self.put("point", "");
    }

    /// Sets the calendar: by so many milliseconds it is wrong from now on.
    pub fn set_calendar(&self, wrong_by_ms: i64) {
        self.put("calendar", &wrong_by_ms.to_string());
    }

    /// Every point that a host passes; known once one was started.
    ///
    /// # Panics
    /// Where none was.
    #[must_use]
    pub fn points(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("points")).expect("a host was started");
        text.lines().map(str::to_owned).collect()
    }

    fn held(&self) -> PathBuf {
        self.0.path().join("point.held")
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self::new()
    }
}

//! Somebody sets the machine's calendar under a running market. The program's own calendar is set, and nobody else's: a
//! library that is loaded before all others adds what stands in a file.
#![cfg(target_os = "linux")]

use crate::hosted::{Hosted, Kept, NOTICE_S};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    char text[32] = {0};
    int file = open(getenv("CALENDAR_OFFSET"), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    long count = read(file, text, sizeof text - 1);
    close(file);
    return count > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, id, now);
    if (!failed && id == CLOCK_REALTIME) now->tv_sec += offset();
    return failed;
}
"#;

/// The calendar of one program.
struct Calendar {
    dir: TempDir,
}

impl Calendar {
    fn new() -> Self {
        let calendar = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(calendar.file("calendar.c"), SOURCE).unwrap();
        // Rust's own linker is this one.
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(calendar.file("calendar.so")).arg(calendar.file("calendar.c"));
        assert!(cc.status().unwrap().success());
        calendar.set(0);
        calendar
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }

    /// Sets it so many seconds off.
    fn set(&self, seconds: i64) {
        std::fs::write(self.file("new"), seconds.to_string()).unwrap();
        std::fs::rename(self.file("new"), self.file("offset")).unwrap();
    }

    fn env(&self) -> Vec<(&'static str, OsString)> {
        vec![("LD_PRELOAD", self.file("calendar.so").into()), ("CALENDAR_OFFSET", self.file("offset").into())]
    }
}

/// Whatever is done to the calendar, and over a restart: the tenant has its instances for the whole notice.
async fn no_calendar_shortens_a_notice(kept: Kept) {
    let calendar = Calendar::new();
    let mut hosted = Hosted::start_with(kept, calendar.env()).await;
    let lease = hosted.trade().await;
    hosted.until(&lease, "active").await;
    let given = Instant::now();
    hosted.call_back().await;
    for offset in [3_600, -3_600, 7_200] {
        calendar.set(offset);
        // The market looks at its leases several times meanwhile.
        for _ in 0..10 {
            let state = hosted.look(&lease).await["state"]["state"].clone();
            assert_eq!(state, "reclaiming", "{offset} s off, {:?} after the notice", given.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    hosted.restart();
    hosted.until(&lease, "returned").await;
    assert!(given.elapsed() >= Duration::from_secs(NOTICE_S.unsigned_abs()), "after {:?}", given.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_calendar_shortens_a_notice_on_sqlite() {
    no_calendar_shortens_a_notice(Kept::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_calendar_shortens_a_notice_on_postgres() {
    no_calendar_shortens_a_notice(Kept::Postgres).await;
}

//! Compilation in a child process: what it may use, and what becomes of the cache when the disk does not hold it.

use crate::support::{forecaster, grant, history, load_into, runtime, small, tight};
use forewarm_runtime::{ChildCompiler, CompileLimit, CompileLimits, Compiler, LoadError, RuntimeConfig};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const CHILD: &str = env!("CARGO_BIN_EXE_forewarm-compile-component");
const GENEROUS: CompileLimits =
    CompileLimits { cpu: Duration::from_secs(60), memory_bytes: 2 << 30, elapsed: Duration::from_secs(120) };

fn child(limits: CompileLimits) -> RuntimeConfig {
    let compiler = ChildCompiler { program: CHILD.into(), arguments: vec![], limits };
    RuntimeConfig { compiler: Compiler::Child(compiler), ..small() }
}

/// A compiler that is a line for the shell.
fn shell(line: &str, limits: CompileLimits) -> RuntimeConfig {
    let arguments = vec!["-c".into(), line.into()];
    let compiler = ChildCompiler { program: "/bin/sh".into(), arguments, limits };
    RuntimeConfig { compiler: Compiler::Child(compiler), ..small() }
}

async fn refused(config: RuntimeConfig, component: Vec<u8>) -> LoadError {
    runtime(config).load(component, grant(tight())).await.expect_err("it does not compile")
}

/// One function of 900 KB whose values all live to its end, with a branch for every other one.
fn bomb() -> Vec<u8> {
    let line = "(local.set $start (i64.add (i64.mul (local.get $start) (local.get $start)) (i64.const 77)))
        (br_if 0 (i64.eqz (local.get $start)))
        (local.set $step (i32.xor (local.get $step) (i32.load (local.get $step))))\n";
    forecaster("FIT", &format!("(block {})", line.repeat(33_000)))
}

#[tokio::test]
async fn what_the_child_compiled_runs() {
    let runtime = runtime(child(GENEROUS));
    let (plugin, forecaster) = load_into(&runtime, forecaster("", ""), tight()).await;
    forecaster.fit(history(&[1.0]), Value::Null).await.expect("fits");
    assert_eq!(plugin.metrics().calls, 2, "describe and fit");
}

#[tokio::test]
async fn a_compile_bomb_meets_the_limit_of_processor_time() {
    let began = Instant::now();
    let limits = CompileLimits { cpu: Duration::from_secs(1), ..GENEROUS };
    let error = refused(child(limits), bomb()).await;
    assert_eq!(error, LoadError::CompileLimit(CompileLimit::Cpu(limits.cpu)), "{error}");
    assert!(error.to_string().contains("within 1 s of processor time"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_compile_bomb_meets_the_limit_of_memory() {
    let limits = CompileLimits { memory_bytes: 256 << 20, ..GENEROUS };
    let error = refused(child(limits), bomb()).await;
    assert_eq!(error, LoadError::CompileLimit(CompileLimit::Memory(limits.memory_bytes)), "{error}");
}

#[tokio::test]
async fn a_compiler_that_does_not_end_is_ended() {
    let limits = CompileLimits { elapsed: Duration::from_millis(200), ..GENEROUS };
    let error = refused(shell("exec sleep 60", limits), forecaster("", "")).await;
    assert_eq!(error, LoadError::CompileLimit(CompileLimit::Elapsed(limits.elapsed)), "{error}");
}

#[tokio::test]
async fn a_caller_that_gives_up_ends_the_compiler() {
    let folder = tempfile::tempdir().expect("a folder");
    let noted = folder.path().join("pid");
    let config = shell(&format!("echo $$ > {}; exec sleep 60", noted.display()), GENEROUS);
    let load = tokio::spawn(async move { refused(config, forecaster("", "")).await });
    let pid = eventually("the child notes its id", || {
        std::fs::read_to_string(&noted).ok().filter(|text| text.ends_with('\n')).map(|text| text.trim().to_owned())
    })
    .await;
    let process = Path::new("/proc").join(pid);
    assert!(process.exists());
    load.abort();
    eventually("the child is gone", || (!process.exists()).then_some(())).await;
}

async fn eventually<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(found) = seen() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 10 s: {what}")
}

#[tokio::test]
async fn the_compiler_knows_nothing_of_the_hosts_environment() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "this process has one");
    let error = refused(shell("env >&2; exit 1", GENEROUS), forecaster("", "")).await;
    let LoadError::Compile(environment) = error else { panic!("{error}") };
    assert!(environment.contains("RAYON_NUM_THREADS="), "{environment}");
    assert!(!environment.contains("CARGO") && !environment.contains("HOME="), "{environment}");
}

#[tokio::test]
async fn a_compiler_that_fails_is_told_and_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = refused(shell("kill -SEGV $$", GENEROUS), forecaster("", "")).await;
    assert!(matches!(&error, LoadError::Compiler(how) if how.contains("signal: 11")), "{error}");
    let missing = ChildCompiler { program: "/nonexistent/compiler".into(), arguments: vec![], limits: GENEROUS };
    let config = RuntimeConfig { compiler: Compiler::Child(missing), ..small() };
    let error = refused(config, forecaster("", "")).await;
    assert!(matches!(&error, LoadError::Compiler(how) if how.contains("/nonexistent/compiler")), "{error}");

    let config = RuntimeConfig { cache_dir: Some(folder.path().into()), ..shell("echo nonsense", GENEROUS) };
    let error = refused(config, forecaster("", "")).await;
    assert!(matches!(error, LoadError::Compile(_)), "{error}");
    assert_eq!(names(folder.path()), ["key"]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Names the folder to the other half of the test, which runs in a process that may write 4 KiB per file.
const FULL: &str = "FOREWARM_TEST_FULL_FOLDER";

#[test]
fn a_disk_that_fills_leaves_no_broken_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    // The shell's limit counts blocks of 512 bytes. Without the signal, writing fails as on a full disk.
    let limited = |signal: &str| {
        let line = format!("{signal} ulimit -f 8; exec \"$0\" --exact compiling::on_a_full_disk --nocapture");
        let this = std::env::current_exe().expect("a program");
        let mut shell = Command::new("/bin/sh");
        shell.args([OsStr::new("-c"), line.as_ref(), this.as_ref()]).env(FULL, folder.path());
        shell.output().expect("runs")
    };
    let output = limited("trap '' XFSZ;");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(folder.path()), ["key"], "the component ran, and nothing of it was kept");

    // A process that is killed while it writes leaves an unfinished file, which is never taken for an entry.
    assert!(!limited("").status.success());
    assert!(names(folder.path()).iter().all(|name| name == "key" || name.ends_with(".part")));
    let config = RuntimeConfig { cache_dir: Some(folder.path().into()), ..small() };
    let later = tokio::runtime::Runtime::new().expect("a runtime");
    later.block_on(async { load_into(&runtime(config), forecaster("", ""), tight()).await });
    assert_eq!(names(folder.path()).iter().filter(|name| name.ends_with(".compiled")).count(), 1);
}

#[tokio::test]
async fn on_a_full_disk() {
    let Some(folder) = std::env::var_os(FULL) else { return };
    let config = RuntimeConfig { cache_dir: Some(folder.into()), ..small() };
    load_into(&runtime(config), forecaster("", ""), tight()).await;
}

//! A host of a test: the real program on a free port, with a data folder of its own, that can be killed and come back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    api::Api,
    components, poll,
    program::{self, Program},
    setup::Setup,
};

/// What a command came to.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub errors: String,
}

/// See the module's description. Dropping it kills it and removes its data.
pub struct Host {
    setup: Setup,
    running: Option<(Program, Option<Api>)>,
    data: PathBuf,
    folder: TempDir,
}

impl Host {
    pub(crate) fn new(setup: Setup) -> Self {
        let folder = TempDir::with_prefix("forewarm-host-").expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder of ours");
        setup.lay_out(&data);
        Self { setup, running: None, data, folder }
    }

    /// A host with its data in `data`, which it does not remove.
    pub(crate) fn in_folder(setup: Setup, data: &Path) -> Self {
        let mut host = Self::new(setup);
        data.clone_into(&mut host.data);
        host.setup.lay_out(data);
        host
    }

    /// The same with more arguments of `forewarm up`.
    #[must_use]
    pub fn with_args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.setup = self.setup.args(args);
        self
    }

    /// Another host on the same data, with more arguments of `forewarm up`. The files beside the data are its own.
    #[must_use]
    pub fn clone_with<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Self {
        Self::in_folder(self.setup.clone().args(args), &self.data)
    }

    /// Runs it and waits until it answers; kills it first if it runs.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn start(&mut self) {
        self.launch();
        self.await_answer();
    }

    /// Runs it without waiting for anything; kills it first if it runs.
    ///
    /// # Panics
    /// When the program can't be run.
    pub fn launch(&mut self) {
        self.kill();
        let program = Program::start(self.setup.up(&self.data), &self.output_file(), &self.errors_file());
        self.running = Some((program, None));
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn await_answer(&mut self) {
        let errors = self.errors_file();
        let (mut program, _) = self.running.take().expect("a launched host");
        let api = poll::wait_until(
            || {
                let ended = program.ended();
                assert!(ended.is_none(), "the host ended with {ended:?}; its log:\n{}", program::tail(&errors));
                self.find(program.pid())
            },
            || format!("a host; its log:\n{}", program::tail(&errors)),
        );
        components::keep(&self.data);
        self.running = Some((program, Some(api)));
    }

    /// The address that the running host has noted, with its first token, once it answers there.
    fn find(&self, pid: u32) -> Option<Api> {
        let note: Value = serde_json::from_slice(&fs::read(self.data.join("host.json")).ok()?).ok()?;
        if note["pid"] != pid {
            return None;
        }
        let token = fs::read_to_string(note["token_file"].as_str()?).ok()?.trim().to_owned();
        let api = Api::new(note["url"].as_str()?, Some(token));
        let answer = api.try_send("GET", "/healthz", &[], None).ok()?;
        (answer.status == 200).then_some(api)
    }

    /// Its API, called with the first administrator's token.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn api(&self) -> Api {
        self.running.as_ref().and_then(|(_, api)| api.clone()).expect("a running host")
    }

    /// Ends it as a power cut would. Nothing happens when it does not run.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Kills it if it runs, and starts it again on the same data.
    ///
    /// # Panics
    /// When it does not answer again.
    pub fn restart(&mut self) {
        self.start();
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|(program, _)| program.ended().is_none())
    }

    /// Sends a signal, such as "INT", and gives what it came to.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub fn end(&mut self, signal: &str) -> Finished {
        if let Some((program, _)) = &self.running {
            program.signal(signal);
        }
        self.finish()
    }

    /// Ends it in good order.
    ///
    /// # Panics
    /// When it does not run, does not end, or its exit code is not 0.
    pub fn stop(&mut self) {
        let Finished { code, errors, .. } = self.end("TERM");
        assert_eq!(code, Some(0), "{errors}");
        assert!(!self.data.join("host.json").exists(), "the note of a running host is gone");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub fn finish(&mut self) -> Finished {
        let (mut program, _) = self.running.take().expect("a running host");
        let code = program.wait().code();
        self.finished(code)
    }

    /// `forewarm up` that is expected to end by itself, before or without answering.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn up_to_the_end(&self) -> Finished {
        let mut program = Program::start(self.setup.up(&self.data), &self.output_file(), &self.errors_file());
        let code = program.wait().code();
        self.finished(code)
    }

    /// Runs a command against this host, such as `["persona", "list"]`.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Finished {
        let folder = TempDir::new_in(self.folder.path()).expect("a folder of ours");
        let (output, errors) = (folder.path().join("out"), folder.path().join("err"));
        let code = Program::start(self.setup.command(&self.data, args), &output, &errors).wait().code();
        let text = |file: &Path| fs::read_to_string(file).unwrap_or_default();
        Finished { code, output: text(&output), errors: text(&errors) }
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A folder beside its data, for files of the test; gone with the host.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written to standard output, over all its starts.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(self.output_file()).unwrap_or_default()
    }

    fn finished(&self, code: Option<i32>) -> Finished {
        let errors = fs::read_to_string(self.errors_file()).unwrap_or_default();
        Finished { code, output: self.output(), errors }
    }

    fn output_file(&self) -> PathBuf {
        self.folder.path().join("stdout")
    }

    fn errors_file(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }
}

//! Starts programs that must not outlive this process, even when it is killed. The kernel ties such a program to the
//! *thread* that started it, and threads of tests and async runtimes come and go; so one thread, which lives as long
//! as the process, starts them all.

use std::{
    ffi::OsStr,
    io,
    process::{Child, Command},
    sync::{
        LazyLock,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use crate::environment;

type Request = (Command, SyncSender<io::Result<Child>>);

static KEEPER: LazyLock<SyncSender<Request>> = LazyLock::new(|| {
    let (requests, inbox) = sync_channel::<Request>(1);
    thread::Builder::new()
        .name("keeper".into())
        .spawn(move || {
            for (mut command, reply) in inbox {
                // Who asked may have panicked in the meantime: then nobody waits for the answer.
                drop(reply.send(command.spawn()));
            }
        })
        .expect("a thread");
    requests
});

/// Starts the program on the keeper's thread.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = sync_channel(1);
    KEEPER.send((command, reply)).map_err(io::Error::other)?;
    answer.recv().map_err(io::Error::other)?
}

/// A command for `program` that dies with us (where the system has `setpriv`), under `user` if one is given.
pub(crate) fn tied(program: impl AsRef<OsStr>, user: Option<&str>) -> Command {
    let Some(setpriv) = environment::on_path("setpriv") else {
        assert!(user.is_none(), "PostgreSQL refuses to run as root: install util-linux, or run as another user");
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

//! What stands in for the host in native tests: a function that answers.

use super::{Error, ErrorKind, Request, Response};
use std::cell::RefCell;

pub(crate) type Pending = Result<Response, Error>;
type Answer = Box<dyn Fn(&Request) -> Result<Response, Error>>;

thread_local! {
    static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
}

/// Makes `answer` answer every later request of this thread; until then they fail as denied.
pub fn answer(answer: impl Fn(&Request) -> Result<Response, Error> + 'static) {
    ANSWER.with_borrow_mut(|current| *current = Some(Box::new(answer)));
}

pub(crate) fn start(request: &Request) -> Result<Pending, Error> {
    let denied = || Err(Error::new(ErrorKind::Denied, "the stand-in was given no answer"));
    Ok(ANSWER.with_borrow(|answer| answer.as_ref().map_or_else(denied, |answer| answer(request))))
}

pub(crate) fn wait(pending: Pending) -> Result<Response, Error> {
    pending
}

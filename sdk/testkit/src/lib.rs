//! Run one forewarm plugin in the real sandbox, from its author's tests.

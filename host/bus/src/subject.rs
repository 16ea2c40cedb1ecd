//! Where a message goes ([`Subject`]) and which ones a subscriber wants ([`Pattern`]): tokens joined by dots.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest subject or pattern, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 200;

/// Names where a message goes: tokens of `a-z`, `0-9`, `_` and `-`, joined by dots. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

/// Names which subjects a subscriber wants: a subject in which `*` stands for one token, and a last `>` for one or more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

/// Why a text is no subject or pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: use at most {MAX_SUBJECT_BYTES} bytes, tokens of a-z 0-9 _ - joined by dots{more}")]
pub struct InvalidSubject {
    text: String,
    kind: &'static str,
    more: &'static str,
}

fn is_token(token: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !token.is_empty() && token.bytes().all(plain)
}

fn is_pattern(text: &str) -> bool {
    let body = text.strip_suffix(".>").unwrap_or(text);
    text == ">" || body.split('.').all(|token| token == "*" || is_token(token))
}

impl Subject {
    /// A subject of parts that are known to be valid: a literal, and a name whose own rule is as strict.
    pub(crate) fn of(prefix: &'static str, name: &str) -> Self {
        Self(format!("{prefix}{name}").into())
    }

    /// The subject as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pattern {
    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Everything below `prefix`, a literal that is a valid subject.
    pub(crate) fn below(prefix: &'static str) -> Self {
        Self(format!("{prefix}.>").into())
    }

    /// Whether a message to `subject` is wanted.
    #[must_use]
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut tokens = subject.0.split('.');
        for wanted in self.0.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;
    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        if text.len() <= MAX_SUBJECT_BYTES && text.split('.').all(is_token) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidSubject { text: text.chars().take(80).collect(), kind: "subject", more: "" })
        }
    }
}

impl FromStr for Pattern {
    type Err = InvalidSubject;
    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        if text.len() <= MAX_SUBJECT_BYTES && is_pattern(text) {
            Ok(Self(text.into()))
        } else {
            let more = ", `*` for one token, a last `>` for one or more";
            Err(InvalidSubject { text: text.chars().take(80).collect(), kind: "pattern", more })
        }
    }
}

impl From<&Subject> for Pattern {
    fn from(subject: &Subject) -> Self {
        Self(Arc::clone(&subject.0))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_tokens_joined_by_dots() {
        for good in ["a", "forewarm.v1.event.plan_changed", "a-b.0_9", &"x".repeat(MAX_SUBJECT_BYTES)] {
            assert_eq!(good.parse::<Subject>().expect(good).as_str(), good);
        }
        let too_long = "x".repeat(MAX_SUBJECT_BYTES + 1);
        for bad in ["", ".", "a.", ".a", "a..b", "A", "a b", "a.*", "a.>", "ä", "a\r\nb", &too_long] {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_take_wildcards_as_whole_tokens() {
        for good in ["*", ">", "a.*", "*.b.>", "a.b"] {
            assert_eq!(good.parse::<Pattern>().expect(good).as_str(), good);
        }
        for bad in ["", "a*", "a.>.b", ">.a", "a.b>", ".>", "a..>", "**"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn matching_is_by_token() {
        let check = |pattern: &str, subject: &str, expected: bool| {
            let (pattern, subject): (Pattern, Subject) =
                (pattern.parse().expect("valid"), subject.parse().expect("valid"));
            assert_eq!(pattern.matches(&subject), expected, "{pattern} {subject}");
        };
        for (pattern, subject) in [("a.b", "a.b"), ("a.*", "a.b"), ("*.b", "a.b"), ("a.>", "a.b.c"), (">", "a")] {
            check(pattern, subject, true);
        }
        for (pattern, subject) in
            [("a.b", "a"), ("a", "a.b"), ("a.*", "a"), ("a.*", "a.b.c"), ("a.>", "a"), ("ab", "a")]
        {
            check(pattern, subject, false);
        }
    }
}

//! Names and identifiers. Each is a newtype that can only be built from a valid text, so that an invalid one can't travel.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a valid {kind}: {rule}")]
pub struct InvalidName {
    kind: &'static str,
    value: String,
    rule: &'static str,
}

const LABEL_RULE: &str =
    "use 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit";
const RESOURCE_RULE: &str = "use 1 to 253 letters, digits and any of - _ . : /, beginning with a letter or digit";

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| plain(b) || *b == b'-')
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
}

fn is_resource(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path, $rule:expr, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = $pattern)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(value: String) -> Result<Self, InvalidName> {
                value.parse()
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(value: &str) -> Result<Self, InvalidName> {
                if $check(value) {
                    Ok(Self(value.into()))
                } else {
                    // A hostile text is not echoed at length.
                    let value = value.chars().take(80).collect();
                    Err(InvalidName { kind: $kind, value, rule: $rule })
                }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// The name of a persona in the catalog, unique in one installation: a DNS label.
    PersonaName, "persona name", is_label, LABEL_RULE,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
);
name!(
    /// The name of a placement, unique in its persona: a DNS label.
    PlacementName, "placement name", is_label, LABEL_RULE,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
);
name!(
    /// The name of a plugin: a DNS label.
    PluginName, "plugin name", is_label, LABEL_RULE,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
);
name!(
    /// The name of a tenant: a department or an external customer. A DNS label.
    TenantName, "tenant name", is_label, LABEL_RULE,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
);
name!(
    /// The name of an event or of a freeze in the calendar, unique among its like: a DNS label.
    CalendarName, "name in the calendar", is_label, LABEL_RULE,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
);
name!(
    /// The name of something whose usage is measured: a service, a deployment, a virtual machine.
    ResourceName, "resource name", is_resource, RESOURCE_RULE,
    "^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,252}$"
);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(value: &str) -> Result<Self, uuid::Error> {
                value.parse().map(Self)
            }
        }
    };
}

id!(
    /// One instance, from the intent to create it until it is gone. Time-ordered (UUID version 7).
    InstanceId
);
id!(
    /// One claim on an instance of a persona. Time-ordered (UUID version 7).
    ClaimId
);
id!(
    /// One lease of the capacity market. The market names it.
    LeaseId
);
id!(
    /// One request of a host to get leased instances back: repeating it has no second effect.
    ReclaimId
);
id!(
    /// Marks one intended driver operation: repeating it with the same token has no second effect.
    IdempotencyToken
);

/// Names the operations of an instance: the same instance and sequence number always give the same token.
#[must_use]
pub fn idempotency_token(instance: InstanceId, sequence: u32) -> IdempotencyToken {
    IdempotencyToken(Uuid::new_v5(&instance.0, &sequence.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_dns_labels() {
        for good in ["a", "web-1", "0"] {
            assert!(good.parse::<PersonaName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "ä", &"x".repeat(64)] {
            let error = bad.parse::<PersonaName>().expect_err(bad);
            assert!(error.to_string().contains("1 to 63"), "{error}");
        }
    }

    #[test]
    fn tokens_are_stable_and_distinct() {
        let instance = InstanceId(Uuid::from_u128(7));
        assert_eq!(idempotency_token(instance, 1), idempotency_token(instance, 1));
        assert_ne!(idempotency_token(instance, 1), idempotency_token(instance, 2));
    }
}

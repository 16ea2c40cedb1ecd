//! What can be asked of a driver. Identifiers and tokens that are not given are new ones.

use super::{RunArgs, Verb, failed};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{number, print, show, table, text};
use crate::cli::plugin::file::json;
use forewarm_domain::id::{IdempotencyToken, InstanceId};
use forewarm_domain::instance::Tier;
use forewarm_domain::plugin::{DriverInstance, PersonaView, Price};
use forewarm_runtime::Driver;
use serde::Deserialize;
use uuid::Uuid;

/// What the inputs should hold.
const CREATE: &str =
    "a JSON object {\"persona\": {...}, \"tier\": \"warm\" or \"shell\"}, and \"id\" and \"token\" to repeat one";
const PERSONA: &str = "a JSON object {\"persona\": {...}}";
const INSTANCE: &str = "a JSON object {\"id\": \"0192f0c1-...\"}, and \"token\" to repeat an operation";
const SPECIALISE: &str = "a JSON object {\"id\": \"0192f0c1-...\", \"persona\": {...}}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Creation {
    #[serde(default = "new_id")]
    id: InstanceId,
    #[serde(default = "new_token")]
    token: IdempotencyToken,
    persona: PersonaView,
    tier: Tier,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    persona: PersonaView,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: InstanceId,
    #[serde(default = "new_token")]
    token: IdempotencyToken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Specialisation {
    id: InstanceId,
    #[serde(default = "new_token")]
    token: IdempotencyToken,
    persona: PersonaView,
}

fn new_id() -> InstanceId {
    InstanceId(Uuid::now_v7())
}

fn new_token() -> IdempotencyToken {
    IdempotencyToken(Uuid::new_v4())
}

pub(super) async fn run(global: &Global, args: &RunArgs, driver: &Driver) -> Result<(), CliError> {
    let instance = match args.verb {
        Verb::Describe => {
            let described = driver.describe().await.map_err(failed)?;
            show(global.output, &described, |of| {
                let most =
                    of.max_instances.map_or_else(|| "any number of".to_owned(), |most| format!("at most {most}"));
                format!("{}\ntiers {:?}, operations {:?}, {most} instances", of.summary, of.tiers, of.operations)
            });
            return Ok(());
        }
        Verb::Prices => {
            let Query { persona } = json(args.input(PERSONA)?, PERSONA)?;
            let prices = driver.prices(persona).await.map_err(failed)?;
            show(global.output, &prices, |prices| price_rows(prices));
            return Ok(());
        }
        Verb::List => {
            let instances = driver.list().await.map_err(failed)?;
            show(global.output, &instances, |instances| rows(instances));
            return Ok(());
        }
        Verb::Destroy => {
            let Named { id, token } = json(args.input(INSTANCE)?, INSTANCE)?;
            driver.destroy(id, token).await.map_err(failed)?;
            print(&format!("{id} is being removed"));
            return Ok(());
        }
        _ => one(args, driver).await?,
    };
    show(global.output, &instance, |instance| rows(std::slice::from_ref(instance)));
    Ok(())
}

/// The verbs that answer with one instance.
async fn one(args: &RunArgs, driver: &Driver) -> Result<DriverInstance, CliError> {
    let answer = match args.verb {
        Verb::Create => {
            let Creation { id, token, persona, tier } = json(args.input(CREATE)?, CREATE)?;
            driver.create(id, token, persona, tier).await
        }
        Verb::Specialise => {
            let Specialisation { id, token, persona } = json(args.input(SPECIALISE)?, SPECIALISE)?;
            driver.specialise(id, token, persona).await
        }
        Verb::Get | Verb::Park | Verb::Start | Verb::Reset => {
            let Named { id, token } = json(args.input(INSTANCE)?, INSTANCE)?;
            match args.verb {
                Verb::Park => driver.park(id, token).await,
                Verb::Start => driver.start(id, token).await,
                Verb::Reset => driver.reset(id, token).await,
                _ => driver.get(id).await,
            }
        }
        _ => {
            let verbs = "describe, prices, create, list, get, park, start, specialise, reset, destroy";
            return Err(args.misfit("a driver", verbs));
        }
    };
    answer.map_err(failed)
}

fn rows(instances: &[DriverInstance]) -> String {
    let mut rows = table(&["ID", "REFERENCE", "PERSONA", "STATE", "SINCE"]);
    for DriverInstance { id, reference, persona, state, since } in instances {
        let persona = persona.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        rows.add_row([id.to_string(), reference.clone(), persona, format!("{state:?}"), since.to_string()]);
    }
    text(&rows, "there are no instances")
}

fn price_rows(prices: &[Price]) -> String {
    let mut rows = table(&["TIER", "PER HOUR"]);
    for price in prices {
        rows.add_row([format!("{:?}", price.tier), number(price.per_hour)]);
    }
    text(&rows, "the driver gives no prices")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_new_unless_given() {
        let named: Named = serde_json::from_str(r#"{"id": "0192f0c1-7d2e-7000-8000-000000000001"}"#).expect("valid");
        let again: Named = serde_json::from_str(r#"{"id": "0192f0c1-7d2e-7000-8000-000000000001"}"#).expect("valid");
        assert_eq!(named.id, again.id);
        assert_ne!(named.token, again.token);
        assert!(serde_json::from_str::<Named>(r#"{"id": "web-1"}"#).is_err());
    }
}

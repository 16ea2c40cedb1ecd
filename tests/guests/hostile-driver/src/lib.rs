//! A driver that lists nothing and does nothing, except for the attack that its parameter names.

mod random;

use forewarm_sdk::Plugin;
use forewarm_sdk::prelude::*;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    attack: String,
}

fn attack() -> String {
    host::config::<Parameters>().map(|parameters| parameters.attack).unwrap_or_default()
}

/// The plugin.
pub struct Hostile;

fn instance(id: &str, since_ms: i64, reference: String) -> Instance {
    Instance {
        id: id.to_owned(),
        reference,
        persona: String::new(),
        state: InstanceState::Stable(Tier::Warm),
        since_ms,
    }
}

#[driver(
    summary = "Attacks its host as asked",
    parameters = "parameters.schema.json",
    capabilities = ["state"]
)]
impl Driver for Hostile {
    fn describe() -> Result<DriverDescription, Error> {
        Ok(DriverDescription {
            summary: Self::SUMMARY.to_owned(),
            tiers: vec![Tier::Warm],
            operations: vec![Operation::Create, Operation::Destroy],
            max_instances: None,
        })
    }

    fn prices(_query: PriceQuery) -> Result<Vec<Price>, Error> {
        let price = |per_hour| Price { tier: Tier::Warm, per_hour };
        Ok(match attack().as_str() {
            "negative price" => vec![price(-1.0)],
            "nan price" => vec![price(f64::NAN)],
            "infinite price" => vec![price(f64::INFINITY)],
            "many prices" => (0..1_000).map(|_| price(1.0)).collect(),
            _ => vec![price(1.0)],
        })
    }

    fn create(request: CreateRequest) -> Result<Instance, Error> {
        let id = request.id.as_str();
        Ok(match attack().as_str() {
            "foreign instance" => instance("00000000-0000-7000-8000-00000000dead", 0, String::new()),
            "no id" => instance("not an id", 0, String::new()),
            "year 10000" => instance(id, 253_402_300_800_000, String::new()),
            "before 1970" => instance(id, -1, String::new()),
            "long reference" => instance(id, 0, "x".repeat(257)),
            _ => instance(id, 0, String::new()),
        })
    }

    fn list(cursor: Option<String>) -> Result<Page, Error> {
        match attack().as_str() {
            "endless pages" => Ok(Page { instances: vec![], next: cursor.or(Some("on".to_owned())) }),
            "huge page" => {
                let one = instance("00000000-0000-7000-8000-000000000001", 0, String::new());
                Ok(Page { instances: vec![one; 1_001], next: None })
            }
            _ => Ok(Page { instances: vec![], next: None }),
        }
    }

    fn get(_id: String) -> Result<Instance, Error> {
        match attack().as_str() {
            "spin" => loop {
                std::hint::black_box(0);
            },
            "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
            "random flood" => random::flood(),
            #[expect(clippy::panic, reason = "this is the attack")]
            "panic" => panic!("the driver gives up"),
            "state flood" => (0..1_000_000).for_each(|key| _ = state::set(&key.to_string(), b"x")),
            "long key" => state::set(&"k".repeat(200), b"x")?,
            _ => {}
        }
        Err(Error::not_found("there is no such instance"))
    }

    fn destroy(_id: String, _token: String) -> Result<(), Error> {
        Ok(())
    }
}

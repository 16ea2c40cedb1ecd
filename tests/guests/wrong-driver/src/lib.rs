//! A driver whose instances are warm at once, and that breaks the property of the contract that its parameter names.

use forewarm_sdk::prelude::*;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    fault: String,
}

fn fault() -> Result<String, Error> {
    host::config::<Parameters>().map(|parameters| parameters.fault)
}

thread_local! {
    static MADE: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// The plugin.
pub struct Wrong;

const MAX_INSTANCES: u32 = 5;

fn key(id: &str) -> String {
    format!("i/{id}")
}

/// Where a driver that forgets keeps its instances: another place for each of its own instances.
fn read(id: &str) -> Result<Option<String>, Error> {
    let own = if fault()? == "state-survives" && MADE.get() == 0 { None } else { state::get(&key(id))? };
    Ok(own.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn instance(id: String, reference: String) -> Result<Instance, Error> {
    let tier = if fault()? == "offered-tiers-only" { Tier::Parked } else { Tier::Warm };
    let state = InstanceState::Stable(tier);
    Ok(Instance { id, reference, persona: "conformance".to_owned(), state, since_ms: host::now() })
}

fn all() -> Result<Vec<Instance>, Error> {
    let mut all = Vec::new();
    for key in state::keys("i/")? {
        let id = key[2..].to_owned();
        if let Some(reference) = read(&id)? {
            all.push(instance(id, reference)?);
        }
    }
    Ok(all)
}

#[driver(summary = "Breaks the contract as asked", parameters = "parameters.schema.json", capabilities = ["state"], memory_mib = 16)]
impl Driver for Wrong {
    fn describe() -> Result<DriverDescription, Error> {
        Ok(DriverDescription {
            summary: "Breaks the contract as asked".to_owned(),
            tiers: vec![Tier::Warm],
            operations: vec![Operation::Create, Operation::Destroy],
            max_instances: Some(MAX_INSTANCES),
        })
    }

    fn prices(_query: PriceQuery) -> Result<Vec<Price>, Error> {
        let per_hour = if fault()? == "prices" { -1.0 } else { 1.0 };
        Ok(vec![Price { tier: Tier::Warm, per_hour }])
    }

    fn create(request: CreateRequest) -> Result<Instance, Error> {
        let fault = fault()?;
        let known = read(&request.id)?;
        if known.is_none() && fault != "quota" && all()?.len() >= MAX_INSTANCES as usize {
            return Err(Error::QuotaExceeded("five at most".to_owned()));
        }
        MADE.set(MADE.get() + 1);
        let new = format!("machine-{}-{}", request.token, if fault == "idempotent-tokens" { MADE.get() } else { 0 });
        let reference = if fault == "idempotent-tokens" { new } else { known.unwrap_or(new) };
        state::set(&key(&request.id), reference.as_bytes())?;
        instance(request.id, reference)
    }

    fn list(_cursor: Option<String>) -> Result<Page, Error> {
        let mut instances = all()?;
        if fault()? == "pages-complete" {
            instances.extend(all()?);
        }
        Ok(Page { instances, next: None })
    }

    fn get(id: String) -> Result<Instance, Error> {
        let reference = read(&id)?.ok_or_else(|| Error::not_found("there is no such instance"))?;
        instance(id, reference)
    }

    fn destroy(id: String, _token: String) -> Result<(), Error> {
        if fault()? == "destroy-twice" && read(&id)?.is_none() {
            return Err(Error::not_found("there is no such instance"));
        }
        state::delete(&key(&id))
    }

    fn park(_id: String, _token: String) -> Result<Instance, Error> {
        match fault()?.as_str() {
            "unsupported-operations" => Err(Error::other("no")),
            _ => Err(Error::unsupported("instances are warm or gone")),
        }
    }
}

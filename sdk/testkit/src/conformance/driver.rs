//! The suite of drivers. It creates instances and destroys them again; time passes between its calls as the kit's clock
//! says.

use super::profiler::plain_persona;
use super::suite::{Breach, Case, Judged, Suite, broken, refused};
use super::{Finding, Options, Property};
use crate::{Plugin, Testkit, TestkitError};
use forewarm_domain::id::{IdempotencyToken, InstanceId};
use forewarm_domain::instance::Tier;
use forewarm_domain::plugin::{
    DriverDescription, DriverInstance, DriverOperation, DriverState, PluginError, PluginErrorKind as Kind,
};
use forewarm_domain::time::{Clock, MINUTE_MS};
use forewarm_runtime::Driver;
use rand::RngExt;
use rand::rngs::SmallRng;
use std::cell::RefCell;
use std::fmt;
use uuid::Uuid;

const fn property(name: &'static str, says: &'static str, source: &'static str) -> Property {
    Property { name, says, source, advisory: false }
}

const DESCRIBE_STABLE: Property = property(
    "describe-stable",
    "a driver describes itself the same at every call and in every instance",
    "driver.describe: Tells what this driver can do; always the same for the same parameters.",
);
const PRICES: Property = property(
    "prices",
    "prices are not negative, and each tier on offer has one, and no other",
    "driver.prices: Gives the price of one instance of a persona in each tier on offer. driver.price.per-hour: not negative.",
);
const AGREE: Property = property(
    "create-get-list-agree",
    "what was created is found by get and listed once, under the id that was handed over",
    "driver: The driver's `list` is what the host believes exists.",
);
const TIERS: Property = property(
    "offered-tiers-only",
    "an instance is never in, or on its way to, a tier that the driver does not offer",
    "driver.description.tiers: Lists the tiers that instances can be held in.",
);
const TOKENS: Property = property(
    "idempotent-tokens",
    "an operation repeated with its token answers as the first did and has no second effect",
    "types.idempotency-token: An operation repeated with the same token has no second effect and answers as the first did.",
);
const UNKNOWN: Property = property(
    "unknown-id",
    "get of an instance that does not exist is not-found",
    "driver.get: Gives one instance, or `not-found`.",
);
const DESTROY_TWICE: Property = property(
    "destroy-twice",
    "removing an instance twice, or one that never was, succeeds, and it is gone afterwards",
    "driver.destroy: removing one that does not exist succeeds.",
);
const UNSUPPORTED: Property = property(
    "unsupported-operations",
    "an operation that is not on offer answers unsupported",
    "driver.description.operations: Lists the operations on offer; the others answer `unsupported`.",
);
const PAGES: Property = property(
    "pages-complete",
    "the pages of list hold every instance once, and at most 1,000 each",
    "driver.list: Lists all instances that exist, failed ones included, in pages.",
);
const SURVIVES: Property = property(
    "state-survives",
    "a new instance of the driver knows every instance that existed before",
    "host.state: A value that was written is there after a restart of the host.",
);
const QUOTA: Property = property(
    "quota",
    "one instance more than max-instances is quota-exceeded",
    "types.error.quota-exceeded: The driver has reached a quota.",
);

/// Up to how many instances the quota is tried with.
const QUOTA_MAX: u32 = 50;
/// Minutes that a change may take.
const PATIENCE: usize = 600;
/// Instances that the pages are read with.
const CROWD: usize = 30;

/// One persona in one tier.
#[derive(Clone, Copy)]
struct Creation {
    id: InstanceId,
    token: IdempotencyToken,
    tier: Tier,
}

impl fmt::Display for Creation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create of {} in the tier {:?}, token {}", self.id, self.tier, self.token)
    }
}

impl Case for Creation {
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }
}

pub(super) async fn run(kit: &Testkit, driver: &Driver, options: &Options) -> Result<Vec<Finding>, TestkitError> {
    let described = driver.describe().await.map_err(crate::LoadError::Probe)?;
    let ids = RefCell::new(super::cases::random(options.seed, "instances"));
    let mut subject = Subject { kit, driver, described, ids, cases: options.cases, suite: Suite::default() };
    subject.words().await;
    subject.instances().await;
    subject.repetitions().await;
    subject.crowds().await;
    Ok(subject.suite.findings())
}

struct Subject<'a> {
    kit: &'a Testkit,
    driver: &'a Driver,
    described: DriverDescription,
    ids: RefCell<SmallRng>,
    cases: usize,
    suite: Suite,
}

fn draw(random: &RefCell<SmallRng>) -> Uuid {
    Uuid::from_u128(random.borrow_mut().random())
}

fn token(random: &RefCell<SmallRng>) -> IdempotencyToken {
    IdempotencyToken(draw(random))
}

/// The tiers that an instance can be created in.
fn creatable(described: &DriverDescription) -> Vec<Tier> {
    described.tiers.iter().copied().filter(|tier| matches!(tier, Tier::Shell | Tier::Warm)).collect()
}

impl Subject<'_> {
    fn creations(&self) -> Vec<Creation> {
        let tiers = creatable(&self.described);
        let make = |index: usize| Creation {
            id: InstanceId(draw(&self.ids)),
            token: token(&self.ids),
            tier: tiers.get(index % tiers.len().max(1)).copied().unwrap_or(Tier::Warm),
        };
        (0..self.cases.max(2)).map(make).collect()
    }

    async fn words(&mut self) {
        let (kit, driver, described) = (self.kit, self.driver, self.described.clone());
        let case: Vec<_> = self.creations().into_iter().take(1).collect();
        self.suite
            .property(DESCRIBE_STABLE, case.clone(), async |_| {
                for again in [driver.describe().await?, another(kit).await?.describe().await?] {
                    if again != described {
                        return broken(format!("first {described:?}, then {again:?}"));
                    }
                }
                Ok(())
            })
            .await;
        self.suite.property(PRICES, case.clone(), async |_| prices(driver, &described).await).await;
        self.suite
            .property(UNKNOWN, case, async |case| {
                refused("get of an unknown id", driver.get(case.id).await, Kind::NotFound)
            })
            .await;
    }

    async fn instances(&mut self) {
        let (kit, driver, described, ids) = (self.kit, self.driver, self.described.clone(), &self.ids);
        let cases = self.creations();
        self.suite
            .property(AGREE, cases, async |case| {
                let made = create(driver, case).await?;
                let agreed = agrees(driver, case, &made).await;
                remove(driver, case, ids).await;
                agreed
            })
            .await;
        let cases = self.creations();
        self.suite
            .property(TIERS, cases, async |case| {
                let made = create(driver, case).await?;
                let offered = tiers(kit, driver, made, &described, ids).await;
                remove(driver, case, ids).await;
                offered
            })
            .await;
        let cases = self.creations();
        self.suite
            .property(DESTROY_TWICE, cases, async |case| {
                destroyed(driver.destroy(case.id, token(ids)).await, "one that never was")?;
                create(driver, case).await?;
                destroyed(driver.destroy(case.id, token(ids)).await, "one that exists")?;
                destroyed(driver.destroy(case.id, token(ids)).await, "one that is being removed")?;
                gone(kit, driver, case.id).await?;
                destroyed(driver.destroy(case.id, token(ids)).await, "one that was removed")
            })
            .await;
        let cases: Vec<_> = self.creations().into_iter().take(2).collect();
        self.suite
            .property(UNSUPPORTED, cases, async |case| {
                create(driver, case).await?;
                let answer = unsupported(driver, case, &described, ids).await;
                remove(driver, case, ids).await;
                answer
            })
            .await;
    }

    async fn repetitions(&mut self) {
        let (kit, driver, described, ids) = (self.kit, self.driver, self.described.clone(), &self.ids);
        let cases = self.creations();
        self.suite
            .property(TOKENS, cases, async |case| {
                let made = create(driver, case).await?;
                let answer = repeated(kit, driver, case, made, &described, ids).await;
                remove(driver, case, ids).await;
                answer
            })
            .await;
        let cases = self.creations();
        self.suite
            .property(SURVIVES, cases, async |case| {
                let made = create(driver, case).await?;
                let found = async {
                    let fresh = another(kit).await?;
                    agrees(&fresh, case, &made).await
                };
                let found = found.await;
                remove(driver, case, ids).await;
                found
            })
            .await;
    }

    async fn crowds(&mut self) {
        let (kit, driver, described, ids) = (self.kit, self.driver, self.described.clone(), &self.ids);
        let tiers = creatable(&described);
        let room = described.max_instances.map_or(CROWD, |most| CROWD.min(most as usize));
        let crowd = |count: usize| -> Vec<Creation> {
            let one = |index: usize| Creation {
                id: InstanceId(draw(ids)),
                token: token(ids),
                tier: tiers.get(index % tiers.len().max(1)).copied().unwrap_or(Tier::Warm),
            };
            (0..count).map(one).collect()
        };
        let case = crowd(1);
        self.suite
            .property(PAGES, case.clone(), async |_| {
                let crowd = crowd(room);
                for one in &crowd {
                    create(driver, one).await?;
                }
                let answer = pages(driver, &crowd).await;
                for one in &crowd {
                    remove(driver, one, ids).await;
                    gone(kit, driver, one.id).await?;
                }
                answer
            })
            .await;
        let Some(most) = described.max_instances.filter(|most| *most <= QUOTA_MAX) else { return };
        self.suite
            .property(QUOTA, case, async |case| {
                let crowd = crowd(most as usize);
                for one in &crowd {
                    create(driver, one).await?;
                }
                let over = driver.create(case.id, case.token, plain_persona(), case.tier).await;
                let answer = refused(&format!("instance number {}", most + 1), over, Kind::QuotaExceeded);
                for one in &crowd {
                    remove(driver, one, ids).await;
                    gone(kit, driver, one.id).await?;
                }
                answer
            })
            .await;
    }
}

/// The driver in another sandbox, with the same state and clock: after a restart of the host.
async fn another(kit: &Testkit) -> Result<Driver, Breach> {
    match kit.plugin().await {
        Ok(Plugin::Driver(driver)) => Ok(driver),
        Ok(_) => Err(Breach::Unjudged("it is no driver any more".into())),
        Err(error) => Err(Breach::Unjudged(error.to_string())),
    }
}

async fn create(driver: &Driver, case: &Creation) -> Result<DriverInstance, PluginError> {
    driver.create(case.id, case.token, plain_persona(), case.tier).await
}

/// Leaves nothing behind; whether that works is another property's.
async fn remove(driver: &Driver, case: &Creation, ids: &RefCell<SmallRng>) {
    let _ = driver.destroy(case.id, token(ids)).await;
}

async fn prices(driver: &Driver, described: &DriverDescription) -> Judged {
    let prices = match driver.prices(plain_persona()).await {
        Err(error) if error.kind == Kind::InvalidAnswer => return broken(error.message),
        prices => prices?,
    };
    let offered = |tier: &Tier| described.tiers.contains(tier);
    if let Some(price) = prices.iter().find(|price| !offered(&price.tier)) {
        return broken(format!("{:?} has a price and is not on offer", price.tier));
    }
    match described.tiers.iter().find(|tier| prices.iter().filter(|price| price.tier == **tier).count() != 1) {
        Some(tier) => broken(format!("{tier:?} is on offer and has not one price: {prices:?}")),
        None => Ok(()),
    }
}

async fn agrees(driver: &Driver, case: &Creation, made: &DriverInstance) -> Judged {
    let seen = match driver.get(case.id).await {
        Err(error) if error.kind == Kind::NotFound => return broken("get does not find what was created"),
        seen => seen?,
    };
    if (seen.id, &seen.reference) != (made.id, &made.reference) {
        return broken(format!("create answered {made:?}, get answers {seen:?}"));
    }
    let listed = driver.list().await?;
    match listed.iter().filter(|instance| instance.id == case.id).count() {
        1 => Ok(()),
        count => broken(format!("list has it {count} times")),
    }
}

fn tier_of(instance: &DriverInstance) -> Option<Tier> {
    match instance.state {
        DriverState::Stable(tier) | DriverState::Changing { to: tier, .. } => Some(tier),
        DriverState::Leaving | DriverState::Failed(_) => None,
    }
}

/// Follows one instance through parking and starting, and looks at every tier on the way.
async fn tiers(
    kit: &Testkit,
    driver: &Driver,
    made: DriverInstance,
    described: &DriverDescription,
    ids: &RefCell<SmallRng>,
) -> Judged {
    let offered = |instance: &DriverInstance| match tier_of(instance) {
        Some(tier) if !described.tiers.contains(&tier) => broken(format!("{tier:?} is not on offer: {instance:?}")),
        _ => Ok(()),
    };
    offered(&made)?;
    let id = made.id;
    for operation in [DriverOperation::Park, DriverOperation::Start] {
        offered(&settle(kit, driver, id).await?)?;
        if described.operations.contains(&operation) {
            offered(&operate(driver, operation, id, token(ids)).await?)?;
        }
    }
    offered(&settle(kit, driver, id).await?)
}

/// Lets time pass until a change is done.
async fn settle(kit: &Testkit, driver: &Driver, id: InstanceId) -> Result<DriverInstance, Breach> {
    for _ in 0..PATIENCE {
        let seen = driver.get(id).await?;
        if !matches!(seen.state, DriverState::Changing { .. }) {
            return Ok(seen);
        }
        pass(kit);
    }
    Err(Breach::Unjudged(format!("{id} still changes after {PATIENCE} minutes")))
}

fn pass(kit: &Testkit) {
    kit.clock().advance_to(kit.clock().now() + MINUTE_MS);
}

async fn gone(kit: &Testkit, driver: &Driver, id: InstanceId) -> Judged {
    for _ in 0..PATIENCE {
        match driver.get(id).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(()),
            seen => drop(seen?),
        }
        pass(kit);
    }
    broken(format!("{id} is still there {PATIENCE} minutes after destroy"))
}

fn destroyed(answer: Result<(), PluginError>, what: &str) -> Judged {
    match answer {
        Err(error) if error.kind == Kind::NotFound || error.kind == Kind::InvalidInput => {
            broken(format!("destroy of {what} was answered with `{}`", error.kind))
        }
        answer => Ok(answer?),
    }
}

async fn operate(
    driver: &Driver,
    operation: DriverOperation,
    id: InstanceId,
    token: IdempotencyToken,
) -> Result<DriverInstance, PluginError> {
    match operation {
        DriverOperation::Park => driver.park(id, token).await,
        DriverOperation::Start => driver.start(id, token).await,
        DriverOperation::Specialise => driver.specialise(id, token, plain_persona()).await,
        DriverOperation::Reset => driver.reset(id, token).await,
        DriverOperation::Create => driver.create(id, token, plain_persona(), Tier::Warm).await,
        DriverOperation::Destroy => {
            driver.destroy(id, token).await?;
            driver.get(id).await
        }
    }
}

async fn unsupported(
    driver: &Driver,
    case: &Creation,
    described: &DriverDescription,
    ids: &RefCell<SmallRng>,
) -> Judged {
    use DriverOperation as Operation;
    for operation in [Operation::Park, Operation::Start, Operation::Specialise, Operation::Reset] {
        if !described.operations.contains(&operation) {
            let answer = operate(driver, operation, case.id, token(ids)).await;
            refused(&format!("{operation:?}, which is not on offer,"), answer, Kind::Unsupported)?;
        }
    }
    Ok(())
}

/// Repeats the creation, then parking, each with its token.
async fn repeated(
    kit: &Testkit,
    driver: &Driver,
    case: &Creation,
    made: DriverInstance,
    described: &DriverDescription,
    ids: &RefCell<SmallRng>,
) -> Judged {
    let before = driver.list().await?.len();
    equal("create", &made, create(driver, case).await)?;
    let after = driver.list().await?.len();
    if before != after {
        return broken(format!("a repeated create made {after} instances of {before}"));
    }
    if !described.operations.contains(&DriverOperation::Park) {
        return Ok(());
    }
    settle(kit, driver, case.id).await?;
    equal("create, once it is done,", &made, create(driver, case).await)?;
    let park = token(ids);
    let parked = driver.park(case.id, park).await?;
    equal("park", &parked, driver.park(case.id, park).await)
}

/// The same instance; a state that time has moved on meanwhile is as good.
fn equal(what: &str, first: &DriverInstance, again: Result<DriverInstance, PluginError>) -> Judged {
    let again = match again {
        Err(error) if matches!(error.kind, Kind::Unavailable | Kind::OutOfCapacity) => return Err(error.into()),
        Err(error) => return broken(format!("{what} repeated with its token was answered with `{}`", error.kind)),
        Ok(again) => again,
    };
    if (first.id, &first.reference, tier_of(first)) == (again.id, &again.reference, tier_of(&again)) {
        return Ok(());
    }
    broken(format!("{what} repeated with its token answered {again:?}, and first {first:?}"))
}

async fn pages(driver: &Driver, crowd: &[Creation]) -> Judged {
    let mut seen: Vec<InstanceId> = Vec::new();
    let mut cursor = None;
    loop {
        let (instances, next) = match driver.page(cursor).await {
            Err(error) if error.kind == Kind::InvalidAnswer => return broken(error.message),
            page => page?,
        };
        seen.extend(instances.iter().map(|instance| instance.id));
        if next.is_none() || seen.len() > 1_000_000 {
            break;
        }
        cursor = next;
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() != all {
        return broken(format!("{} instances are listed more than once", all - seen.len()));
    }
    match crowd.iter().find(|one| seen.binary_search(&one.id).is_err()) {
        Some(one) => broken(format!("{} was created and is not listed", one.id)),
        None => Ok(()),
    }
}

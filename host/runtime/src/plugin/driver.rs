//! Drivers: one instance each, kept between calls, on a thread of their own.

use crate::bindings::driver::exports::forewarm::plugin::driver as wit;
use crate::bindings::driver::{DriverPlugin, DriverPluginPre};
use crate::convert;
use crate::failure::{Exceeded, Failure};
use crate::guest::{self, Guest};
use crate::shared::Shared;
use forewarm_domain::id::{IdempotencyToken, InstanceId};
use forewarm_domain::instance::Tier;
use forewarm_domain::plugin::{DriverDescription, DriverInstance, PersonaView, PluginError, PluginErrorKind, Price};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{Store, UpdateDeadline};

const MAX_PAGES: usize = 1_000;
const MAX_PAGE_INSTANCES: usize = 1_000;
const MAX_PRICES: usize = 3;

/// A loaded driver. Its calls run one after the other, in one instance that is replaced after a trap, a deadline or a
/// cancelled call.
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    pre: DriverPluginPre<Guest>,
    live: Mutex<Option<Live>>,
}

/// An instance and its store.
struct Live {
    store: Store<Guest>,
    bindings: DriverPlugin,
}

type Job<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.shared.fmt(f)
    }
}

impl Driver {
    /// Makes a first instance and asks it to describe itself.
    pub(crate) async fn probe(shared: Arc<Shared>, pre: DriverPluginPre<Guest>) -> Result<Self, PluginError> {
        let driver = Self(Arc::new(Inner { shared, pre, live: Mutex::new(None) }));
        driver.describe().await?;
        Ok(driver)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// What it can do.
    ///
    /// # Errors
    /// The plugin's own, or the sandbox's.
    pub async fn describe(&self) -> Result<DriverDescription, PluginError> {
        self.call(|live| {
            Box::pin(async {
                let description = live.bindings.forewarm_plugin_driver().call_describe(&mut live.store).await??;
                Ok(convert::driver_description_from(description))
            })
        })
        .await
    }

    /// The price of one instance of a persona in each tier on offer.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidAnswer`] for a negative price, the plugin's own, or the sandbox's.
    pub async fn prices(&self, persona: PersonaView) -> Result<Vec<Price>, PluginError> {
        let query = wit::PriceQuery { persona: convert::persona(persona) };
        self.call(move |live| {
            Box::pin(async move {
                let prices = live.bindings.forewarm_plugin_driver().call_prices(&mut live.store, &query).await??;
                if prices.len() > MAX_PRICES {
                    return Err(Failure::Invalid(format!("{} prices for {MAX_PRICES} tiers", prices.len())));
                }
                prices.iter().map(price_from).collect()
            })
        })
        .await
    }

    /// Begins to create an instance in the tier `Shell` or `Warm`.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidAnswer`] when it answers with another instance, the plugin's own, or the sandbox's.
    pub async fn create(
        &self,
        id: InstanceId,
        token: IdempotencyToken,
        persona: PersonaView,
        tier: Tier,
    ) -> Result<DriverInstance, PluginError> {
        let tier = convert::tier(tier).map_err(|failure| failure.into_error(&self.0.shared.manifest.name, ""))?;
        let (text, token, persona) = (id.to_string(), token.to_string(), convert::persona(persona));
        let request = wit::CreateRequest { id: text, token, persona, tier };
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                the(id, interface.call_create(&mut live.store, &request).await?)
            })
        })
        .await
    }

    /// All instances that exist as far as the driver knows, failed ones included. Every page is a call of its own.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidAnswer`] when the pages do not end, the plugin's own, or the sandbox's.
    pub async fn list(&self) -> Result<Vec<DriverInstance>, PluginError> {
        let mut all = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let (instances, next) = self.page(cursor).await?;
            all.extend(instances);
            if next.is_none() {
                return Ok(all);
            }
            cursor = next;
        }
        let message = format!("the list does not end after {MAX_PAGES} pages");
        Err(self.0.shared.error(PluginErrorKind::InvalidAnswer, message))
    }

    /// One page of the instances, and what continues the list; [`Self::list`] follows it to its end.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidAnswer`] for a page of over 1,000, the plugin's own, or the sandbox's.
    pub async fn page(&self, cursor: Option<String>) -> Result<(Vec<DriverInstance>, Option<String>), PluginError> {
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                let page = interface.call_list(&mut live.store, cursor.as_deref()).await??;
                if page.instances.len() > MAX_PAGE_INSTANCES {
                    let got = page.instances.len();
                    return Err(Failure::Invalid(format!("a page has {got} instances, over {MAX_PAGE_INSTANCES}")));
                }
                let instances: Result<_, Failure> = page.instances.into_iter().map(convert::instance_from).collect();
                Ok((instances?, page.next))
            })
        })
        .await
    }

    /// One instance.
    ///
    /// # Errors
    /// [`PluginErrorKind::NotFound`] where there is none, the plugin's own, or the sandbox's.
    pub async fn get(&self, id: InstanceId) -> Result<DriverInstance, PluginError> {
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                the(id, interface.call_get(&mut live.store, &id.to_string()).await?)
            })
        })
        .await
    }

    /// Begins to park a warm instance or a shell.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn park(&self, id: InstanceId, token: IdempotencyToken) -> Result<DriverInstance, PluginError> {
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                the(id, interface.call_park(&mut live.store, &id.to_string(), &token.to_string()).await?)
            })
        })
        .await
    }

    /// Begins to start a parked instance.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn start(&self, id: InstanceId, token: IdempotencyToken) -> Result<DriverInstance, PluginError> {
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                the(id, interface.call_start(&mut live.store, &id.to_string(), &token.to_string()).await?)
            })
        })
        .await
    }

    /// Begins to turn a shell into a warm instance of a persona.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn specialise(
        &self,
        id: InstanceId,
        token: IdempotencyToken,
        persona: PersonaView,
    ) -> Result<DriverInstance, PluginError> {
        let persona = convert::persona(persona);
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                let (name, token) = (id.to_string(), token.to_string());
                the(id, interface.call_specialise(&mut live.store, &name, &token, &persona).await?)
            })
        })
        .await
    }

    /// Begins to wipe an instance, which is warm again afterwards.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn reset(&self, id: InstanceId, token: IdempotencyToken) -> Result<DriverInstance, PluginError> {
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                the(id, interface.call_reset(&mut live.store, &id.to_string(), &token.to_string()).await?)
            })
        })
        .await
    }

    /// Begins to remove an instance; removing one that does not exist succeeds.
    ///
    /// # Errors
    /// The plugin's own, or the sandbox's.
    pub async fn destroy(&self, id: InstanceId, token: IdempotencyToken) -> Result<(), PluginError> {
        self.call(move |live| {
            Box::pin(async move {
                let interface = live.bindings.forewarm_plugin_driver();
                Ok(interface.call_destroy(&mut live.store, &id.to_string(), &token.to_string()).await??)
            })
        })
        .await
    }

    /// Runs `job` on the drivers' thread. A dropped future ends the call, and the instance with it.
    async fn call<T, F>(&self, job: F) -> Result<T, PluginError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Live) -> Job<'a, T> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let task = self.0.shared.runtime.guests.handle().spawn(async move { inner.turn(job).await });
        let closed = |_| self.0.shared.error(PluginErrorKind::Unreachable, "the runtime is shutting down");
        AbortOnDropHandle::new(task).await.unwrap_or_else(|error| Err(closed(error)))
    }
}

impl Inner {
    /// Waits for this call's turn, and gives it a sound instance. The instance is out of its place while the call runs:
    /// only a call that leaves it sound puts it back.
    async fn turn<T, F>(&self, job: F) -> Result<T, PluginError>
    where
        F: for<'a> FnOnce(&'a mut Live) -> Job<'a, T>,
    {
        let mut place = self.live.lock().await;
        let _ticking = self.shared.runtime.ticker.ticking();
        let mut live = match place.take() {
            Some(live) => live,
            None => self.instantiate().await?,
        };
        guest::begin(&mut live.store, 0);
        let began = Instant::now();
        let limit = self.shared.limits.call;
        let answer = tokio::time::timeout(limit, job(&mut live)).await;
        self.shared.counters.called(began.elapsed());
        // The epoch ends a guest that computes, this one that waits.
        let answer = answer.unwrap_or_else(|_| Err(Failure::Died(Exceeded::Deadline(limit).into())));
        match answer {
            Ok(answer) => {
                *place = Some(live);
                Ok(answer)
            }
            Err(failure) => {
                let poisoned = failure.poisons();
                let error = self.failed(failure, &live.store);
                *place = Some(live).filter(|_| !poisoned);
                Err(error)
            }
        }
    }

    async fn instantiate(&self) -> Result<Live, PluginError> {
        let shared = &self.shared;
        let place = Arc::clone(&shared.runtime.driver_places).try_acquire_owned();
        let place = place.map_err(|_| shared.counted(shared.error(PluginErrorKind::Saturated, "too many drivers")))?;
        let guest = Guest::new(shared, Arc::clone(&shared.parameters), place, None);
        let go_on = || UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()));
        let mut store = guest::store(&shared.runtime.driver, guest, go_on);
        guest::begin(&mut store, 0);
        let limit = shared.limits.call;
        let made = tokio::time::timeout(limit, self.pre.instantiate_async(&mut store)).await;
        let made = made.unwrap_or_else(|_| Err(Exceeded::Deadline(limit).into()));
        match made {
            Ok(bindings) => Ok(Live { store, bindings }),
            Err(error) => Err(self.failed(Failure::Died(error), &store)),
        }
    }

    fn failed(&self, failure: Failure, store: &Store<Guest>) -> PluginError {
        self.shared.failed(failure, store)
    }
}

/// The instance that was asked for, or why not.
fn the(
    id: InstanceId,
    answer: Result<wit::Instance, crate::bindings::types::Error>,
) -> Result<DriverInstance, Failure> {
    let instance = convert::instance_from(answer?)?;
    if instance.id == id {
        return Ok(instance);
    }
    Err(Failure::Invalid(format!("instance {id} was asked for, {} was answered", instance.id)))
}

fn price_from(of: &wit::Price) -> Result<Price, Failure> {
    let per_hour = convert::within("a price", of.per_hour, 0.0, f64::MAX)?;
    Ok(Price { tier: convert::tier_from(of.tier), per_hour })
}

//! A driver on the bus.

use async_trait::async_trait;
use forewarm_bus::message::{DriverAnswer, DriverCall, DriverRequest, ServeDriver};
use forewarm_domain::plugin::PluginError;
use forewarm_runtime::Driver;

pub(super) struct Served(Driver);

impl Served {
    pub(super) fn new(driver: Driver) -> Self {
        Self(driver)
    }
}

#[async_trait]
impl ServeDriver for Served {
    async fn drive(&self, call: DriverCall) -> Result<DriverAnswer, PluginError> {
        let driver = &self.0;
        Ok(match call.operation {
            DriverRequest::Describe => DriverAnswer::Description(driver.describe().await?),
            DriverRequest::Prices(persona) => DriverAnswer::Prices(driver.prices(*persona).await?),
            DriverRequest::Create { id, token, persona, tier } => {
                DriverAnswer::Instance(driver.create(id, token, *persona, tier).await?)
            }
            DriverRequest::List => DriverAnswer::Instances(driver.list().await?),
            DriverRequest::Get(id) => DriverAnswer::Instance(driver.get(id).await?),
            DriverRequest::Park { id, token } => DriverAnswer::Instance(driver.park(id, token).await?),
            DriverRequest::Start { id, token } => DriverAnswer::Instance(driver.start(id, token).await?),
            DriverRequest::Reset { id, token } => DriverAnswer::Instance(driver.reset(id, token).await?),
            DriverRequest::Specialise { id, token, persona } => {
                DriverAnswer::Instance(driver.specialise(id, token, *persona).await?)
            }
            DriverRequest::Destroy { id, token } => {
                driver.destroy(id, token).await?;
                DriverAnswer::Destroyed
            }
        })
    }
}

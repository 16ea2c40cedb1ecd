//! A driver on the bus.

use forewarm_bus::message::{DriverAnswer, DriverRequest};
use forewarm_domain::plugin::PluginError;
use forewarm_runtime::Driver;

/// Carries out one request.
pub(super) async fn drive(driver: &Driver, request: DriverRequest) -> Result<DriverAnswer, PluginError> {
    Ok(match request {
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

//! Calls to drivers. Those that change something carry a token, so that a call that is repeated has no second effect.

use super::Call;
use async_trait::async_trait;
use forewarm_domain::id::{IdempotencyToken, InstanceId, PluginName};
use forewarm_domain::instance::Tier;
use forewarm_domain::plugin::{DriverDescription, DriverInstance, PersonaView, PluginError, PluginKind, Price};
use serde::{Deserialize, Serialize};

/// Asks a driver for something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriverCall {
    /// Which driver.
    pub plugin: PluginName,
    /// What for.
    pub operation: DriverRequest,
}

/// What a driver is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverRequest {
    /// What it can do: [`DriverAnswer::Description`].
    Describe,
    /// The price of an instance of this persona per tier: [`DriverAnswer::Prices`].
    Prices(Box<PersonaView>),
    /// Begin to create an instance: [`DriverAnswer::Instance`].
    Create {
        /// Ours, from the intent on.
        id: InstanceId,
        /// Marks this operation.
        token: IdempotencyToken,
        /// What it is to be.
        persona: Box<PersonaView>,
        /// The tier to reach: shell or warm.
        tier: Tier,
    },
    /// All instances that exist: [`DriverAnswer::Instances`].
    List,
    /// One instance: [`DriverAnswer::Instance`].
    Get(InstanceId),
    /// Begin to park: [`DriverAnswer::Instance`].
    Park {
        /// Which instance.
        id: InstanceId,
        /// Marks this operation.
        token: IdempotencyToken,
    },
    /// Begin to start a parked one: [`DriverAnswer::Instance`].
    Start {
        /// Which instance.
        id: InstanceId,
        /// Marks this operation.
        token: IdempotencyToken,
    },
    /// Begin to wipe: [`DriverAnswer::Instance`].
    Reset {
        /// Which instance.
        id: InstanceId,
        /// Marks this operation.
        token: IdempotencyToken,
    },
    /// Begin to turn a shell into a warm instance: [`DriverAnswer::Instance`].
    Specialise {
        /// Which instance.
        id: InstanceId,
        /// Marks this operation.
        token: IdempotencyToken,
        /// What it is to be.
        persona: Box<PersonaView>,
    },
    /// Begin to remove: [`DriverAnswer::Destroyed`].
    Destroy {
        /// Which instance.
        id: InstanceId,
        /// Marks this operation.
        token: IdempotencyToken,
    },
}

/// What a driver answers; each [`DriverRequest`] names its own kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverAnswer {
    /// What it can do.
    Description(DriverDescription),
    /// Prices per tier.
    Prices(Vec<Price>),
    /// One instance, as it is now.
    Instance(DriverInstance),
    /// All instances.
    Instances(Vec<DriverInstance>),
    /// The instance is gone or going.
    Destroyed,
}

impl Call for DriverCall {
    type Answer = DriverAnswer;
    const KIND: PluginKind = PluginKind::Driver;
    const OPERATION: &'static str = "drive";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

/// Answers calls to one driver.
#[async_trait]
pub trait ServeDriver: Send + Sync + 'static {
    /// Carries out one request.
    async fn drive(&self, call: DriverCall) -> Result<DriverAnswer, PluginError>;
}

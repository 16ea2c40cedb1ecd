//! The contract of `wit/0.1.0`, generated: one module per world, all of them with the same `types` and `host`. Beside it
//! the packages of single capabilities, which have versions of their own.

use wasmtime::component::bindgen;

pub(crate) mod forecaster {
    super::bindgen!({
        path: "../../wit/0.1.0",
        world: "forecaster-plugin",
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

pub(crate) mod anomaly_detector {
    super::bindgen!({
        path: "../../wit/0.1.0",
        world: "anomaly-detector-plugin",
        imports: { default: trappable },
        with: {
            "forewarm:plugin/types": super::forecaster::forewarm::plugin::types,
            "forewarm:plugin/host": super::forecaster::forewarm::plugin::host,
        },
        require_store_data_send: true,
    });
}

pub(crate) mod profiler {
    super::bindgen!({
        path: "../../wit/0.1.0",
        world: "profiler-plugin",
        imports: { default: trappable },
        with: {
            "forewarm:plugin/types": super::forecaster::forewarm::plugin::types,
            "forewarm:plugin/host": super::forecaster::forewarm::plugin::host,
        },
        require_store_data_send: true,
    });
}

pub(crate) mod driver {
    super::bindgen!({
        path: "../../wit/0.1.0",
        world: "driver-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "forewarm:plugin/types": super::forecaster::forewarm::plugin::types,
            "forewarm:plugin/host": super::forecaster::forewarm::plugin::host,
        },
        require_store_data_send: true,
    });
}

mod with_assets {
    super::bindgen!({
        path: "../../wit/assets/0.1.0",
        world: "with-assets",
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

pub(crate) use driver::forewarm::plugin::state;
pub(crate) use forecaster::forewarm::plugin::{host, types};
pub(crate) use with_assets::forewarm::assets::assets;

//! What wit-bindgen makes of the WIT package: one module per world, all of them sharing one set of types.
//!
//! Nothing here is for plugin authors, who use the traits and types that the other modules give. Each `export_*` macro
//! carries the component type of its own world alone, so that a plugin exports its own kind only.

/// The imports, and all types that the worlds share.
pub mod shared {
    wit_bindgen::generate!({
        inline: "
            package forewarm:sdk;
            world shared {
                import forewarm:plugin/types@0.1.0;
                import forewarm:plugin/host@0.1.0;
                import forewarm:plugin/state@0.1.0;
            }
        ",
        path: "../../wit/0.1.0",
        world: "forewarm:sdk/shared",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
    });
}

/// The capability `assets`.
pub mod assets {
    wit_bindgen::generate!({
        path: "../../wit/assets/0.1.0",
        world: "with-assets",
        generate_all,
        additional_derives: [PartialEq],
    });
}

/// The world of forecasters.
pub mod forecaster {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "forecaster-plugin",
        with: {
            "forewarm:plugin/types@0.1.0": super::shared::forewarm::plugin::types,
            "forewarm:plugin/host@0.1.0": super::shared::forewarm::plugin::host,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_forecaster",
        default_bindings_module: "forewarm_sdk::bindings::forecaster",
    });
}

/// The world of anomaly detectors.
pub mod anomaly_detector {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "anomaly-detector-plugin",
        with: {
            "forewarm:plugin/types@0.1.0": super::shared::forewarm::plugin::types,
            "forewarm:plugin/host@0.1.0": super::shared::forewarm::plugin::host,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_anomaly_detector",
        default_bindings_module: "forewarm_sdk::bindings::anomaly_detector",
    });
}

/// The world of profilers.
pub mod profiler {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "profiler-plugin",
        with: {
            "forewarm:plugin/types@0.1.0": super::shared::forewarm::plugin::types,
            "forewarm:plugin/host@0.1.0": super::shared::forewarm::plugin::host,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_profiler",
        default_bindings_module: "forewarm_sdk::bindings::profiler",
    });
}

/// The world of drivers.
pub mod driver {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "driver-plugin",
        with: {
            "forewarm:plugin/types@0.1.0": super::shared::forewarm::plugin::types,
            "forewarm:plugin/host@0.1.0": super::shared::forewarm::plugin::host,
            "forewarm:plugin/state@0.1.0": super::shared::forewarm::plugin::state,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_driver",
        default_bindings_module: "forewarm_sdk::bindings::driver",
    });
}

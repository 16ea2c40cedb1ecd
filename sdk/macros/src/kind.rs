//! The kinds of plugin, and what each is called where.

use proc_macro2::{Ident, Span};

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Predicts series.
    Forecaster,
    /// Finds values that do not belong.
    AnomalyDetector,
    /// Reads personas off usage.
    Profiler,
    /// Runs instances.
    Driver,
}

impl Kind {
    /// The kind's name in manifests.
    pub(crate) fn manifest_name(self) -> &'static str {
        match self {
            Self::Forecaster => "forecaster",
            Self::AnomalyDetector => "anomaly-detector",
            Self::Profiler => "profiler",
            Self::Driver => "driver",
        }
    }

    /// The trait that its author implements.
    pub(crate) fn trait_name(self) -> &'static str {
        match self {
            Self::Forecaster => "Forecaster",
            Self::AnomalyDetector => "AnomalyDetector",
            Self::Profiler => "Profiler",
            Self::Driver => "Driver",
        }
    }

    /// The SDK's type that stands between the trait and the exports.
    pub(crate) fn glue(self) -> Ident {
        Ident::new(&format!("{}Plugin", self.trait_name()), Span::call_site())
    }

    /// The SDK's macro that writes the exports.
    pub(crate) fn export_macro(self) -> Ident {
        Ident::new(&format!("export_{}", self.manifest_name().replace('-', "_")), Span::call_site())
    }
}

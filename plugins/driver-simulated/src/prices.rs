//! What it costs to hold one instance, from its allocation and its zone.

use crate::parameters::Parameters;
use forewarm_sdk::words::Price;
use forewarm_sdk::{Persona, Tier};

/// The setting of a persona that names its zone.
const ZONE: &str = "zone";

/// The zone that a persona asks for; empty where it asks for none.
#[must_use]
pub fn zone(persona: &Persona) -> &str {
    persona.system.settings.iter().find(|setting| setting.name == ZONE).map_or("", |setting| &setting.value)
}

/// The price per hour in each tier. Storage costs the same in all of them; processor and memory count in full when
/// warm, by the parameters' shares otherwise. A zone may have a factor on all of it.
#[must_use]
pub fn prices(parameters: &Parameters, persona: &Persona) -> Vec<Price> {
    let allocation = &persona.allocation;
    let factor = parameters.zone_prices.get(zone(persona)).copied().unwrap_or(1.0);
    let running = f64::from(allocation.cpu_millis) / 1_000.0 * parameters.cpu_hour
        + f64::from(allocation.memory_mib) / 1_024.0 * parameters.gib_hour;
    let storage = f64::from(allocation.storage_gib) * parameters.storage_gib_hour;
    [(Tier::Parked, parameters.parked_share), (Tier::Shell, parameters.shell_share), (Tier::Warm, 1.0)]
        .map(|(tier, share)| Price { tier, per_hour: (running * share + storage) * factor })
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::{Allocation, ExpectedPerformance, Setting, System};

    fn persona(zone: Option<&str>) -> Persona {
        let setting = |value: &str| Setting { name: ZONE.to_owned(), value: value.to_owned() };
        Persona {
            name: "web".to_owned(),
            version: 1,
            allocation: Allocation { cpu_millis: 2_000, memory_mib: 4_096, storage_gib: 100, network_mbps: 0 },
            system: System {
                image: String::new(),
                settings: zone.map(setting).into_iter().collect(),
                software: vec![],
            },
            dedicated: false,
            ingress_cidrs: Vec::new(),
            expected: ExpectedPerformance { latency_p95_ms: None, throughput_per_s: None, utilisation: None },
            capacity_per_instance: 1.0,
        }
    }

    fn rounded(parameters: &Parameters, zone: Option<&str>) -> Vec<f64> {
        prices(parameters, &persona(zone)).iter().map(|price| (price.per_hour * 1e6).round() / 1e6).collect()
    }

    #[test]
    fn a_price_follows_from_the_allocation() {
        assert_eq!(rounded(&Parameters::default(), None), [0.02, 0.07, 0.11]);
    }

    #[test]
    fn a_zone_has_a_factor_where_it_is_named() {
        let parameters = Parameters { zone_prices: [("b".to_owned(), 0.5)].into(), ..Parameters::default() };
        assert_eq!(rounded(&parameters, Some("b")), [0.01, 0.035, 0.055]);
        assert_eq!(rounded(&parameters, Some("c")), [0.02, 0.07, 0.11]);
        assert_eq!(rounded(&parameters, None), [0.02, 0.07, 0.11]);
    }
}

//! What it costs to hold one instance, from its allocation.

use crate::parameters::Parameters;
use forewarm_sdk::words::Price;
use forewarm_sdk::{Allocation, Tier};

/// The price per hour in each tier. Storage costs the same in all of them; processor and memory count in full when
/// warm, by the parameters' shares otherwise.
#[must_use]
pub fn prices(parameters: &Parameters, allocation: &Allocation) -> Vec<Price> {
    let running = f64::from(allocation.cpu_millis) / 1_000.0 * parameters.cpu_hour
        + f64::from(allocation.memory_mib) / 1_024.0 * parameters.gib_hour;
    let storage = f64::from(allocation.storage_gib) * parameters.storage_gib_hour;
    [(Tier::Parked, parameters.parked_share), (Tier::Shell, parameters.shell_share), (Tier::Warm, 1.0)]
        .map(|(tier, share)| Price { tier, per_hour: running * share + storage })
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_follows_from_the_allocation() {
        let allocation = Allocation { cpu_millis: 2_000, memory_mib: 4_096, storage_gib: 100, network_mbps: 0 };
        let got: Vec<f64> = prices(&Parameters::default(), &allocation)
            .iter()
            .map(|price| (price.per_hour * 1e6).round() / 1e6)
            .collect();
        assert_eq!(got, [0.02, 0.07, 0.11]);
    }
}

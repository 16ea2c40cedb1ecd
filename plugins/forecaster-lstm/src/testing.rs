//! Small weights for tests: untrained, and different for every seed.

use candle_core::{Device, Tensor};

use crate::fan::LEVELS;
use crate::shape::Shape;
use crate::weights::{Card, DataCard, FORMAT, Weights};

pub(crate) const SHAPE: Shape = Shape { patch: 4, patches: 3, horizon: 8, hidden: 2 };

pub(crate) fn weights(seeds: &[u64]) -> Weights {
    let tensor = |seed: u64, (rows, columns): (usize, usize)| {
        let value = |at: usize| ((at as f32 + 1.0) * 1.3 + seed as f32).sin() * 0.3;
        Tensor::from_vec((0..rows * columns).map(value).collect::<Vec<_>>(), (rows, columns), &Device::Cpu)
            .expect("a tensor")
    };
    let tensors = |seed: &u64| SHAPE.tensors().map(|size| tensor(*seed, size));
    Weights::new(card(seeds), seeds.iter().map(tensors).collect())
}

pub(crate) fn card(seeds: &[u64]) -> Card {
    Card {
        format: FORMAT,
        shape: SHAPE,
        levels: LEVELS.to_vec(),
        scale: "each window by its own".to_owned(),
        data: DataCard {
            source: "none".to_owned(),
            series: 1,
            values: 2,
            range: (0.0, 1.0),
            season: 4,
            digest: "00".to_owned(),
        },
        begun_from: None,
        seeds: seeds.to_vec(),
        date: None,
        hold_out: None,
    }
}

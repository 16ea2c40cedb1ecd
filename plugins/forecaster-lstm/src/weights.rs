//! The file of weights: the networks of an ensemble as safetensors, and a card that says what they were made from.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use forewarm_sdk::Error;
use safetensors::{SafeTensors, tensor::Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::fan::{COUNT, LEVELS, MIDDLE};
use crate::network::{Batch, Network};
use crate::shape::{Shape, TENSORS};
use crate::window::Window;

/// The version of the form that is written and read here.
pub const FORMAT: u32 = 2;
/// The most bytes of a file: it lies in the plugin's memory twice while it is read.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most networks of a file.
pub const MEMBERS_MAX: usize = 32;
/// The metadata key of the card: one key alone, because the format keeps no order of keys.
const CARD: &str = "card";
/// The largest patch, number of patches, horizon and number of hidden units.
const SIZES_MAX: Shape = Shape { patch: 168, patches: 64, horizon: 336, hidden: 512 };

/// What the networks were made from, and how well they did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// [`FORMAT`].
    pub format: u32,
    /// The sizes of each network.
    pub shape: Shape,
    /// The levels that they were trained on, those of [`LEVELS`].
    pub levels: Vec<f64>,
    /// How values are scaled: by each window's own mean and mean deviation.
    pub scale: String,
    /// The data that they were trained on.
    pub data: DataCard,
    /// The weights that training went on from, in words; absent where it began with random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_from: Option<String>,
    /// One seed per network.
    pub seeds: Vec<u64>,
    /// When they were trained, in RFC 3339; absent where whoever trained them did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// How well they did on values that they were not trained on; absent where none were held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<HoldOut>,
}

/// The data that networks were trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataCard {
    /// Where it came from, in words.
    pub source: String,
    /// How many series there were.
    pub series: usize,
    /// How many values of them were there, what was held out not counted.
    pub values: usize,
    /// The smallest and the largest of these values.
    pub range: (f64, f64),
    /// The steps of a season in the series.
    pub season: usize,
    /// SHA-256 over the values of all series in order, NaN where missing, as 64-bit little-endian numbers; hexadecimal.
    pub digest: String,
}

/// Scores on the values at the end of every series that were held out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HoldOut {
    /// How many values of each series were held out.
    pub values: usize,
    /// How many forecasts were scored.
    pub forecasts: usize,
    /// Of the networks.
    pub scores: Scores,
    /// Of the value one season before, with normal quantiles.
    pub seasonal_naive: Scores,
}

/// Means over the forecasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean absolute error of the median in units of the in-sample error of the seasonal naive forecast.
    pub mase: f64,
    /// Twice the mean pinball loss over the deciles in the same units.
    pub sql: f64,
    /// Twice the summed pinball loss over the deciles by the sum of absolute values, averaged over the deciles.
    pub wql: f64,
    /// The share of values within the 5% and the 95% quantile.
    pub cov90: f64,
}

/// Networks of one shape whose quantiles are averaged, and their card.
#[derive(Debug, Clone)]
pub struct Weights {
    /// What they were made from.
    pub card: Card,
    networks: Vec<Network>,
    tensors: Vec<[Tensor; TENSORS.len()]>,
}

impl Weights {
    /// Puts networks together; their tensors are those of the card's shape.
    #[must_use]
    pub fn new(card: Card, tensors: Vec<[Tensor; TENSORS.len()]>) -> Self {
        let networks = tensors.iter().map(|tensors| Network::new(card.shape, tensors.clone())).collect();
        Self { card, networks, tensors }
    }

    /// The tensors of each network, in the order of [`TENSORS`].
    #[must_use]
    pub fn tensors(&self) -> &[[Tensor; TENSORS.len()]] {
        &self.tensors
    }

    /// Gives the mean quantiles of a window in its own units: per step ahead one value per level of [`LEVELS`].
    ///
    /// # Errors
    /// [`Error::Other`] when the window is of another shape.
    pub fn predict(&self, window: &Window) -> Result<Vec<[f64; COUNT]>, Error> {
        let horizon = self.card.shape.horizon;
        let failed = |error: candle_core::Error| Error::other(format!("the network could not be run: {error}"));
        let batch = Batch::new(&[window], &self.card.shape).map_err(failed)?;
        let mut fans = vec![[0.0; COUNT]; horizon];
        for network in &self.networks {
            let quantiles = network.forward(&batch).and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
            for (sum, quantile) in fans.iter_mut().flatten().zip(quantiles.map_err(failed)?) {
                *sum += f64::from(quantile);
            }
        }
        let share = 1.0 / self.networks.len() as f64;
        fans.iter_mut().flatten().for_each(|value| *value *= share);
        Ok(fans)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Other`] when a tensor or the card can't be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let failed = |what: &str| Error::other(format!("the weights could not be written: {what}"));
        let card = serde_json::to_string(&self.card).map_err(|error| failed(&error.to_string()))?;
        let mut data = Vec::new();
        for (member, tensors) in self.tensors.iter().enumerate() {
            for (tensor, name) in tensors.iter().zip(TENSORS) {
                let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
                let values = values.map_err(|error| failed(&error.to_string()))?;
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                data.push((tensor_name(member, name), tensor.dims().to_vec(), bytes));
            }
        }
        let views: Result<Vec<_>, _> = data
            .iter()
            .map(|(name, dims, bytes)| Ok((name, TensorView::new(Dtype::F32, dims.clone(), bytes)?)))
            .collect();
        views
            .and_then(|views| safetensors::serialize(views, Some(HashMap::from([(CARD.to_owned(), card)]))))
            .map_err(|error: safetensors::SafeTensorError| failed(&error.to_string()))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming the part that is not as it should be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_MAX {
            return Err(wrong(&format!("the file has {} bytes; {BYTES_MAX} are the most", bytes.len())));
        }
        let card = read_card(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(&error.to_string()))?;
        let members = card.seeds.len();
        if file.len() != members * TENSORS.len() {
            return Err(wrong(&format!(
                "{members} networks have {} tensors, got {}",
                members * TENSORS.len(),
                file.len()
            )));
        }
        let tensors: Result<Vec<_>, Error> =
            (0..members).map(|member| read_member(&file, member, &card.shape)).collect();
        Ok(Self::new(card, tensors?))
    }
}

fn wrong(what: &str) -> Error {
    Error::invalid_input(format!("the weights are not a file of `forewarm train`: {what}"))
}

fn tensor_name(member: usize, name: &str) -> String {
    format!("member.{member}.{name}")
}

fn read_card(bytes: &[u8]) -> Result<Card, Error> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| wrong(&error.to_string()))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(CARD));
    let text = text.ok_or_else(|| wrong("its metadata has no key `card`"))?;
    let card: Card = serde_json::from_str(text).map_err(|error| wrong(&format!("its card: {error}")))?;
    let sizes = |shape: &Shape| [shape.patch, shape.patches, shape.horizon, shape.hidden];
    if card.format != FORMAT {
        return Err(wrong(&format!("its format is {}, this plugin reads {FORMAT}: train anew", card.format)));
    }
    if sizes(&card.shape).iter().zip(sizes(&SIZES_MAX)).any(|(size, most)| !(1..=most).contains(size)) {
        return Err(wrong(&format!("its card: sizes are 1 to {SIZES_MAX:?}, got {:?}", card.shape)));
    }
    if card.levels != LEVELS || card.levels[MIDDLE] != 0.5 {
        return Err(wrong(&format!("its card: levels must be {LEVELS:?}, got {:?}", card.levels)));
    }
    if !(1..=MEMBERS_MAX).contains(&card.seeds.len()) {
        return Err(wrong(&format!("its card: there are 1 to {MEMBERS_MAX} seeds, got {}", card.seeds.len())));
    }
    Ok(card)
}

fn read_member(file: &SafeTensors<'_>, member: usize, shape: &Shape) -> Result<[Tensor; TENSORS.len()], Error> {
    let read = |(name, size): (&str, (usize, usize))| read_tensor(file, &tensor_name(member, name), size);
    let tensors: Vec<Tensor> = TENSORS.into_iter().zip(shape.tensors()).map(read).collect::<Result<_, _>>()?;
    tensors.try_into().map_err(|_| wrong("its networks have another number of tensors"))
}

fn read_tensor(file: &SafeTensors<'_>, name: &str, (rows, columns): (usize, usize)) -> Result<Tensor, Error> {
    let view = file.tensor(name).map_err(|error| wrong(&format!("{name}: {error}")))?;
    let dims = [rows, columns];
    if view.shape() != dims {
        return Err(wrong(&format!("{name}: its shape is {:?}, the card's gives {dims:?}", view.shape())));
    }
    if view.dtype() != Dtype::F32 {
        return Err(wrong(&format!("{name}: values are F32, got {:?}", view.dtype())));
    }
    let values: Vec<f32> = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(wrong(&format!("{name}: value {at} is not finite")));
    }
    Tensor::from_vec(values, &dims, &Device::Cpu).map_err(|error| wrong(&format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{card, weights};

    fn window() -> Window {
        let series: Vec<f64> = (0..12).map(|step| f64::from(step % 4 * step)).collect();
        Window::new(&series, &crate::testing::SHAPE).expect("it moves")
    }

    #[test]
    fn a_file_gives_the_weights_back_and_is_always_the_same() {
        let weights = weights(&[1, 2]);
        let bytes = weights.to_bytes().expect("written");
        let read = Weights::from_bytes(&bytes).expect("read");
        assert_eq!((&read.card, read.predict(&window())), (&weights.card, weights.predict(&window())));
        assert_eq!(read.to_bytes(), Ok(bytes));
    }

    #[test]
    fn networks_are_averaged() {
        let fans = |seeds: &[u64]| weights(seeds).predict(&window()).expect("a fan");
        let (both, one, other) = (fans(&[1, 2]), fans(&[1]), fans(&[2]));
        for (mean, (a, b)) in both.iter().flatten().zip(one.iter().flatten().zip(other.iter().flatten())) {
            assert!((mean - (a + b) / 2.0).abs() < 1e-6);
        }
        assert_ne!(one, other);
    }

    fn refused(bytes: &[u8], part: &str) {
        match Weights::from_bytes(bytes) {
            Err(Error::InvalidInput(text)) => assert!(text.contains(part), "{part}: {text}"),
            other => panic!("{part}: {:?}", other.map(|weights| weights.card)),
        }
    }

    #[test]
    fn what_is_no_file_of_weights_is_refused_with_its_part() {
        let bytes = weights(&[1]).to_bytes().expect("written");
        refused(b"", "not a file of `forewarm train`");
        refused(&vec![b'x'; 5_000], "not a file of `forewarm train`");
        refused(&bytes[..bytes.len() - 1], "not a file of `forewarm train`");
        refused(&vec![0; BYTES_MAX + 1], "are the most");
        let mut broken = bytes.clone();
        let end = broken.len();
        broken[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        refused(&broken, "is not finite");
        let with = |change: &dyn Fn(&mut Card)| {
            let mut changed = weights(&[1]);
            change(&mut changed.card);
            changed.to_bytes().expect("written")
        };
        refused(&with(&|card| card.format = 1), "its format is 1, this plugin reads 2: train anew");
        refused(&with(&|card| card.shape.hidden = 5), "its shape is");
        refused(&with(&|card| card.shape.patch = usize::MAX), "sizes are");
        refused(&with(&|card| card.levels = vec![0.5]), "levels must be");
        refused(&with(&|card| card.seeds = vec![]), "1 to 32 seeds");
        refused(&with(&|card| card.seeds = vec![1, 2]), "have 12 tensors, got 6");
    }

    #[test]
    fn a_file_without_a_card_is_refused() {
        let view = TensorView::new(Dtype::F32, vec![1], &[0, 0, 0, 0]).expect("a view");
        refused(&safetensors::serialize([("x", view)], None).expect("written"), "no key `card`");
        assert_eq!(serde_json::to_string(&card(&[1])).map(|text| text.contains("date")).ok(), Some(false));
    }
}

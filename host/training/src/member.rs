//! The training of one network, epoch by epoch.

use candle_core::{Device, Tensor, Var};
use forecaster_lstm::network::Network;
use forecaster_lstm::shape::{Shape, TENSORS};
use forecaster_lstm::weights::Weights;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::initial;
use crate::loss::Pinball;
use crate::optimizer::{Optimizer, Values};
use crate::sample::{Sample, Sampler, tensors};
use crate::train::{Epoch, Watch};
use crate::{TrainingError, TrainingSettings};

/// Windows of the validation that are looked at together.
const VALIDATED_AT_ONCE: usize = 256;

/// The learning rate of a network that goes on from another one, as a share of that of a new one.
const GOES_ON: f64 = 0.3;

/// A network on its way; all that is needed to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    optimizer: Optimizer,
    /// Epochs done.
    epoch: usize,
    best: Values,
    best_loss: f64,
    best_epoch: usize,
    stopped: bool,
}

/// What trains one network.
pub(crate) struct Member<'a> {
    pub(crate) number: usize,
    pub(crate) seed: u64,
    pub(crate) settings: &'a TrainingSettings,
    /// The weights that it goes on from.
    pub(crate) own: Option<&'a Weights>,
    pub(crate) sampler: Sampler<'a>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) watch: &'a dyn Watch,
}

impl Member<'_> {
    /// Trains to the end, from the last checkpoint on, and gives the best weights.
    pub(crate) fn train(&self) -> Result<[Tensor; TENSORS.len()], TrainingError> {
        let shape = self.settings.shape();
        let resumed = self.checkpoint.as_ref().map_or(Ok(None), Checkpoint::read)?;
        let mut state = match resumed {
            Some(state) => state,
            None => State::new(initial::weights(self.own, &shape, self.number, self.seed)?),
        };
        let validation = self.sampler.validation();
        while state.epoch < self.settings.epochs && !state.stopped {
            self.epoch(&mut state, &validation)?;
            if let Some(checkpoint) = &self.checkpoint {
                checkpoint.write(&state)?;
            }
        }
        Ok(variables(&state.best, &shape)?.map(Var::into_inner))
    }

    fn epoch(&self, state: &mut State, validation: &[Sample]) -> Result<(), TrainingError> {
        let (settings, shape) = (self.settings, self.settings.shape());
        let steps = settings.epochs * settings.batches;
        let rate = settings.learning_rate * if self.own.is_some() { GOES_ON } else { 1.0 };
        let mut training_loss = 0.0;
        for _ in 0..settings.batches {
            if self.watch.is_stopped() {
                return Err(TrainingError::Stopped);
            }
            let samples = self.sampler.draw(state.optimizer.step, settings.batch);
            let (loss, gradient) = gradient(&state.optimizer.current, &samples, &shape)?;
            training_loss += loss / settings.batches as f64;
            state.optimizer.descend(&gradient, steps, rate, settings.decay);
        }
        state.epoch += 1;
        // Without a validation the last weights are the best ones.
        let loss = if validation.is_empty() { None } else { Some(loss(&state.optimizer.average, validation, &shape)?) };
        state.note(loss, settings.patience);
        self.watch.epoch(&Epoch {
            member: self.number,
            epoch: state.epoch,
            epochs: settings.epochs,
            training_loss,
            validation_loss: loss,
            stopped_early: state.stopped,
        });
        Ok(())
    }
}

impl State {
    fn new(initial: Values) -> Self {
        let optimizer = Optimizer::new(initial);
        let best = optimizer.average.clone();
        Self { optimizer, epoch: 0, best, best_loss: f64::INFINITY, best_epoch: 0, stopped: false }
    }

    fn note(&mut self, loss: Option<f64>, patience: usize) {
        if loss.is_none_or(|loss| loss < self.best_loss) {
            self.best.clone_from(&self.optimizer.average);
            self.best_loss = loss.unwrap_or(self.best_loss);
            self.best_epoch = self.epoch;
        }
        self.stopped = self.epoch - self.best_epoch >= patience;
    }
}

fn variables(values: &Values, shape: &Shape) -> candle_core::Result<[Var; TENSORS.len()]> {
    let variable = |(values, dims): (&Vec<f32>, (usize, usize))| Var::from_slice(values, dims, &Device::Cpu);
    let all = values.iter().zip(shape.tensors()).map(variable).collect::<candle_core::Result<Vec<Var>>>()?;
    all.try_into().map_err(|_| candle_core::Error::msg("a network has one variable per tensor"))
}

/// The loss of samples, and its gradient by each weight.
fn gradient(values: &Values, samples: &[Sample], shape: &Shape) -> candle_core::Result<(f64, Values)> {
    let variables = variables(values, shape)?;
    let network = Network::new(*shape, variables.each_ref().map(|variable| variable.as_tensor().clone()));
    let (batch, targets) = tensors(samples, shape)?;
    let loss = network.forward(&batch)?.apply_op2(&targets, Pinball)?;
    let slopes = loss.backward()?;
    let mut gradient = Values::default();
    for (variable, gradient) in variables.iter().zip(&mut gradient) {
        *gradient = match slopes.get(variable) {
            Some(slope) => slope.flatten_all()?.to_vec1()?,
            None => vec![0.0; variable.elem_count()],
        };
    }
    Ok((f64::from(loss.to_scalar::<f32>()?), gradient))
}

fn loss(values: &Values, samples: &[Sample], shape: &Shape) -> candle_core::Result<f64> {
    let network = Network::new(*shape, variables(values, shape)?.map(|variable| variable.as_detached_tensor()));
    let mut sum = 0.0;
    for part in samples.chunks(VALIDATED_AT_ONCE) {
        let (batch, targets) = tensors(part, shape)?;
        let loss = network.forward(&batch)?.apply_op2(&targets, Pinball)?.to_scalar::<f32>()?;
        sum += f64::from(loss) * part.len() as f64;
    }
    Ok(sum / samples.len() as f64)
}

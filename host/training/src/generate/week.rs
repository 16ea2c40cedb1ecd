//! Loads with a day and a week.

use rand::RngExt;
use rand::rngs::StdRng;

use super::DAY;
use super::chance::{Noise, log_uniform, normal, percent};
use super::shapes::{self, Shape};

/// The days of a week, with the kinds of days that may take their place.
struct Days {
    shapes: Vec<Shape>,
    /// What all days turn into by and by, as a summer's do into a winter's.
    later: Shape,
    offsets: Vec<f64>,
    /// The kind of each day of the week: working days, weekends.
    kinds: [usize; 7],
    /// How often a day is of another kind than its place in the week says.
    odd: f64,
    /// Each day of the week as a deviation of its kind.
    own: [Shape; 7],
}

impl Days {
    fn draw(random: &mut StdRng) -> Self {
        let working = shapes::draw(random);
        let share = random.random_range(0.0..1.2);
        let free = if percent(random, 25.0) { shapes::draw(random) } else { shapes::near(random, &working, share) };
        let calm = random.random_range(0.1..1.1);
        let kinds = match random.random_range(0..100) {
            0..30 => [0; 7],
            30..75 => [0, 0, 0, 0, 0, 1, 1],
            75..85 => [0, 0, 0, 0, 0, 0, 1],
            85..93 => [0, 0, 0, 0, 0, 1, 2],
            _ => std::array::from_fn(|_| random.random_range(0..3)),
        };
        let odd = match random.random_range(0..100) {
            0..65 => 0.0,
            65..90 => random.random_range(0.01..0.08),
            _ => random.random_range(0.1..0.6),
        };
        let differ = if percent(random, 50.0) { 0.0 } else { log_uniform(random, 0.01, 0.5) };
        let offset = random.random_range(-2.0..0.5);
        let turned = if percent(random, 40.0) { log_uniform(random, 0.02, 1.0) } else { 0.0 };
        Self {
            shapes: vec![working, free.map(|value| value * calm), shapes::near(random, &working, 0.7)],
            later: shapes::near(random, &working, turned),
            offsets: vec![0.0, offset, offset * random.random_range(0.0..1.5)],
            kinds,
            odd,
            own: std::array::from_fn(|_| {
                let offset = normal(random);
                shapes::near(random, &[offset; DAY], 1.0).map(|value| value * differ)
            }),
        }
    }

    fn kind(&self, random: &mut StdRng, day: usize) -> usize {
        if random.random_bool(self.odd) { random.random_range(0..self.shapes.len()) } else { self.kinds[day % 7] }
    }

    fn at(&self, kind: usize, day: usize, hour: usize, share: f64) -> f64 {
        let turned = share * (self.later[hour] - self.shapes[0][hour]);
        self.shapes[kind][hour] + turned + self.offsets[kind] + self.own[day % 7][hour]
    }
}

/// What changes from day to day, smoothly: a number with a memory of days, on the line between two midnights. In some
/// series it goes on in its direction for days.
struct Wander {
    size: f64,
    noise: Noise,
    momentum: f64,
    from: f64,
    to: f64,
}

impl Wander {
    fn draw(random: &mut StdRng, share: f64, low: f64, high: f64) -> Self {
        let size = if percent(random, share) { log_uniform(random, low, high) } else { 0.0 };
        let memory = random.random_range(0.0..0.97);
        let noise = Noise::new(random, memory);
        let momentum = if percent(random, 50.0) { random.random_range(0.5..0.95) } else { 0.0 };
        Self { size, noise, momentum, from: 0.0, to: 0.0 }
    }

    fn next_day(&mut self, random: &mut StdRng) {
        let next = self.momentum * self.to + (1.0 - self.momentum) * self.size * self.noise.next(random);
        (self.from, self.to) = (self.to, next);
    }

    fn at(&self, hour: usize) -> f64 {
        self.from + (self.to - self.from) * hour as f64 / DAY as f64
    }
}

/// Draws a load around 1: a day and a week, of a level that wanders, with noise from nearly nothing to more than the day.
pub(super) fn draw(random: &mut StdRng, length: usize) -> Vec<f64> {
    let days = Days::draw(random);
    let season = log_uniform(random, 0.02, 0.8);
    let rest = season * log_uniform(random, 0.003, 3.0);
    let (mut noise, mut level) = (Noise::draw(random), Wander::draw(random, 70.0, 0.02, 1.5));
    let (mut height, mut bend) = (Wander::draw(random, 60.0, 0.01, 0.5), Wander::draw(random, 15.0, 0.02, 1.0));
    let bends = shapes::draw(random);
    let hourly = if percent(random, 25.0) { rest * log_uniform(random, 0.02, 0.3) } else { 0.0 };
    let trend = if percent(random, 30.0) { season * random.random_range(-2.0..2.0) } else { 0.0 };
    let grows = random.random_bool(0.4);
    let by_load = if percent(random, 50.0) { random.random_range(0.0..1.0) } else { 0.0 };
    let (start, mut kind, mut walk) = (random.random_range(0..7 * DAY), 0, 0.0);
    (0..length)
        .map(|step| {
            let (day, hour) = ((start + step) / DAY, (start + step) % DAY);
            if step == 0 || hour == 0 {
                kind = days.kind(random, day);
                for wander in [&mut level, &mut height, &mut bend] {
                    wander.next_day(random);
                }
            }
            walk += hourly * normal(random);
            let share = step as f64 / length as f64;
            let shape = days.at(kind, day, hour, share);
            let whole = shape * (1.0 + height.at(hour)).max(0.0) + level.at(hour) + bend.at(hour) * bends[hour];
            let regular = season * whole + walk + trend * share;
            let uneven = (1.0 + by_load * shape).max(0.1);
            let value = regular + rest * uneven * noise.next(random);
            (if grows { value.exp() } else { 1.0 + value }).clamp(0.0, 1e3)
        })
        .collect()
}

//! The simplex search of Nelder and Mead (1965) with a bound on evaluations: for the few smoothing parameters of a
//! forecaster, where a derivative costs more than it saves.

/// The least of what was tried, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The arguments.
    pub at: Vec<f64>,
    /// The value there.
    pub value: f64,
}

/// Searches for the least value of `f` from `start`, with first steps of `steps`, until `evaluations` are spent or the
/// simplex's values differ by less than `tolerance` of the best one. Arguments are held within `bounds`; a value that is
/// no number counts as infinitely bad. The same input gives the same answer.
pub fn minimise(
    start: &[f64],
    steps: &[f64],
    bounds: &[(f64, f64)],
    evaluations: usize,
    tolerance: f64,
    mut f: impl FnMut(&[f64]) -> f64,
) -> Found {
    let mut spent = 0;
    let mut evaluate = |mut at: Vec<f64>| {
        for (x, (low, high)) in at.iter_mut().zip(bounds) {
            *x = x.clamp(*low, *high);
        }
        spent += 1;
        let value = f(&at);
        (Found { value: if value.is_nan() { f64::INFINITY } else { value }, at }, spent)
    };
    let mut simplex = vec![evaluate(start.to_vec()).0];
    for (axis, step) in steps.iter().enumerate().take(start.len()) {
        let mut at = simplex[0].at.clone();
        let (low, high) = bounds.get(axis).copied().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        // A step over the bound would give a flat simplex: it goes the other way.
        at[axis] += if at[axis] + step > high || at[axis] + step < low { -step } else { *step };
        simplex.push(evaluate(at).0);
    }
    let last = simplex.len() - 1;
    loop {
        simplex.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (best, worst) = (simplex[0].value, simplex[last].value);
        if last == 0 || (worst - best).abs() <= tolerance * best.abs() {
            break;
        }
        let middle = centre(&simplex[..last]);
        let (reflected, used) = evaluate(along(&middle, &simplex[last].at, -1.0));
        if used >= evaluations {
            simplex.push(reflected);
            break;
        }
        if reflected.value < simplex[last - 1].value && reflected.value >= best {
            simplex[last] = reflected;
            continue;
        }
        if reflected.value < best {
            let expanded = evaluate(along(&middle, &simplex[last].at, -2.0)).0;
            simplex[last] = if expanded.value < reflected.value { expanded } else { reflected };
            continue;
        }
        let outside = reflected.value < worst;
        let contracted = evaluate(along(&middle, &simplex[last].at, if outside { -0.5 } else { 0.5 })).0;
        if contracted.value < worst.min(reflected.value) {
            simplex[last] = contracted;
            continue;
        }
        let anchor = simplex[0].at.clone();
        for corner in &mut simplex[1..] {
            *corner = evaluate(along(&anchor, &corner.at, 0.5)).0;
        }
    }
    simplex
        .into_iter()
        .min_by(|a, b| a.value.total_cmp(&b.value))
        .unwrap_or(Found { at: start.to_vec(), value: f64::INFINITY })
}

fn centre(corners: &[Found]) -> Vec<f64> {
    let axes = corners.first().map_or(0, |corner| corner.at.len());
    let mean = |axis: usize| corners.iter().map(|corner| corner.at[axis]).sum::<f64>() / corners.len() as f64;
    (0..axes).map(mean).collect()
}

/// The point that lies `share` of the way from `from` to `to`.
fn along(from: &[f64], to: &[f64], share: f64) -> Vec<f64> {
    from.iter().zip(to).map(|(from, to)| from + share * (to - from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: [(f64, f64); 2] = [(-5.0, 5.0); 2];

    fn rosenbrock(at: &[f64]) -> f64 {
        (1.0 - at[0]).powi(2) + 100.0 * (at[1] - at[0] * at[0]).powi(2)
    }

    #[test]
    fn the_bottom_of_a_curved_valley_is_found() {
        let found = minimise(&[-1.2, 1.0], &[0.5, 0.5], &WIDE, 1_000, 1e-12, rosenbrock);
        assert!((found.at[0] - 1.0).abs() < 1e-4 && (found.at[1] - 1.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn bounds_and_the_budget_are_kept() {
        let mut spent = 0;
        let found = minimise(&[0.9, 0.5], &[0.3, 0.3], &[(0.0, 1.0), (0.2, 1.0)], 60, 0.0, |at| {
            spent += 1;
            assert!((0.0..=1.0).contains(&at[0]) && (0.2..=1.0).contains(&at[1]), "{at:?}");
            at[0] + at[1]
        });
        assert!(spent <= 64, "{spent}");
        assert!(found.value < 0.21, "{found:?}");
    }

    #[test]
    fn what_is_no_number_is_never_the_answer() {
        let hole = |at: &[f64]| if at[0] < 1.0 { f64::NAN } else { at[0] };
        assert!(minimise(&[2.0], &[0.5], &[(-5.0, 5.0)], 100, 1e-9, hole).value >= 1.0);
        assert_eq!(minimise(&[], &[], &[], 10, 1e-9, |_| 7.0).value, 7.0);
    }
}

//! The page of a simulated market: one file that needs nothing but itself. First what lending would have brought, in plain
//! words; then where the idle capacity went, prices and leases over time, what became of the orders, and each series.

mod plot;

use crate::cli::simulate::html::{PLOT_LICENCE, PLOT_SCRIPT, PLOT_STYLE, STYLE, escape, number, percent};
use forewarm_market_simulator::report::{Report, Totals};
use std::fmt::Write;

const OWN_STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

pub(super) fn page(report: &Report, forecaster: &str) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>forewarm market simulation</title><style>{PLOT_STYLE}\n{STYLE}\n{OWN_STYLE}</style></head><body><main>"
    );
    page.push_str(&summary(report));
    page.push_str(&idle(report));
    page.push_str(&plot::section(report));
    page.push_str(&orders(&report.totals));
    page.push_str(&series(report));
    page.push_str(&method(report, forecaster));
    let _ = write!(
        page,
        "</main><script type=\"application/json\" id=\"data\">{}</script><script>/* uPlot\n{}*/\n{PLOT_SCRIPT}</script><script>{SCRIPT}</script></body></html>\n",
        plot::data(report),
        PLOT_LICENCE.replace("*/", ""),
    );
    page
}

/// The lines for whoever reads no further.
fn summary(report: &Report) -> String {
    let (totals, setting) = (&report.totals, &report.setting);
    let days = report.series.values().map(|series| series.windows.len() * setting.window_steps).max().unwrap_or(0);
    let mut text = format!(
        "<header><p class=\"kicker\">forewarm market simulation</p><h1>Lending what stood idle would have earned its owners <em class=\"good\">{} credits</em> \
         and put <em class=\"good\">{}</em> of it to use</h1><p class=\"lead\"><b>{}</b>, {} days of real demand, {} made-up tenants that bid every {} minutes.</p><div class=\"cards\">",
        number(totals.revenue),
        percent(totals.utilisation),
        match report.series.len() {
            1 => report.series.keys().next().map(|name| escape(name)).unwrap_or_default(),
            many => format!("{many} series"),
        },
        number(days as f64 / 1_440.0),
        count(setting.tenants as u64),
        setting.window_steps,
    );
    let mut card = |figure: String, what: &str, beside: String| {
        let _ = write!(text, "<div class=\"card\"><b>{figure}</b><span>{what}</span><small>{beside}</small></div>");
    };
    let cost = totals.idle / 60.0 * setting.carrying_cost;
    card(
        percent(totals.revenue / cost.max(1e-9)),
        "of what the idle instances cost came back",
        format!("{} credits for {} idle instance-hours", number(totals.revenue), number(totals.idle / 60.0)),
    );
    card(
        percent(totals.reclaim_rate),
        "of reclaimable leases were called back",
        totals.notice_kept.map_or_else(
            || "no notice had to be given".to_owned(),
            |kept| format!("{} had their whole notice of {} minutes", percent(kept), setting.notice_steps),
        ),
    );
    card(
        format!("{} h", number(totals.missed / 60.0)),
        "instance-hours that owners missed for having lent",
        format!(
            "{:.2}% of what was lent; worth {} credits, at {} times an idle one",
            100.0 * totals.missed / totals.used.max(1.0),
            number(totals.missed / 60.0 * setting.shortage_ratio * setting.carrying_cost),
            number(setting.shortage_ratio),
        ),
    );
    card(
        format!("{:.1}%", 100.0 * totals.welfare_share),
        "of the best possible trade, or more",
        "worth to buyers over cost to owners, against an optimum without minimum fills".to_owned(),
    );
    text + "</div></header>"
}

/// What became of the capacity that owners did not need, a bar each series.
fn idle(report: &Report) -> String {
    let mut text = String::from(
        "<section><h2>Where the idle capacity went</h2><p>All instance-hours that the owners did not need themselves. They list what their forecast \
         is sure to spare; the rest they keep, in case it is wrong.</p>\
         <p class=\"key\"><span class=\"used\">leased</span><span class=\"unsold\">listed, no buyer at that price</span><span class=\"kept\">kept back</span></p><div class=\"bars\">",
    );
    let mut bar = |name: &str, beside: String, totals: &Totals| {
        let whole = totals.idle.max(1.0);
        let used = totals.used / whole;
        let listed = (totals.listed.iter().sum::<f64>() / whole).clamp(used, 1.0);
        let _ = write!(
            text,
            "<div class=\"bar\"><div class=\"who\"><b>{}</b><small>{beside}</small></div><div class=\"track\">",
            escape(name)
        );
        for (class, share) in [("used", used), ("unsold", listed - used), ("kept", 1.0 - listed)] {
            let _ = write!(
                text,
                "<i class=\"{class}\" style=\"width:{:.2}%\" title=\"{class}: {}\"></i>",
                100.0 * share,
                percent(share)
            );
        }
        let _ = write!(text, "<span>{} of {} h leased</span></div></div>", percent(used), number(whole / 60.0));
    };
    for (name, series) in &report.series {
        let earned = format!("{} credits earned", number(series.totals.revenue));
        bar(name, format!("fleet of {}, {earned}", count(series.fleet.into())), &series.totals);
    }
    text + "</div></section>"
}

/// What became of the orders, the most frequent first.
fn orders(totals: &Totals) -> String {
    let all: u64 = totals.orders.values().sum();
    let mut endings: Vec<_> = totals.orders.iter().collect();
    endings.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut text = format!(
        "<section><h2>What became of {} orders</h2><p>Every order ends with one reason, as tenants see it.</p><div class=\"bars\">",
        count(all)
    );
    let most = endings.first().map_or(1.0, |(_, most)| (**most).max(1) as f64);
    for (ending, times) in endings {
        let (words, meaning) = words(ending);
        let _ = write!(
            text,
            "<div class=\"bar\"><div class=\"who\"><b>{words}</b><small>{meaning}</small></div><div class=\"track\"><i class=\"{}\" style=\"width:{:.2}%\"></i>\
             <span>{} ({})</span></div></div>",
            if matches!(*ending, "filled" | "partly_filled") { "used" } else { "unsold" },
            100.0 * *times as f64 / most,
            count(*times),
            percent(*times as f64 / all.max(1) as f64)
        );
    }
    text + "</div></section>"
}

/// A reason in words, and what it means.
fn words(ending: &str) -> (&str, &str) {
    match ending {
        "filled" => ("filled", "all that was wanted"),
        "partly_filled" => ("partly filled", "stood at the price, where supply ended"),
        "below_price" => ("below the price", "others paid more"),
        "lost_tie" => ("lost a tie", "stood at the price, the lot went to others"),
        "paradoxically_rejected" => ("minimum not met", "would have paid, but less than its minimum was left"),
        "no_match" => ("no match", "nothing traded in that round"),
        "budget_hold" => ("over budget", "the tenant's budget did not cover it"),
        "self_trade" => ("own capacity", "nobody buys from itself"),
        other => (other, ""),
    }
}

fn series(report: &Report) -> String {
    let mut text = String::from(
        "<section><h2>Series by series</h2><div class=\"wide\"><table><tr><th>series</th><th>fleet</th><th>tenants</th><th>idle h</th><th>leased</th>\
         <th>revenue</th><th>per idle h</th><th>firm price</th><th>reclaimable price</th><th>called back</th><th>missed h</th><th>welfare, at least</th></tr>",
    );
    let price = |price: Option<f64>| price.map_or_else(|| "-".to_owned(), |price| format!("{price:.2}"));
    let mut row = |name: &str, fleet: u64, tenants: usize, totals: &Totals| {
        let _ = write!(
            text,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2}%</td></tr>",
            escape(name),
            count(fleet),
            count(tenants as u64),
            number(totals.idle / 60.0),
            percent(totals.utilisation),
            number(totals.revenue),
            totals.revenue_per_idle_hour,
            price(totals.mean_price[0]),
            price(totals.mean_price[1]),
            percent(totals.reclaim_rate),
            number(totals.missed / 60.0),
            100.0 * totals.welfare_share,
        );
    };
    for (name, series) in &report.series {
        row(name, series.fleet.into(), series.tenants, &series.totals);
    }
    let fleet = report.series.values().map(|series| u64::from(series.fleet)).sum();
    row("all", fleet, report.setting.tenants, &report.totals);
    text + "</table></div></section>"
}

fn method(report: &Report, forecaster: &str) -> String {
    let (setting, totals) = (&report.setting, &report.totals);
    format!(
        "<section><h2>How this was found</h2><p>An owner's fleet is the highest demand of the first half of its trace; the second half was simulated minute by \
         minute. Before each window of {} minutes the forecaster ({}) said what the owner can spare: firm, what it will not need with 99% certainty; \
         reclaimable, with 80%. One sealed round at one price a class sold it. A lease is called back when the forecast says that the owner likely needs it \
         within the notice. Surplus, reserve, clearing and settlement are those of production; tenants are made up: values log-normal about {} times \
         the carrying cost of {} credits an hour, budgets about {} credits a day, {} orders a day, {} of them with a minimum.</p>\
         <p>Tenants paid {} credits: {} went to owners, {} to the market as fees, {} back to tenants for unused time and {} to them as compensation. \
         In {} of {} rounds the prices of the two classes could not keep their distance. Seed {}.</p></section>",
        setting.window_steps,
        escape(forecaster),
        number(setting.value),
        number(setting.carrying_cost),
        number(setting.budget),
        number(setting.orders_per_day),
        percent(setting.min_fill_share),
        number(totals.turnover),
        number(totals.revenue),
        number(totals.fees),
        number(totals.refunds),
        number(totals.compensation),
        count(totals.flagged),
        count(totals.windows),
        setting.seed
    )
}

/// A whole number, thousands apart.
fn count(value: u64) -> String {
    let digits = value.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;
    use forewarm_market_simulator::report::Series;
    use forewarm_market_simulator::setting::Setting;

    #[test]
    fn whole_numbers_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_series_name_is_no_markup_anywhere() {
        let one = Series { from: TimestampMs(0), fleet: 3, tenants: 1, totals: Totals::default(), windows: Vec::new() };
        let series = [("</script><b>".to_owned(), one)].into();
        let report = Report { setting: Setting::default(), totals: Totals::default(), series };
        let page = page(&report, "forecaster<i>");
        assert!(!page.contains("</script><b>") && !page.contains("forecaster<i>"), "{page}");
        assert!(page.contains("&lt;/script&gt;&lt;b&gt;"));
    }
}

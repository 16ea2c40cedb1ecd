//! A statement: the entries of an account in a period between its balance before and after.

use super::decimal::millionths;
use super::period::Period;
use crate::model::LedgerEntry;
use forewarm_domain::id::TenantName;

/// See the module's description. Amounts are millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub tenant: TenantName,
    /// The time that it covers.
    pub period: Period,
    /// What the account is counted in.
    pub currency: String,
    /// The balance before the first entry.
    pub opening: i64,
    /// The entries, oldest first.
    pub entries: Vec<LedgerEntry>,
}

const HEADER: [&str; 19] = [
    "sequence",
    "booked_at",
    "kind",
    "amount",
    "balance",
    "currency",
    "counterparty",
    "persona",
    "class",
    "units",
    "price_per_instance_second",
    "seconds",
    "delivery_start",
    "delivery_end",
    "buyer",
    "seller",
    "bid",
    "lease",
    "transfer",
];

/// The statement as CSV: a row for the opening balance, a row per entry with the balance after it, and one for the closing
/// balance.
///
/// # Errors
/// [`csv::Error`], which a writer in memory does not give.
pub fn statement_csv(statement: &Statement) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(HEADER)?;
    let mark = |kind: &str, at: String, balance: i64| {
        let mut row = vec![String::new(); HEADER.len()];
        let filled = [(1, at), (2, kind.to_owned()), (4, millionths(balance)), (5, statement.currency.clone())];
        filled.into_iter().for_each(|(place, text)| row[place] = text);
        row
    };
    out.write_record(mark("opening_balance", statement.period.from().to_string(), statement.opening))?;
    let mut balance = statement.opening;
    for entry in &statement.entries {
        balance = balance.saturating_add(entry.amount.0);
        out.write_record(row(entry, balance))?;
    }
    out.write_record(mark("closing_balance", statement.period.to().to_string(), balance))?;
    out.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))
}

fn row(entry: &LedgerEntry, balance: i64) -> [String; HEADER.len()] {
    let lease = entry.lease.as_ref();
    let of_lease = |text: fn(&crate::model::LeaseFacts) -> String| lease.map_or_else(String::new, text);
    let id = |id: Option<String>| id.unwrap_or_default();
    [
        entry.sequence.to_string(),
        entry.at.to_string(),
        entry.kind.as_str().to_owned(),
        millionths(entry.amount.0),
        millionths(balance),
        entry.currency.to_string(),
        entry.counter.to_string(),
        of_lease(|lease| lease.persona.to_string()),
        of_lease(|lease| lease.class.as_str().to_owned()),
        of_lease(|lease| lease.units.to_string()),
        of_lease(|lease| millionths(i64::from(lease.price))),
        of_lease(|lease| lease.seconds.to_string()),
        of_lease(|lease| lease.start.to_string()),
        of_lease(|lease| lease.end.to_string()),
        of_lease(|lease| lease.buyer.to_string()),
        of_lease(|lease| lease.seller.to_string()),
        id(entry.refs.bid.map(|bid| bid.to_string())),
        id(entry.refs.lease.map(|lease| lease.to_string())),
        entry.transfer.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::focus::tests::{entry, period};
    use super::*;
    use crate::model::TransferKind;

    #[test]
    fn balances_run_from_opening_to_closing() {
        let entries =
            vec![entry(1, TransferKind::Deposit, 5_000_000, false), entry(2, TransferKind::Proceeds, -1_250_000, true)];
        let tenant = "shop".parse().expect("valid");
        let statement = Statement { tenant, period: period(), currency: "CREDIT".into(), opening: 500_000, entries };
        let text = String::from_utf8(statement_csv(&statement).expect("written")).expect("text");
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == HEADER.len()), "{text}");
        let balances: Vec<_> = rows.iter().map(|row| (row[2], row[3], row[4])).collect();
        assert_eq!(
            balances[1..],
            [
                ("opening_balance", "", "0.5"),
                ("deposit", "5", "5.5"),
                ("proceeds", "-1.25", "4.25"),
                ("closing_balance", "", "4.25")
            ]
        );
        assert_eq!(rows[3][7..10], ["web", "firm", "10"]);
    }
}

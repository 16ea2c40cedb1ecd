//! Cost rows in the form of FOCUS 1.2, the FinOps Open Cost and Usage Specification (<https://focus.finops.org>).
//!
//! What a tenant pays for a lease is one usage row, whoever gets which part of it; a refund, a compensation and what an
//! owner earns are credits. Deposits and withdrawals are payments, not costs, and have no row.

use super::decimal::{millionths, pointed, ratio};
use super::period::{Period, month_of};
use crate::model::{LeaseFacts, LedgerEntry, TransferKind};
use forewarm_domain::id::TenantName;
use std::collections::HashMap;

/// The columns, in the order of the file: all that FOCUS 1.2 has.
pub const COLUMNS: [&str; 57] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
];

/// What quantities are counted in.
const UNIT: &str = "Instance-Seconds";

/// Who issues the rows, and for whom.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Who runs the market.
    pub provider: String,
    /// The organisation, which is the billing account.
    pub organisation: TenantName,
    /// The cost centre, which is the sub-account.
    pub tenant: TenantName,
}

/// One row. Amounts are millionths; costs are above zero, credits below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusRow {
    /// When it was booked.
    pub booked: Period,
    /// The cost in the account's currency.
    pub cost: i64,
    /// What the account is counted in.
    pub currency: String,
    /// `Usage`, `Credit` or `Adjustment`.
    pub category: &'static str,
    /// In words.
    pub description: String,
    /// The lease that is paid for.
    pub lease: Option<LeaseFacts>,
    /// Names the lease.
    pub lease_id: Option<String>,
    /// The first of its entries in the ledger.
    pub sequence: i64,
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum FocusError {
    /// An amount beyond what can be counted.
    #[error("the costs of one lease leave the range of 64-bit millionths")]
    Overflow,
    /// The file can't be written.
    #[error(transparent)]
    Csv(#[from] csv::Error),
}

/// The rows of a tenant's entries. The parts of one payment for a lease become one row.
///
/// # Errors
/// [`FocusError::Overflow`].
pub fn focus_rows(entries: &[LedgerEntry], period: Period) -> Result<Vec<FocusRow>, FocusError> {
    let mut rows: Vec<FocusRow> = Vec::new();
    let mut payments = HashMap::new();
    for entry in entries.iter().filter(|entry| period.contains(entry.at)) {
        let cost = entry.amount.0.checked_neg().ok_or(FocusError::Overflow)?;
        let Some((category, description)) = kind(entry.kind, cost) else { continue };
        let key = entry.refs.lease.filter(|_| category == "Usage").map(|lease| (lease, entry.at));
        if let Some(row) = key.and_then(|key| payments.get(&key)).and_then(|place: &usize| rows.get_mut(*place)) {
            row.cost = row.cost.checked_add(cost).ok_or(FocusError::Overflow)?;
            continue;
        }
        if let Some(key) = key {
            payments.insert(key, rows.len());
        }
        let booked = Period::new(entry.at, entry.at + 1).map_err(|_| FocusError::Overflow)?;
        let of =
            entry.lease.as_ref().map_or_else(String::new, |lease| format!(": {} of {}", lease.units, lease.persona));
        rows.push(FocusRow {
            booked,
            cost,
            currency: entry.currency.to_string(),
            category,
            description: format!("{description}{of}"),
            lease: entry.lease.clone(),
            lease_id: entry.refs.lease.map(|lease| lease.to_string()),
            sequence: entry.sequence,
        });
    }
    Ok(rows)
}

/// Category and words of an entry that costs (above zero) or brings (below); `None` for what is no cost.
fn kind(kind: TransferKind, cost: i64) -> Option<(&'static str, &'static str)> {
    let pays = cost > 0;
    Some(match kind {
        TransferKind::Deposit | TransferKind::Withdrawal => return None,
        TransferKind::Proceeds | TransferKind::Fee | TransferKind::Payment if pays => ("Usage", "Leased capacity"),
        TransferKind::Proceeds | TransferKind::Payment => ("Credit", "Proceeds of leased capacity"),
        TransferKind::Fee => ("Credit", "Fees of the market"),
        TransferKind::Refund if pays => ("Adjustment", "Refund of time not used, paid"),
        TransferKind::Refund => ("Credit", "Refund of time not used"),
        TransferKind::Compensation if pays => ("Adjustment", "Compensation of a reclaim, paid"),
        TransferKind::Compensation => ("Credit", "Compensation of a reclaim"),
        TransferKind::Payout if pays => ("Adjustment", "Refund and compensation, paid"),
        TransferKind::Payout => ("Credit", "Refund and compensation"),
    })
}

/// The rows as CSV; an empty field is FOCUS's null.
///
/// # Errors
/// [`FocusError::Csv`], which a writer in memory does not give.
pub fn focus_csv(rows: &[FocusRow], issuer: &Issuer) -> Result<Vec<u8>, FocusError> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(COLUMNS)?;
    for row in rows {
        let fields = fields(row, issuer);
        let values = COLUMNS.iter().map(|column| fields.get(column).map_or("", String::as_str));
        out.write_record(values)?;
    }
    let bytes = out.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))?;
    Ok(bytes)
}

type Fields = HashMap<&'static str, String>;

fn fields(row: &FocusRow, issuer: &Issuer) -> Fields {
    let (month_start, month_end) = month_of(row.booked.from());
    let cost = pointed(millionths(row.cost));
    let mut fields = Fields::from([
        ("BilledCost", cost.clone()),
        ("EffectiveCost", cost.clone()),
        ("ListCost", cost.clone()),
        ("ContractedCost", cost.clone()),
        // What was priced in the account's own currency; usage was priced in credits.
        ("PricingCurrency", row.currency.clone()),
        ("PricingCurrencyEffectiveCost", cost),
        ("BillingAccountId", issuer.organisation.to_string()),
        ("BillingAccountName", issuer.organisation.to_string()),
        ("BillingAccountType", "Organisation".to_owned()),
        ("BillingCurrency", row.currency.clone()),
        ("BillingPeriodStart", month_start.to_string()),
        ("BillingPeriodEnd", month_end.to_string()),
        ("ChargeCategory", row.category.to_owned()),
        ("ChargeDescription", row.description.clone()),
        ("ChargeFrequency", if row.category == "Usage" { "Usage-Based" } else { "One-Time" }.to_owned()),
        ("ChargePeriodStart", row.lease.as_ref().map_or(row.booked.from(), |lease| lease.start).to_string()),
        ("ChargePeriodEnd", row.lease.as_ref().map_or(row.booked.to(), |lease| lease.end).to_string()),
        ("InvoiceIssuerName", issuer.provider.clone()),
        ("ProviderName", issuer.provider.clone()),
        ("PublisherName", issuer.provider.clone()),
        ("ServiceCategory", "Compute".to_owned()),
        ("ServiceSubcategory", "Virtual Machines".to_owned()),
        ("ServiceName", "Warm capacity".to_owned()),
        ("SubAccountId", issuer.tenant.to_string()),
        ("SubAccountName", issuer.tenant.to_string()),
        ("SubAccountType", "Cost centre".to_owned()),
    ]);
    if let Some(lease) = &row.lease {
        of_lease(&mut fields, row, lease);
    }
    fields
}

/// What only a row with a lease has: the resource, and for usage the quantity and its price.
fn of_lease(fields: &mut Fields, row: &FocusRow, lease: &LeaseFacts) {
    let class = lease.class.as_str();
    fields.insert("ResourceId", row.lease_id.clone().unwrap_or_default());
    fields.insert("ResourceName", lease.persona.to_string());
    fields.insert("ResourceType", "Lease".to_owned());
    let tags = serde_json::json!({ "buyer": lease.buyer, "seller": lease.seller, "class": class });
    fields.insert("Tags", tags.to_string());
    if row.category != "Usage" {
        return;
    }
    let quantity = u64::from(lease.units) * u64::from(lease.seconds);
    let unit_price = ratio(row.cost, quantity).map(pointed).unwrap_or_default();
    let price = pointed(millionths(i64::from(lease.price)));
    let shown = pointed(quantity.to_string());
    let in_credits = i64::from(lease.price).checked_mul(i64::try_from(quantity).unwrap_or(i64::MAX));
    for (column, value) in [
        ("ConsumedQuantity", shown.clone()),
        ("ConsumedUnit", UNIT.to_owned()),
        ("PricingQuantity", shown),
        ("PricingUnit", UNIT.to_owned()),
        ("PricingCategory", "Dynamic".to_owned()),
        ("ListUnitPrice", unit_price.clone()),
        ("ContractedUnitPrice", unit_price),
        ("PricingCurrency", "CREDIT".to_owned()),
        ("PricingCurrencyListUnitPrice", price.clone()),
        ("PricingCurrencyContractedUnitPrice", price),
        ("PricingCurrencyEffectiveCost", in_credits.map_or_else(String::new, |cost| pointed(millionths(cost)))),
        ("SkuId", format!("{}/{class}", lease.persona)),
        ("SkuMeter", "Leased instance time".to_owned()),
        ("SkuPriceId", format!("{}/{class}/{}", lease.persona, lease.start)),
        ("SkuPriceDetails", serde_json::json!({ "x_LeaseClass": class }).to_string()),
    ] {
        fields.insert(column, value);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{AccountId, Currency, LeaseId, TransferRefs};
    use forewarm_auction::{LeaseClass, MicroCredits, Price};
    use forewarm_domain::time::TimestampMs;
    use proptest::prelude::*;
    use uuid::Uuid;

    pub(in crate::exports) fn period() -> Period {
        Period::new(TimestampMs(1_700_000_000_000), TimestampMs(1_700_000_001_000)).expect("a period")
    }

    /// An entry booked in [`period`], with or without the one lease of these tests.
    pub(in crate::exports) fn entry(sequence: i64, kind: TransferKind, amount: i64, leased: bool) -> LedgerEntry {
        let lease = LeaseFacts {
            persona: "web".parse().expect("valid"),
            class: LeaseClass::Firm,
            units: 10,
            price: Price::try_from(250).expect("valid"),
            seconds: 600,
            start: TimestampMs(1_700_000_400_000),
            end: TimestampMs(1_700_001_000_000),
            buyer: "shop".parse().expect("valid"),
            seller: "core".parse().expect("valid"),
        };
        LedgerEntry {
            sequence,
            transfer: Uuid::from_u128(sequence.unsigned_abs().into()),
            at: period().from(),
            account: AccountId::Tenant("shop".parse().expect("valid")),
            counter: AccountId::World(Currency::credit()),
            amount: MicroCredits(amount),
            currency: Currency::credit(),
            kind,
            refs: TransferRefs { lease: leased.then(|| LeaseId(Uuid::from_u128(9))), ..TransferRefs::default() },
            lease: leased.then_some(lease),
        }
    }

    fn issuer() -> Issuer {
        let name = |text: &str| text.parse().expect("valid");
        Issuer { provider: "forewarm".into(), organisation: name("corp"), tenant: name("shop") }
    }

    #[test]
    fn a_payment_is_one_row_with_quantity_and_price() {
        let entries = [
            entry(1, TransferKind::Deposit, 9_000_000, false),
            entry(2, TransferKind::Proceeds, -1_485_000, true),
            entry(3, TransferKind::Fee, -15_000, true),
            entry(4, TransferKind::Refund, 700_000, true),
        ];
        let rows = focus_rows(&entries, period()).expect("rows");
        assert_eq!(
            rows.iter().map(|row| (row.category, row.cost)).collect::<Vec<_>>(),
            [("Usage", 1_500_000), ("Credit", -700_000)]
        );
        let fields = fields(&rows[0], &issuer());
        for (column, value) in [
            ("BilledCost", "1.5"),
            ("PricingQuantity", "6000.0"),
            ("PricingCurrency", "CREDIT"),
            ("PricingCurrencyEffectiveCost", "1.5"),
            ("PricingCurrencyContractedUnitPrice", "0.00025"),
            ("ContractedUnitPrice", "0.00025"),
            ("PricingCategory", "Dynamic"),
            ("ChargePeriodStart", "2023-11-14T22:20:00Z"),
            ("BillingPeriodStart", "2023-11-01T00:00:00Z"),
            ("SubAccountId", "shop"),
        ] {
            assert_eq!(fields.get(column).map(String::as_str), Some(value), "{column}");
        }
        let credit = super::fields(&rows[1], &issuer());
        // The specification wants both in every row.
        let priced = ["PricingCurrency", "PricingCurrencyEffectiveCost"].map(|column| credit[column].as_str());
        assert_eq!(priced, ["CREDIT", "-0.7"]);
        assert!(fields.keys().all(|column| COLUMNS.contains(column)), "every field has its column");
    }

    #[test]
    fn every_row_has_every_column() {
        let rows = focus_rows(&[entry(1, TransferKind::Payment, -5, true)], period()).expect("rows");
        let text = String::from_utf8(focus_csv(&rows, &issuer()).expect("written")).expect("text");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().expect("a header"), &COLUMNS[..]);
        assert_eq!(reader.records().map(|record| record.expect("a record").len()).collect::<Vec<_>>(), [57]);
        let mut sorted = COLUMNS;
        sorted.sort_unstable();
        assert_eq!(sorted, COLUMNS, "by name, each once");
    }

    fn kinds() -> impl Strategy<Value = TransferKind> {
        proptest::sample::select(TransferKind::ALL.to_vec())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_sum_up_to_the_ledger(raw in prop::collection::vec((kinds(), -1_000_000_000_i64..1_000_000_000, any::<bool>()), 0..40)) {
            let entries: Vec<_> =
                raw.iter().zip(1..).map(|(&(kind, amount, leased), sequence)| entry(sequence, kind, amount, leased)).collect();
            let rows = focus_rows(&entries, period()).expect("rows");
            let costs: i64 = rows.iter().map(|row| row.cost).sum();
            let counted = |entry: &&LedgerEntry| !matches!(entry.kind, TransferKind::Deposit | TransferKind::Withdrawal);
            let booked: i64 = entries.iter().filter(counted).map(|entry| entry.amount.0).sum();
            prop_assert_eq!(costs, -booked);
        }
    }
}

//! What the series book reads: which series there are, what is sealed of them, and what is only journaled.

use super::Store;
use super::entity::{chunk, journal, series};
use super::error::StoreError;
use super::record::{ChunkRecord, JournalRecord, SealedSpan, SeriesRecord};
use super::row;
use forewarm_domain::time::TimestampMs;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// Every function reads what was committed when it was called.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached, [`StoreError::Corrupt`] when a row can't be read.
impl Store {
    /// Every series, by number.
    pub async fn series(&self) -> Result<Vec<SeriesRecord>, StoreError> {
        let rows = series::Entity::find().order_by_asc(series::Column::Id).all(self.reader()).await?;
        rows.iter().map(row::to_series).collect()
    }

    /// What is sealed of each series; one of which nothing is sealed is left out.
    pub async fn sealed_spans(&self) -> Result<Vec<SealedSpan>, StoreError> {
        // PostgreSQL sums to a decimal, hence the cast.
        let query = chunk::Entity::find()
            .select_only()
            .column(chunk::Column::Series)
            .column_as(chunk::Column::Start.min(), "start")
            .column_as(chunk::Column::End.max(), "end")
            .column_as(Expr::col(chunk::Column::Measured).sum().cast_as("bigint"), "measured")
            .group_by(chunk::Column::Series)
            .order_by_asc(chunk::Column::Series);
        let rows: Vec<(i64, i64, i64, i64)> = query.into_tuple().all(self.reader()).await?;
        let to_span = |(series, start, end, measured): (i64, i64, i64, i64)| {
            Ok(SealedSpan {
                series: row::series_id(series)?,
                start: TimestampMs(start),
                end: TimestampMs(end),
                measured: measured.unsigned_abs(),
            })
        };
        rows.into_iter().map(to_span).collect()
    }

    /// The sealed spans of a series that overlap `[from, to)`, oldest first.
    pub async fn chunks(
        &self,
        series: u32,
        from: TimestampMs,
        to: TimestampMs,
    ) -> Result<Vec<ChunkRecord>, StoreError> {
        let query = chunk::Entity::find()
            .filter(chunk::Column::Series.eq(i64::from(series)))
            .filter(chunk::Column::End.gt(from.0))
            .filter(chunk::Column::Start.lt(to.0))
            .order_by_asc(chunk::Column::Start);
        query.all(self.reader()).await?.into_iter().map(row::to_chunk).collect()
    }

    /// The first `limit` journal records after `seq`, in order.
    pub async fn journal(&self, after: i64, limit: u64) -> Result<Vec<JournalRecord>, StoreError> {
        let query = journal::Entity::find()
            .filter(journal::Column::Seq.gt(after))
            .order_by_asc(journal::Column::Seq)
            .limit(limit);
        let rows = query.all(self.reader()).await?;
        Ok(rows.into_iter().map(|row| JournalRecord { seq: row.seq, data: row.data }).collect())
    }
}

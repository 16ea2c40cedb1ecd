//! One transaction: many rows per statement, one table after the other.

use crate::Fault;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, IdenStatic, IntoActiveModel,
    Iterable, PrimaryKeyToColumn, QueryTrait, Statement, TransactionTrait,
};

/// Rows per statement. Always the same number as far as it goes, so that prepared statements are found again, and few
/// enough for either database's limit of bound values (32,766 and 65,535).
pub const ROWS: usize = 250;
/// Statements that are sent to SQLite as one request; more would fill its cache of prepared texts.
const IN_ONE_MAX: usize = 16;

/// The statements of one transaction, in order.
#[derive(Debug)]
pub struct Script {
    backend: DbBackend,
    statements: Vec<Statement>,
}

impl Script {
    /// An empty one for the database behind a connection.
    #[must_use]
    pub fn new(db: &DatabaseConnection) -> Self {
        Self { backend: db.get_database_backend(), statements: Vec::new() }
    }

    /// Adds any statement.
    pub fn add(&mut self, query: &impl QueryTrait) {
        self.statements.push(query.build(self.backend));
    }

    /// Adds rows; one that exists fails the transaction.
    pub fn insert<E>(&mut self, rows: Vec<E::Model>)
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        self.write::<E>(rows, None);
    }

    /// Adds rows or replaces those with the same primary key. No key may come twice.
    pub fn upsert<E>(&mut self, rows: Vec<E::Model>)
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        let keys: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
        let is_key = |column: &E::Column| keys.iter().any(|key| key.as_str() == column.as_str());
        let replaced: Vec<E::Column> = E::Column::iter().filter(|column| !is_key(column)).collect();
        let replace = OnConflict::columns(keys.iter().copied()).update_columns(replaced).to_owned();
        self.write::<E>(rows, Some(&replace));
    }

    fn write<E>(&mut self, rows: Vec<E::Model>, conflict: Option<&OnConflict>)
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
        while rows.peek().is_some() {
            let mut statement = E::insert_many(rows.by_ref().take(ROWS));
            if let Some(conflict) = conflict {
                statement = statement.on_conflict(conflict.clone());
            }
            self.add(&statement);
        }
    }

    /// Carries it out as one transaction: all of it is durable, or nothing is.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn commit(self, db: &DatabaseConnection) -> Result<(), Fault> {
        if self.statements.is_empty() {
            return Ok(());
        }
        if self.backend == DbBackend::Sqlite && self.statements.len() <= IN_ONE_MAX {
            return self.commit_in_one(db).await;
        }
        self.commit_one_by_one(db).await
    }

    /// The whole transaction as one request: each trip to the connection's thread and back costs more than a statement.
    async fn commit_in_one(self, db: &DatabaseConnection) -> Result<(), Fault> {
        let (mut sql, mut values) = (String::from("BEGIN"), Vec::new());
        for statement in self.statements {
            sql.push(';');
            sql.push_str(&statement.sql);
            values.extend(statement.values.into_iter().flat_map(|values| values.0));
        }
        sql.push_str(";COMMIT");
        let outcome = db.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await;
        if outcome.is_err() {
            // Some failures have ended the transaction already: there is nothing to roll back then.
            drop(db.execute_unprepared("ROLLBACK").await);
        }
        Ok(outcome.map(drop)?)
    }

    async fn commit_one_by_one(self, db: &DatabaseConnection) -> Result<(), Fault> {
        let tx = db.begin().await?;
        for statement in self.statements {
            if let Err(error) = tx.execute_raw(statement).await {
                // The first failure tells more than a failing rollback, and a lost connection rolls back by itself.
                drop(tx.rollback().await);
                return Err(error.into());
            }
        }
        Ok(tx.commit().await?)
    }
}

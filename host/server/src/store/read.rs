//! What the planner, the claims and the API read: personas, instances, claims, intents, plans, outcomes, tokens, values.

use super::Store;
use super::entity::{calendar, claim, instance, intent, lent, outcome, persona, plan, plugin_state, setting, token};
use super::error::StoreError;
use super::lent::Lent;
use super::record::{Intent, TokenRecord};
use super::row::{self, SERVED, WAITING, parse};
use forewarm_domain::calendar::Entry;
use forewarm_domain::id::{ClaimId, LeaseId, PersonaName, PluginName, TenantName};
use forewarm_domain::instance::{Claim, Instance};
use forewarm_domain::outcome::Outcome;
use forewarm_domain::persona::Persona;
use forewarm_domain::plan::Plan;
use forewarm_domain::time::TimestampMs;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

/// Every function reads what was committed when it was called.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached, [`StoreError::Corrupt`] when a row can't be read.
impl Store {
    /// The latest version of every persona, by name.
    pub async fn personas(&self) -> Result<Vec<Persona>, StoreError> {
        let latest = Query::select()
            .column(persona::Column::Name)
            .expr(Expr::col(persona::Column::Version).max())
            .from(persona::Entity)
            .group_by_col(persona::Column::Name)
            .take();
        let key = Expr::tuple([Expr::col(persona::Column::Name), Expr::col(persona::Column::Version)]);
        let query = persona::Entity::find().filter(key.in_subquery(latest)).order_by_asc(persona::Column::Name);
        query.all(self.reader()).await?.into_iter().map(row::to_persona).collect()
    }

    /// Every version of a persona, oldest first.
    pub async fn persona_versions(&self, name: &PersonaName) -> Result<Vec<Persona>, StoreError> {
        let query = persona::Entity::find()
            .filter(persona::Column::Name.eq(name.as_str()))
            .order_by_asc(persona::Column::Version);
        query.all(self.reader()).await?.into_iter().map(row::to_persona).collect()
    }

    /// Every instance, in the order of creation.
    pub async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        let rows = instance::Entity::find().order_by_asc(instance::Column::Id).all(self.reader()).await?;
        rows.iter().map(|row| parse(&format!("instance {}", row.id), &row.body)).collect()
    }

    /// Claims that wait or are served, in the order of asking.
    pub async fn open_claims(&self) -> Result<Vec<Claim>, StoreError> {
        let query = claim::Entity::find()
            .filter(claim::Column::State.is_in([WAITING, SERVED]))
            .order_by_asc(claim::Column::RequestedAt)
            .order_by_asc(claim::Column::Id);
        query.all(self.reader()).await?.iter().map(row::to_claim).collect()
    }

    /// One claim.
    pub async fn claim(&self, id: ClaimId) -> Result<Option<Claim>, StoreError> {
        claim::Entity::find_by_id(id.0).one(self.reader()).await?.as_ref().map(row::to_claim).transpose()
    }

    /// The claim that a tenant made with an idempotency key.
    pub async fn claim_by_key(&self, tenant: &TenantName, key: &str) -> Result<Option<Claim>, StoreError> {
        let query = claim::Entity::find()
            .filter(claim::Column::Tenant.eq(tenant.as_str()))
            .filter(claim::Column::IdempotencyKey.eq(key));
        query.one(self.reader()).await?.as_ref().map(row::to_claim).transpose()
    }

    /// The last `limit` claims on a persona, newest first.
    pub async fn claims_of(&self, persona: &PersonaName, limit: u64) -> Result<Vec<Claim>, StoreError> {
        let query = claim::Entity::find()
            .filter(claim::Column::Persona.eq(persona.as_str()))
            .order_by_desc(claim::Column::RequestedAt)
            .order_by_desc(claim::Column::Id)
            .limit(limit);
        query.all(self.reader()).await?.iter().map(row::to_claim).collect()
    }

    /// Leases whose instances have not all come to their end, or of which not everything is told.
    pub async fn open_leases(&self) -> Result<Vec<Lent>, StoreError> {
        let query = lent::Entity::find().filter(lent::Column::EndedAt.is_null()).order_by_asc(lent::Column::Lease);
        query.all(self.reader()).await?.iter().map(row::to_lent).collect()
    }

    /// One lease, open or ended.
    pub async fn lease(&self, id: LeaseId) -> Result<Option<Lent>, StoreError> {
        lent::Entity::find_by_id(id.0).one(self.reader()).await?.as_ref().map(row::to_lent).transpose()
    }

    /// Driver operations that are not known to be done, the next to send first.
    pub async fn open_intents(&self) -> Result<Vec<Intent>, StoreError> {
        let query =
            intent::Entity::find().order_by_asc(intent::Column::NextAttemptAt).order_by_asc(intent::Column::Token);
        let rows = query.all(self.reader()).await?;
        rows.iter().map(|row| parse(&format!("intent {}", row.token), &row.body)).collect()
    }

    /// The last `limit` plans for a persona, newest first, without their levels.
    pub async fn plans(&self, persona: &PersonaName, limit: u64) -> Result<Vec<Plan>, StoreError> {
        let query = plan::Entity::find()
            .filter(plan::Column::Persona.eq(persona.as_str()))
            .order_by_desc(plan::Column::At)
            .limit(limit);
        let rows = query.all(self.reader()).await?;
        rows.iter().map(|row| parse(&format!("a plan of {persona}"), &row.body)).collect()
    }

    /// The outcomes of a persona whose hour begins in `[from, to)`, oldest first.
    pub async fn outcomes(
        &self,
        persona: &PersonaName,
        from: TimestampMs,
        to: TimestampMs,
    ) -> Result<Vec<Outcome>, StoreError> {
        let query = outcome::Entity::find()
            .filter(outcome::Column::Persona.eq(persona.as_str()))
            .filter(outcome::Column::Hour.gte(from.0))
            .filter(outcome::Column::Hour.lt(to.0))
            .order_by_asc(outcome::Column::Hour);
        let rows = query.all(self.reader()).await?;
        rows.iter().map(|row| parse(&format!("an outcome of {persona}"), &row.body)).collect()
    }

    /// Every entry of the calendar, by kind and name.
    pub async fn calendar(&self) -> Result<Vec<Entry>, StoreError> {
        let query = calendar::Entity::find().order_by_asc(calendar::Column::Kind).order_by_asc(calendar::Column::Name);
        let rows = query.all(self.reader()).await?;
        rows.iter().map(|row| parse(&format!("{} {}", row.kind, row.name), &row.body)).collect()
    }

    /// Every access token, revoked ones included, by name.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let rows = token::Entity::find().order_by_asc(token::Column::Name).all(self.reader()).await?;
        rows.into_iter().map(row::to_token).collect()
    }

    /// A value of a plugin.
    pub async fn plugin_state(&self, plugin: &PluginName, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let id = (plugin.to_string(), key.to_owned());
        Ok(plugin_state::Entity::find_by_id(id).one(self.reader()).await?.map(|row| row.value))
    }

    /// How many keys a plugin has beside `key`.
    pub(crate) async fn plugin_state_count_without(&self, plugin: &PluginName, key: &str) -> Result<u64, StoreError> {
        let query = plugin_state::Entity::find()
            .filter(plugin_state::Column::Plugin.eq(plugin.as_str()))
            .filter(plugin_state::Column::Key.ne(key));
        Ok(query.count(self.reader()).await?)
    }

    /// The keys of a plugin that begin with `prefix`, sorted bytewise.
    pub async fn plugin_state_keys(&self, plugin: &PluginName, prefix: &str) -> Result<Vec<String>, StoreError> {
        let query = plugin_state::Entity::find()
            .select_only()
            .column(plugin_state::Column::Key)
            .filter(plugin_state::Column::Plugin.eq(plugin.as_str()));
        // The prefix is compared here: what LIKE takes for the same letter depends on the database and its locale.
        let mut keys: Vec<String> = query.into_tuple().all(self.reader()).await?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort_unstable();
        Ok(keys)
    }

    /// A value of the host itself.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(setting::Entity::find_by_id(key.to_owned()).one(self.reader()).await?.map(|row| row.value))
    }
}

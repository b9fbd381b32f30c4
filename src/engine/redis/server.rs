//! What a server says about itself.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::client::Client;
use super::explain::explain;

/// A server that answered.
#[derive(Debug)]
pub(super) struct Server {
    facts: BTreeMap<String, String>,
}

impl Server {
    /// Asks the server.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses the user, or is no server whose data can be dumped
    /// or restored as a whole.
    pub(super) fn query(client: &Client) -> Result<Self> {
        let context = || format!("cannot connect to {}", client.url());
        let answer = client.ask(&["INFO"]).with_context(context)?;
        let lines = answer.lines().filter_map(|line| line.split_once(':'));
        if !answer.contains("redis_version:") {
            // The client prints an error of this command as it prints the answer.
            return Err(explain(
                answer.lines().next().unwrap_or("it answered nothing"),
            ))
            .with_context(context);
        }
        let facts = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let server = Server {
            facts: facts.collect(),
        };
        server.refuse(client)?;
        Ok(server)
    }

    fn refuse(&self, client: &Client) -> Result<()> {
        let url = client.url();
        ensure!(
            !self.is_sentinel(),
            "{url} is a Sentinel, which holds no data; name the server that it watches"
        );
        ensure!(
            self.get("cluster_enabled") != "1",
            "{url} is a node of a cluster, which holds only a part of the keys; clusters are not supported"
        );
        ensure!(
            self.get("loading") != "1",
            "{url} is loading its data after a start; try again when it is done"
        );
        Ok(())
    }

    /// Returns true if the server watches other servers and holds no data.
    fn is_sentinel(&self) -> bool {
        // Redis and Valkey call it differently.
        let modes = ["redis_mode", "server_mode"];
        modes.iter().any(|name| self.get(name) == "sentinel")
    }

    fn get(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }

    /// Returns the name and the version of the server, such as `Valkey 8.1.1`.
    pub(super) fn version(&self) -> String {
        match self.facts.get("valkey_version") {
            Some(version) => format!("Valkey {version}"),
            None => format!("Redis {}", self.get("redis_version")),
        }
    }

    /// Returns the primary of a replica.
    pub(super) fn primary(&self) -> Option<String> {
        let is_replica = self.get("role") == "slave";
        is_replica.then(|| format!("{}:{}", self.get("master_host"), self.get("master_port")))
    }

    /// Returns the policy by which the server removes keys when its memory is full, if it removes
    /// any.
    pub(super) fn eviction(&self) -> Option<&str> {
        let policy = Some(self.get("maxmemory_policy"));
        policy.filter(|policy| self.get("maxmemory") != "0" && !["", "noeviction"].contains(policy))
    }

    /// Returns the number of keys of each database that has any.
    pub(super) fn keys(&self) -> BTreeMap<u64, u64> {
        let databases = self.facts.iter().filter_map(|(name, value)| {
            let number = name.strip_prefix("db")?.parse().ok()?;
            let keys = value.strip_prefix("keys=")?.split(',').next()?;
            Some((number, keys.parse().ok()?))
        });
        databases.collect()
    }

    /// Returns true if the server knows functions: Redis 7 and every Valkey.
    pub(super) fn knows_functions(&self) -> bool {
        let version = self.get("redis_version").split('.').next();
        version.and_then(|major| major.parse().ok()) >= Some(7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinel_of_each_maker_is_known() {
        for (name, mode, is_sentinel) in [
            ("redis_mode", "sentinel", true),
            ("server_mode", "sentinel", true),
            ("redis_mode", "standalone", false),
            ("server_mode", "standalone", false),
        ] {
            let facts = BTreeMap::from([(name.to_owned(), mode.to_owned())]);
            assert_eq!(Server { facts }.is_sentinel(), is_sentinel, "{name} {mode}");
        }
    }
}

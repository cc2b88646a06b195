//! The store probe: checks that the store honours `If-None-Match: *`. Everything rests on that.

use bytes::Bytes;
use futures::future::join_all;

use super::client::Client;
use super::error::S3Error;
use super::object::PutOptions;
use contract::{Key, UploadId};

/// The number of writers that race for one key.
pub const PROBE_RACERS: usize = 16;

/// Why the probe failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// More than one writer won, or none.
    #[error(
        "the store at {endpoint} does not honour conditional writes: {winners} PUTs with \
         If-None-Match: * to one fresh key of bucket {bucket:?} succeeded, but exactly one may. Versions would \
         overwrite each other, so nothing is written. Point AWS_ENDPOINT_URL_S3 at a store that honours them (AWS S3, \
         Cloudflare R2, SeaweedFS, MinIO), or enable conditional writes in this store"
    )]
    Unfit {
        endpoint: String,
        bucket: String,
        /// How many writers won.
        winners: usize,
    },
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] S3Error),
}

/// Lets 16 writers race for one fresh key: exactly one may win, and a late one must lose. Deletes the key afterwards.
///
/// A lost response could make a writer lose against itself, so a race without a winner is repeated, at most twice. A
/// writer without a usable response proves nothing: R2 accepts one write per second and key and throttles the others.
pub async fn probe(client: Client<'_>) -> Result<(), ProbeError> {
    let mut winners = 0;
    for _ in 0..3 {
        let key = Key::Probe(UploadId::random().to_string()).to_string();
        let race = (0..PROBE_RACERS).map(|racer| {
            let body = Bytes::from(format!("racer {racer}"));
            let (key, options) = (&key, PutOptions::if_absent());
            async move { client.put(key, body, &options).await }
        });
        let outcomes = join_all(race).await;
        winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let failure = outcomes.into_iter().find_map(|outcome| match outcome {
            Ok(_) | Err(S3Error::PreconditionFailed) => None,
            Err(error) => Some(error),
        });
        match failure {
            Some(error) if winners == 0 || !error.is_transient() => return Err(error.into()),
            _ => {}
        }
        let late = client.put(&key, Bytes::from_static(b"late"), &PutOptions::if_absent()).await;
        client.delete(&key).await?;
        match late {
            Ok(_) => winners += 1,
            Err(S3Error::PreconditionFailed) => {}
            Err(error) => return Err(error.into()),
        }
        if winners != 0 {
            break;
        }
    }
    if winners == 1 {
        return Ok(());
    }
    let bucket = client.bucket();
    Err(ProbeError::Unfit { endpoint: bucket.endpoint.to_string(), bucket: bucket.name.clone(), winners })
}

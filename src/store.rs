//! Where copies are stored, behind one interface: object stores, SFTP servers, other directories.
//!
//! Nothing outside this module knows `OpenDAL`, its runtime, or how a store is reached. Paths are
//! relative to the destination and have no leading slash. Every call ends when its [`Stop`](crate::stop::Stop)
//! says so.

mod azure;
mod bounds;
mod config;
mod connection;
mod destination;
mod error;
mod google;
mod interface;
mod local;
mod remote;
mod runtime;
mod s3;
mod sftp;
mod sftp_connection;
mod sftp_upload;
mod ssh;
mod upload;
mod webdav;
mod webdav_client;
mod writer;

use anyhow::Result;

pub use config::Config;
pub use destination::parse::is_url;
pub use destination::{Destination, Protocol};
pub use error::{Reason, StoreError};
pub use interface::{Store, StoredFile, UNFINISHED, Upload, UploadContent, UploadResult};

/// Opens a destination. `owner` names the machine in the names of unfinished uploads. With `creates`
/// the last component of a directory is created where it is missing.
///
/// # Errors
/// When the destination cannot be reached or `config` is not valid for it.
pub fn open(
    destination: &Destination,
    config: &Config,
    owner: &str,
    creates: bool,
) -> Result<Box<dyn Store>> {
    match destination {
        Destination::Directory(path) => Ok(Box::new(local::Local::open(path, owner, creates)?)),
        Destination::Bucket {
            protocol,
            bucket,
            prefix,
        } => {
            let open = match protocol {
                Protocol::S3 => s3::open,
                Protocol::Google => google::open,
                Protocol::Azure => azure::open,
            };
            Ok(Box::new(open(bucket, prefix, config)?))
        }
        Destination::Webdav(directory) => Ok(Box::new(webdav::open(directory, config, owner)?)),
        Destination::Sftp(server) => Ok(Box::new(sftp_connection::SftpStore::open(
            server, config, owner,
        )?)),
    }
}

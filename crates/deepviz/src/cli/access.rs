//! Who may look at what is served.

use std::path::PathBuf;

use clap::Args;
use deepviz_server::AddressRange;

/// The secret of clients, and the proxies whose word on them counts.
#[derive(Debug, Clone, Default, Args)]
pub struct AccessArgs {
    /// Ask clients for the token in this file; made up and printed when the address is not loopback and none is given
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The token itself. Other users of this machine can read command lines: better set it in the environment, or use
    /// --token-file
    #[arg(long, env = "DEEPVIZ_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A proxy, beside those on this machine, that is believed when it says that a client uses https; may be given
    /// several times
    #[arg(long, value_name = "ADDR[/BITS]")]
    pub trusted_proxy: Vec<AddressRange>,
}

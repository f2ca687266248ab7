//! The client's side of authentication: cleartext, MD5 and SCRAM-SHA-256 passwords.
//!
//! An [`Exchange`] is fed the body of each Authentication message and writes the answer. SCRAM is done
//! only when the server's signature has been verified. GSSAPI and SSPI are refused by name.

use std::io;

use bytes::{BufMut, BytesMut};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};

use super::frame::{self, Fields, invalid};
use super::startup::Startup;

/// A way to prove who one is, in the names of `require_auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// The password itself.
    Password,
    /// MD5 of password, user and salt.
    Md5,
    /// Kerberos through GSSAPI.
    Gss,
    /// Windows' SSPI.
    Sspi,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// The server asks for nothing.
    None,
}

/// Which methods are acceptable, and whether the session must be bound to its TLS channel.
#[derive(Debug, Clone, Default)]
pub struct AuthRules {
    /// `None` allows every method; otherwise only those listed.
    pub allowed: Option<Vec<AuthMethod>>,
    /// The value of `require_auth`, quoted in refusals.
    pub require_auth: String,
    /// `channel_binding=require`.
    pub channel_binding_required: bool,
}

impl AuthRules {
    fn allows(&self, method: AuthMethod) -> bool {
        self.allowed
            .as_ref()
            .is_none_or(|allowed| allowed.contains(&method))
    }
}

/// Why an exchange ended without success.
pub(crate) enum Refusal {
    PasswordNeeded,
    Refused(String),
    Malformed(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Malformed(error)
    }
}

/// One authentication in progress.
pub(crate) struct Exchange<'a> {
    startup: &'a Startup,
    scram: Scram,
    method: Option<AuthMethod>,
}

enum Scram {
    NotStarted,
    Started(ScramSha256),
    ProofSent(ScramSha256),
    Verified,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(startup: &'a Startup) -> Self {
        Exchange {
            startup,
            scram: Scram::NotStarted,
            method: None,
        }
    }

    /// Whether the server asked for the password.
    pub(crate) fn password_used(&self) -> bool {
        self.method.is_some_and(|m| m != AuthMethod::None)
    }

    /// Answers one Authentication message into `out`; true means that the server is satisfied.
    pub(crate) fn answer(&mut self, body: &[u8], out: &mut BytesMut) -> Result<bool, Refusal> {
        let mut fields = Fields::new(body);
        match fields.i32()? {
            0 => {
                self.check_complete()?;
                return Ok(true);
            }
            2 => return Err(Refusal::Refused("Kerberos 5 authentication not supported".into())),
            3 => {
                self.begin(AuthMethod::Password)?;
                let password = self.password()?;
                put_password(out, password)?;
            }
            5 => {
                self.begin(AuthMethod::Md5)?;
                let hash = md5_hash(&self.startup.user, self.password()?, fields.array()?);
                put_password(out, hash.as_bytes())?;
            }
            7 => {
                self.begin(AuthMethod::Gss)?;
                return Err(Refusal::Refused("GSSAPI authentication not supported".into()));
            }
            9 => {
                self.begin(AuthMethod::Sspi)?;
                return Err(Refusal::Refused("SSPI authentication not supported".into()));
            }
            10 => self.begin_scram(fields, out)?,
            11 => self.continue_scram(fields.rest(), out)?,
            12 => self.finish_scram(fields.rest())?,
            other => {
                return Err(Refusal::Refused(format!(
                    "authentication method {other} not supported"
                )));
            }
        }
        Ok(false)
    }

    /// Notes the method the server chose and checks that it is acceptable.
    fn begin(&mut self, method: AuthMethod) -> Result<(), Refusal> {
        let rules = &self.startup.rules;
        if rules.channel_binding_required {
            return Err(Refusal::Refused(
                "channel binding required but not supported by server's authentication request".into(),
            ));
        }
        if !rules.allows(method) {
            return Err(self.unacceptable(match method {
                AuthMethod::Password => "server requested a cleartext password",
                AuthMethod::Md5 => "server requested a hashed password",
                AuthMethod::Gss => "server requested GSSAPI authentication",
                AuthMethod::Sspi => "server requested SSPI authentication",
                AuthMethod::ScramSha256 => "server requested SASL authentication",
                AuthMethod::None => "server did not complete authentication",
            }));
        }
        self.method = Some(method);
        Ok(())
    }

    fn unacceptable(&self, reason: &str) -> Refusal {
        Refusal::Refused(format!(
            "authentication method requirement \"{}\" failed: {reason}",
            self.startup.rules.require_auth
        ))
    }

    fn password(&self) -> Result<&[u8], Refusal> {
        match self.startup.password.as_deref() {
            Some(password) if !password.is_empty() => Ok(password),
            _ => Err(Refusal::PasswordNeeded),
        }
    }

    /// AuthenticationOk counts only after whatever was begun has been completed.
    fn check_complete(&self) -> Result<(), Refusal> {
        let rules = &self.startup.rules;
        match (&self.scram, self.method) {
            (Scram::Started(_) | Scram::ProofSent(_), _) => Err(self.incomplete()),
            (_, None) if rules.channel_binding_required => Err(Refusal::Refused(
                "channel binding required, but server authenticated client without channel binding".into(),
            )),
            (_, None) if !rules.allows(AuthMethod::None) => {
                Err(self.unacceptable("server did not complete authentication"))
            }
            _ => Ok(()),
        }
    }

    fn incomplete(&self) -> Refusal {
        Refusal::Refused("server did not prove that it knows the password".into())
    }

    fn begin_scram(&mut self, mut fields: Fields<'_>, out: &mut BytesMut) -> Result<(), Refusal> {
        if !matches!(self.scram, Scram::NotStarted) {
            return Err(invalid("duplicate SASL authentication request").into());
        }
        let mut offered = false;
        loop {
            match fields.cstr()? {
                b"" => break,
                name => offered |= name == SCRAM_SHA_256.as_bytes(),
            }
        }
        if !offered {
            return Err(Refusal::Refused(
                "none of the server's SASL authentication mechanisms are supported".into(),
            ));
        }
        self.begin(AuthMethod::ScramSha256)?;
        let scram = ScramSha256::new(self.password()?, ChannelBinding::unsupported());
        frame::put(out, Some(b'p'), |out| {
            out.put_slice(SCRAM_SHA_256.as_bytes());
            out.put_u8(0);
            out.put_i32(scram.message().len() as i32);
            out.put_slice(scram.message());
        })?;
        self.scram = Scram::Started(scram);
        Ok(())
    }

    fn continue_scram(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        let Scram::Started(mut scram) = std::mem::replace(&mut self.scram, Scram::NotStarted) else {
            return Err(invalid("unexpected SASL message").into());
        };
        scram.update(data).map_err(scram_failed)?;
        frame::put(out, Some(b'p'), |out| out.put_slice(scram.message()))?;
        self.scram = Scram::ProofSent(scram);
        Ok(())
    }

    fn finish_scram(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let Scram::ProofSent(mut scram) = std::mem::replace(&mut self.scram, Scram::NotStarted) else {
            return Err(invalid("unexpected SASL message").into());
        };
        scram.finish(data).map_err(scram_failed)?;
        self.scram = Scram::Verified;
        Ok(())
    }
}

fn scram_failed(error: io::Error) -> Refusal {
    Refusal::Refused(format!("SCRAM authentication failed: {error}"))
}

fn put_password(out: &mut BytesMut, password: &[u8]) -> Result<(), Refusal> {
    if password.contains(&0) {
        return Err(Refusal::Refused("the password contains a zero byte".into()));
    }
    frame::put(out, Some(b'p'), |out| {
        out.put_slice(password);
        out.put_u8(0);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn startup(password: &str) -> Startup {
        Startup {
            user: b"md5_user".to_vec(),
            password: Some(password.as_bytes().to_vec()),
            ..Startup::default()
        }
    }

    fn answer(startup: &Startup, body: &[u8]) -> Result<BytesMut, String> {
        let mut out = BytesMut::new();
        match Exchange::new(startup).answer(body, &mut out) {
            Ok(_) => Ok(out),
            Err(Refusal::PasswordNeeded) => Err("needed".into()),
            Err(Refusal::Refused(text)) => Err(text),
            Err(Refusal::Malformed(error)) => Err(error.to_string()),
        }
    }

    #[test]
    fn md5_is_the_servers_formula() {
        let out = answer(&startup("password"), b"\0\0\0\x05\x2a\x3d\x8f\xe0").unwrap();
        assert_eq!(&out[5..], b"md562af4dd09bbb41884907a838a3233294\0");
    }

    #[test]
    fn an_empty_password_counts_as_none() {
        assert_eq!(answer(&startup(""), b"\0\0\0\x03").unwrap_err(), "needed");
    }

    #[test]
    fn a_method_that_is_not_allowed_gets_no_password() {
        let mut startup = startup("secret");
        startup.rules.allowed = Some(vec![AuthMethod::ScramSha256]);
        startup.rules.require_auth = "scram-sha-256".into();
        assert_eq!(
            answer(&startup, b"\0\0\0\x03").unwrap_err(),
            "authentication method requirement \"scram-sha-256\" failed: server requested a cleartext password"
        );
        assert!(
            answer(&startup, b"\0\0\0\0")
                .unwrap_err()
                .contains("did not complete")
        );
    }

    #[test]
    fn ok_before_the_server_proved_itself_is_refused() {
        let startup = startup("secret");
        let mut exchange = Exchange::new(&startup);
        let mut out = BytesMut::new();
        assert!(exchange.answer(b"\0\0\0\x0aSCRAM-SHA-256\0\0", &mut out).is_ok());
        assert!(exchange.answer(b"\0\0\0\0", &mut out).is_err());
    }

    #[test]
    fn an_unknown_mechanism_is_refused() {
        assert!(
            answer(&startup("x"), b"\0\0\0\x0aOAUTHBEARER\0\0")
                .unwrap_err()
                .contains("none of")
        );
    }
}
